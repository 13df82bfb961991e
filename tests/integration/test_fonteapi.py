"""The Fonte API over real HTTP and a real PostgreSQL."""

import csv
import gzip
import io
import logging
import math
import threading
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, date, datetime, timedelta
from typing import Any

import httpx2
import numpy as np
import pyarrow as pa
import pytest
from helpers import CATALOGUE, SEED, SESSIONS, SIGNALS, drop_database, execute, serve
from sqlalchemy import make_url

from etl_lib.services import embedded
from fonteapi import database, table
from fonteapi.catalogue import arrow_schema
from fonteapi.database import Choice
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
    """The messages of a 422."""
    assert answer.status_code == 422
    return " ".join(f"{entry['loc']} {entry['msg']}" for entry in answer.json()["detail"])


# /data: the three forms


def test_same_values_in_each_form(seeded: httpx2.Client) -> None:
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


def test_values_of_the_database(seeded: httpx2.Client, seeded_fonte_url: str) -> None:
    rows = execute(
        seeded_fonte_url,
        "SELECT timestamp, wind_speed, power, wind_direction, ambient_temperature FROM data"
        " WHERE timestamp >= '2024-05-20Z' AND timestamp < '2024-05-20 01:00Z' ORDER BY timestamp",
    )
    table = get_arrow(seeded, **HOUR)
    assert [tuple(row.values()) for row in table.to_pylist()] == [tuple(row) for row in rows]


def test_special_values(fonte: httpx2.Client, put_readings: Put) -> None:
    """Microseconds, NULL and values that are not finite, in each form."""
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
def test_empty_period(seeded: httpx2.Client, form: str) -> None:
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
def test_accept(accept: str, form: str | None) -> None:
    """The most specific range decides for each form (RFC 9110, 12.5.1)."""
    assert choose_format(accept) == form


@pytest.mark.parametrize("form", ENCODERS)
def test_compression(seeded: httpx2.Client, form: str) -> None:
    answers = {}
    for coding in ("identity", "gzip"):
        headers = {"accept": form, "accept-encoding": coding}
        with seeded.stream("GET", "/data", params=DAY, headers=headers) as answer:
            answers[coding] = b"".join(answer.iter_raw())
        assert answer.headers.get("content-encoding", "identity") == coding
        assert answer.headers["vary"] == "Accept-Encoding"
    assert len(answers["gzip"]) < len(answers["identity"]) / 2
    assert gzip.decompress(answers["gzip"]) == answers["identity"]


def test_unknown_form(seeded: httpx2.Client) -> None:
    """Another form is a 406 that names ours."""
    answer = seeded.get("/data", params=HOUR, headers={"accept": "application/xml"})
    assert answer.status_code == 406
    assert answer.json()["detail"] == (
        f"expected Accept to allow {JSON}, {CSV}, {ARROW}; got application/xml"
    )


# /data: columns and periods


def test_period_is_half_open(seeded: httpx2.Client) -> None:
    rows = get_json(seeded, **HOUR)
    assert len(rows) == 60
    assert rows[0]["timestamp"] == "2024-05-20T00:00:00Z"
    assert rows[-1]["timestamp"] == "2024-05-20T00:59:00Z"


@pytest.mark.parametrize(
    ("columns", "expected"),
    [
        ([], list(SIGNALS)),
        (["power"], ["power"]),
        (["power", "wind_speed"], ["power", "wind_speed"]),
        (["wind_speed", "power"], ["wind_speed", "power"]),
        (["power", "wind_speed", "power"], ["power", "wind_speed"]),
    ],
)
def test_order_of_columns(seeded: httpx2.Client, columns: list[str], expected: list[str]) -> None:
    """Columns come as requested, after the timestamp."""
    query = HOUR | {"columns": columns}
    assert list(get_json(seeded, **query)[0]) == ["timestamp", *expected]
    assert list(get_csv(seeded, **query)[0]) == ["timestamp", *expected]
    table = get_arrow(seeded, **query)
    assert table.schema.names == ["timestamp", *expected]
    whole = get_arrow(seeded, **HOUR)
    assert all(table[name] == whole[name] for name in expected)


def test_order_of_readings(fonte: httpx2.Client, put_readings: Put) -> None:
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
def test_offsets(seeded: httpx2.Client, start: str, end: str) -> None:
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
def test_wrong_query(seeded: httpx2.Client, query: dict[str, Any], words: list[str]) -> None:
    """A wrong query is a 422 that names what is allowed."""
    for route in ("/data",) if "columns" in query else ("/data", "/days"):
        text = problem(seeded.get(route, params=query))
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


def test_reading(fonte: httpx2.Client, put_readings: Put) -> None:
    put_readings(readings([START, START + MINUTE], power=[1.5, math.nan], wind_speed=[None, 3]))
    assert fonte.get("/data/1").json() == {
        "id": 1,
        "timestamp": "2024-05-20T00:00:00Z",
        "turbine": "T1",
        "wind_speed": None,
        "power": 1.5,
        "wind_direction": None,
        "ambient_temperature": None,
    }
    assert fonte.get("/data/2").json()["power"] is None  # JSON has no NaN


def test_no_such_reading(seeded: httpx2.Client) -> None:
    answer = seeded.get("/data/99999999")
    assert answer.status_code == 404
    assert answer.json() == {"detail": "there is no reading with id 99999999"}


@pytest.mark.parametrize("reading_id", ["0", "-1", "x", "1.5", str(2**63)])
def test_wrong_id(seeded: httpx2.Client, reading_id: str) -> None:
    assert "id" in problem(seeded.get(f"/data/{reading_id}"))


# /days


def test_days(seeded: httpx2.Client) -> None:
    days = seeded.get("/days").json()
    assert [day["date"] for day in days] == [f"2024-05-{number}" for number in range(20, 30)]
    assert {day["readings"] for day in days} == {1440}
    assert days[1]["first_timestamp"] == "2024-05-21T00:00:00Z"
    assert days[1]["last_timestamp"] == "2024-05-21T23:59:00Z"
    assert len({day["fingerprints"]["T1"]["power"] for day in days}) == 10


def test_days_of_a_period(fonte: httpx2.Client, put_readings: Put) -> None:
    """Days are UTC days; a period limits them."""
    end = START + timedelta(days=1)
    stamps = [START, end - timedelta(microseconds=1), end, end + timedelta(days=5)]
    assert fonte.get("/days").json() == []
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


CHANGES = {
    "wind speed": ("UPDATE data SET wind_speed = wind_speed + 1e-12 WHERE id = 1", "w"),
    "power": ("UPDATE data SET power = power + 1e-12 WHERE id = 1", "p"),
    "timestamp": (
        "UPDATE data SET timestamp = timestamp + interval '1 microsecond' WHERE id = 1",
        "wp",
    ),
    "zero instead of NULL": ("UPDATE data SET power = 0 WHERE power IS NULL", "p"),
    "NaN instead of NULL": ("UPDATE data SET power = 'NaN' WHERE power IS NULL", "p"),
    "two zeros instead of NULL": ("UPDATE data SET power = 0 WHERE id IN (2, 3)", "p"),
    "two signals swapped": (
        "UPDATE data SET power = wind_speed, wind_speed = power WHERE id = 1",
        "wp",
    ),
    "two readings swapped": ("UPDATE data SET wind_speed = 7 - wind_speed WHERE id IN (3, 4)", "w"),
    "the last by id": (
        "DELETE FROM data WHERE id = 3; INSERT INTO data (timestamp, wind_speed)"
        " SELECT timestamp, 3 FROM data WHERE id = 4",
        "w",
    ),
    "both of two that are alike": ("UPDATE data SET wind_speed = 8 WHERE id IN (5, 6)", "w"),
    "one reading less": ("DELETE FROM data WHERE id = 2", "wp"),
    "one reading twice": (
        "INSERT INTO data (timestamp, wind_speed, power)"
        " SELECT timestamp, wind_speed, power FROM data WHERE id = 1",
        "wp",
    ),
}


def fingerprints(fonte: httpx2.Client, turbine: str = "T1") -> list[tuple[str, str]]:
    """Those of wind speed and power, of each day."""
    found = [day["fingerprints"][turbine] for day in fonte.get("/days").json()]
    return [(one["wind_speed"], one["power"]) for one in found]


@pytest.mark.parametrize(("change", "signals"), CHANGES.values(), ids=CHANGES.keys())
def test_fingerprints(
    fonte: httpx2.Client, fonte_url: str, put_readings: Put, change: str, signals: str
) -> None:
    """A change of readings changes the fingerprint of its signal and day, and no other."""
    next_day = START + timedelta(days=1)
    # Readings 3 and 4 share a stamp: which of them comes last decides. 5 and 6 are alike
    minutes = [0, 1, 2, 2, 3, 3]
    stamps = [*(START + n * MINUTE for n in minutes), next_day]
    wind, power = [1, 2, 3, 4, 7, 7, 5], [9, None, None, None, 1, 1, 9]
    put_readings(readings(stamps, wind_speed=wind, power=power))
    (before, other) = fingerprints(fonte)
    assert fingerprints(fonte) == [before, other]
    execute(fonte_url, change)
    (after, same) = fingerprints(fonte)
    assert same == other
    changed = [name for name, b, a in zip("wp", before, after, strict=True) if a != b]
    assert "".join(changed) == signals


def test_fingerprints_of_turbines(fonte: httpx2.Client, fonte_url: str, put_readings: Put) -> None:
    """A change of one turbine's readings changes its fingerprints, and no other's."""
    table = readings([START, START + MINUTE], wind_speed=[1, 2], power=[3, 4])
    for name in ("A1", "B2"):
        put_readings(table.append_column("turbine", [[name] * 2]))
    before = {name: fingerprints(fonte, name) for name in ("A1", "B2")}
    assert before["A1"] == before["B2"]  # the turbine is the key, not a part of it
    execute(fonte_url, "UPDATE data SET power = 5 WHERE turbine = 'B2' AND power = 4")
    assert fingerprints(fonte, "A1") == before["A1"]
    assert fingerprints(fonte, "B2") != before["B2"]


def test_fingerprints_of_the_same_values(
    fonte: httpx2.Client, fonte_url: str, put_readings: Put
) -> None:
    """An update to the same values leaves the fingerprints."""
    execute(fonte_url, "DROP INDEX data_timestamp_id_idx")  # which gives the order by chance
    put_readings(readings([START, START, START + MINUTE], power=[1, 2, None]))
    before = fonte.get("/days").json()
    execute(fonte_url, "UPDATE data SET power = power WHERE id = 1")  # now the last on disk
    assert fonte.get("/days").json() == before


def test_fingerprints_under_other_ids(
    fonte: httpx2.Client, fonte_url: str, put_readings: Put
) -> None:
    table = readings([START, START], power=[1, 2])
    put_readings(table)
    [before] = fonte.get("/days").json()
    execute(fonte_url, "DELETE FROM data")
    put_readings(table)
    assert fonte.get("/days").json() == [before]


def test_fingerprints_of_a_new_signal(
    fonte: httpx2.Client, fonte_url: str, put_readings: Put
) -> None:
    """A further signal has a fingerprint of its own, and leaves the others."""
    put_readings(readings([START], power=[1]))
    before = fingerprints(fonte)
    execute(fonte_url, "ALTER TABLE data ADD COLUMN humidity float8")
    seen = set()
    for humidity in ("NULL", "80", "81"):
        execute(fonte_url, f"UPDATE data SET humidity = {humidity}")
        seen.add(fonte.get("/days").json()[0]["fingerprints"]["T1"]["humidity"])
        assert fingerprints(fonte) == before
    assert len(seen) == 3


# Availability


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


def test_sessions_are_reused(fonte: httpx2.Client, fonte_url: str) -> None:
    get_json(fonte, **DAY)
    processes = SESSIONS.replace("count(*)", "pid") + " ORDER BY pid"
    before = execute(fonte_url, processes)
    for _ in range(5):
        get_json(fonte, **DAY)
    assert execute(fonte_url, processes) == before


def test_sessions_end(fonte: httpx2.Client, fonte_url: str) -> None:
    """Sessions that PostgreSQL ended are replaced."""
    assert fonte.get("/health").status_code == 200
    get_json(fonte, **DAY)
    ended = end_sessions(fonte_url)
    assert len(ended) > 1, "the API keeps sessions of both its drivers"
    assert fonte.get("/health").status_code == 200
    assert fonte.get("/days").status_code == 200
    get_json(fonte, **DAY)


def test_engine_closes(put_readings: Put, monkeypatch: pytest.MonkeyPatch) -> None:
    """An engine closes its connections although the driver loses count of them."""

    def close(connection: bulk.Connection) -> None:
        close_connection(connection)
        closed.append(connection)
        raise bulk.BulkError("released with 1 open connections", status_code=9)

    close_connection, closed = bulk.Connection.close, []
    monkeypatch.setattr(bulk.Connection, "close", close)
    put_readings(readings([START]))  # and disposes of the engine
    assert len(closed) == 2, "the one that was used, and the one that it was cloned from"


@pytest.mark.parametrize("route", ROUTES)
def test_no_database(fonte: httpx2.Client, fonte_url: str, route: str) -> None:
    """Every route answers 503 when the database is gone."""
    assert fonte.get("/health").status_code == 200
    drop_database(fonte_url)
    answer = fonte.get(route)
    assert (answer.status_code, answer.headers["retry-after"]) == (503, "2")
    detail = answer.json()["detail"]
    assert detail.startswith("Fonte does not answer: ")
    assert len(detail.splitlines()) == 1


@pytest.mark.parametrize("route", ROUTES)
def test_refused_connection(fonte_url: str, route: str) -> None:
    """A refused connection is a 503 without the address."""
    app = create_app(Settings(database_url=fonte_url, days=1))
    api = embedded.serve(lambda: app)
    httpx2.get(f"{api}/health", timeout=60).raise_for_status()
    app.state.fonte.engine.dispose()
    app.state.watched.dispose()
    wrong = open_engine("postgresql://someone:s3cr3t@127.0.0.1:1/Fonte")
    app.state.fonte, app.state.watched = database.Fonte(wrong, CATALOGUE), wrong
    answer = httpx2.get(f"{api}{route}", timeout=30)
    assert (answer.status_code, answer.headers["retry-after"]) == (503, "2")
    assert answer.json()["detail"].startswith("Fonte does not answer: ")
    for secret in ("s3cr3t", "someone", "127.0.0.1"):
        assert secret not in answer.text


def test_read_only_fonte(put_readings: Put, fonte_url: str) -> None:
    put_readings(readings([START], power=[5]))
    name = make_url(fonte_url).database
    execute(fonte_url, f'ALTER DATABASE "{name}" SET default_transaction_read_only = on')
    api = serve(Settings(database_url=fonte_url))
    assert [day["date"] for day in httpx2.get(f"{api}/days").json()] == ["2024-05-20"]
    assert [row["power"] for row in httpx2.get(f"{api}/data", params=DAY).json()] == [5.0]


@pytest.mark.parametrize("stamp", ["56374-01-01", "0044-03-15 BC", "infinity", "-infinity"])
def test_impossible_timestamp(
    put_readings: Put, fonte_api: str, fonte_url: str, stamp: str
) -> None:
    """A timestamp that no answer can carry hides no other reading."""
    put_readings(readings([START], power=[5]))
    execute(fonte_url, f"INSERT INTO data (timestamp) VALUES ('{stamp}')")
    assert [day["date"] for day in httpx2.get(f"{fonte_api}/days").json()] == ["2024-05-20"]
    assert httpx2.get(f"{fonte_api}/data/1").status_code == 200
    assert httpx2.get(f"{fonte_api}/data/2").status_code == 404
    century = {"start_timestamp": "0001-01-02", "end_timestamp": "9999-12-31"}
    answer = httpx2.get(f"{fonte_api}/data", params=century, headers={"accept": CSV})
    assert len(answer.text.splitlines()) == 2


def test_table_with_one_signal(new_database: Callable[[], str]) -> None:
    """Of a table with one signal of the catalogue, that signal is served."""
    url = new_database()
    execute(
        url, "CREATE TABLE data AS SELECT 1::bigint AS id, now() AS timestamp, 5::float8 AS power"
    )
    api = serve(Settings(database_url=url))
    assert [day["readings"] for day in httpx2.get(f"{api}/days").json()] == [1]
    assert [signal["name"] for signal in httpx2.get(f"{api}/signals").json()] == ["power"]
    [row] = httpx2.get(f"{api}/data").json()
    assert row == {"timestamp": row["timestamp"], "power": 5}
    assert httpx2.get(f"{api}/data/1").json() == {"id": 1, "turbine": "T1"} | row
    answer = httpx2.get(f"{api}/data", params={"columns": "wind_speed"})
    assert problem(answer) == "['query', 'columns', 0] expected 'power'"


# Filling


def stored(url: str) -> list[Any]:
    return execute(
        url,
        "SELECT timestamp, wind_speed, power, wind_direction, ambient_temperature FROM data"
        " ORDER BY id",
    )


def test_workers_fill_once(new_database: Callable[[], str]) -> None:
    """Several processes that start at once fill the table once."""
    url = new_database()
    barrier = threading.Barrier(6)

    def start_worker(settings: Settings) -> int:
        engine = open_engine(url)
        barrier.wait()
        written = table.fill_if_empty(database.Fonte(engine, CATALOGUE), settings)
        engine.dispose()
        return written

    with ThreadPoolExecutor(6) as pool:
        filled = pool.map(start_worker, [Settings(database_url=url, days=3)] * 6)
    assert sorted(filled) == [0, 0, 0, 0, 0, 3 * 1440]
    assert execute(url, "SELECT count(*), count(DISTINCT timestamp) FROM data") == [(4320, 4320)]


def test_seed(new_database: Callable[[], str]) -> None:
    """A seed gives the same readings; without one they are new."""
    urls = [new_database() for _ in range(4)]
    for url, seed in zip(urls, (3, 3, None, None), strict=True):
        serve(Settings(database_url=url, days=1, seed=seed))
    first, second, third, fourth = (str(stored(url)) for url in urls)
    assert first == second
    assert len({second, third, fourth}) == 3


def test_simulated_readings(seeded: httpx2.Client) -> None:
    expected = simulate_readings(date(2024, 5, 20), 10, SEED)
    got = get_arrow(seeded, start_timestamp="2024-05-20", end_timestamp="2024-05-30")
    assert got.cast(expected.schema).equals(expected)


def test_simulated_period(new_database: Callable[[], str], monkeypatch: pytest.MonkeyPatch) -> None:
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
        ("FONTE_DATABASE_URL", "postgresql://u:p@s3cr3t@h/F", "@ in a password is written as %40"),
        ("FONTE_DAYS", "-1", "FONTE_DAYS: Input should be greater than or equal to 0"),
        ("FONTE_DAYS", "ten", "FONTE_DAYS: "),
        ("FONTE_START_DATE", "20.05.2024", "FONTE_START_DATE: "),
        ("FONTE_SEED", "-1", "FONTE_SEED: "),
        ("FONTE_TURBINES", "0", "FONTE_TURBINES: Input should be greater than or equal to 1"),
        ("FONTE_TURBINES", "201", "FONTE_TURBINES: Input should be less than or equal to 200"),
    ],
)
def test_wrong_setting(
    monkeypatch: pytest.MonkeyPatch, name: str, value: str | None, message: str
) -> None:
    """A wrong setting is one line without the password."""
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


# A year, in batches


@pytest.fixture
def year(year_url: str) -> Iterator[Iterator[pa.RecordBatch]]:
    """The batches of that year, none of them fetched yet."""
    engine = open_engine(year_url)
    held = database.Fonte(engine, CATALOGUE).describe()
    choice = Choice(held, list(SIGNALS.values()), (None, None), named=False)
    batches = database.stream_readings(engine, choice)
    yield batches
    batches.close()
    engine.dispose()


def test_batches_of_a_year(year: Iterator[pa.RecordBatch]) -> None:
    sizes, rows = [], 0
    for batch in year:
        sizes.append(batch.nbytes)
        rows += batch.num_rows
    assert rows == 365 * 1440
    assert len(sizes) > 10
    assert max(sizes) < 2 * database.BATCH_BYTES


def test_readings_are_streamed(year: Iterator[pa.RecordBatch], year_url: str) -> None:
    """Readings are fetched while they are sent."""
    assert next(year).num_rows > 0
    end_sessions(year_url)
    with pytest.raises(OSError, match=r"server closed the connection|terminating connection"):
        list(year)  # had they all been here, nothing would fail


@pytest.mark.parametrize("form", ENCODERS)
def test_broken_answer(year_url: str, form: str, monkeypatch: pytest.MonkeyPatch) -> None:
    """An answer that breaks off never looks complete."""
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
def test_batches_are_encoded_one_by_one(year: Iterator[pa.RecordBatch], form: str) -> None:
    fetched = 0

    def count() -> Iterator[pa.RecordBatch]:
        nonlocal fetched
        for batch in year:
            fetched += 1
            yield batch

    chunks = ENCODERS[form](count(), arrow_schema(SIGNALS.values()))
    for expected in (1, 2, 3):
        chunk = b""
        while fetched < expected or not chunk:
            chunk = next(chunks)
        assert fetched == expected


def test_year_over_http(year_url: str) -> None:
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


def test_units_in_arrow(seeded: httpx2.Client) -> None:
    schema = get_arrow(seeded, **HOUR).schema
    for name, signal in SIGNALS.items():
        metadata = schema.field(name).metadata
        assert {k.decode(): v.decode() for k, v in metadata.items()} == signal.metadata
        assert metadata[b"unit"].decode() == signal.unit
    assert schema.field("timestamp").type == pa.timestamp("us", "UTC")


def test_openapi(seeded: httpx2.Client) -> None:
    """The document has every route, unit and form."""
    document = seeded.get("/openapi.json").json()
    assert set(document["paths"]) == {
        *("/data", "/data/{id}", "/days", "/health", "/signals", "/turbines"),
    }
    content = document["paths"]["/data"]["get"]["responses"]["200"]["content"]
    assert set(content) == {JSON, CSV, ARROW}
    assert content[JSON]["schema"]["items"] == {"$ref": "#/components/schemas/Row"}
    turbine = document["components"]["schemas"]["TurbineFacts"]
    assert turbine["properties"]["simulated"]["type"] == "boolean"
    assert "simulated" in turbine["required"]
    listed = document["components"]["schemas"]["Row"]["properties"]
    single = document["components"]["schemas"]["Reading"]["properties"]
    for name, signal in SIGNALS.items():
        assert listed[name]["description"].endswith(f", {signal.unit}")
        assert single[name]["description"].endswith(f", {signal.unit}")
        assert single[name]["examples"] == [signal.example]
    columns = [p for p in document["paths"]["/data"]["get"]["parameters"] if p["name"] == "columns"]
    assert columns[0]["required"] is False
    assert columns[0]["schema"]["items"]["enum"] == list(SIGNALS)
    [example] = content[JSON]["example"]
    assert list(example) == ["timestamp", *SIGNALS]
    for path in document["paths"].values():
        assert "503" in path["get"]["responses"]


# Time zones


def test_other_time_zone(new_database: Callable[[], str]) -> None:
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


@pytest.mark.parametrize(
    ("path", "status", "expected"),
    [("/health", 200, False), ("/health", 503, True), ("/days", 200, True)],
)
def test_access_log(path: str, status: int, expected: bool) -> None:
    """The access log has every request but those of a monitor that finds all well."""
    values = ("127.0.0.1:1", "GET", path, "1.1", status)
    record = logging.LogRecord(
        "uvicorn.access", logging.INFO, "", 0, '%s - "%s %s" %d', values, None
    )
    assert bool(logging.getLogger("uvicorn.access").filter(record)) is expected
