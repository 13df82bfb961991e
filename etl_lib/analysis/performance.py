"""What turbines gave over a span of days, each in a row and all together.

Energy is mean power times the time that a bucket stands for; so a gap has no energy. Capacity
factors are two: over the hours that have power readings, and over all hours of the calendar.
"""

from collections.abc import Mapping, Sequence

import numpy as np
import pandas as pd

from etl_lib.analysis.marks import flagged_bits
from etl_lib.analysis.reference import Reference
from etl_lib.analysis.slots import name_turbines
from etl_lib.transform.kinds import BUCKET_SECONDS, FLAGS, STATE, TURBINE, signals_of
from etl_lib.transform.states import TurbineState
from etl_lib.transform.statistics import coverage, due

HOURS_A_BUCKET = BUCKET_SECONDS / 3600
BASIS = ("wind_speed", "power")
"""The signals whose coverage counts, of those that there are."""


def measure_turbines(
    data: pd.DataFrame,
    days: int,
    rated_powers: Mapping[str, float],
    reference: Reference | None = None,
    turbines: Sequence[str] = (),
) -> pd.DataFrame:
    """Each turbine in a row, over `days` calendar days; what is not known is NaN.

    `data` as from `read_statistics`; `turbines` are the rows, without names those of the frame.
    Columns: `energy` (kWh), `share` (of all energy, 0 to 1), `capacity_factor` (0 to 1, over the
    hours with power), `calendar_capacity_factor` (over all hours), `mean_wind_speed` (m/s, of the
    buckets' means), `availability` (share of the hours with a state that are not idle: see
    `states.sql`), `expected_energy` and `lost_energy` (kWh, by the reference curve, in the hours
    that it speaks of: lost is expected less given, and less than nothing if more was given),
    `assessed` (the share of the hours with power that these are), `coverage` (0 to 1, of wind speed
    and power), `flagged` (buckets), `hours_with_power`, `rated_power` (kW).
    """
    data, names = name_turbines(data, turbines)
    data = data.copy(deep=False)
    data.attrs = {}
    nothing = pd.Series(np.nan, index=data.index)
    hours = HOURS_A_BUCKET / due(data, "power")
    power = data.get("power_mean", nothing)
    expected = reference.expect(data).where(power.notna()) if reference else nothing
    state = data.get(STATE, nothing)
    sums = pd.DataFrame(
        {
            "energy": power * hours,
            "hours_with_power": hours.where(power.notna()),
            "expected_energy": expected * hours,
            "given": power.where(expected.notna()) * hours,
            "assessed_hours": hours.where(expected.notna()),
            "state_hours": hours.where(state.notna()),
            "idle_hours": hours.where(state == TurbineState.IDLE),
        }
    )
    by_turbine = sums.groupby(level=TURBINE).sum(min_count=1).reindex(names)
    table = by_turbine[["energy"]].copy()
    rated = pd.Series(rated_powers, dtype=float).reindex(names)
    table["share"] = table["energy"] / table["energy"].sum()
    with_power = by_turbine["hours_with_power"]
    table["capacity_factor"] = table["energy"] / (rated * with_power)
    table["calendar_capacity_factor"] = table["energy"] / (rated * 24 * days)
    wind = data.get("wind_speed_mean", nothing)
    table["mean_wind_speed"] = wind.groupby(level=TURBINE).mean().reindex(names)
    idle = by_turbine["idle_hours"].fillna(0)
    table["availability"] = 1 - idle / by_turbine["state_hours"]
    table["expected_energy"] = by_turbine["expected_energy"]
    table["lost_energy"] = by_turbine["expected_energy"] - by_turbine["given"]
    table["assessed"] = (by_turbine["assessed_hours"] / with_power).where(with_power > 0)
    table["coverage"] = _cover(data, days).reindex(names).fillna(0.0)
    table["flagged"] = _count_flagged(data).reindex(names).fillna(0).astype(int)
    table["hours_with_power"] = with_power.fillna(0.0)
    table["rated_power"] = rated
    return table.rename_axis(TURBINE)


def measure_all(table: pd.DataFrame, data: pd.DataFrame, days: int) -> pd.Series:
    """All turbines of `measure_turbines` together: the same names, of the same `data` and `days`.

    A capacity factor needs the rated power of each turbine. The wind is the mean over all hours.
    """
    total = table[["energy", "expected_energy", "lost_energy"]].sum(min_count=1)
    wind = data.get("wind_speed_mean", pd.Series(np.nan, index=data.index))
    is_rated = table["rated_power"].notna().all()
    rated = table["rated_power"] if is_rated else table["rated_power"] * np.nan
    total["capacity_factor"] = _ratio(total["energy"], (rated * table["hours_with_power"]).sum())
    total["calendar_capacity_factor"] = _ratio(total["energy"], (rated * 24 * days).sum())
    hours = (1 / due(data, "wind_speed")).where(wind.notna())
    total["mean_wind_speed"] = _ratio((wind * hours).sum(), hours.sum())
    assessed = table["assessed"].fillna(0) * table["hours_with_power"]
    total["assessed"] = _ratio(assessed.sum(), table["hours_with_power"].sum())
    total["coverage"] = table["coverage"].mean()
    weights = table["hours_with_power"].where(table["availability"].notna())
    total["availability"] = _ratio((table["availability"] * weights).sum(), weights.sum())
    total["flagged"] = table["flagged"].sum()
    total["hours_with_power"] = table["hours_with_power"].sum()
    return pd.Series(total, dtype=float)


def _ratio(value: float, by: float) -> float:
    return value / by if by else np.nan


def _cover(data: pd.DataFrame, days: int) -> pd.Series:
    """Share of the calendar hours that have readings, by turbine: the mean over the signals."""
    known = signals_of(map(str, data))
    names = [name for name in BASIS if name in known] or known
    parts = [
        (coverage(data, name) * HOURS_A_BUCKET / due(data, name)).groupby(level=TURBINE).sum()
        for name in names
    ]
    hours = sum(parts, start=pd.Series(0.0, index=data.index.unique(TURBINE)))
    return (hours / (24 * days * max(1, len(parts)))).clip(upper=1)


def _count_flagged(data: pd.DataFrame) -> pd.Series:
    """Buckets of each turbine in which a test flagged some signal; thin ones do not count."""
    signals = [str(name).removesuffix(f"_{FLAGS}") for name in data if str(name).endswith(FLAGS)]
    return (flagged_bits(data, *signals) > 0).groupby(level=TURBINE).sum()
