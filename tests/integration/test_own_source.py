"""A source of the user's own: the views of docs/source.md, read as the role that it makes."""

import re
from collections.abc import Callable, Iterator
from datetime import UTC, datetime, timedelta
from textwrap import dedent
from typing import Any

import httpx2
import pytest
from helpers import ROOT, drop_database, execute, serve
from sqlalchemy import make_url

from fonteapi.settings import Settings

TEXT = (ROOT / "docs" / "source.md").read_text(encoding="utf-8")
TABLE, VIEW, ROLE, INDEX, TAGS, PIVOT, UNION = (
    dedent(block) for block in re.findall(r"^ *```sql\n(.*?)^ *```", TEXT, re.DOTALL | re.MULTILINE)
)
START = datetime(2024, 5, 20, tzinfo=UTC)
STAMP = "2024-05-20T00:00:00Z"
RELATIONS = "SELECT relname, relnamespace::regnamespace, relfilenode FROM pg_class ORDER BY 1, 2"


@pytest.fixture
def source(new_database: Callable[[], str]) -> Iterator[str]:
    """The address of an operator's database, as its owner."""
    url = new_database()
    execute(url, "CREATE SCHEMA scada")
    yield url
    execute(url, "DROP OWNED BY reader; DROP ROLE reader")
    drop_database(url)


def read_as_reader(url: str) -> httpx2.Client:
    """A client of an API that reads as the role of the documentation."""
    address = make_url(url).set(username="reader").render_as_string(hide_password=False)
    return httpx2.Client(base_url=serve(Settings(database_url=address)), timeout=30)


def rows(api: httpx2.Client, **query: Any) -> list[tuple[Any, ...]]:
    answer = api.get("/data", params=query)
    return [tuple(row.values()) for row in answer.raise_for_status().json()]


def test_view(source: str) -> None:
    """A view renames, converts and casts; a role that may only read is enough."""
    execute(source, TABLE)
    execute(
        source,
        "INSERT INTO scada.readings SELECT 'A' || t, timestamp '2024-05-20' + m * interval '10 min'"
        ", 8, m + t / 10.0 FROM generate_series(1, 3) t, generate_series(0, 143) m",
    )
    for statement in (VIEW, ROLE, INDEX):
        execute(source, statement)
    before = execute(source, RELATIONS)
    with read_as_reader(source) as api:
        assert api.get("/data").status_code == 422
        end = (START + timedelta(minutes=10)).isoformat()
        assert rows(api, turbine="*", end_timestamp=end) == [
            (STAMP, f"A{n}", 8, 100 * n) for n in (1, 2, 3)
        ]
        assert [row[:2] for row in rows(api, turbine="A3", end_timestamp=end)] == [(STAMP, "A3")]
        [day] = api.get("/days").json()
        assert (day["readings"], day["turbines"]) == (432, ["A1", "A2", "A3"])
        assert [one["interval"] for one in api.get("/turbines").json()] == [600, 600, 600]
        [found] = execute(source, "SELECT id FROM etl.data WHERE turbine = 'A2' LIMIT 1")
        assert api.get(f"/data/{found.id}").json()["turbine"] == "A2"
        execute(source, "UPDATE scada.readings SET p = p + 1e-9 WHERE ts = '2024-05-20'")
        assert api.get("/days").json()[0]["fingerprints"] != day["fingerprints"]
    assert execute(source, RELATIONS) == before


def test_one_row_for_each_value(source: str) -> None:
    """A materialized view pivots; what has no value is null."""
    execute(source, f"CREATE SCHEMA etl; {TAGS}")
    execute(
        source,
        "INSERT INTO scada.tags VALUES ('A1', '2024-05-20 02:00+02', 'WindSpeed', 7.5),"
        " ('A1', '2024-05-20 02:00+02', 'ActivePower', 900),"
        " ('A2', '2024-05-20 02:00+02', 'WindSpeed', 8)",
    )
    execute(source, PIVOT)
    execute(source, ROLE)
    with read_as_reader(source) as api:
        assert rows(api, turbine="*") == [(STAMP, "A1", 7.5, 900), (STAMP, "A2", 8, None)]


def test_one_table_for_each_turbine(source: str) -> None:
    """A union names the turbines."""
    for name, wind in (("a1", 7), ("a2", 8)):
        execute(source, f"CREATE TABLE scada.{name} (id bigint, ts timestamptz, ws float8)")
        execute(source, f"INSERT INTO scada.{name} VALUES (1, '2024-05-20', {wind})")
    execute(source, f"CREATE SCHEMA etl; {UNION}")
    execute(source, ROLE)
    with read_as_reader(source) as api:
        assert rows(api, turbine="*") == [(STAMP, "A1", 7), (STAMP, "A2", 8)]
        assert [api.get(f"/data/{n}").json()["turbine"] for n in (2, 3)] == ["A1", "A2"]


def test_index_is_used(source: str) -> None:
    """The documentation's indexes find a day and the turbines without reading every row."""
    execute(source, TABLE)
    execute(
        source,
        "INSERT INTO scada.readings SELECT 'A' || t, timestamp '2024-05-20' + m * interval '1 min'"
        ", 8, 1 FROM generate_series(1, 9) t, generate_series(0, 9999) m",
    )
    for statement in (VIEW, ROLE, INDEX, "ANALYZE scada.readings"):
        execute(source, statement)
    for query in (
        "SELECT * FROM etl.data WHERE timestamp >= '2024-05-21' AND timestamp < '2024-05-21 00:10'",
        "SELECT min(turbine) FROM etl.data WHERE turbine > 'A1'",
    ):
        plan = "\n".join(row[0] for row in execute(source, f"EXPLAIN {query}"))
        assert "Seq Scan" not in plan
