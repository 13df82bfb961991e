"""What flags and states find in a simulated farm, whose faults are known exactly."""

from dataclasses import dataclass
from datetime import date

import numpy as np
import pandas as pd
import pyarrow as pa
import pytest
from flags_by_pandas import RATED_POWER, to_readings
from helpers import CATALOGUE

from etl_lib.transform.flags import TESTS, find_flags
from etl_lib.transform.states import TurbineState
from etl_lib.transform.statistics import compute_statistics, to_frame
from fonteapi import farm
from fonteapi.farm import Fault, FaultKind, faults, name_turbines, simulate_farm
from fonteapi.simulate import SIMULATED_SIGNALS

START, DAYS = date(2024, 5, 20), 10
TURBINES = name_turbines(5, "T1")
SIGNALS = [CATALOGUE.signals[name] for name in SIMULATED_SIGNALS]
SEEDS = range(8)
"""In none of them the anemometer sticks in a calm, where a flat line is real."""
FAULTS = {fault.kind: fault for fault in faults(START, DAYS, TURBINES)}


@dataclass(frozen=True)
class Farm:
    """Ten days of five turbines; `healthy` are the statistics without faults."""

    readings: pa.Table
    found: pd.DataFrame
    healthy: pd.DataFrame

    def during(self, kind: FaultKind) -> pd.DataFrame:
        """The statistics of the turbine while it has the fault."""
        return _during(self.found, FAULTS[kind])


def _during(statistics: pd.DataFrame, fault: Fault) -> pd.DataFrame:
    own = statistics.loc[fault.turbine]
    return own[(own.index >= fault.start) & (own.index < fault.end)]


@pytest.fixture(scope="module", params=SEEDS)
def simulated(request: pytest.FixtureRequest) -> Farm:
    return _simulate(request.param)


@pytest.fixture(scope="module")
def every() -> list[Farm]:
    return [_simulate(seed) for seed in SEEDS]


def _simulate(seed: int) -> Farm:
    readings = _read_farm(seed)
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(farm, "FAULTS", ())
        healthy = compute_statistics(_read_farm(seed))
    return Farm(readings, to_frame(compute_statistics(readings)), to_frame(healthy))


def _read_farm(seed: int) -> pa.Table:
    frame = simulate_farm(START, DAYS, TURBINES, seed).read_all().to_pandas()
    return to_readings(frame.drop(columns="simulated"), SIGNALS)


def test_stuck_anemometer(simulated: Farm) -> None:
    """Each minute of the stuck anemometer is flagged, and nothing else.

    Except that its wind may contradict the power of the same turbine and time.
    """
    stuck, flags = FAULTS[FaultKind.STUCK], find_flags(simulated.readings).to_pandas()
    is_wind = flags["signal"] == "wind_speed"
    minutes = pd.date_range(stuck.start, stuck.end, freq="min", inclusive="left")
    wind, others = flags[is_wind], flags[~is_wind]
    assert wind["timestamp"].to_list() == list(minutes)
    assert (wind["flags"] & ~TESTS["contradiction"] == TESTS["flat"]).all()
    assert set(flags["turbine"]) == {stuck.turbine}
    assert set(others["flags"]) <= {TESTS["contradiction"]}
    assert set(others["signal"]) <= {"power"}
    contradicting = wind.loc[wind["flags"] & TESTS["contradiction"] > 0, "timestamp"]
    assert others["timestamp"].to_list() == contradicting.to_list()


def test_outage(simulated: Farm) -> None:
    """During an outage the turbine is idle in 5 to 25 m/s, and else stopped."""
    buckets = simulated.during(FaultKind.OUTAGE)
    is_windy = buckets["wind_speed_mean"].between(5, 25)
    expected = np.where(is_windy, TurbineState.IDLE, TurbineState.STOPPED)
    assert (buckets["state_mode"] == expected).mean() >= 0.95


def test_calms(simulated: Farm) -> None:
    """Turbines are stopped in hours with a true wind below 2.5 m/s."""
    wind = simulated.healthy["wind_speed_mean"]
    hours = wind.groupby(["turbine", pd.Grouper(level="timestamp", freq="h")]).transform("mean")
    states = simulated.found["state_mode"][hours.reindex(simulated.found.index) < 2.5]
    assert (states == TurbineState.STOPPED).mean() >= 0.95


def test_derating(every: list[Farm]) -> None:
    """Of buckets in which the wind gave more than the turbine, and others of those hours."""
    found, true = [], []
    for each in every:
        buckets = each.during(FaultKind.DERATED)
        healthy = each.healthy.loc[FAULTS[FaultKind.DERATED].turbine].loc[buckets.index]
        lost = healthy["power_mean"] - buckets["power_mean"]
        true += list(lost > 0.05 * RATED_POWER)
        found += list(buckets["state_mode"] == TurbineState.DERATED)
    is_right = np.array(found) == np.array(true)
    assert sum(true) > 50
    assert is_right.mean() >= 0.95
    assert is_right[true].mean() >= 0.9


def test_no_derating(every: list[Farm]) -> None:
    """Without a derating hardly any bucket looks like one: one in a thousand."""
    states = pd.concat([each.healthy["state_mode"] for each in every])
    assert (states == TurbineState.DERATED).mean() < 0.001


def test_states_without_power(simulated: Farm) -> None:
    """A bucket has a state unless the communication was gone."""
    assert simulated.found["state_mode"].notna().all()
    assert simulated.during(FaultKind.GAP).empty
