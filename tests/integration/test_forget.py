"""Turbines deleted from Alvo, and what is told of their dates afterwards."""

import io
import json
import threading
from collections.abc import Callable
from dataclasses import replace
from datetime import UTC, date, datetime, timedelta
from pathlib import Path
from typing import Any

import pyarrow as pa
import pytest
from helpers import DAY, FARM, execute, farm_statistics, make_statistics, put_notebook, stored
from sqlalchemy import Engine

from etl_lib.archive.index import write_index
from etl_lib.archive.status import DayStatus, State, read_status
from etl_lib.archive.store import open_archive
from etl_lib.cli import main as cli
from etl_lib.errors import AlvoError
from etl_lib.extract.client import open_fonte
from etl_lib.extract.days import find_day
from etl_lib.extract.readings import fetch_readings
from etl_lib.load import day as load
from etl_lib.load import forget
from etl_lib.load.day import load_day
from etl_lib.load.forget import Found, count_statistics, forget_turbines
from etl_lib.load.ledger import last_loads, loaded_turbines
from etl_lib.load.reading import read_statistics
from etl_lib.settings import Settings
from etl_lib.transform.statistics import compute_statistics

FIRST, SECOND = date(2024, 5, 20), date(2024, 5, 21)
NEXT = replace(DAY, date=SECOND)
LEDGER = "SELECT * FROM run ORDER BY id"


def load_farm(alvo: Engine, scale: float = 1) -> None:
    farm = replace(FARM, turbines=["A1", "B2"])
    load_day(alvo, farm, farm_statistics(scale), readings=2880)


# Alvo


def test_one_turbine_goes(alvo: Engine, alvo_url: str) -> None:
    """Its series and statistics go, of every date; the others and the ledger stay as they are."""
    load_farm(alvo)
    load_day(alvo, NEXT, make_statistics(NEXT), readings=1440)
    others = [row for row in stored(alvo_url) if row.turbine != "A1"]
    ledger = execute(alvo_url, LEDGER)
    assert count_statistics(alvo, ["A1"]) == Found(720, 1)
    assert count_statistics(alvo, ["A1", "T1"]) == Found(1440, 2)
    assert forget_turbines(alvo, ["A1"]) == Found(720, 1)
    assert stored(alvo_url) == others
    assert execute(alvo_url, "SELECT DISTINCT turbine FROM signal ORDER BY 1") == [("B2",), ("T1",)]
    assert list(read_statistics(alvo).index.unique("turbine")) == ["B2", "T1"]
    assert execute(alvo_url, LEDGER) == ledger
    assert execute(alvo_url, "SELECT turbine, last_run FROM forgotten") == [("A1", 2)]


def test_ledger_leaves_it_out(alvo: Engine) -> None:
    """What is loaded is told without the turbine, until it is loaded again."""
    load_day(alvo, DAY, make_statistics(), readings=1440)
    one = replace(DAY, turbines=["A1"], is_whole=False)
    load_day(alvo, one, farm_statistics(3, ["A1"]), readings=1440)
    assert last_loads(alvo)[FIRST].turbines == ["A1"]
    forget_turbines(alvo, ["A1"])
    assert last_loads(alvo)[FIRST].turbines == ["T1"]
    assert list(loaded_turbines(alvo)[FIRST]) == ["T1"]
    forget_turbines(alvo, ["T1"])
    assert (last_loads(alvo), loaded_turbines(alvo)) == ({}, {})
    load_day(alvo, one, farm_statistics(3, ["A1"]), readings=1440)
    assert last_loads(alvo)[FIRST].added == 720
    assert list(loaded_turbines(alvo)[FIRST]) == ["A1"]
    assert forget_turbines(alvo, ["A1"]) == Found(720, 1)


def test_failure_keeps_all(alvo: Engine, alvo_url: str, monkeypatch: pytest.MonkeyPatch) -> None:
    """When a statement fails, nothing is deleted."""
    load_farm(alvo)
    before = stored(alvo_url)
    monkeypatch.setattr(forget, "INSERT_FORGOTTEN", "SELECT broken FROM unnest($1::text[])")
    with pytest.raises(AlvoError, match="broken"):
        forget_turbines(alvo, ["A1"])
    assert stored(alvo_url) == before


def test_waits_for_loads(alvo: Engine, alvo_url: str, monkeypatch: pytest.MonkeyPatch) -> None:
    """A load that runs is finished first, and what it wrote is deleted, too."""
    load_farm(alvo)
    gone: list[Found] = []
    other = threading.Thread(target=lambda: gone.append(forget_turbines(alvo, ["A1"])))
    real = load._to_rows

    def forget_meanwhile(*arguments: Any) -> Any:
        other.start()
        other.join(timeout=0.5)
        assert other.is_alive()
        return real(*arguments)

    monkeypatch.setattr(load, "_to_rows", forget_meanwhile)
    farm = replace(FARM, turbines=["A1", "B2"], date=SECOND)
    parts = [make_statistics(farm, scale=n) for n in (1, 2)]
    named = [part.set_column(0, part.schema.field(0), [[name] * len(part)])
             for name, part in zip(farm.turbines, parts, strict=True)]  # fmt: skip
    load_day(alvo, farm, pa.concat_tables(named), readings=2880)
    other.join(timeout=60)
    assert gone == [Found(1440, 2)]
    assert {row.turbine for row in stored(alvo_url)} == {"B2"}
    assert list(loaded_turbines(alvo)[SECOND]) == ["B2"]


def test_loads_wait(alvo: Engine, monkeypatch: pytest.MonkeyPatch) -> None:
    """A load that begins meanwhile comes after it, and is complete."""
    load_farm(alvo)
    other = threading.Thread(target=load_farm, args=(alvo, 3))
    real = forget.execute

    def load_meanwhile(cursor: Any, statement: str, *values: Any) -> Any:
        if statement == forget.DELETE_SIGNALS:
            other.start()
            other.join(timeout=0.5)
            assert other.is_alive()
        return real(cursor, statement, *values)

    monkeypatch.setattr(forget, "execute", load_meanwhile)
    forget_turbines(alvo, ["A1"])
    other.join(timeout=60)
    assert count_statistics(alvo, ["A1"]) == Found(720, 1)
    assert read_statistics(alvo).loc["A1"]["power_max"].max() == 96 * 3
    assert sorted(loaded_turbines(alvo)[FIRST]) == ["A1", "B2"]


# The state of its dates


@pytest.fixture
def settings(
    fonte_api: str,
    put_readings: Callable[[pa.Table], None],
    alvo_url: str,
    monkeypatch: pytest.MonkeyPatch,
) -> Settings:
    """An hour of T1 on a day, of T1 and T2 on the next one; nothing in Alvo."""
    for day, turbine in ((FIRST, "T1"), (SECOND, "T1"), (SECOND, "T2")):
        start = datetime(day.year, day.month, day.day, tzinfo=UTC)
        stamps = [start + timedelta(minutes=minute) for minute in range(60)]
        power = [float(stamp.minute) for stamp in stamps]
        put_readings(pa.table({"timestamp": stamps, "turbine": [turbine] * 60, "power": power}))
    monkeypatch.setenv("FONTE_API_URL", fonte_api)
    monkeypatch.setenv("ALVO_DATABASE_URL", alvo_url)
    return Settings()


@pytest.fixture
def loaded(settings: Settings, alvo: Engine) -> Callable[[date], None]:
    """Loads all turbines of a day, as the notebook does; both days are loaded."""

    def load(day: date) -> None:
        assert settings.fonte_api_url
        with open_fonte(settings.fonte_api_url) as fonte:
            found = find_day(fonte, day.isoformat())
            readings = fetch_readings(fonte, found.start, found.end, ["power"], found.turbines)
        load_day(alvo, found, compute_statistics(readings), readings=readings.num_rows)

    load(FIRST)
    load(SECOND)
    return load


def states(settings: Settings, project: Path) -> dict[int, DayStatus]:
    found = read_status(settings, open_archive(project / "runs"))
    return {day.day: status for day, status in found.items()}


def test_readings_that_fonte_has(
    settings: Settings, loaded: Callable[[date], None], alvo: Engine, project: Path
) -> None:
    """A date is stale without one of its turbines, missing without all, and can be loaded again."""
    before = {day: status.run for day, status in states(settings, project).items()}
    forget_turbines(alvo, ["T1"])
    found = states(settings, project)
    assert (found[21].state, found[21].turbines, found[21].lacking) == (
        *(State.STALE, ["T2"], ["T1"]),
    )
    assert (found[20].state, found[20].loaded, found[20].turbines) == (State.MISSING, None, [])
    assert {day: status.run for day, status in found.items()} == before
    loaded(FIRST)
    loaded(SECOND)
    assert [status.state for status in states(settings, project).values()] == [State.LOADED] * 2


def test_readings_that_fonte_lacks(
    settings: Settings,
    loaded: Callable[[date], None],
    alvo: Engine,
    fonte_url: str,
    project: Path,
    capsys: Any,
) -> None:
    """Without readings a date is forgotten, which needs nobody; another turbine's stays loaded."""
    execute(fonte_url, "DELETE FROM data WHERE turbine = 'T1'")
    assert states(settings, project)[21].state is State.STALE
    forget_turbines(alvo, ["T1"])
    found = states(settings, project)
    assert (found[21].state, found[21].turbines, found[21].lacking) == (
        *(State.LOADED, ["T2"], []),
    )
    assert (found[20].state, found[20].loaded, found[20].coverage) == (State.FORGOTTEN, None, None)
    assert cli.main(["status", "--check"]) == 0
    capsys.readouterr()
    assert cli.main(["status"]) == 0
    assert capsys.readouterr().out.splitlines()[1] == "2024-05-20  forgotten         0"
    assert cli.main(["status", "--json"]) == 0
    assert json.loads(capsys.readouterr().out)[0]["state"] == "forgotten"


def test_index(project: Path) -> None:
    """The index lists a forgotten date with its report, and explains the state."""
    put_notebook(project, "2024-05-20/a.ipynb")
    archive = open_archive(project / "runs")
    known = {FIRST: DayStatus(date=FIRST, state=State.FORGOTTEN, readings=0)}
    page = Path(write_index(archive, known)).read_text(encoding="utf-8")
    assert '<span class="state forgotten">forgotten</span>' in page
    assert "forgotten: deleted from Alvo" in page
    assert 'href="2024-05-20/a.ipynb"' in page
    known = {FIRST: DayStatus(date=FIRST, state=State.LOADED, readings=1)}
    page = Path(write_index(archive, known)).read_text(encoding="utf-8")
    assert "deleted from Alvo" not in page


# The command


class Terminal(io.StringIO):
    """A terminal on which somebody types."""

    def isatty(self) -> bool:
        return True


@pytest.mark.usefixtures("loaded")
def test_asks(project: Path, alvo_url: str, monkeypatch: pytest.MonkeyPatch, capsys: Any) -> None:
    """It asks on a terminal; anything but yes deletes nothing."""
    for answer in ("n\n", "\n", "", "maybe\n"):
        monkeypatch.setattr("sys.stdin", Terminal(answer))
        assert cli.main(["forget", "T1"]) == 1
        out = capsys.readouterr().out
        assert out.startswith("Delete 60 statistics of T1 on 2 dates from Alvo? [y/N] ")
        assert out.endswith("nothing was deleted\n")
    assert len(stored(alvo_url)) == 90
    monkeypatch.setattr("sys.stdin", Terminal("y\n"))
    assert cli.main(["forget", "T1"]) == 0
    *_, line, page = capsys.readouterr().out.splitlines()
    assert line.endswith(
        "deleted 60 statistics of T1 on 2 dates from Alvo; their reports stay in runs"
    )
    assert page == "  all dates runs/index.html"
    assert {row.turbine for row in stored(alvo_url)} == {"T2"}
    assert "2024-05-21" in (project / "runs" / "index.html").read_text(encoding="utf-8")


@pytest.mark.usefixtures("loaded", "project")
def test_without_a_terminal(alvo_url: str, monkeypatch: pytest.MonkeyPatch, capsys: Any) -> None:
    """Without a terminal it refuses, unless --yes is given."""
    monkeypatch.setattr("sys.stdin", io.StringIO("y\n"))
    assert cli.main(["forget", "T1", "T2"]) == 2
    out, err = capsys.readouterr()
    assert (out, len(stored(alvo_url))) == ("", 90)
    assert err.startswith("etl forget: expected a terminal to ask before it deletes, or --yes; ")
    assert cli.main(["forget", "T1", "T2", "--yes"]) == 0
    assert "deleted 90 statistics of T1, T2 on 2 dates from Alvo" in capsys.readouterr().out
    assert stored(alvo_url) == []
    assert cli.main(["forget", "T1", "--yes"]) == 2
    assert "expected none, since Alvo has no series; got T1;" in capsys.readouterr().err


@pytest.mark.usefixtures("loaded", "project")
@pytest.mark.parametrize(("words", "got"), [(["T9", "T1", "t2"], "T9, t2"), ([""], "no name")])
def test_unknown_turbine(alvo_url: str, words: list[str], got: str, capsys: Any) -> None:
    """A turbine that Alvo does not have is one line that names those that it has."""
    assert cli.main(["forget", *words, "--yes"]) == 2
    out, err = capsys.readouterr()
    assert (out, len(stored(alvo_url))) == ("", 90)
    assert err == (
        f"etl forget: turbines: expected some of T1, T2; got {got}; see etl forget --help\n"
    )
