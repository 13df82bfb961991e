"""Simulated readings give way to own ones, and never come beside them."""

from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import httpx2
import pytest
from helpers import drop_database, execute, serve

from etl_lib.services import embedded
from etl_lib.settings import Settings as Library
from fonteapi import database, table
from fonteapi.__main__ import main
from fonteapi.settings import Settings

ROWS = 2 * 3 * 1440
"""The simulated readings: two days of three turbines."""
OWN = "turbine,timestamp,power\nT2,2024-06-01,1\nA1,2024-06-01,2\n"
HELD = "SELECT turbine, power FROM data ORDER BY id DESC LIMIT 5"


def fill(url: str, days: int | None = 2) -> int:
    settings = Settings(database_url=url, days=days, turbines=3, seed=7)
    fonte = database.open_fonte(settings)
    try:
        return table.fill_if_empty(fonte, settings)
    finally:
        fonte.engine.dispose()


@pytest.fixture
def url(new_database: Callable[[], str], monkeypatch: pytest.MonkeyPatch) -> Iterator[str]:
    """The address of an empty database, which is the Fonte of the environment."""
    url = new_database()
    monkeypatch.setenv("FONTE_DATABASE_URL", url)
    yield url
    drop_database(url)


@pytest.fixture
def load(url: str, tmp_path: Path, capsys: Any) -> Callable[..., str]:
    """Loads text as a CSV file; returns the report, or the error."""

    def load(content: str, *options: str, code: int = 0) -> str:
        (tmp_path / "own.csv").write_text(content)
        assert main(["load", str(tmp_path / "own.csv"), *options]) == code
        out, err = capsys.readouterr()
        return str(out + err)

    return load


def held(url: str) -> list[tuple[str, float]]:
    return [tuple(row) for row in execute(url, HELD)]


def test_first_own_file(url: str, load: Callable[..., str]) -> None:
    """It takes the place of the simulated readings of every turbine; the next is put beside it."""
    assert fill(url) == ROWS
    report = load(OWN).splitlines()[0]
    assert report.endswith("2024-06-01T00:00:00Z, instead of 8,640 simulated ones")
    assert held(url) == [("A1", 2), ("T2", 1)]
    assert load(OWN).splitlines()[0].endswith("T00:00:00Z, beside 2 that Fonte held")
    turbines = httpx2.get(f"{serve(Settings(database_url=url))}/turbines").json()
    assert {one["name"]: one["simulated"] for one in turbines} == {"A1": False, "T2": False}


@pytest.mark.parametrize(
    ("options", "others", "left"),
    [
        ([], "beside 2 that", [("A1", 2), ("T2", 1), ("B1", 9), ("A1", 8)]),
        (["--replace"], "instead of 1 and beside 1 that", [("A1", 2), ("T2", 1), ("B1", 9)]),
        (["--replace-all"], "instead of 2 that", [("A1", 2), ("T2", 1)]),
    ],
    ids=str,
)
def test_own_beside_simulated(
    url: str, load: Callable[..., str], options: list[str], others: str, left: list[Any]
) -> None:
    """Where both are held, the simulated ones go, and the own ones as the options say."""
    fill(url)
    execute(url, "INSERT INTO data (turbine, timestamp, power) VALUES ('A1', '2024-06-01', 8)")
    execute(url, "INSERT INTO data (turbine, timestamp, power) VALUES ('B1', '2024-06-01', 9)")
    report = load(OWN, *options).splitlines()[0]
    assert report.endswith(f", instead of 8,640 simulated ones, {others} Fonte held")
    assert held(url) == left


def test_unmarked_readings_stay(url: str, load: Callable[..., str]) -> None:
    """The readings of version 0.1 are not marked: they stay, simulated or not."""
    fill(url)
    execute(url, "ALTER TABLE data DROP COLUMN simulated")
    assert ", beside 8,640 that Fonte held" in load(OWN)
    assert ", instead of 8,642 that Fonte held" in load(OWN, "--replace-all")
    assert held(url) == [("A1", 2), ("T2", 1)]


def test_failed_load(url: str, load: Callable[..., str]) -> None:
    """When Fonte does not take a file, the simulated readings are still there."""
    fill(url)
    execute(url, "ALTER TABLE data ADD CHECK (turbine <> 'A1')")
    assert "Fonte did not take the readings" in load(OWN, code=1)
    assert execute(url, "SELECT count(*), bool_and(simulated) FROM data") == [(ROWS, True)]


def test_filled_in_between(
    url: str, load: Callable[..., str], monkeypatch: pytest.MonkeyPatch
) -> None:
    """A Fonte that is filled while the file is being loaded has the file alone in the end."""
    create = table.create_table

    def create_and_fill(*arguments: Any, **options: Any) -> None:
        create(*arguments, **options)
        with monkeypatch.context() as ours:
            ours.setattr(table, "create_table", create)
            assert fill(url) == ROWS

    monkeypatch.setattr(table, "create_table", create_and_fill)
    more = OWN.replace("power", "power,wind_speed,ambient_temperature").replace(",2\n", ",2,8,9\n")
    assert ", instead of 8,640 simulated ones" in load(more.replace(",1\n", ",1,8,9\n"))
    assert held(url) == [("A1", 2), ("T2", 1)]


def test_own_readings_stay_alone(
    url: str, load: Callable[..., str], monkeypatch: pytest.MonkeyPatch, capsys: Any
) -> None:
    """A Fonte with own readings is never filled: by the command, by the API, by `etl`."""
    load(OWN)
    assert main(["fill"]) == 0
    assert capsys.readouterr().out == "Fonte has readings\n"
    assert fill(url) == 0
    api = serve(Settings(database_url=url, days=2))
    assert [day["readings"] for day in httpx2.get(f"{api}/days").json()] == [2]
    monkeypatch.setenv("FONTE_DAYS", "2")
    api = embedded.start_api(url, None, is_embedded=True)
    assert [day["readings"] for day in httpx2.get(f"{api}/days").json()] == [2]
    assert held(url) == [("A1", 2), ("T2", 1)]


@pytest.mark.parametrize("has_table", [False, True], ids=["no table", "empty table"])
def test_zero_days(url: str, has_table: bool, monkeypatch: pytest.MonkeyPatch, capsys: Any) -> None:
    """With FONTE_DAYS=0 nothing is filled: by the command, by the API, by `etl`."""
    if has_table:
        execute(url, "CREATE TABLE data (id bigint, timestamp timestamptz, power float8)")
    relations = "SELECT relname, relfilenode FROM pg_class ORDER BY 1"
    before = execute(url, relations)
    monkeypatch.setenv("FONTE_DAYS", "0")
    assert main(["fill"]) == 0
    assert capsys.readouterr().out == "nothing written: FONTE_DAYS is 0\n"
    settings = Library(fonte_database_url=url, alvo_database_url="postgresql://unused/Alvo")
    for api in (
        serve(Settings(database_url=url)),
        embedded.start_api(url, None, is_embedded=True),
        embedded.start_missing(settings).fonte_api_url,
    ):
        answer = httpx2.get(f"{api}/days", timeout=60)
        assert (answer.status_code, answer.json() == []) == (
            (200, True) if has_table else (503, False)
        )
    assert execute(url, relations) == before
