"""The Fonte API over real HTTP and a real PostgreSQL."""

import csv
import gzip
import io
import math
import re
import threading
import time
from collections.abc import Callable, Iterator
from datetime import UTC, date, datetime, timedelta
from typing import Any

import httpx2
import numpy as np
import pyarrow as pa
import pytest
import sqlalchemy as sa
from helpers import SEED, SESSIONS, drop_database, execute, serve
from sqlalchemy import make_url

from etl_lib.services import embedded as local
from fonteapi import database
from fonteapi.catalogue import SIGNALS, arrow_schema
from fonteapi.formats import ARROW, CSV, ENCODERS, JSON, choose_format
from fonteapi.main import create_app
from fonteapi.settings import Settings, read_settings
from fonteapi.simulate import simulate_readings
from pgarrow import bulk
from pgarrow.sessions import open_engine

START = datetime(2024, 5, 20, tzinfo=UTC)
HOUR = {"start_timestamp": "2024-05-20T00:00:00Z", "end_timestamp": "2024-05-20T01:00:00Z"}
DAY = HOUR | {"end_timestamp": "2024-05-21"}
MINUTE = timedelta(minutes=1)

Put = Callable[[pa.Table], None]


def readings(stamps: list[datetime], **signals: list[float | None]) -> pa.Table:
    columns = {name: pa.array(values, pa.float64()) for name, values in signals.items()}
    return pa.table({"timestamp": pa.array(stamps, pa.timestamp("us", "UTC"))} | columns)


def get_arrow(client: httpx2.Client, **query: Any) -> pa.Table:
    answer = client.get("/data", params=query, headers={"accept": ARROW})
    assert (answer.status_code, answer.headers["content-type"]) == (200, ARROW)
    return pa.ipc.open_stream(answer.content).read_all()


def get_json(client: httpx2.Client, **query: Any) -> Any:
    answer = client.get("/data", params=query)
    assert (answer.status_code, answer.headers["content-type"]) == (200, JSON)
    return answer.json()


def get_csv(client: httpx2.Client, **query: Any) -> list[dict[str, str]]:
    answer = client.get("/data", params=query, headers={"accept": CSV})
    assert answer.status_code == 200
    assert answer.headers["content-type"].startswith(CSV)
    return list(csv.DictReader(io.StringIO(answer.text)))


def problem(answer: httpx2.Response) -> str:
    """All that a 422 says."""
    assert answer.status_code == 422
    return " ".join(f"{entry['loc']} {entry['msg']}" for entry in answer.json()["detail"])


# /data: the three forms


def test_json_csv_and_arrow_give_the_same_values(seeded: httpx2.Client) -> None:
    table = get_arrow(seeded, **DAY)
    from_json = get_json(seeded, **DAY)
    from_csv = get_csv(seeded, **DAY)
    assert table.num_rows == len(from_json) == len(from_csv) == 1440
    for name in SIGNALS:
        values = table[name].to_pylist()
        assert [row[name] for row in from_json] == values
        assert [float(row[name]) for row in from_csv] == values
    stamps = table["timestamp"].to_pylist()
    for rows in (from_json, from_csv):
        assert rows[0]["timestamp"] == "2024-05-20T00:00:00Z"
        assert [datetime.fromisoformat(row["timestamp"]) for row in rows] == stamps


def test_the_values_are_those_of_the_database(seeded: httpx2.Client, seeded_fonte_url: str) -> None:
    rows = execute(
        seeded_fonte_url,
        "SELECT timestamp, wind_speed, power, ambient_temperature FROM data"
        " WHERE timestamp >= '2024-05-20Z' AND timestamp < '2024-05-20 01:00Z' ORDER BY timestamp",
    )
    table = get_arrow(seeded, **HOUR)
    assert [tuple(row.values()) for row in table.to_pylist()] == [tuple(row) for row in rows]


def test_microseconds_nulls_and_non_finite_values_in_each_form(
    fonte: httpx2.Client, put_readings: Put
) -> None:
    stamps = [START + timedelta(microseconds=i) for i in range(5)]
    put_readings(readings(stamps, power=[1.5, None, math.nan, math.inf, -math.inf]))
    query = HOUR | {"columns": "power"}
    assert get_json(fonte, **query) == [
        {"timestamp": "2024-05-20T00:00:00Z", "power": 1.5},
        *({"timestamp": f"2024-05-20T00:00:00.00000{i}Z", "power": None} for i in (1, 2, 3, 4)),
    ]
    from_csv = get_csv(fonte, **query)
    assert [row["power"] for row in from_csv] == ["1.5", "", "nan", "inf", "-inf"]
    assert from_csv[1]["timestamp"] == "2024-05-20T00:00:00.000001Z"
    table = get_arrow(fonte, **query)
    np.testing.assert_array_equal(
        table["power"].to_numpy(), [1.5, math.nan, math.nan, math.inf, -math.inf]
    )
    assert table["power"].null_count == 1
    assert table["timestamp"].to_pylist() == stamps


@pytest.mark.parametrize("form", ENCODERS)
def test_a_period_without_readings_is_an_empty_answer(seeded: httpx2.Client, form: str) -> None:
    query = {"start_timestamp": "1999-01-01", "end_timestamp": "1999-02-01", "columns": "power"}
    answer = seeded.get("/data", params=query, headers={"accept": form})
    assert answer.status_code == 200
    if form == ARROW:
        table = pa.ipc.open_stream(answer.content).read_all()
        assert (table.num_rows, table.schema.names) == (0, ["timestamp", "power"])
    else:
        assert answer.text == {JSON: "[]", CSV: "timestamp,power\n"}[form]


@pytest.mark.parametrize(
    ("accept", "form"),
    [
        ("*/*", JSON),
        ("application/*", JSON),
        ("text/*", CSV),
        ("text/html, text/csv;q=0.9, */*;q=0.1", CSV),
        ("application/json;q=0.2, application/vnd.apache.arrow.stream", ARROW),
        ("Text/CSV; charset=utf-8", CSV),
        ("text/csv, application/json", CSV),
        ("*/*, text/csv", JSON),
        ("application/json;q=0, */*", CSV),
        ("*/*, application/json;q=0", CSV),
        ("application/*;q=0, */*", CSV),
        ("application/json, application/*;q=0, */*;q=0.5", JSON),
        ("application/json;q=0, application/*, text/csv", ARROW),
        ("application/*;q=0.3, application/json;q=0.1, text/csv;q=0.2", ARROW),
        ("text/*;q=0.9, text/csv;q=0.1, */*;q=0.5", JSON),
        ("application/json;q=0.5;charset=utf-8, text/csv;q=0.6", CSV),
        ("*/*;q=0", None),
        ("text/csv;q=0", None),
        ("text/csv;q=no", None),
        ("text/csv;q=nan", None),
        ("text/csv;q=2", None),
        ("text/html", None),
        ("", None),
    ],
)
def test_accept_chooses_the_form(accept: str, form: str | None) -> None:
    assert choose_format(accept) == form


@pytest.mark.parametrize("form", ENCODERS)
def test_an_answer_is_compressed_when_the_client_asks(seeded: httpx2.Client, form: str) -> None:
    answers = {}
    for coding in ("identity", "gzip"):
        headers = {"accept": form, "accept-encoding": coding}
        with seeded.stream("GET", "/data", params=DAY, headers=headers) as answer:
            answers[coding] = b"".join(answer.iter_raw())
        assert answer.headers.get("content-encoding", "identity") == coding
        assert answer.headers["vary"] == "Accept-Encoding"
    assert len(answers["gzip"]) < len(answers["identity"]) / 2
    assert gzip.decompress(answers["gzip"]) == answers["identity"]


def test_a_form_that_we_do_not_have_is_406_and_names_those_we_have(
    seeded: httpx2.Client,
) -> None:
    answer = seeded.get("/data", params=HOUR, headers={"accept": "application/xml"})
    assert answer.status_code == 406
    assert answer.json()["detail"] == (
        f"expected Accept to name {JSON}, {CSV}, {ARROW}; got application/xml"
    )


# /data: columns and periods


def test_the_period_includes_its_start_and_excludes_its_end(seeded: httpx2.Client) -> None:
    rows = get_json(seeded, **HOUR)
    assert len(rows) == 60
    assert rows[0]["timestamp"] == "2024-05-20T00:00:00Z"
    assert rows[-1]["timestamp"] == "2024-05-20T00:59:00Z"


def test_without_columns_every_signal_comes(seeded: httpx2.Client) -> None:
    assert list(get_json(seeded, **HOUR)[0]) == ["timestamp", *SIGNALS]


@pytest.mark.parametrize(
    ("columns", "expected"),
    [
        (["power"], ["power"]),
        (["power", "wind_speed"], ["power", "wind_speed"]),
        (["wind_speed", "power"], ["wind_speed", "power"]),
        (["power", "wind_speed", "power"], ["power", "wind_speed"]),
    ],
)
def test_columns_come_in_the_order_asked_for_behind_the_timestamp(
    seeded: httpx2.Client, columns: list[str], expected: list[str]
) -> None:
    query = HOUR | {"columns": columns}
    assert list(get_json(seeded, **query)[0]) == ["timestamp", *expected]
    assert list(get_csv(seeded, **query)[0]) == ["timestamp", *expected]
    table = get_arrow(seeded, **query)
    assert table.schema.names == ["timestamp", *expected]
    whole = get_arrow(seeded, **HOUR)
    assert all(table[name] == whole[name] for name in expected)


def test_readings_come_by_timestamp_then_by_id(fonte: httpx2.Client, put_readings: Put) -> None:
    stamps = [START + 2 * MINUTE, START, START + MINUTE, START, START + 2 * MINUTE]
    put_readings(readings(stamps, power=[1, 2, 3, 4, 5]))
    assert [row["power"] for row in get_json(fonte, **HOUR)] == [2, 4, 3, 1, 5]
    assert get_arrow(fonte, **HOUR)["power"].to_pylist() == [2, 4, 3, 1, 5]


@pytest.mark.parametrize(
    ("start", "end"),
    [
        ("2024-05-20T02:00:00+02:00", "2024-05-20T03:00:00+02:00"),
        ("2024-05-19T21:00:00-03:00", "2024-05-19T22:00:00-03:00"),
        ("2024-05-20T00:00:00", "2024-05-20T01:00:00"),
        ("2024-05-20", "2024-05-20 01:00"),
    ],
)
def test_offsets_are_honoured_and_none_means_utc(
    seeded: httpx2.Client, start: str, end: str
) -> None:
    assert get_json(seeded, start_timestamp=start, end_timestamp=end) == get_json(seeded, **HOUR)


@pytest.mark.parametrize(
    ("query", "words"),
    [
        (HOUR | {"columns": "speed"}, ["columns", *SIGNALS]),
        (HOUR | {"columns": ["power", "timestamp"]}, ["columns", *SIGNALS]),
        (HOUR | {"columns": "power; DROP TABLE data"}, ["columns", *SIGNALS]),
        (HOUR | {"end_timestamp": HOUR["start_timestamp"]}, ["start_timestamp before", "00:00"]),
        (HOUR | {"end_timestamp": "2024-05-19"}, ["start_timestamp before end_timestamp, got"]),
        (HOUR | {"start_timestamp": "yesterday"}, ["start_timestamp", "ISO 8601", "2024-05-20"]),
        (HOUR | {"end_timestamp": "2024-02-30"}, ["end_timestamp", "ISO 8601"]),
        (HOUR | {"end_timestamp": "9999-12-31T23:59:59-01:00"}, ["end_timestamp", "ISO 8601"]),
    ],
)
def test_a_wrong_query_is_422_and_names_what_is_allowed(
    seeded: httpx2.Client, query: dict[str, Any], words: list[str]
) -> None:
    text = problem(seeded.get("/data", params=query))
    assert [word for word in words if word not in text] == [], text


@pytest.mark.parametrize("form", ENCODERS)
@pytest.mark.parametrize(
    ("query", "days"),
    [
        ({}, 10),
        ({"start_timestamp": "2024-05-27"}, 3),
        ({"end_timestamp": "2024-05-21"}, 1),
        ({"start_timestamp": "2030-01-01"}, 0),
    ],
    ids=str,
)
def test_open_period(seeded: httpx2.Client, form: str, query: dict[str, str], days: int) -> None:
    """Without a bound, all readings come in every form."""
    if form == ARROW:
        count = get_arrow(seeded, **query).num_rows
    else:
        count = len(get_json(seeded, **query) if form == JSON else get_csv(seeded, **query))
    assert count == days * 1440


@pytest.mark.parametrize(
    ("query", "days"),
    [
        ({}, 43),
        ({"start_timestamp": "2024-05-31T00:01:00Z"}, 32),
        ({"start_timestamp": "2024-05-31T00:02:00Z"}, None),
        ({"end_timestamp": "2024-07-01"}, 41),
        ({"end_timestamp": "2024-06-01"}, None),
    ],
    ids=str,
)
def test_open_period_as_json(
    fonte: httpx2.Client, put_readings: Put, query: dict[str, str], days: int | None
) -> None:
    """JSON is refused if the readings within the bounds reach over more than 31 days."""
    stamps = [datetime(2024, 5, 20, tzinfo=UTC), datetime(2024, 5, 31, 0, 1, tzinfo=UTC)]
    stamps += [datetime(2024, 6, 30, tzinfo=UTC), datetime(2024, 7, 1, 0, 2, tzinfo=UTC)]
    put_readings(readings(stamps, power=[1, 2, 3, 4]))
    answer = fonte.get("/data", params=query)
    assert fonte.get("/data", params=query, headers={"accept": CSV}).status_code == 200
    if days is None:
        assert answer.status_code == 200
    else:
        expected = f"got {days}: ask for a longer period with Accept: {CSV} or {ARROW}"
        assert problem(answer).endswith(expected)


# /data/{id}


def test_one_reading_by_its_id(fonte: httpx2.Client, put_readings: Put) -> None:
    put_readings(readings([START, START + MINUTE], power=[1.5, math.nan], wind_speed=[None, 3]))
    assert fonte.get("/data/1").json() == {
        "id": 1,
        "timestamp": "2024-05-20T00:00:00Z",
        "wind_speed": None,
        "power": 1.5,
        "ambient_temperature": None,
    }
    assert fonte.get("/data/2").json()["power"] is None  # JSON has no NaN


def test_no_such_reading_is_404(seeded: httpx2.Client) -> None:
    answer = seeded.get("/data/99999999")
    assert (answer.status_code, answer.json()) == (
        404,
        {"detail": "there is no reading with id 99999999"},
    )


@pytest.mark.parametrize("reading_id", ["0", "-1", "x", "1.5", str(2**63)])
def test_what_cannot_be_an_id_is_422(seeded: httpx2.Client, reading_id: str) -> None:
    assert "id" in problem(seeded.get(f"/data/{reading_id}"))


# /days


def test_days_are_counted_with_first_and_last_timestamp(seeded: httpx2.Client) -> None:
    days = seeded.get("/days").json()
    assert [day["date"] for day in days] == [f"2024-05-{number}" for number in range(20, 30)]
    assert {day["readings"] for day in days} == {1440}
    assert days[1]["first_timestamp"] == "2024-05-21T00:00:00Z"
    assert days[1]["last_timestamp"] == "2024-05-21T23:59:00Z"
    assert len({day["fingerprint"] for day in days}) == 10


def test_days_are_days_in_utc_and_may_be_limited(fonte: httpx2.Client, put_readings: Put) -> None:
    end = START + timedelta(days=1)
    stamps = [START, end - timedelta(microseconds=1), end, end + timedelta(days=5)]
    put_readings(readings(stamps, power=[1, 2, 3, 4]))
    days = fonte.get("/days").json()
    assert [(day["date"], day["readings"]) for day in days] == [
        *(("2024-05-20", 2), ("2024-05-21", 1), ("2024-05-26", 1)),
    ]
    assert days[0]["last_timestamp"] == "2024-05-20T23:59:59.999999Z"
    only = {"start_timestamp": "2024-05-21", "end_timestamp": "2024-05-26"}
    assert fonte.get("/days", params=only).json() == [days[1]]
    assert fonte.get("/days", params={"start_timestamp": "2024-05-26"}).json() == [days[2]]
    assert fonte.get("/days", params={"end_timestamp": "2024-05-21"}).json() == [days[0]]


def test_an_empty_fonte_has_no_days(fonte: httpx2.Client) -> None:
    assert fonte.get("/days").json() == []


def test_days_refuse_a_period_that_ends_before_it_starts(seeded: httpx2.Client) -> None:
    query = {"start_timestamp": "2024-05-21", "end_timestamp": "2024-05-20"}
    assert "start_timestamp before end_timestamp" in problem(seeded.get("/days", params=query))


CHANGES = {
    "wind speed": "UPDATE data SET wind_speed = wind_speed + 1e-12 WHERE id = 1",
    "power": "UPDATE data SET power = power + 1e-12 WHERE id = 1",
    "temperature": "UPDATE data SET ambient_temperature = -2 WHERE id = 1",
    "timestamp": "UPDATE data SET timestamp = timestamp + interval '1 microsecond' WHERE id = 1",
    "zero instead of NULL": "UPDATE data SET power = 0 WHERE power IS NULL",
    "NaN instead of NULL": "UPDATE data SET power = 'NaN' WHERE power IS NULL",
    "two columns swapped": "UPDATE data SET power = wind_speed, wind_speed = power WHERE id = 1",
    "two readings swapped": "UPDATE data SET wind_speed = 7 - wind_speed WHERE id IN (3, 4)",
    "the last by id": (
        "DELETE FROM data WHERE id = 3; INSERT INTO data (timestamp, wind_speed)"
        " SELECT timestamp, 3 FROM data WHERE id = 4"
    ),
    "one reading less": "DELETE FROM data WHERE id = 2",
    "one reading twice": (
        "INSERT INTO data (timestamp, wind_speed, power, ambient_temperature)"
        " SELECT timestamp, wind_speed, power, ambient_temperature FROM data WHERE id = 1"
    ),
}


@pytest.mark.parametrize("change", CHANGES.values(), ids=CHANGES.keys())
def test_the_fingerprint_of_a_day_sees_any_change_of_that_day_only(
    fonte: httpx2.Client, fonte_url: str, put_readings: Put, change: str
) -> None:
    next_day = START + timedelta(days=1)
    # Readings 3 and 4 share a stamp: which of them comes last decides
    stamps = [START, START + MINUTE, START + 2 * MINUTE, START + 2 * MINUTE, next_day]
    put_readings(readings(stamps, wind_speed=[1, 2, 3, 4, 5], power=[9, None, None, None, 9]))
    before = [day["fingerprint"] for day in fonte.get("/days").json()]
    assert [day["fingerprint"] for day in fonte.get("/days").json()] == before
    execute(fonte_url, change)
    after = [day["fingerprint"] for day in fonte.get("/days").json()]
    assert after[0] != before[0]
    assert after[1] == before[1]


def test_a_change_that_changes_nothing_leaves_the_fingerprint(
    fonte: httpx2.Client, fonte_url: str, put_readings: Put
) -> None:
    execute(fonte_url, "DROP INDEX data_timestamp_id_idx")  # which gives the order by chance
    put_readings(readings([START, START, START + MINUTE], power=[1, 2, None]))
    before = fonte.get("/days").json()
    execute(fonte_url, "UPDATE data SET power = power WHERE id = 1")  # now the last on disk
    assert fonte.get("/days").json() == before


def test_the_same_readings_under_other_ids_have_the_same_fingerprint(
    fonte: httpx2.Client, fonte_url: str, put_readings: Put
) -> None:
    table = readings([START, START], power=[1, 2])
    put_readings(table)
    [before] = fonte.get("/days").json()
    execute(fonte_url, "DELETE FROM data")
    put_readings(table)
    assert fonte.get("/days").json() == [before]


FINGERPRINT = """
    SELECT to_hex(hash_array_extended(array_agg(
        hash_record_extended(ROW(timestamp, wind_speed, power, ambient_temperature), 1)
        ORDER BY timestamp, id
    ), 1)) FROM data GROUP BY (timestamp AT TIME ZONE 'UTC')::date ORDER BY min(timestamp)
"""


def test_fingerprint_of_version_0_1(seeded: httpx2.Client, seeded_fonte_url: str) -> None:
    """The fingerprints in an Alvo of version 0.1 stay true: no loaded day becomes stale."""
    held = [day["fingerprint"] for day in seeded.get("/days").json()]
    assert held == [row[0] for row in execute(seeded_fonte_url, FINGERPRINT)]


def test_fingerprint_covers_every_signal(
    fonte: httpx2.Client, fonte_url: str, put_readings: Put, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A further signal of the catalogue counts as soon as the table has its column."""
    data = database.data.to_metadata(sa.MetaData())
    data.append_column(sa.Column("humidity", sa.Double))
    monkeypatch.setattr(database, "data", data)
    monkeypatch.setitem(SIGNALS, "humidity", SIGNALS["power"])
    put_readings(readings([START], power=[1]))
    [[without]] = execute(fonte_url, FINGERPRINT)
    assert [day["fingerprint"] for day in fonte.get("/days").json()] == [without]
    execute(fonte_url, "ALTER TABLE data ADD COLUMN humidity float8")
    seen = {without}
    for humidity in ("NULL", "80", "81"):
        execute(fonte_url, f"UPDATE data SET humidity = {humidity}")
        seen |= {day["fingerprint"] for day in fonte.get("/days").json()}
    assert len(seen) == 4


# Availability


def test_health_is_200_while_fonte_answers(seeded: httpx2.Client) -> None:
    answer = seeded.get("/health")
    assert (answer.status_code, answer.json()) == (200, {"status": "ok"})


ROUTES = [
    *("/health", "/days", "/data/1"),
    "/data?start_timestamp=2024-05-20&end_timestamp=2024-06-01",
]


def end_sessions(url: str) -> list[Any]:
    """End every session of a database but the one that does so."""
    return execute(
        url,
        "SELECT pg_terminate_backend(pid) FROM pg_stat_activity"
        " WHERE datname = current_database() AND pid <> pg_backend_pid()",
    )


def test_sessions_are_used_again(fonte: httpx2.Client, fonte_url: str) -> None:
    get_json(fonte, **DAY)
    processes = SESSIONS.replace("count(*)", "pid") + " ORDER BY pid"
    before = execute(fonte_url, processes)
    for _ in range(5):
        get_json(fonte, **DAY)
    assert execute(fonte_url, processes) == before


def test_an_answer_that_nobody_waits_for_ends_its_session(year_url: str) -> None:
    api = serve(Settings(database_url=year_url))
    query = {"start_timestamp": "2023-01-01", "end_timestamp": "2024-01-01"}
    form = {"accept": CSV}
    with httpx2.stream("GET", f"{api}/data", params=query, headers=form) as answer:
        next(answer.iter_raw())
        busy = f"{SESSIONS} AND state = 'active'"
        assert execute(year_url, busy) == [(1,)]
    deadline = time.monotonic() + 20
    while execute(year_url, busy) != [(0,)]:
        assert time.monotonic() < deadline, "the COPY goes on for nobody"
        time.sleep(0.05)


def test_sessions_that_were_ended_are_replaced(fonte: httpx2.Client, fonte_url: str) -> None:
    assert fonte.get("/health").status_code == 200
    get_json(fonte, **DAY)
    ended = end_sessions(fonte_url)
    assert len(ended) > 1, "the API keeps sessions of both its drivers"
    assert fonte.get("/health").status_code == 200
    assert fonte.get("/days").status_code == 200
    get_json(fonte, **DAY)


def test_an_engine_closes_its_connections_although_the_driver_loses_count(
    put_readings: Put, monkeypatch: pytest.MonkeyPatch
) -> None:
    def close(connection: bulk.Connection) -> None:
        close_connection(connection)
        closed.append(connection)
        raise bulk.BulkError("released with 1 open connections", status_code=9)

    close_connection, closed = bulk.Connection.close, []
    monkeypatch.setattr(bulk.Connection, "close", close)
    put_readings(pa.table({"timestamp": [datetime(2024, 5, 20, tzinfo=UTC)]}))  # and disposes of it
    assert len(closed) == 2, "the one that was used, and the one that it was cloned from"


@pytest.mark.parametrize("route", ROUTES)
def test_every_route_is_503_when_the_database_is_gone(
    fonte: httpx2.Client, fonte_url: str, route: str
) -> None:
    assert fonte.get("/health").status_code == 200
    drop_database(fonte_url)
    answer = fonte.get(route)
    assert (answer.status_code, answer.headers["retry-after"]) == (503, "2")
    detail = answer.json()["detail"]
    assert detail.startswith("Fonte does not answer: ")
    assert len(detail.splitlines()) == 1


@pytest.mark.parametrize("route", ROUTES)
def test_a_refused_connection_is_503_without_the_password(fonte_url: str, route: str) -> None:
    app = create_app(Settings(database_url=fonte_url, days=1))
    api = local.serve(lambda: app)
    httpx2.get(f"{api}/health", timeout=60).raise_for_status()
    app.state.engine.dispose()
    app.state.watched.dispose()
    wrong = open_engine("postgresql://someone:s3cr3t@127.0.0.1:1/Fonte")
    app.state.engine = app.state.watched = wrong
    answer = httpx2.get(f"{api}{route}", timeout=30)
    assert (answer.status_code, answer.headers["retry-after"]) == (503, "2")
    assert answer.json()["detail"].startswith("Fonte does not answer: ")
    for secret in ("s3cr3t", "someone", "127.0.0.1"):
        assert secret not in answer.text


def test_a_fonte_that_may_only_be_read_is_served(
    put_readings: Callable[[pa.Table], None], fonte_url: str
) -> None:
    put_readings(pa.table({"timestamp": [datetime(2024, 5, 20, tzinfo=UTC)], "power": [5.0]}))
    name = make_url(fonte_url).database
    execute(fonte_url, f'ALTER DATABASE "{name}" SET default_transaction_read_only = on')
    api = serve(Settings(database_url=fonte_url))
    assert [day["date"] for day in httpx2.get(f"{api}/days").json()] == ["2024-05-20"]
    assert [row["power"] for row in httpx2.get(f"{api}/data", params=DAY).json()] == [5.0]


@pytest.mark.parametrize("stamp", ["56374-01-01", "0044-03-15 BC", "infinity", "-infinity"])
def test_a_stamp_that_no_answer_can_carry_hides_no_other(
    put_readings: Callable[[pa.Table], None], fonte_api: str, fonte_url: str, stamp: str
) -> None:
    put_readings(pa.table({"timestamp": [datetime(2024, 5, 20, tzinfo=UTC)], "power": [5.0]}))
    execute(fonte_url, f"INSERT INTO data (timestamp) VALUES ('{stamp}')")
    assert [day["date"] for day in httpx2.get(f"{fonte_api}/days").json()] == ["2024-05-20"]
    assert httpx2.get(f"{fonte_api}/data/1").status_code == 200
    assert httpx2.get(f"{fonte_api}/data/2").status_code == 404
    century = {"start_timestamp": "0001-01-02", "end_timestamp": "9999-12-31"}
    answer = httpx2.get(f"{fonte_api}/data", params=century, headers={"accept": CSV})
    assert len(answer.text.splitlines()) == 2


def test_table_of_another_version(new_database: Callable[[], str]) -> None:
    """A table that lacks a signal gives one line, which names the signal."""
    url = new_database()
    execute(url, "CREATE TABLE data AS SELECT 1::bigint AS id, now() AS timestamp, 5.0 AS power")
    api = serve(Settings(database_url=url))
    assert [day["readings"] for day in httpx2.get(f"{api}/days").json()] == [1]
    for path in ("data/1", "data"):
        answer = httpx2.get(f"{api}/{path}", params=DAY)
        assert answer.status_code == 503
        assert re.search("column .*wind_speed.* does not exist", answer.json()["detail"])
    assert execute(url, "SELECT power FROM data") == [(5,)]


# Filling


def stored(url: str) -> list[Any]:
    return execute(
        url, "SELECT timestamp, wind_speed, power, ambient_temperature FROM data ORDER BY id"
    )


def test_workers_that_start_at_once_fill_the_table_once(new_database: Callable[[], str]) -> None:
    url = new_database()
    barrier = threading.Barrier(6)
    filled: list[int] = []
    failed: list[Exception] = []

    def start_worker() -> None:
        engine = open_engine(url)
        try:
            barrier.wait()
            database.create_table(engine)
            barrier.wait()
            filled.append(database.fill_if_empty(engine, Settings(database_url=url, days=3)))
        except Exception as error:  # noqa: BLE001  # to fail in the test's own thread
            failed.append(error)
        engine.dispose()

    workers = [threading.Thread(target=start_worker) for _ in range(6)]
    for worker in workers:
        worker.start()
    for worker in workers:
        worker.join()
    assert failed == []
    assert sorted(filled) == [0, 0, 0, 0, 0, 3 * 1440]
    assert execute(url, "SELECT count(*), count(DISTINCT timestamp) FROM data") == [(4320, 4320)]


def test_a_seed_gives_the_same_readings_and_none_gives_new_ones(
    new_database: Callable[[], str],
) -> None:
    first, second, third, fourth = (new_database() for _ in range(4))
    serve(Settings(database_url=first, days=1, seed=3))
    serve(Settings(database_url=second, days=1, seed=3))
    serve(Settings(database_url=third, days=1))
    serve(Settings(database_url=fourth, days=1))
    assert stored(first) == stored(second)
    assert len({str(stored(url)) for url in (second, third, fourth)}) == 3


def test_the_seeded_readings_are_those_of_the_simulation(seeded: httpx2.Client) -> None:
    expected = simulate_readings(date(2024, 5, 20), 10, SEED)
    got = get_arrow(seeded, start_timestamp="2024-05-20", end_timestamp="2024-05-30")
    assert got.cast(expected.schema).equals(expected)


def test_start_date_and_days_choose_the_period(
    new_database: Callable[[], str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("FONTE_DATABASE_URL", new_database())
    monkeypatch.setenv("FONTE_START_DATE", "2023-12-31")
    monkeypatch.setenv("FONTE_DAYS", "2")
    days = httpx2.get(f"{serve(read_settings())}/days").json()
    assert [(day["date"], day["readings"]) for day in days] == [
        *(("2023-12-31", 1440), ("2024-01-01", 1440)),
    ]


# Settings


@pytest.mark.parametrize(
    ("name", "value", "message"),
    [
        ("FONTE_DATABASE_URL", None, "FONTE_DATABASE_URL: Field required"),
        ("FONTE_DATABASE_URL", "mysql://u:s3cr3t@h/Fonte", "expected postgresql://"),
        ("FONTE_DATABASE_URL", "s3cr3t", "expected postgresql://"),
        ("FONTE_DATABASE_URL", "postgresql://u:p@s3cr3t:s3cr3t@h/F", "expected postgresql://"),
        ("FONTE_DAYS", "0", "FONTE_DAYS: Input should be greater than or equal to 1"),
        ("FONTE_DAYS", "ten", "FONTE_DAYS: "),
        ("FONTE_START_DATE", "20.05.2024", "FONTE_START_DATE: "),
        ("FONTE_SEED", "-1", "FONTE_SEED: "),
    ],
)
def test_a_wrong_setting_is_one_line_without_the_password(
    monkeypatch: pytest.MonkeyPatch, name: str, value: str | None, message: str
) -> None:
    monkeypatch.setenv("FONTE_DATABASE_URL", "postgresql://u:s3cr3t@h/Fonte")
    if value is None:
        monkeypatch.delenv(name)
    else:
        monkeypatch.setenv(name, value)
    with pytest.raises(SystemExit) as stop:
        read_settings()
    assert message in str(stop.value)
    assert len(str(stop.value).splitlines()) == 1
    assert "s3cr3t" not in str(stop.value)


def test_settings_never_show_the_password() -> None:
    settings = Settings(database_url="postgresql://u:s3cr3t@h/Fonte")
    assert "s3cr3t" not in repr(settings) + str(settings)


# A year, in batches


@pytest.fixture
def year(year_url: str) -> Iterator[Iterator[pa.RecordBatch]]:
    """The batches of that year, none of them fetched yet."""
    engine = open_engine(year_url)
    batches = database.stream_readings(engine, list(SIGNALS), (None, None))
    yield batches
    batches.close()
    engine.dispose()


def test_a_year_comes_in_batches_of_about_a_megabyte(year: Iterator[pa.RecordBatch]) -> None:
    sizes, rows = [], 0
    for batch in year:
        sizes.append(batch.nbytes)
        rows += batch.num_rows
    assert rows == 365 * 1440
    assert len(sizes) > 10
    assert max(sizes) < 2 * database.BATCH_BYTES


def test_readings_are_fetched_while_they_are_sent(
    year: Iterator[pa.RecordBatch], year_url: str
) -> None:
    assert next(year).num_rows > 0
    end_sessions(year_url)
    with pytest.raises(OSError, match=r"server closed the connection|terminating connection"):
        list(year)  # had they all been here, nothing would fail


@pytest.mark.parametrize("form", ENCODERS)
def test_an_answer_that_breaks_off_never_looks_complete(
    year_url: str, form: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(database, "BATCH_BYTES", 1 << 16)  # most of a month is still to come
    api = serve(Settings(database_url=year_url))
    end = "2023-02-01" if form == JSON else "2024-01-01"
    query = {"start_timestamp": "2023-01-01", "end_timestamp": end}
    with httpx2.stream("GET", f"{api}/data", params=query, headers={"accept": form}) as answer:
        assert answer.status_code == 200
        chunks = answer.iter_raw()
        next(chunks)
        end_sessions(year_url)
        with pytest.raises(httpx2.TransportError):
            list(chunks)


@pytest.mark.parametrize("form", ENCODERS)
def test_what_is_encoded_leaves_before_the_next_batch_is_fetched(
    year: Iterator[pa.RecordBatch], form: str
) -> None:
    fetched = 0

    def count() -> Iterator[pa.RecordBatch]:
        nonlocal fetched
        for batch in year:
            fetched += 1
            yield batch

    chunks = ENCODERS[form](count(), arrow_schema(list(SIGNALS)))
    for expected in (1, 2, 3):
        chunk = b""
        while fetched < expected or not chunk:
            chunk = next(chunks)
        assert fetched == expected


def test_a_year_arrives_whole_over_http(year_url: str) -> None:
    api = serve(Settings(database_url=year_url))
    query = {"start_timestamp": "2023-01-01", "end_timestamp": "2024-01-01"}
    request = httpx2.Request("GET", f"{api}/data", params=query, headers={"accept": ARROW})
    with httpx2.Client(timeout=60) as client:
        answer = client.send(request, stream=True)
        assert "content-length" not in answer.headers
        table = pa.ipc.open_stream(b"".join(answer.iter_bytes())).read_all()
        answer.close()
    assert table.num_rows == 365 * 1440
    steps = np.diff(table["timestamp"].to_numpy())
    assert (steps == np.timedelta64(60_000_000, "us")).all()


# Documentation


def test_units_travel_with_the_arrow_columns(seeded: httpx2.Client) -> None:
    schema = get_arrow(seeded, **HOUR).schema
    for name, signal in SIGNALS.items():
        metadata = {
            key.decode(): value.decode() for key, value in schema.field(name).metadata.items()
        }
        assert metadata == signal.metadata
        assert metadata["unit"] == signal.unit
    assert schema.field("timestamp").type == pa.timestamp("us", "UTC")


def test_openapi_names_every_route_unit_and_form(seeded: httpx2.Client) -> None:
    document = seeded.get("/openapi.json").json()
    assert set(document["paths"]) == {"/data", "/data/{id}", "/days", "/health"}
    content = document["paths"]["/data"]["get"]["responses"]["200"]["content"]
    assert set(content) == {JSON, CSV, ARROW}
    listed = content[JSON]["schema"]["items"]["properties"]
    single = document["components"]["schemas"]["Reading"]["properties"]
    for name, signal in SIGNALS.items():
        assert listed[name]["description"].endswith(f", {signal.unit}")
        assert single[name]["description"].endswith(f", {signal.unit}")
        assert single[name]["examples"] == [signal.example]
    columns = [p for p in document["paths"]["/data"]["get"]["parameters"] if p["name"] == "columns"]
    assert columns[0]["required"] is False
    assert document["components"]["schemas"]["SignalName"]["enum"] == list(SIGNALS)
    for path in document["paths"].values():
        assert "503" in path["get"]["responses"]


def test_the_documented_example_is_what_the_api_answers(seeded: httpx2.Client) -> None:
    document = seeded.get("/openapi.json").json()
    content = document["paths"]["/data"]["get"]["responses"]["200"]["content"]
    [example] = content[JSON]["example"]
    assert list(example) == list(get_json(seeded, **HOUR)[0])


def test_the_documentation_is_served(seeded: httpx2.Client) -> None:
    answer = seeded.get("/docs")
    assert answer.status_code == 200
    assert "/openapi.json" in answer.text


# Time zones


def test_a_database_in_another_time_zone_answers_in_utc(
    new_database: Callable[[], str],
) -> None:
    url = new_database()
    execute(url, f"ALTER DATABASE {make_url(url).database} SET timezone = 'America/Sao_Paulo'")
    assert execute_plainly(url, "SELECT current_setting('timezone')") == "America/Sao_Paulo"
    api = serve(Settings(database_url=url, days=2, seed=SEED))
    with httpx2.Client(base_url=api, timeout=30) as client:
        days = client.get("/days").json()
        assert [(day["date"], day["readings"]) for day in days] == [
            *(("2024-05-20", 1440), ("2024-05-21", 1440)),
        ]
        assert days[0]["first_timestamp"] == "2024-05-20T00:00:00Z"
        assert client.get("/data/1").json()["timestamp"] == "2024-05-20T00:00:00Z"
        table = get_arrow(client, **DAY)
    expected = simulate_readings(date(2024, 5, 20), 2, SEED).slice(0, 1440)
    assert table.cast(expected.schema).equals(expected)


def execute_plainly(url: str, statement: str) -> Any:
    """One value, from a session that sets nothing of its own."""
    with bulk.dbapi.connect(url) as connection, connection.cursor() as cursor:
        cursor.execute(statement)
        [(value,)] = cursor.fetchall()
    return value
