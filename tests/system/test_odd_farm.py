"""The notebook of a farm whose turbines have an odd day: one silent, one broken, one slow …"""

from collections.abc import Callable
from datetime import UTC, date, datetime, timedelta
from pathlib import Path

import pandas as pd
import pyarrow as pa
import pyarrow.compute as pc
import pytest
from helpers import execute
from sqlalchemy import Engine

from etl_lib.analysis.summary import TurbineDay
from etl_lib.archive.store import open_archive
from etl_lib.load.reading import read_statistics
from etl_lib.runs.date import Outcome, run_date
from etl_lib.runs.notebook import Plan
from etl_lib.settings import Settings
from fonteapi.farm import name_turbines, simulate_farm

DAY = date(2024, 5, 20)
START = datetime(2024, 5, 20, tzinfo=UTC)
FARM = name_turbines(50, "T1")
SILENT, BROKEN, SLOW, LATE, GAP = ODD = "T07", "T13", "T21", "T34", "T42"
"""Has readings of the day before only; only NaN; one in ten minutes; from noon on; a gap."""
SIGNALS = ["wind_speed", "power"]


def make_readings() -> pa.Table:
    """Two days of the farm."""
    farm = simulate_farm(DAY - timedelta(days=1), 2, FARM, seed=7).read_all()
    frame = farm.select(["timestamp", "turbine", *SIGNALS]).to_pandas()
    name, hour = frame["turbine"], (frame["timestamp"] - START) / pd.Timedelta(hours=1)
    frame.loc[(name == BROKEN) & (hour >= 0), SIGNALS] = float("nan")
    drop = (name == SILENT) & (hour >= 0)
    drop |= (name == SLOW) & (frame["timestamp"].dt.minute % 10 > 0)
    drop |= (name == LATE) & (hour < 12)
    drop |= (name == GAP) & (hour >= 5) & (hour < 8)
    kept = frame[~drop]
    stamps = pa.array(kept["timestamp"]).cast(pa.timestamp("us", "UTC"))
    values = {name: pa.array(kept[name].to_numpy()) for name in SIGNALS}  # NaN stays NaN
    return pa.table({"timestamp": stamps, "turbine": pa.array(kept["turbine"])} | values)


@pytest.fixture
def readings(put_readings: Callable[[pa.Table], None]) -> pa.Table:
    """The readings that Fonte has of the day."""
    made = make_readings()
    put_readings(made)
    return made.filter(pc.greater_equal(made["timestamp"], START))


@pytest.fixture
def outcome(readings: pa.Table, fonte_api: str, alvo_url: str, project: Path) -> Outcome:
    """The notebook, executed."""
    settings = Settings(fonte_api_url=fonte_api, alvo_database_url=alvo_url)
    return run_date(DAY, Plan(SIGNALS, settings, project, open_archive(project / "runs")))


def test_odd_turbines(outcome: Outcome, readings: pa.Table, alvo: Engine, alvo_url: str) -> None:
    """Summary, ledger, Alvo and the page show each odd turbine as it was."""
    assert outcome.error is None
    assert outcome.summary is not None
    assert isinstance(outcome.report, Path)
    check_summary(outcome.summary.by_turbine, readings)
    assert outcome.summary.hours_with_power == pytest.approx(24 * outcome.summary.coverage)
    check_alvo(alvo, alvo_url, len(readings))
    page = outcome.report.read_text(encoding="utf-8")
    assert "Traceback" not in page
    assert [name for name in FARM if name not in page] == []
    assert "<strong>94.8%</strong> coverage" in page
    assert "No readings of T07 and T13 on this day." in page
    assert "T34 has no readings from " in page
    assert "T42 has no readings from " in page
    assert "one is expected every 60 s, but T21 10 min" in page


def check_summary(found: dict[str, TurbineDay], readings: pa.Table) -> None:
    """Each turbine's numbers, the energy by the readings alone."""
    assert list(found) == FARM
    expected = dict.fromkeys(FARM, (1440, 60, 1, 0, 0))
    expected[SILENT] = (0, 60, 0, 1440, 0)
    expected[BROKEN] = (1440, 60, 0, 1440, 2880)
    expected[SLOW] = (144, 600, 1, 0, 0)
    expected[LATE] = (720, 60, 0.5, 720, 0)
    expected[GAP] = (1260, 60, 0.875, 180, 0)
    assert {
        name: (day.readings, day.interval, round(day.coverage, 9), day.longest_gap, day.odd)
        for name, day in found.items()
    } == expected
    frame = readings.to_pandas().groupby("turbine")[SIGNALS]
    sums, means = frame.sum(), frame.mean()
    for name, day in found.items():
        if name in (SILENT, BROKEN):
            assert (day.energy, day.mean_wind_speed, day.hours_with_power) == (None, None, 0)
            continue
        hours = expected[name][1] / 3600
        assert day.energy == pytest.approx(sums.loc[name, "power"] * hours)
        assert day.mean_wind_speed == pytest.approx(means.loc[name, "wind_speed"])
        assert day.hours_with_power == pytest.approx(24 * day.coverage)


def check_alvo(alvo: Engine, alvo_url: str, readings: int) -> None:
    """The ledger names all turbines; Alvo has rows of those that have finite readings."""
    (run,) = execute(alvo_url, "SELECT * FROM run")
    assert (run.turbines, run.is_whole, run.readings) == (FARM, True, readings)
    assert run.coverage == pytest.approx((50 - 2 - 0.5 - 0.125) / 50)
    assert dict(zip(FARM, run.intervals, strict=True)) == dict.fromkeys(FARM, 60) | {SLOW: 600}
    without = [name for name, found in zip(FARM, run.fingerprints, strict=True) if not found]
    assert without == [SILENT]

    rows = read_statistics(alvo).groupby(level="turbine")
    sizes = dict.fromkeys(FARM, 144) | {LATE: 72, GAP: 126}
    del sizes[SILENT], sizes[BROKEN]
    assert rows.size().to_dict() == sizes
    assert rows["expected"].unique().map(list).to_dict() == {
        name: [1] if name == SLOW else [10] for name in sizes
    }
    assert rows["power_std"].count()[SLOW] == 0
