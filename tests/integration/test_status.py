"""The state of each date from Fonte, the ledger and the archive, and the dates that are skipped."""

import json
from collections.abc import Callable, Generator
from datetime import UTC, date, datetime, timedelta
from pathlib import Path
from typing import Any
from unittest.mock import ANY

import pyarrow as pa
import pytest
from helpers import execute
from sqlalchemy import Engine

from etl_lib.archive.status import DayStatus, State, read_status
from etl_lib.archive.store import open_archive
from etl_lib.cli import main as cli
from etl_lib.extract.client import open_fonte
from etl_lib.extract.days import find_day
from etl_lib.extract.readings import fetch_readings
from etl_lib.load.day import load_day
from etl_lib.settings import Settings
from etl_lib.transform.statistics import compute_statistics

FIRST = date(2024, 5, 20)
Load = Callable[..., None]


@pytest.fixture
def settings(
    fonte_api: str,
    put_readings: Callable[[pa.Table], None],
    alvo_url: str,
    monkeypatch: pytest.MonkeyPatch,
) -> Settings:
    """An hour of readings on each of four days in Fonte, nothing in Alvo."""
    starts = [datetime(2024, 5, day, tzinfo=UTC) for day in range(20, 24)]
    stamps = [start + timedelta(minutes=minute) for start in starts for minute in range(60)]
    put_readings(pa.table({"timestamp": stamps, "power": [float(s.minute) for s in stamps]}))
    monkeypatch.setenv("FONTE_API_URL", fonte_api)
    monkeypatch.setenv("ALVO_DATABASE_URL", alvo_url)
    return Settings()


@pytest.fixture
def load(settings: Settings, alvo: Engine) -> Load:
    """Loads a day's power, of some turbines or of all, as the notebook does."""

    def load(day: date, *turbines: str) -> None:
        assert settings.fonte_api_url
        with open_fonte(settings.fonte_api_url) as fonte:
            found = find_day(fonte, day.isoformat(), turbines or None)
            period = found.start, found.end
            readings = fetch_readings(fonte, *period, ["power"], found.turbines)
        load_day(alvo, found, compute_statistics(readings), readings=readings.num_rows)

    return load


def archive(project: Path, day: date, name: str) -> None:
    folder = project / "runs" / day.isoformat()
    folder.mkdir(exist_ok=True)
    (folder / name).write_text("{}")


def find(settings: Settings, project: Path, *period: date) -> dict[date, DayStatus]:
    return read_status(settings, open_archive(project / "runs"), *period)


def states(settings: Settings, project: Path) -> dict[int, State]:
    return {day.day: status.state for day, status in find(settings, project).items()}


def test_missing(settings: Settings, load: Load, project: Path) -> None:
    """A date is missing until it is loaded."""
    load(date(2024, 5, 21))
    assert states(settings, project) == {
        20: State.MISSING,
        21: State.LOADED,
        22: State.MISSING,
        23: State.MISSING,
    }


def test_stale(settings: Settings, load: Load, project: Path, fonte_url: str) -> None:
    """A date whose readings changed is stale until the next load."""
    load(FIRST)
    load(date(2024, 5, 21))
    execute(fonte_url, "UPDATE data SET power = 7 WHERE timestamp = '2024-05-20T00:30Z'")
    assert states(settings, project)[20] is State.STALE
    assert states(settings, project)[21] is State.LOADED
    load(FIRST)
    assert states(settings, project)[20] is State.LOADED


def put(url: str, turbine: str, stamp: str) -> None:
    row = f"('{turbine}', '{stamp}', 1)"
    execute(url, f"INSERT INTO data (turbine, timestamp, power) VALUES {row}")


def test_signal_that_was_not_loaded(
    settings: Settings, load: Load, project: Path, fonte_url: str
) -> None:
    """A change of another signal makes no date stale, nor does a new signal."""
    load(FIRST)
    execute(fonte_url, "UPDATE data SET wind_speed = 7")
    execute(fonte_url, "ALTER TABLE data ADD COLUMN humidity float8 DEFAULT 80")
    assert states(settings, project)[20] is State.LOADED


def test_turbine_that_comes_later(
    settings: Settings, load: Load, project: Path, fonte_url: str
) -> None:
    """Of a date that was loaded whole, a turbine that comes later makes exactly that one stale."""
    load(FIRST)
    load(date(2024, 5, 21))
    put(fonte_url, "T2", "2024-05-21T10:00Z")
    found = find(settings, project)
    assert [found[date(2024, 5, n)].state for n in (20, 21)] == [State.LOADED, State.STALE]
    assert (found[FIRST].turbines, found[FIRST].lacking) == (["T1"], [])
    second = found[date(2024, 5, 21)]
    assert (second.turbines, second.lacking) == (["T1"], ["T2"])
    load(date(2024, 5, 21))
    assert find(settings, project)[date(2024, 5, 21)].turbines == ["T1", "T2"]
    assert states(settings, project)[21] is State.LOADED


def test_chosen_turbines(settings: Settings, load: Load, project: Path, fonte_url: str) -> None:
    """A date that was loaded for some turbines is loaded, and current for these alone."""
    put(fonte_url, "T2", "2024-05-20T10:00Z")
    put(fonte_url, "T3", "2024-05-20T10:00Z")
    load(FIRST, "T1")
    load(FIRST, "T2")
    status = find(settings, project)[FIRST]
    assert (status.state, status.turbines, status.lacking) == (State.LOADED, ["T1", "T2"], ["T3"])
    assert status.is_current(["power"], ["T1"])
    assert status.is_current(["power"], ["T2", "T1"])
    assert not status.is_current(["power"], ["T3"])
    assert not status.is_current(["power"])
    assert not status.is_current(["wind_speed"], ["T1"])
    put(fonte_url, "T3", "2024-05-20T10:01Z")
    assert find(settings, project)[FIRST].state is State.LOADED
    put(fonte_url, "T1", "2024-05-20T10:01Z")
    assert find(settings, project)[FIRST].state is State.STALE
    load(FIRST, "T1")
    assert find(settings, project)[FIRST].state is State.LOADED


def test_renamed_turbine(settings: Settings, load: Load, project: Path, fonte_url: str) -> None:
    """A turbine that Fonte has no more makes its dates stale until the next load of all."""
    load(FIRST)
    execute(fonte_url, "UPDATE data SET turbine = 'R80711'")
    status = find(settings, project)[FIRST]
    assert (status.state, status.turbines, status.lacking) == (State.STALE, ["T1"], ["R80711"])
    load(FIRST)
    status = find(settings, project)[FIRST]
    assert (status.state, status.turbines, status.lacking) == (State.LOADED, ["R80711"], [])


def test_table_of_a_farm(
    settings: Settings, load: Load, project: Path, fonte_url: str, capsys: Any
) -> None:
    """Of a farm the table counts the turbines, and names those that a loaded date lacks."""
    put(fonte_url, "T2", "2024-05-20T10:00Z")
    load(FIRST, "T1")
    assert cli.main(["status", "2024-05-20", "2024-05-21"]) == 0
    head, first, lacking, second = capsys.readouterr().out.splitlines()
    assert head.split()[:4] == ["date", "state", "readings", "turbines"]
    assert first.split()[:6] == ["2024-05-20", "loaded", "61", "1", "of", "2"]
    assert lacking.split() == ["lacks", "T2"]
    assert second.split() == ["2024-05-21", "missing", "60", "0", "of", "1"]


def test_vanished_readings(settings: Settings, load: Load, project: Path, fonte_url: str) -> None:
    """A loaded date whose readings vanished is stale."""
    load(date(2024, 5, 21))
    execute(fonte_url, "DELETE FROM data WHERE timestamp::date = '2024-05-21'")
    found = find(settings, project)[date(2024, 5, 21)]
    assert (found.state, found.readings) == (State.STALE, 0)


def test_failed(settings: Settings, load: Load, project: Path) -> None:
    """A date is failed while its last attempt is; a running attempt does not count."""
    archive(project, FIRST, "20240601T000000.000000Z.failed.ipynb")
    assert states(settings, project)[20] is State.FAILED
    archive(project, FIRST, ".20240603T000000.000000Z.partial.ipynb")  # being run now
    assert states(settings, project)[20] is State.FAILED
    load(FIRST)  # by hand: Alvo holds what Fonte does
    assert states(settings, project)[20] is State.LOADED


@pytest.mark.parametrize("name", ["{}.failed.ipynb", ".{}.partial.ipynb"])
def test_interrupted_after_load(
    settings: Settings, load: Load, project: Path, monkeypatch: pytest.MonkeyPatch, name: str
) -> None:
    """A date whose notebook was interrupted after the load is failed."""
    stem = "20240603T000000.000000Z"
    monkeypatch.setenv("ETL_NOTEBOOK", f"{FIRST}/{stem}.ipynb")
    load(FIRST)
    assert states(settings, project)[20] is State.LOADED
    archive(project, FIRST, name.format(stem))
    assert states(settings, project)[20] is State.FAILED


def test_failed_while_stale(settings: Settings, load: Load, project: Path, fonte_url: str) -> None:
    """A stale date whose last attempt failed is failed."""
    load(FIRST)
    archive(project, FIRST, "20240601T000000.000000Z.ipynb")
    execute(fonte_url, "UPDATE data SET power = 7 WHERE timestamp = '2024-05-20T00:30Z'")
    assert states(settings, project)[20] is State.STALE
    archive(project, FIRST, "20240602T000000.000000Z.failed.ipynb")
    assert states(settings, project)[20] is State.FAILED


def test_report(
    settings: Settings, load: Load, project: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The report is the page of the last load."""
    for name in ("a", "b"):
        archive(project, FIRST, f"{name}.html")
        monkeypatch.setenv("ETL_NOTEBOOK", f"2024-05-20/{name}.ipynb")
        load(FIRST)
    report = find(settings, project)[FIRST].report
    assert report == project / "runs" / "2024-05-20" / "b.html"


def test_period(settings: Settings, load: Load, project: Path) -> None:
    """Only the dates of the period are returned."""
    load(FIRST)
    load(date(2024, 5, 23))
    found = find(settings, project, date(2024, 5, 21), date(2024, 5, 23))
    assert [day.day for day in found] == [21, 22, 23]


def test_table_and_json(
    settings: Settings, load: Load, project: Path, alvo_url: str, capsys: Any
) -> None:
    """`etl status` prints a table, and JSON with `--json`."""
    load(FIRST)
    assert cli.main(["status"]) == 0
    header, first, second, *_ = capsys.readouterr().out.splitlines()
    assert header.split() == ["date", "state", "readings", "coverage", "loaded", "(UTC)", "report"]
    assert first.split()[:4] == ["2024-05-20", "loaded", "60", "4.2%"]
    assert first.endswith("  none: etl run --force makes one")
    assert second.split() == ["2024-05-21", "missing", "60"]

    assert cli.main(["status", "2024-05-20", "--json"]) == 0
    (record,) = json.loads(capsys.readouterr().out)
    (row,) = execute(alvo_url, "SELECT * FROM run")
    assert record == {
        "date": "2024-05-20",
        "state": "loaded",
        "readings": 60,
        "coverage": pytest.approx(60 / 1440),
        "columns": ["power"],
        "statistics": 30,
        "suspects": [],
        "loaded": row.finished.isoformat(),
        "report": None,
        "turbines": ["T1"],
        "lacking": [],
        "fingerprint": ANY,
        "run": row.id,
    }


def test_skipped(settings: Settings, load: Load, project: Path, capsys: Any) -> None:
    """`etl run` skips dates that are loaded and unchanged."""
    for day in (20, 21, 22, 23):
        load(date(2024, 5, day))
    assert cli.main(["run", "2024-05-20", "2024-05-23", "--columns", "power"]) == 0
    assert capsys.readouterr().out.splitlines() == [
        "4 dates  skipped: loaded, and nothing changed at the source since",
        "4 skipped",
    ]
    assert list((project / "runs").iterdir()) == []


@pytest.mark.parametrize(
    ("options", "wanted"),
    [
        ([], [21, 22, 23]),
        (["--force"], [20, 21, 22, 23]),
        (["--missing"], [23]),
        (["--stale"], [21]),
        (["--failed"], [22]),
        (["--failed", "--stale"], [21, 22]),
        (["--columns", "power", "wind_speed"], [20, 21, 22, 23]),
    ],
    ids=lambda value: " ".join(map(str, value)) or "plain",
)
def test_chosen_dates(
    settings: Settings,
    load: Load,
    project: Path,
    fonte_url: str,
    monkeypatch: pytest.MonkeyPatch,
    options: list[str],
    wanted: list[int],
) -> None:
    """`etl run` runs the dates that need it, or those in the chosen states."""
    load(FIRST)
    load(date(2024, 5, 21))
    execute(fonte_url, "UPDATE data SET power = 7 WHERE timestamp = '2024-05-21T00:30Z'")
    archive(project, date(2024, 5, 22), "20240601T000000.000000Z.failed.ipynb")

    asked: list[date] = []

    def run_dates(_: object, days: list[date], *__: object, **___: object) -> Generator[None]:
        asked.extend(days)
        yield from ()

    monkeypatch.setattr("etl_lib.cli.run.run_dates", run_dates)
    columns = [] if "--columns" in options else ["--columns", "power"]
    cli.main(["run", "2024-05-20", "2024-05-23", *options, *columns])
    assert [day.day for day in asked] == wanted


def check(capsys: Any, *options: str) -> tuple[int, str]:
    code = cli.main(["status", "--check", *options])
    return code, capsys.readouterr().out.strip()


def test_check(
    settings: Settings,
    load: Load,
    project: Path,
    fonte_url: str,
    capsys: Any,
) -> None:
    """`etl status --check` names the days that need attention, and fails."""
    days = "2024-05-20, 2024-05-21, 2024-05-22, 2024-05-23"
    assert check(capsys) == (1, f"4 missing: {days}; nothing was ever loaded")
    for day in range(20, 23):
        load(date(2024, 5, day))
    execute(fonte_url, "UPDATE data SET power = 7 WHERE timestamp = '2024-05-21T00:30Z'")
    archive(project, date(2024, 5, 23), "20240601T000000.000000Z.failed.ipynb")
    code, line = check(capsys)
    assert code == 1
    assert line.startswith("1 failed: 2024-05-23; 1 stale: 2024-05-21; the newest load was at 20")
    assert json.loads(check(capsys, "--json")[1])[1]["state"] == "stale"
    assert check(capsys, "--json")[0] == 1
    assert check(capsys, "2024-05-20")[0] == 0
    assert check(capsys, "2031-01-01") == (1, "no such day is known; nothing was ever loaded")
    load(date(2024, 5, 21))
    load(date(2024, 5, 23))
    code, line = check(capsys)
    assert (code, line.split(";")[0]) == (0, "nothing to do")
    assert line.endswith(" UTC, 0.0 hours ago")


def test_check_today(
    settings: Settings,
    load: Load,
    put_readings: Callable[[pa.Table], None],
    project: Path,
    capsys: Any,
) -> None:
    """A check ignores the current day."""
    for day in range(20, 24):
        load(date(2024, 5, day))
    put_readings(pa.table({"timestamp": [datetime.now(UTC)], "power": [1.0]}))
    assert check(capsys)[0] == 0
    put_readings(pa.table({"timestamp": [datetime.now(UTC) - timedelta(days=1)], "power": [1.0]}))
    assert check(capsys)[0] == 1


def test_max_age(settings: Settings, load: Load, project: Path, alvo_url: str, capsys: Any) -> None:
    """A check fails when the newest load is too old."""
    for day in range(20, 24):
        load(date(2024, 5, day))
    execute(alvo_url, "UPDATE run SET finished = finished - interval '49 hours'")
    assert check(capsys, "--max-age", "3")[0] == 0
    code, line = check(capsys, "--max-age", "2")
    assert code == 1
    assert line.startswith("no load for 2 days; the newest load was at 20")
    assert line.endswith(" UTC, 49.0 hours ago")


def test_check_many_days(
    settings: Settings, put_readings: Callable[[pa.Table], None], project: Path, capsys: Any
) -> None:
    """A check names the first five of many days."""
    put_readings(pa.table({"timestamp": [datetime(2024, 6, day, tzinfo=UTC) for day in (1, 2)]}))
    words = "6 missing: 2024-05-20, 2024-05-21, 2024-05-22, 2024-05-23, 2024-06-01 …;"
    assert check(capsys)[1].startswith(words)


def test_pruned_source(settings: Settings, load: Load, project: Path, fonte_url: str) -> None:
    """A loaded date before the first day in Fonte stays loaded."""
    for day in (20, 21):
        load(date(2024, 5, day))
    execute(fonte_url, "DELETE FROM data WHERE timestamp < '2024-05-22'")
    assert states(settings, project)[20] is State.LOADED
    found = find(settings, project, date(2024, 5, 20), date(2024, 5, 21))
    assert [day.state for day in found.values()] == [State.LOADED] * 2
