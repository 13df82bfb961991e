"""Readings over real HTTP; a transport or a small application where something must go wrong."""

import json
from collections.abc import Callable, Iterator
from datetime import UTC, date, datetime, timedelta
from typing import Any

import httpx2
import numpy as np
import pyarrow as pa
import pytest
from helpers import END, START, with_turbine

from etl_lib.errors import FonteError, ParameterError, SettingsError
from etl_lib.extract.client import ATTEMPTS, open_fonte
from etl_lib.extract.days import fetch_days, find_day
from etl_lib.extract.readings import ARROW, fetch_readings

Answer = Callable[[httpx2.Request], httpx2.Response]


def arrow(table: pa.Table) -> bytes:
    sink = pa.BufferOutputStream()
    with pa.ipc.new_stream(sink, table.schema) as writer:
        writer.write_table(table)
    return sink.getvalue().to_pybytes()


READINGS = with_turbine(
    pa.table({"timestamp": pa.array([START], pa.timestamp("us", "UTC")), "power": [1.0]})
)
WHOLE = httpx2.Response(200, content=arrow(READINGS), headers={"content-type": ARROW})


@pytest.fixture
def answering() -> Iterator[Callable[..., tuple[httpx2.Client, list[httpx2.Request]]]]:
    """Makes a client whose requests get the given answers (or errors) one after the other."""
    clients = []

    def make(*answers: httpx2.Response | Exception) -> tuple[httpx2.Client, list[httpx2.Request]]:
        requests: list[httpx2.Request] = []

        def answer(request: httpx2.Request) -> httpx2.Response:
            requests.append(request)
            chosen = answers[min(len(requests), len(answers)) - 1]
            if isinstance(chosen, Exception):
                raise chosen
            return httpx2.Response(
                chosen.status_code, content=chosen.content, headers=chosen.headers
            )

        transport = httpx2.MockTransport(answer)
        clients.append(httpx2.Client(base_url="http://fonte", transport=transport))
        return clients[-1], requests

    yield make
    for client in clients:
        client.close()


def test_columns_in_order(seeded: httpx2.Client) -> None:
    """A day has its columns in the order of the request."""
    readings = fetch_readings(seeded, START, END, ["power", "wind_speed"])
    assert readings.schema.names == ["timestamp", "turbine", "power", "wind_speed"]
    assert readings.num_rows == 1440
    assert readings.schema.field("power").metadata[b"unit"] == b"kW"
    stamps = readings["timestamp"].to_numpy()
    assert (np.diff(stamps) == np.timedelta64(60_000_000, "us")).all()


def test_arrow_equals_json(seeded: httpx2.Client) -> None:
    """Readings as Arrow equal the JSON of the same period."""
    readings = fetch_readings(seeded, START, END, ["power"])
    query = {"start_timestamp": START, "end_timestamp": END, "columns": "power"}
    assert readings["power"].to_pylist() == [
        row["power"] for row in seeded.get("/data", params=query).json()
    ]


def test_unknown_column(seeded: httpx2.Client) -> None:
    """An unknown column is refused with the names that exist."""
    with pytest.raises(ParameterError, match=r"columns: expected .*'wind_speed'.* got 'rain'"):
        fetch_readings(seeded, START, END, ["power", "rain"])


def test_days_are_listed_with_their_readings(seeded: httpx2.Client) -> None:
    days = fetch_days(seeded)
    assert list(days) == [date(2024, 5, 20) + timedelta(days=n) for n in range(10)]
    assert {day.readings for day in days.values()} == {1440}
    assert len({day.fingerprint("T1", ["power"]) for day in days.values()}) == 10


def test_find_day(seeded: httpx2.Client) -> None:
    """`find_day` returns the fingerprints that the list of all days has, and the turbines."""
    day = find_day(seeded, "2024-05-21")
    assert (day.start, day.end) == (END, END + timedelta(days=1))
    assert day.fingerprints == fetch_days(seeded)[day.date].fingerprints
    assert (day.turbines, day.is_whole) == (["T1"], True)


@pytest.mark.parametrize("value", ["2024-05-19", "2024-05-30", "1999-01-01", "9999-12-30"])
def test_day_outside(seeded: httpx2.Client, value: str) -> None:
    """A day outside Fonte's period is refused with the period."""
    with pytest.raises(ParameterError, match=f"no {value}. Fonte has 2024-05-20 to 2024-05-29"):
        find_day(seeded, value)


@pytest.mark.parametrize(
    "value", [None, 20240520, "20240520", "2024-02-30", "../../etc/x", "9999-12-31"]
)
def test_not_a_date(seeded: httpx2.Client, value: Any) -> None:
    """Text that is not a date is refused with Fonte's period."""
    with pytest.raises(ParameterError, match=r"^date: .*Fonte has 2024-05-20 to 2024-05-29"):
        find_day(seeded, value)


def test_empty_day(fonte: httpx2.Client, put_readings: Callable[[pa.Table], None]) -> None:
    """An empty day between others is found, with no readings."""
    for day in (20, 22):
        stamp = pa.array([datetime(2024, 5, day, tzinfo=UTC)], pa.timestamp("us", "UTC"))
        put_readings(pa.table({"timestamp": stamp, "power": [1.0]}))
    found = find_day(fonte, "2024-05-21")
    assert (found.readings, found.version, found.fingerprint("T1", ["power"])) == (0, "", "")
    assert found.turbines == ["T1"]
    assert fetch_readings(fonte, found.start, found.end, ["power"]).num_rows == 0


def test_one_bound_is_a_period(seeded: httpx2.Client) -> None:
    """`fetch_days` with one bound asks for the days on that side of it, not for every day."""
    days = list(fetch_days(seeded))
    assert list(fetch_days(seeded, START + timedelta(days=7))) == days[7:]
    assert list(fetch_days(seeded, end=START + timedelta(days=2))) == days[:2]


def test_a_fonte_without_readings_says_so(fonte: httpx2.Client) -> None:
    with pytest.raises(ParameterError, match="Fonte has no readings at all"):
        find_day(fonte, "2024-05-20")


@pytest.mark.parametrize("status", [429, 500, 502, 503, 504])
def test_a_passing_trouble_is_tried_again(answering: Any, status: int) -> None:
    client, requests = answering(httpx2.Response(status), httpx2.Response(status), WHOLE)
    assert fetch_readings(client, START, END, ["power"]).equals(READINGS)
    assert len(requests) == 3


@pytest.mark.parametrize(
    "trouble", [httpx2.ReadTimeout("slow"), httpx2.RemoteProtocolError("reset mid-body")]
)
def test_a_broken_connection_is_tried_again(answering: Any, trouble: Exception) -> None:
    client, requests = answering(trouble, WHOLE)
    assert fetch_readings(client, START, END, ["power"]).equals(READINGS)
    assert len(requests) == 2


def test_lasting_failure(answering: Any) -> None:
    """A failure that lasts is raised after a few attempts."""
    client, requests = answering(httpx2.Response(503, text="maintenance"))
    with pytest.raises(FonteError, match="http://fonte/data answered 503: maintenance"):
        fetch_readings(client, START, END, ["power"])
    assert len(requests) == ATTEMPTS


def test_retry_after(
    answering: Any, caplog: pytest.LogCaptureFixture, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A retry waits for the time of `Retry-After`."""
    monkeypatch.setattr("etl_lib.extract.client._logged", {})
    fonte, requests = answering(httpx2.Response(429, headers={"Retry-After": "1"}), WHOLE)
    assert fetch_readings(fonte, START, END, ["power"]).equals(READINGS)
    assert len(requests) == 2
    assert caplog.messages == ["Fonte: HTTPStatusError, trying again in 1.0 s"]


def test_long_retry_after(answering: Any) -> None:
    """A long `Retry-After` ends the attempts."""
    client, requests = answering(httpx2.Response(503, headers={"Retry-After": "3600"}), WHOLE)
    with pytest.raises(FonteError, match="answered 503"):
        fetch_readings(client, START, END, ["power"])
    assert len(requests) == 1


def test_a_refusal_is_not_tried_again(answering: Any) -> None:
    problem = {"loc": ["query", "columns", 0], "msg": "Input should be 'power'", "input": "rain"}
    refusal = httpx2.Response(422, content=json.dumps({"detail": [problem]}))
    client, requests = answering(refusal)
    with pytest.raises(ParameterError, match="columns: expected 'power', got 'rain'"):
        fetch_readings(client, START, END, ["rain"])
    assert len(requests) == 1


def test_unknown_refusal(answering: Any) -> None:
    """A refusal that is not the API's own is shown as it came."""
    client, _ = answering(httpx2.Response(422, text="not today"))
    with pytest.raises(FonteError, match="http://fonte/data answered 422: not today"):
        fetch_readings(client, START, END, ["power"])


def test_api_down() -> None:
    """An API that is down is an error that says what to do."""
    with (
        open_fonte("http://127.0.0.1:1") as client,
        pytest.raises(FonteError, match=r"http://127\.0\.0\.1:1 does not answer.*FONTE_API_URL"),
    ):
        fetch_days(client)


def test_cut_stream(answering: Any) -> None:
    """A stream without its end is refused."""
    end_mark = 8
    cut = httpx2.Response(200, content=WHOLE.content[:-end_mark], headers={"content-type": ARROW})
    client, _ = answering(cut)
    with pytest.raises(FonteError, match="broke off"):
        fetch_readings(client, START, END, ["power"])


def test_not_arrow(answering: Any) -> None:
    """Bytes that are not Arrow are refused."""
    garbage = b"\x01" * 50 + WHOLE.content[-8:]
    client, _ = answering(httpx2.Response(200, content=garbage, headers={"content-type": ARROW}))
    with pytest.raises(FonteError, match="expected readable Arrow"):
        fetch_readings(client, START, END, ["power"])


def test_html_page(answering: Any) -> None:
    """An HTML page instead of readings is refused."""
    page = httpx2.Response(200, html="<h1>Welcome to our proxy</h1>")
    client, _ = answering(page)
    with pytest.raises(FonteError, match=r"expected an Arrow stream .*got text/html"):
        fetch_readings(client, START, END, ["power"])


def test_other_columns(answering: Any) -> None:
    """Other columns than requested are refused."""
    client, _ = answering(WHOLE)
    with pytest.raises(FonteError, match=r"expected the columns .*wind_speed.*got .*power"):
        fetch_readings(client, START, END, ["wind_speed"])


@pytest.mark.parametrize("content", [b"<html>", b'[{"date": "2024-05-2', b'{"detail": 1}', b"[1]"])
def test_unreadable_days(answering: Any, content: bytes) -> None:
    """An unreadable list of days is refused."""
    client, _ = answering(httpx2.Response(200, content=content))
    with pytest.raises(FonteError, match="expected a list of days from http://fonte/days"):
        fetch_days(client)


@pytest.mark.parametrize(
    "stamps",
    [[START + timedelta(days=1)], [START - timedelta(microseconds=1)], [START, None], [None]],
    ids=["of the next day", "of the day before", "one missing", "missing"],
)
def test_other_period(answering: Any, stamps: list[datetime | None]) -> None:
    """Readings of another period than requested are refused."""
    others = pa.table(
        {"timestamp": pa.array(stamps, pa.timestamp("us", "UTC")), "power": [1.0] * len(stamps)}
    )
    others = with_turbine(others)
    answer = httpx2.Response(200, content=arrow(others), headers={"content-type": ARROW})
    client, _ = answering(answer)
    with pytest.raises(FonteError, match=r"expected readings from 2024-05-20 .*got others"):
        fetch_readings(client, START, END, ["power"])


def test_columns_of_another_type_are_refused(answering: Any) -> None:
    texts = READINGS.set_column(2, "power", pa.array(["1.0"]))
    answer = httpx2.Response(200, content=arrow(texts), headers={"content-type": ARROW})
    client, _ = answering(answer)
    with pytest.raises(FonteError, match=r"expected .*power \(double\), got .*power \(string\)"):
        fetch_readings(client, START, END, ["power"])


@pytest.mark.parametrize("body", ['[{"date": "2024-05-20", "readings": "1440"}]', "[" * 200_000])
def test_days_that_are_none_are_refused(answering: Any, body: str) -> None:
    client, _ = answering(httpx2.Response(200, text=body))
    with pytest.raises(FonteError, match="expected a list of days"):
        fetch_days(client)


def test_wrong_encoding(answering: Any) -> None:
    """A body that does not match its headers is requested again, then refused."""
    client, requests = answering(httpx2.DecodingError("incorrect header check"))
    with pytest.raises(FonteError, match=r"does not answer .*incorrect header check"):
        fetch_days(client)
    assert len(requests) > 1


def test_proxy_and_loopback(seeded_api: str, monkeypatch: pytest.MonkeyPatch) -> None:
    """Requests to this machine ignore the proxy of the environment."""
    for name in ("HTTP_PROXY", "http_proxy", "ALL_PROXY"):
        monkeypatch.setenv(name, "http://127.0.0.1:9")
    with open_fonte(seeded_api, "k3y") as client:
        assert len(fetch_days(client)) == 10


@pytest.mark.parametrize(
    ("proxy", "word"),
    [("socks5://me:s3cr3t@127.0.0.1:9", "SOCKS proxy"), ("nonsense://me:s3cr3t@host", "scheme")],
)
def test_invalid_proxy(monkeypatch: pytest.MonkeyPatch, proxy: str, word: str) -> None:
    """An unusable proxy is an error in one line, without its password."""
    monkeypatch.setenv("HTTP_PROXY", proxy)
    with pytest.raises(SettingsError, match=rf"HTTP proxy .*{word}.* NO_PROXY=") as refused:
        open_fonte("http://fonte:8000")
    assert "s3cr3t" not in str(refused.value)
    assert "\n" not in str(refused.value)
    monkeypatch.setenv("NO_PROXY", "*")  # as the variable asks
    open_fonte("http://fonte:8000").close()
