"""What the API and its commands may create and write in a database: nothing unless asked."""

from collections.abc import Callable, Iterator
from pathlib import Path

import httpx2
import pytest
from helpers import drop_database, execute, serve

from etl_lib.services import embedded
from etl_lib.settings import Settings as Library
from fonteapi.__main__ import main
from fonteapi.settings import Settings

MISSING = (
    "expected a table named data in Fonte, got none: set FONTE_DAYS=10 to fill an empty database"
    " with simulated readings, or load a file with etl load"
)
ROUTES = ["/days", "/data/1", "/data?start_timestamp=2024-05-20&end_timestamp=2024-05-21"]
COLUMNS = (
    "id bigint, timestamp timestamptz, wind_speed float8, power float8, ambient_temperature float8"
)
OURS = f"CREATE TABLE data ({COLUMNS})"
EMPTY_VIEW = f"CREATE VIEW data AS SELECT 1 AS {', 1 AS '.join(COLUMNS.split()[::2])} LIMIT 0"
A_READING = "INSERT INTO data VALUES (1, '2024-05-20', 8, 900, 11)"
FOREIGN = "CREATE SCHEMA farm; CREATE TABLE farm.turbine (name text)"
CATALOGUE = "SELECT relname, relnamespace::regnamespace, relfilenode FROM pg_class ORDER BY 1, 2"


@pytest.fixture
def empty(new_database: Callable[[], str], monkeypatch: pytest.MonkeyPatch) -> Iterator[str]:
    """The address of a database without a table, which is the Fonte of the environment."""
    url = new_database()
    monkeypatch.setenv("FONTE_DATABASE_URL", url)
    yield url
    drop_database(url)


def refusals(url: str, days: int | None = None) -> set[str]:
    """The one line that every data route answers with 503, over a healthy API."""
    with httpx2.Client(base_url=serve(Settings(database_url=url, days=days))) as api:
        answers = [api.get(route) for route in ROUTES]
    assert {answer.status_code for answer in answers} == {503}
    assert {answer.headers["retry-after"] for answer in answers} == {"60"}
    return {answer.json()["detail"] for answer in answers}


def readings(url: str, days: int | None = None) -> int:
    """How many readings an API over the database reports."""
    answer = httpx2.get(f"{serve(Settings(database_url=url, days=days))}/days")
    return sum(day["readings"] for day in answer.raise_for_status().json())


@pytest.mark.parametrize("foreign", ["", FOREIGN], ids=["empty", "foreign tables"])
def test_reading_never_writes(empty: str, foreign: str) -> None:
    """Without FONTE_DAYS an API creates nothing, and each data route says what is missing."""
    execute(empty, foreign or "SELECT")
    before = execute(empty, CATALOGUE)
    assert refusals(empty) == {MISSING}
    assert execute(empty, CATALOGUE) == before


def test_table_appears_later(empty: str) -> None:
    """A table that is created while the API runs is served."""
    api = serve(Settings(database_url=empty))
    assert httpx2.get(f"{api}/days").status_code == 503
    execute(empty, f"{OURS}; {A_READING}")
    assert len(httpx2.get(f"{api}/days").json()) == 1


def test_etl_leaves_a_foreign_database(
    empty: str, project: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The API that `etl` starts over FONTE_DATABASE_URL fills it only if FONTE_DAYS is set."""
    before = execute(empty, CATALOGUE)
    settings = Library(fonte_database_url=empty, alvo_database_url="postgresql://unused/Alvo")
    api = embedded.start_missing(settings).fonte_api_url
    assert httpx2.get(f"{api}/days", timeout=60).json() == {"detail": MISSING}
    assert execute(empty, CATALOGUE) == before
    embedded.start_api.cache_clear()
    monkeypatch.setenv("FONTE_DAYS", "2")
    api = embedded.start_missing(settings).fonte_api_url
    assert len(httpx2.get(f"{api}/days", timeout=60).json()) == 2


def test_empty_database_is_filled(empty: str) -> None:
    """With FONTE_DAYS an empty database gets a table; an extension's own tables do not count."""
    execute(empty, "CREATE VIEW usage AS SELECT 1; ALTER EXTENSION plpgsql ADD VIEW usage")
    assert readings(empty, days=1) == 1440
    assert readings(empty, days=2) == 1440  # it is not filled twice


def test_empty_table_is_filled(empty: str) -> None:
    """With FONTE_DAYS a table without readings is filled."""
    execute(empty, OURS)
    assert readings(empty) == 0
    assert readings(empty, days=1) == 1440
    [turbine] = httpx2.get(f"{serve(Settings(database_url=empty))}/turbines").json()
    assert (turbine["name"], turbine["simulated"]) == ("T1", True)
    assert execute(empty, "SELECT count(wind_direction) FROM data") == [(1440,)]


@pytest.mark.parametrize("kind", ["table", "view"])
def test_held_readings_stay(empty: str, kind: str) -> None:
    """With FONTE_DAYS, readings that are there are served as they are, whatever lies beside."""
    execute(empty, f"{FOREIGN}; {OURS}; {A_READING}")
    if kind == "view":
        execute(empty, "ALTER TABLE data RENAME TO mine; CREATE VIEW data AS SELECT * FROM mine")
    before = execute(empty, CATALOGUE)
    assert readings(empty, days=2) == 1
    assert execute(empty, CATALOGUE) == before


@pytest.mark.parametrize("ours", ["", OURS], ids=["no table", "empty table"])
@pytest.mark.parametrize(
    ("foreign", "got"),
    [
        (FOREIGN, "farm.turbine"),
        ("CREATE VIEW a AS SELECT 1; CREATE MATERIALIZED VIEW b AS TABLE a", "a and 1 more"),
    ],
)
def test_foreign_source_is_never_written(empty: str, ours: str, foreign: str, got: str) -> None:
    """With FONTE_DAYS a database with other tables is refused in one line."""
    execute(empty, f"{foreign}; {ours}")
    before = execute(empty, CATALOGUE)
    assert refusals(empty, days=2) == {
        f"expected no table but data in the database, got {got}: nothing was written;"
        " use an empty database, or unset FONTE_DAYS to only read this one"
    }
    assert execute(empty, CATALOGUE) == before
    assert execute(empty, "SELECT FROM data") == [] if ours else True


@pytest.mark.parametrize("days", [None, 2])
@pytest.mark.parametrize("rows", ["", "; INSERT INTO data VALUES ('a')"])
def test_foreign_columns_are_one_line(empty: str, days: int | None, rows: str) -> None:
    """A table `data` of someone else's is left as it is."""
    execute(empty, f"CREATE TABLE data (name text){rows}")
    before = execute(empty, CATALOGUE)
    for line in refusals(empty, days):
        assert line.startswith("expected ")
        assert "wind_speed" in line or "FONTE_CATALOGUE" in line
        assert "\n" not in line
    assert execute(empty, CATALOGUE) == before


@pytest.mark.parametrize("kind", ["real", "numeric", "text"])
def test_foreign_types_are_one_line(empty: str, kind: str) -> None:
    """A column of another type is a 503 that names it, not a broken answer."""
    columns = COLUMNS.replace("power float8", f"power {kind}")
    execute(empty, f"CREATE TABLE data ({columns}); {A_READING}")
    answer = httpx2.get(f"{serve(Settings(database_url=empty))}{ROUTES[2]}")
    assert answer.status_code == 503
    assert "expected power of type double" in answer.json()["detail"]


@pytest.mark.parametrize("words", [["fill"], ["load", "own.csv"]], ids=str)
def test_commands_write_where_asked(
    empty: str, words: list[str], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """`fill` and `load` create the table in an empty database; `load` also adds to a table."""
    monkeypatch.chdir(tmp_path)
    Path("own.csv").write_text("timestamp,power\n2024-05-20,1\n")
    assert main(words) == 0
    count = "SELECT count(*) FROM data"
    assert execute(empty, count) == [(14_400 if words == ["fill"] else 1,)]
    execute(empty, FOREIGN)
    assert main(["load", "own.csv", "--replace"]) == 0
    assert execute(empty, count) == [(1,)]


@pytest.mark.parametrize("words", [["fill"], ["load", "own.csv"]], ids=str)
@pytest.mark.parametrize(
    ("foreign", "line"),
    [
        (FOREIGN, "expected no table but data in the database, got farm.turbine: nothing was"),
        ("CREATE TABLE data (name text)", "expected a table data with "),
        (EMPTY_VIEW, "expected a table data, got a view: nothing was written"),
    ],
)
def test_commands_refuse_foreign_tables(
    empty: str,
    words: list[str],
    foreign: str,
    line: str,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    """`fill` and `load` end with one line and exit code 1, and write nothing."""
    monkeypatch.chdir(tmp_path)
    Path("own.csv").write_text("timestamp,power\n2024-05-20,1\n")
    execute(empty, foreign)
    before = execute(empty, CATALOGUE)
    assert main(words) == 1
    err = capsys.readouterr().err
    assert err.count("\n") == 1
    assert line in err
    assert execute(empty, CATALOGUE) == before


def test_options_of_an_address(empty: str) -> None:
    """A search path in FONTE_DATABASE_URL chooses the schema in which `data` is found."""
    execute(empty, f"CREATE SCHEMA farm; SET search_path = farm; {OURS}; {A_READING}")
    assert readings(f"{empty}&options=-csearch_path%3Dfarm") == 1
    assert refusals(empty) == {MISSING}
