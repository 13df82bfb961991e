"""Counters and states through the whole stair: file, API, notebook, Alvo, and staleness."""

from collections.abc import Callable
from datetime import UTC, date, datetime, timedelta
from pathlib import Path

import httpx2
import pytest
from helpers import execute
from sqlalchemy import Engine

from etl_lib.analysis.farm import compare_signals
from etl_lib.archive.status import State, read_status
from etl_lib.archive.store import open_archive
from etl_lib.extract.days import fetch_days, find_day
from etl_lib.extract.readings import fetch_before, fetch_readings
from etl_lib.load.day import load_day
from etl_lib.load.reading import read_statistics, verify_load
from etl_lib.load.records import LoadedDay
from etl_lib.orchestration.days import compare
from etl_lib.runs.date import run_date
from etl_lib.runs.notebook import Plan
from etl_lib.settings import Settings
from etl_lib.transform.statistics import compute_statistics, to_frame
from fonteapi.__main__ import main as fonteapi

START = datetime(2024, 5, 20, tzinfo=UTC)
FIRST, SECOND, THIRD = (START.date() + timedelta(days=n) for n in range(3))
COLUMNS = ["power", "energy", "status"]
STEP = timedelta(minutes=10)
LoadFarm = Callable[..., None]


@pytest.fixture
def load_farm(fonte_url: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> LoadFarm:
    """Puts two days of ten-minute readings of these turbines into the test's Fonte."""
    monkeypatch.setenv("FONTE_DATABASE_URL", fonte_url)

    def load(*turbines: str) -> None:
        lines = ["turbine,timestamp,power,energy,status"]
        for turbine in turbines:
            for n in range(288):
                stamp = (START + n * STEP).isoformat()
                lines.append(f"{turbine},{stamp},{n % 7},{1000 + 5 * n},{100 + n // 50}")
        path = tmp_path / "farm.csv"
        path.write_text("\n".join(lines))
        assert fonteapi(["load", str(path)]) == 0

    return load


def transfer(fonte: httpx2.Client, alvo: Engine, day: date, columns: list[str]) -> LoadedDay:
    """One day as the notebook moves it."""
    found = find_day(fonte, day.isoformat())
    readings = fetch_readings(fonte, found.start, found.end, columns, found.turbines)
    before = fetch_before(fonte, found, readings)
    computed = compute_statistics(readings, before=before)
    load = load_day(alvo, found, computed, readings=readings.num_rows)
    assert verify_load(alvo, found, to_frame(computed)) == load.statistics
    return load


def test_two_days(load_farm: LoadFarm, fonte: httpx2.Client, alvo: Engine) -> None:
    """Deltas and changes go on over midnight; Alvo holds what the readings give."""
    load_farm("A", "B")
    first, second = (transfer(fonte, alvo, day, COLUMNS) for day in (FIRST, SECOND))
    assert first.columns == COLUMNS
    assert (first.coverage, second.coverage) == (1, 1)
    # Of each turbine and bucket power has four, one reading having no std, energy and status three
    assert (first.statistics, second.statistics) == (2 * (144 * 10 - 1), 2 * 144 * 10)
    frame = read_statistics(alvo).loc["B"]
    assert frame["energy_delta"].isna().sum() == 1
    assert frame["energy_delta"].sum() == 5 * 287
    assert frame["energy_delta"][f"{SECOND} 00:00"].item() == 5
    assert frame["energy_last"].iloc[-1] == 1000 + 5 * 287
    assert frame["status_mode"].to_list() == [100 + n // 50 for n in range(288)]
    assert frame["status_changes"].sum() == 5
    assert frame.attrs["units"]["energy_delta"] == frame.attrs["units"]["energy_last"] == "kWh"
    assert frame.attrs["units"]["status_changes"] == "1"


def test_day_before(load_farm: LoadFarm, fonte: httpx2.Client) -> None:
    """The readings of the day before are those of counters and states alone."""
    load_farm("A", "B")
    day = find_day(fonte, str(SECOND), ["B"])
    readings = fetch_readings(fonte, day.start, day.end, COLUMNS, day.turbines)
    before = fetch_before(fonte, day, readings)
    assert before.schema.names == ["timestamp", "turbine", "energy", "status"]
    assert before.schema.field("energy").metadata == readings.schema.field("energy").metadata
    assert set(before["turbine"].to_pylist()) == {"B"}
    stamps = before["timestamp"].to_pylist()
    assert (stamps[0], stamps[-1], len(stamps)) == (START, START + 143 * STEP, 144)


def test_no_request(load_farm: LoadFarm, fonte: httpx2.Client) -> None:
    """Without counters and states, or without readings, Fonte is not asked."""
    load_farm("A")
    day = find_day(fonte, str(SECOND))
    power = fetch_readings(fonte, day.start, day.end, ["power"], day.turbines)
    empty = fetch_readings(fonte, day.end, day.end + STEP, COLUMNS, day.turbines)
    fonte.close()
    assert fetch_before(fonte, day, power).schema.names == ["timestamp", "turbine"]
    assert fetch_before(fonte, day, empty).schema.names == [
        "timestamp",
        "turbine",
        "energy",
        "status",
    ]


@pytest.mark.parametrize("signal", COLUMNS)
def test_stale(
    load_farm: LoadFarm,
    fonte: httpx2.Client,
    fonte_api: str,
    fonte_url: str,
    alvo: Engine,
    alvo_url: str,
    project: Path,
    signal: str,
) -> None:
    """A change of a counter or state makes the next day stale, too; that of a quantity does not."""
    load_farm("A", "B")
    days = (FIRST, SECOND)
    for day in days:
        transfer(fonte, alvo, day, COLUMNS)
    settings = Settings(fonte_api_url=fonte_api, alvo_database_url=alvo_url)
    archive = open_archive(project / "runs")

    def stale() -> list[date]:
        found = read_status(settings, archive)
        return [day for day, status in found.items() if status.state == State.STALE]

    assert stale() == []
    before = fetch_days(fonte)
    change = f"UPDATE data SET {signal} = {signal} + 1 WHERE turbine = 'A' AND timestamp = '{{}}'"
    execute(fonte_url, change.format(START + 143 * STEP))
    assert stale() == ([FIRST] if signal == "power" else [FIRST, SECOND])
    after = fetch_days(fonte)
    for day in days:
        assert after[day].fingerprints["B"] == before[day].fingerprints["B"]
    changed = {
        (day, name)
        for day in days
        for name, found in after[day].fingerprints["A"].items()
        if found != before[day].fingerprints["A"][name]
    }
    assert changed == {(day, signal) for day in (days[:1] if signal == "power" else days)}
    execute(fonte_url, change.format(START + 144 * STEP))
    again = fetch_days(fonte)
    assert again[FIRST].fingerprints == after[FIRST].fingerprints
    assert again[SECOND].fingerprints != after[SECOND].fingerprints


def test_fingerprints_of_periods(load_farm: LoadFarm, fonte: httpx2.Client, fonte_url: str) -> None:
    """A day has one fingerprint, whichever period is asked for; a day without readings has none."""
    load_farm("A", "B")
    execute(fonte_url, "DELETE FROM data WHERE turbine = 'B' AND timestamp >= '2024-05-21'")
    execute(
        fonte_url, "INSERT INTO data (timestamp, turbine, energy) VALUES ('2024-05-23', 'B', 1)"
    )
    every = fetch_days(fonte)
    assert [day.day for day in every] == [20, 21, 23]
    assert [sorted(day.fingerprints) for day in every.values()] == [["A", "B"], ["A"], ["B"]]
    for day, found in every.items():
        start = datetime(day.year, day.month, day.day, tzinfo=UTC)
        [alone] = fetch_days(fonte, start, start + timedelta(days=1)).values()
        assert (alone.fingerprints, alone.readings) == (found.fingerprints, found.readings)
    assert fetch_days(fonte, START + timedelta(days=2), START + timedelta(days=3)) == {}
    # A period from noon on: the rest of the day, and all of the day before
    noon = START + timedelta(hours=36)
    query = {"start_timestamp": noon.isoformat()}
    [rest, _] = fonte.get("/days", params=query).json()
    assert (rest["date"], rest["readings"]) == (str(SECOND), 72)
    execute(fonte_url, "UPDATE data SET energy = 7 WHERE timestamp = '2024-05-21 11:50+00'")
    assert fonte.get("/days", params=query).json()[0] == rest
    execute(fonte_url, "UPDATE data SET energy = 7 WHERE timestamp = '2024-05-20 00:00+00'")
    other = fonte.get("/days", params=query).json()[0]["fingerprints"]["A"]
    changed = {name for name in other if other[name] != rest["fingerprints"]["A"][name]}
    assert changed == {"energy"}


def test_signals(load_farm: LoadFarm, fonte: httpx2.Client) -> None:
    """What the catalogue says of the signals; what it does not say is null."""
    load_farm("A")
    found = {signal.pop("name"): signal for signal in fonte.get("/signals").json()}
    assert found["power"]["plausible_of_rated"] == [-0.05, 1.2]
    assert found["power"]["possible_of_rated"] == [-0.5, 2]
    assert (found["wind_speed"]["plausible"], found["wind_speed"]["possible"]) == (
        [0, 40],
        [0, 100],
    )
    assert found["energy"] == {
        "unit": "kWh",
        "kind": "counter",
        "description": "active energy produced, as the turbine counts it",
        "iec_61400_25": "WTUR_SupWh",
        "plausible": None,
        "possible": None,
        "plausible_of_rated": None,
        "possible_of_rated": None,
        **dict.fromkeys(("flat_minutes", "flat_except", "flat_except_of_rated", "spike", "calm")),
        **dict.fromkeys(("producing", "states")),
        "flat_tolerance": 0,
        "flagged_share": 0.05,
        "register": None,
        "on_change": False,
        "hold": 3600,
        "statistics": [],
    }


@pytest.mark.parametrize("turbines", [("A",), ("A", "B")])
def test_notebook(
    load_farm: LoadFarm,
    fonte: httpx2.Client,
    fonte_api: str,
    alvo: Engine,
    alvo_url: str,
    project: Path,
    turbines: tuple[str, ...],
) -> None:
    """The notebook shows the SQL and the plots of a counter and a state; Dagster agrees with it."""
    load_farm(*turbines)
    settings = Settings(fonte_api_url=fonte_api, alvo_database_url=alvo_url)
    columns = ["status", "energy"]
    outcome = run_date(SECOND, Plan(columns, settings, project, open_archive(project / "runs")))
    assert outcome.error is None
    assert outcome.notebook is not None
    page = outcome.notebook.read_text(encoding="utf-8")
    assert "Traceback" not in page
    for text in ("increment", "code that held longest", "energy (kWh)"):
        assert f">{text}</text>" in page
    assert "AS delta" in page
    assert "AS mode" in page
    assert "stddev_samp" not in page
    summary = outcome.summary
    assert summary is not None
    assert summary.statistics == len(turbines) * 144 * 6
    assert summary.outline is not None
    assert (summary.outline.signal, set(summary.outline.values)) == ("energy", {5.0})
    assert compare(summary, fonte, alvo) == ""
    frame = read_statistics(alvo)
    assert frame["energy_delta"].sum() == len(turbines) * 5 * 144
    # Of a frame that was read back, the kinds are known by its columns
    assert {ax.get_ylabel() for ax in compare_signals(frame, columns)} == {"status", "energy (kWh)"}


def test_other_code(
    load_farm: LoadFarm, fonte: httpx2.Client, fonte_url: str, alvo: Engine
) -> None:
    """The ledger tells a changed number before a changed code, which has no distance."""
    load_farm("A")
    transfer(fonte, alvo, SECOND, COLUMNS)
    where = f"WHERE timestamp = '{START + 200 * STEP}'"
    execute(fonte_url, f"UPDATE data SET status = 999 {where}")
    load = transfer(fonte, alvo, SECOND, COLUMNS)
    assert (load.changed, load.largest_change) == (2, "status_changes by 1")
    execute(fonte_url, "UPDATE data SET status = 1, power = power + 1 WHERE status = 999")
    load = transfer(fonte, alvo, SECOND, COLUMNS)
    assert (load.changed, load.largest_change) == (4, "power_max by 1 kW")
    execute(fonte_url, "UPDATE data SET status = 2 WHERE status = 1")
    load = transfer(fonte, alvo, SECOND, COLUMNS)
    assert (load.changed, load.largest_change) == (1, "status_mode to another code")
