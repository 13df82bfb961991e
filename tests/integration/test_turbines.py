"""Several turbines in one Fonte: loaded by name, asked for by name, and never mixed."""

from collections.abc import Callable, Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import httpx2
import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from helpers import CATALOGUE, SIGNALS, drop_database, execute, serve

from etl_lib.errors import ParameterError
from etl_lib.extract.days import find_day
from etl_lib.extract.readings import fetch_readings
from etl_lib.transform.statistics import compute_statistics, day_coverage, to_frame
from fonteapi import database, table
from fonteapi.__main__ import main
from fonteapi.farm import simulate_farm
from fonteapi.settings import Settings
from fonteapi.turbines import NAMES, SIMULATED
from pgarrow.sessions import open_engine

START = datetime(2024, 5, 20, tzinfo=UTC)
FARM = ("A1", "B-2", "c_3.x")
HEADER = "wtg,timestamp,power"
ROWS = [f"{name},2024-05-20T00:{10 * m:02},{10 * m + place}"
        for m in range(3) for place, name in enumerate(FARM)]  # fmt: skip
HELD = "SELECT turbine, timestamp, power FROM data ORDER BY timestamp, turbine, id"


@pytest.fixture
def load(fonte_url: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Callable[..., int]:
    """Loads lines of CSV, or the columns of a Parquet file; returns the exit code."""
    monkeypatch.setenv("FONTE_DATABASE_URL", fonte_url)

    def load(content: list[str] | dict[str, Any], *options: str) -> int:
        path = tmp_path / ("own.parquet" if isinstance(content, dict) else "own.csv")
        if isinstance(content, dict):
            pq.write_table(pa.table(content), path)
        else:
            path.write_text("\n".join(content))
        return main(["load", str(path), *options])

    return load


@pytest.fixture
def farm(load: Callable[..., int], fonte: httpx2.Client) -> httpx2.Client:
    """A client of the API over a Fonte that holds the farm."""
    assert load([HEADER, *ROWS], "--rename", "wtg=turbine") == 0
    return fonte


@pytest.fixture
def simulated(new_database: Callable[[], str]) -> Iterator[str]:
    """The address of a Fonte that is filled with three days of three turbines."""
    url = new_database()
    settings = Settings(database_url=url, days=3, turbines=3, seed=7)
    fonte = database.open_fonte(settings)
    assert table.fill_if_empty(fonte, settings) == 3 * 3 * 1440
    fonte.engine.dispose()
    yield url
    drop_database(url)


def put(url: str, *rows: str) -> None:
    execute(url, f"INSERT INTO data (turbine, timestamp, power) VALUES {', '.join(rows)}")


# The loader


def test_farm_is_loaded(
    load: Callable[..., int], fonte_url: str, capsys: pytest.CaptureFixture[str]
) -> None:
    """Each reading arrives under its turbine."""
    assert load([HEADER, *ROWS], "--rename", "wtg=turbine") == 0
    assert "loaded 9 readings of A1, B-2, c_3.x from " in capsys.readouterr().out
    held = [(name, START + timedelta(minutes=10 * m), 10 * m + place)
            for m in range(3) for place, name in enumerate(FARM)]  # fmt: skip
    assert [tuple(row) for row in execute(fonte_url, HELD)] == held


@pytest.mark.parametrize("kind", ["text", "dictionary", "number"])
def test_parquet(load: Callable[..., int], fonte_url: str, kind: str) -> None:
    """Turbines in Parquet are text, categories or whole numbers."""
    names: Any = pa.array([7, 8]) if kind == "number" else pa.array(["7", "8"])
    names = names.dictionary_encode() if kind == "dictionary" else names
    assert load({"turbine": names, "timestamp": ["2024-05-20"] * 2, "power": [1.0, 2.0]}) == 0
    assert [row.turbine for row in execute(fonte_url, HELD)] == ["7", "8"]


@pytest.mark.parametrize(
    "column", ["Wind_turbine_name", "turbine_id", "WTG", "Turbine", "asset_id", "wind turbine"]
)
def test_unnamed_column_of_turbines(
    load: Callable[..., int], fonte_url: str, column: str, capsys: pytest.CaptureFixture[str]
) -> None:
    """A column that is named as one of turbines is refused until it is named."""
    lines = [HEADER.replace("wtg", column), *ROWS]
    assert load(lines) == 2
    error = capsys.readouterr().err
    assert f"the file has 3 turbines in {column!r} (A1, B-2, c_3.x): --rename " in error
    assert error.count("\n") == 1
    assert execute(fonte_url, HELD) == []
    assert load(lines, "--turbine", "A1") == 2  # they are three, whatever the one is called
    assert load(lines, "--rename", f"{column}=turbine") == 0


def test_unknown_column_of_turbines(
    load: Callable[..., int], fonte_url: str, capsys: pytest.CaptureFixture[str]
) -> None:
    """A column of another name is found by the timestamps that it tells apart."""
    lines = [f"state,{HEADER.replace('wtg', 'park')}", *(f"on,{row}" for row in ROWS)]
    assert load(lines) == 2
    assert "the file has 3 turbines in 'park' (A1" in capsys.readouterr().err
    assert execute(fonte_url, HELD) == []
    assert load(lines, "--rename", "park=turbine") == 0


def test_repeated_timestamps(
    load: Callable[..., int], fonte_url: str, capsys: pytest.CaptureFixture[str]
) -> None:
    """Without such a column the file is refused all the same, also beside one of turbines."""
    values = [row.partition(",")[2] for row in ROWS]
    for lines in (
        ["timestamp,power", *values],
        ["turbine,timestamp,power", *(f"A1,{value}" for value in values)],
    ):
        assert load(lines) == 2
        assert "got several different ones for 3 of 3" in capsys.readouterr().err
    assert execute(fonte_url, HELD) == []


def test_one_turbine(
    load: Callable[..., int], fonte_url: str, capsys: pytest.CaptureFixture[str]
) -> None:
    """A file of one turbine is named by its column or by --turbine, never by both."""
    lines = [HEADER, "A1,2024-05-20,1"]
    assert load(lines) == 2
    assert "has one turbine in 'wtg', A1: --rename wtg=turbine, or --turbine with another name" in (
        capsys.readouterr().err
    )
    assert load(lines, "--turbine", "T2") == 0
    assert load(lines, "--rename", "wtg=turbine") == 0
    assert load(["timestamp,power", "2024-05-20,3"]) == 0
    assert [tuple(row)[::2] for row in execute(fonte_url, HELD)] == [
        ("A1", 1),
        ("T1", 3),
        ("T2", 1),
    ]
    assert load(lines, "--rename", "wtg=turbine", "--turbine", "T2") == 2
    assert load(["timestamp,power", "2024-05-20,3"], "--turbine", "no name") == 2


@pytest.mark.parametrize("name", ["", "ü1", "-a", "a'b", "x" * 65, "A1;B2"])
def test_wrong_names(
    load: Callable[..., int], fonte_url: str, name: str, capsys: pytest.CaptureFixture[str]
) -> None:
    """A row with another name is a bad row."""
    assert load([HEADER, ROWS[0], f"{name},2024-05-20,1"], "--rename", "wtg=turbine") == 1
    assert "line 3: column 'wtg': expected a turbine's name" in capsys.readouterr().err
    assert execute(fonte_url, HELD) == []


def test_replace(
    load: Callable[..., int], fonte_url: str, capsys: pytest.CaptureFixture[str]
) -> None:
    """`--replace` empties the file's turbines only, `--replace-all` every one."""
    rename = ("--rename", "wtg=turbine")
    assert load([HEADER, *ROWS], *rename) == 0
    assert load([HEADER, "A1,2024-05-21,5"], *rename, "--replace") == 0
    assert ", instead of 3 and beside 6 that Fonte held" in capsys.readouterr().out
    turbines = [row.turbine for row in execute(fonte_url, HELD)]
    assert sorted(turbines) == ["A1", *["B-2"] * 3, *["c_3.x"] * 3]
    assert load([HEADER, "A1,2024-05-21,6"], *rename, "--replace-all") == 0
    assert ", instead of 7 that Fonte held" in capsys.readouterr().out
    assert [tuple(row)[::2] for row in execute(fonte_url, HELD)] == [("A1", 6)]


def test_table_of_version_0_1(
    load: Callable[..., int], fonte_url: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Its readings become those of FONTE_TURBINE when a file is loaded."""
    monkeypatch.setenv("FONTE_TURBINE", "R80711")
    execute(fonte_url, "ALTER TABLE data DROP COLUMN turbine")
    execute(fonte_url, "INSERT INTO data (timestamp, power) VALUES ('2024-05-20', 1)")
    assert load([HEADER, "A1,2024-05-20,5"], "--rename", "wtg=turbine") == 0
    assert [tuple(row)[::2] for row in execute(fonte_url, HELD)] == [("A1", 5), ("R80711", 1)]
    found = execute(fonte_url, "SELECT indexname FROM pg_indexes WHERE tablename = 'data'")
    assert "data_turbine_timestamp_idx" in {row[0] for row in found}


# The API


def test_without_a_turbine(farm: httpx2.Client) -> None:
    """Readings of several turbines are refused until the turbine is named."""
    answer = farm.get("/data")
    assert answer.status_code == 422
    assert answer.json()["detail"][0]["msg"] == (
        "expected 'A1', 'B-2', 'c_3.x' or '*', since Fonte has several turbines"
    )
    # Also for a period in which only one has readings
    assert farm.get("/data", params={"start_timestamp": "2025-01-01"}).status_code == 422


def test_the_pipeline_mixes_no_turbines(farm: httpx2.Client) -> None:
    """Readings always name their turbine, and statistics keep them apart."""
    readings = fetch_readings(farm, START, START + timedelta(days=1), ["power"])
    assert readings["turbine"].to_pylist() == [*FARM] * 3
    frame = to_frame(compute_statistics(readings))
    assert list(frame.index.unique("turbine")) == [*FARM]
    with pytest.raises(ParameterError, match=r"turbine: expected 'A1', .* or '\*', got 'Z9'"):
        fetch_readings(farm, START, START + timedelta(days=1), ["power"], ["Z9"])


def test_turbines_of_a_day(farm: httpx2.Client, fonte_url: str) -> None:
    """A day is asked for with every turbine that has begun, or with some; others are refused."""
    put(fonte_url, "('early', '2024-05-01', 1)", "('late', '2024-05-25', 1)")
    day = find_day(farm, "2024-05-20")
    assert (day.turbines, day.is_whole) == ([*FARM, "early"], True)
    assert [*day.fingerprints] == [*FARM]
    some = find_day(farm, "2024-05-20", ["late", "A1"])
    assert (some.turbines, some.is_whole) == (["A1", "late"], False)
    assert find_day(farm, "2024-05-20", day.turbines).is_whole
    with pytest.raises(ParameterError, match=r"turbines: expected some of A1, .*, late; got Z9"):
        find_day(farm, "2024-05-20", ["A1", "Z9"])


@pytest.mark.parametrize("turbines", [["A1"], ["c_3.x", "A1"], ["*"], ["A1", "*"], [*FARM]])
def test_named_turbines(farm: httpx2.Client, turbines: list[str]) -> None:
    """The turbine is the second field; the order is that of timestamp, then turbine."""
    query = {"turbine": turbines, "columns": "power"}
    rows = farm.get("/data", params=query).json()
    chosen = FARM if "*" in turbines else sorted(turbines)
    assert [list(row) for row in rows] == [["timestamp", "turbine", "power"]] * 3 * len(chosen)
    assert [row["turbine"] for row in rows] == [*chosen] * 3
    text = farm.get("/data", params=query, headers={"accept": "text/csv"}).text.splitlines()
    assert text[0] == "timestamp,turbine,power"
    assert [line.split(",")[1] for line in text[1:]] == [*chosen] * 3
    accept = {"accept": "application/vnd.apache.arrow.stream"}
    arrow = pa.ipc.open_stream(farm.get("/data", params=query, headers=accept).content).read_all()
    assert arrow.schema.field("turbine") == pa.field("turbine", pa.string(), nullable=False)
    assert arrow["power"].to_pylist() == [row["power"] for row in rows]


def test_another_turbine_comes_meanwhile(
    fonte: httpx2.Client, fonte_url: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A turbine that is loaded while a request is at work is not mixed into its answer."""
    put(fonte_url, "('A1', '2024-05-20', 1)")
    stream = database.stream_readings

    def load_and_stream(*arguments: Any) -> Any:
        put(fonte_url, "('B-2', '2024-05-20', 2)")
        return stream(*arguments)

    monkeypatch.setattr(database, "stream_readings", load_and_stream)
    assert [row["power"] for row in fonte.get("/data").json()] == [1]
    assert fonte.get("/data").status_code == 422


def test_unknown_turbine(farm: httpx2.Client) -> None:
    answer = farm.get("/data", params={"turbine": ["A1", "Z9"]})
    assert answer.status_code == 422
    assert [problem["input"] for problem in answer.json()["detail"]] == ["Z9"]


def test_one_turbine_has_no_name_unless_asked(fonte: httpx2.Client, fonte_url: str) -> None:
    """A Fonte of one turbine answers the rows that it always did."""
    put(fonte_url, "('A1', '2024-05-20', 1)")
    row = {"timestamp": "2024-05-20T00:00:00Z", "power": 1.0}
    assert fonte.get("/data", params={"columns": "power"}).json() == [row]
    named = fonte.get("/data", params={"columns": "power", "turbine": "A1"}).json()
    assert named == [row | {"turbine": "A1"}]
    assert fonte.get("/data/1").json()["turbine"] == "A1"


def test_turbines(farm: httpx2.Client, fonte_url: str) -> None:
    """Each turbine has its first and last reading, and the usual time between two."""
    put(fonte_url, *(f"('A1', '2024-05-20 00:30'::timestamptz + interval '{n} s', 1)"
                     for n in (*range(9), 60)))  # fmt: skip
    put(fonte_url, "('d4', '2024-05-20', 1)")
    first, *others = farm.get("/turbines").json()
    assert {key: value for key, value in first.items() if value is not None} == {
        "name": "A1",
        "simulated": False,
        "first_timestamp": "2024-05-20T00:00:00Z",
        "last_timestamp": "2024-05-20T00:31:00Z",
        "interval": 1.0,
    }
    assert [(one["name"], one["interval"]) for one in others] == [
        *(("B-2", 600.0), ("c_3.x", 600.0), ("d4", None)),
    ]


def find_simulated(url: str) -> dict[str, bool]:
    turbines = httpx2.get(f"{serve(Settings(database_url=url))}/turbines").json()
    return {turbine["name"]: turbine["simulated"] for turbine in turbines}


def test_simulated_farm(
    simulated: str, load: Callable[..., int], monkeypatch: pytest.MonkeyPatch
) -> None:
    """A turbine is marked as simulated as long as it has a simulated reading."""
    monkeypatch.setenv("FONTE_DATABASE_URL", simulated)
    assert find_simulated(simulated) == {"T1": True, "T2": True, "T3": True}
    execute(simulated, "DELETE FROM data WHERE turbine = 'T1'")
    put(simulated, "('T1', '2024-05-20', 1)", "('T2', '2024-06-01', 1)")
    assert find_simulated(simulated) == {"T1": False, "T2": True, "T3": True}
    assert load([HEADER, "T3,2024-06-01,1"], "--rename", "wtg=turbine") == 0
    assert find_simulated(simulated) == {"T1": False, "T2": False, "T3": False}


def test_simulated_turbines_are_found_quickly(simulated: str) -> None:
    """They come from their own index, also beside many readings that are not simulated."""
    execute(
        simulated,
        """
        INSERT INTO data (turbine, timestamp, power)
        SELECT 'A' || t, '2024-05-20'::timestamptz + m * interval '1 min', 1
        FROM generate_series(1, 50) t, generate_series(1, 500) m
    """,
    )
    for _ in range(2):
        plan = "\n".join(row[0] for row in execute(simulated, f"EXPLAIN ANALYZE {SIMULATED.text}"))
        assert plan.count("using data_simulated_idx") == 2
        assert "Filter: simulated" not in plan
        execute(simulated, "ANALYZE data")


def test_farm_over_http(simulated: str) -> None:
    """The API answers the readings that were simulated, by turbine, in their order."""
    query = {"turbine": "*", "columns": ["wind_speed", "power", "wind_direction"]}
    accept = {"accept": "application/vnd.apache.arrow.stream"}
    api = serve(Settings(database_url=simulated))
    answer = httpx2.get(f"{api}/data", params=query, headers=accept)
    got = pa.ipc.open_stream(answer.content).read_all()
    expected = simulate_farm(START.date(), 3, ["T1", "T2", "T3"], 7).read_all()
    assert got.cast(expected.select(got.column_names).schema).equals(
        expected.select(got.column_names)
    )


def test_facts_of_turbines(
    farm: httpx2.Client, fonte_url: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The user's catalogue tells facts, also an interval; a turbine without readings is none."""
    own = tmp_path / "my.toml"
    own.write_text(
        "[models.M]\nrated_power = 2050\n[turbines.A1]\nmodel = 'M'\ninterval = 60\n"
        "[turbines.Z]\nrated_power = 1\n"
    )
    api = serve(Settings(database_url=fonte_url, catalogue=own))
    first, second, _ = httpx2.get(f"{api}/turbines").json()
    assert (first["model"], first["rated_power"], first["interval"]) == ("M", 2050, 60)
    assert (second["model"], second["rated_power"], second["interval"]) == (None, None, 600)


@pytest.mark.parametrize(("told", "expected"), [("", 1.0), ("interval = 300", 0.5)])
def test_interval_of_the_catalogue(
    fonte_url: str, tmp_path: Path, told: str, expected: float
) -> None:
    """It goes before the one that is found: a feed that lost every second reading shows it."""
    put(fonte_url, *(f"('A1', '2024-05-20'::timestamptz + interval '{10 * n} min', 1)"
                     for n in range(144)))  # fmt: skip
    own = tmp_path / "my.toml"
    own.write_text(f"[turbines.A1]\n{told}\n")
    with httpx2.Client(base_url=serve(Settings(database_url=fonte_url, catalogue=own))) as api:
        readings = fetch_readings(api, START, START + timedelta(days=1), ["power"])
    assert day_coverage(compute_statistics(readings), ["A1"]) == expected


def test_days(farm: httpx2.Client, fonte_url: str) -> None:
    """A day names its turbines; a reading that changes its turbine changes the fingerprint."""
    [before] = farm.get("/days").json()
    assert (before["readings"], before["turbines"]) == (9, [*FARM])
    execute(fonte_url, "UPDATE data SET turbine = 'd4' WHERE turbine = 'A1'")
    [after] = farm.get("/days").json()
    assert after["turbines"] == ["B-2", "c_3.x", "d4"]
    assert after["fingerprints"].keys() != before["fingerprints"].keys()


# A source of the user's own


@pytest.fixture
def view(new_database: Callable[[], str]) -> Iterator[Callable[[str], str]]:
    """Makes `data` a view with this query's columns beside `id` and `timestamp`."""
    url = new_database()

    def create(columns: str) -> str:
        execute(
            url,
            f"""
            DROP VIEW IF EXISTS data;
            CREATE VIEW data AS SELECT row_number() OVER () AS id, '2024-05-20'::timestamptz
                AS timestamp, 1.5::float8 AS power, {columns}
        """,
        )
        return serve(Settings(database_url=url, turbine="North"))

    yield create
    drop_database(url)


@pytest.mark.parametrize("mark", ["'yes' AS simulated", "1 AS simulated", "2 AS other"])
def test_view_without_a_mark(view: Callable[[str], str], mark: str) -> None:
    """Without a boolean `simulated` no turbine is marked."""
    for turbine in ("", ", 'A1' AS turbine"):
        [found] = httpx2.get(f"{view(mark + turbine)}/turbines").json()
        assert found["simulated"] is False


def test_view_without_turbines(view: Callable[[str], str]) -> None:
    """Its one turbine has the name that FONTE_TURBINE gives."""
    api = view("2 AS other")
    assert "turbine" not in httpx2.get(f"{api}/data").json()[0]
    for name in ("North", "*"):
        assert httpx2.get(f"{api}/data?turbine={name}").json()[0]["turbine"] == "North"
    assert httpx2.get(f"{api}/data?turbine=South").status_code == 422
    assert httpx2.get(f"{api}/days").json()[0]["turbines"] == ["North"]
    assert [one["name"] for one in httpx2.get(f"{api}/turbines").json()] == ["North"]


@pytest.mark.parametrize(
    ("names", "got"), [("'A1', NULL", "None"), ("'A1', 'Turbine 1, north'", "'Turbine 1, north'")]
)
def test_view_of_wrong_names(view: Callable[[str], str], names: str, got: str) -> None:
    """A name that cannot be asked for, or none, is one line at every route that names turbines."""
    api = view(f"unnest(ARRAY[{names}]) AS turbine")
    for route in ("/data", "/data?turbine=*", "/turbines"):
        answer = httpx2.get(api + route)
        assert answer.status_code == 503
        assert answer.json()["detail"].endswith(f"in Fonte's table data, 64 at most, got {got}")


def test_many_turbines_are_found_quickly(new_database: Callable[[], str]) -> None:
    """The turbines come from the index: no plan reads every reading."""
    url = new_database()
    engine = open_engine(url)
    table.create_table(database.Fonte(engine, CATALOGUE), SIGNALS)
    engine.dispose()
    execute(
        url,
        """
        INSERT INTO data (turbine, timestamp, power)
        SELECT 'T' || t, '2024-05-20'::timestamptz + m * interval '1 min', 1
        FROM generate_series(1, 50) t, generate_series(1, 500) m
    """,
    )
    execute(url, "ANALYZE data")
    plan = "\n".join(row[0] for row in execute(url, f"EXPLAIN ANALYZE {NAMES.text}"))
    assert "Seq Scan" not in plan
    drop_database(url)
