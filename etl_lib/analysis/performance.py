"""What turbines gave over a span of days: each, each day and all together.

Amounts, such as energy and hours, add up; all else is a ratio of two of their sums. Energy is mean
power times the time that a bucket stands for; so a gap has no energy. Capacity factors are two:
over the hours that have power readings, and over all hours of the calendar.
"""

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
import pandas as pd

from etl_lib.analysis.marks import flagged_bits
from etl_lib.analysis.reference import Reference
from etl_lib.analysis.slots import name_turbines
from etl_lib.parameters import Span
from etl_lib.transform.kinds import BUCKET_SECONDS, FLAGS, STATE, TURBINE, signals_of
from etl_lib.transform.states import TurbineState
from etl_lib.transform.statistics import coverage, due

HOURS_A_BUCKET = BUCKET_SECONDS / 3600
BASIS = ("wind_speed", "power")
"""The signals whose coverage counts, of those that there are."""
DAY = "date"


def add_up(
    data: pd.DataFrame,
    span: Span,
    rated_powers: Mapping[str, float],
    reference: Reference | None = None,
    turbines: Sequence[str] = (),
) -> pd.DataFrame:
    """The amounts of each turbine and UTC day of the span, by `turbine` and `date`.

    `data` as from `read_statistics`; `turbines` are the rows, without names those of the frame;
    rated powers in kW. Energies are in kWh, the rest in hours; NaN is what is not known: `energy`;
    `expected` and `given`, by the reference curve and in the hours that it speaks of, `assessed`;
    `with_power`, `with_state`, `idle`, `covered` (of wind speed and power); `wind` (m/s × h) and
    `with_wind`; `calendar`; `rated` and `rated_with_power`, what the rated power gives in all
    hours and in those with power. `flagged` counts buckets.
    """
    data, names = name_turbines(data, turbines)
    data = data.copy(deep=False)
    data.attrs = {}
    nothing = pd.Series(np.nan, index=data.index)
    hours = HOURS_A_BUCKET / due(data, "power")
    power, wind = data.get("power_mean", nothing), data.get("wind_speed_mean", nothing)
    expected = reference.expect(data).where(power.notna()) if reference else nothing
    state = data.get(STATE, nothing)
    wind_hours = (HOURS_A_BUCKET / due(data, "wind_speed")).where(wind.notna())
    amounts = pd.DataFrame(
        {
            "energy": power * hours,
            "expected": expected * hours,
            "given": power.where(expected.notna()) * hours,
            "assessed": hours.where(expected.notna()),
            "with_power": hours.where(power.notna()),
            "with_state": hours.where(state.notna()),
            "idle": hours.where(state == TurbineState.IDLE),
            "covered": _cover(data),
            "wind": wind * wind_hours,
            "with_wind": wind_hours,
            "flagged": _is_flagged(data),
        }
    )
    days = pd.DatetimeIndex(data.index.get_level_values(-1)).tz_localize(None).normalize()
    keys = [data.index.get_level_values(TURBINE), days]
    dates = pd.date_range(span.first, span.last)
    rows = pd.MultiIndex.from_product([names, dates], names=[TURBINE, DAY])
    amounts = amounts.groupby(keys).sum(min_count=1).reindex(rows)
    rated = pd.Series(rated_powers, dtype=float).reindex(rows.get_level_values(TURBINE)).to_numpy()
    amounts["calendar"] = 24.0
    amounts["rated"] = 24 * rated
    amounts["rated_with_power"] = rated * amounts["with_power"].fillna(0)
    return amounts


def measure(amounts: pd.DataFrame, level: str) -> pd.DataFrame:
    """A row per turbine (`level` is `turbine`), or per day of all turbines (`date`).

    `amounts` as from `add_up`. Columns, NaN where nothing is known: `energy` (kWh), `share` (of all
    energy, 0 to 1), `capacity_factor` (0 to 1, over the hours with power),
    `calendar_capacity_factor` (over all hours), `mean_wind_speed` (m/s), `availability` (share of
    the hours with a state that are not idle: see `states.sql`), `expected_energy` and `lost_energy`
    (kWh, by the reference curve, in the hours that it speaks of: lost is expected less given, and
    less than nothing if more was given), `assessed` (the share of the hours with power that these
    are), `coverage` (0 to 1, of wind speed and power), `flagged` (buckets), `hours_with_power`.
    A capacity factor needs the rated power of each turbine.
    """
    groups = amounts.groupby(level=level, sort=False)
    sums = groups.sum(min_count=1)
    whole = amounts["rated"].notna().groupby(level=level, sort=False).all()
    sums[["rated", "rated_with_power"]] = sums[["rated", "rated_with_power"]].where(whole, axis=0)
    table = sums[["energy"]].copy()
    table["share"] = sums["energy"] / sums["energy"].sum()
    table["capacity_factor"] = _divide(sums["energy"], sums["rated_with_power"])
    table["calendar_capacity_factor"] = _divide(sums["energy"], sums["rated"])
    table["mean_wind_speed"] = sums["wind"] / sums["with_wind"]
    table["availability"] = 1 - sums["idle"].fillna(0) / sums["with_state"]
    table["expected_energy"] = sums["expected"]
    table["lost_energy"] = sums["expected"] - sums["given"]
    table["assessed"] = _divide(sums["assessed"], sums["with_power"])
    table["coverage"] = (sums["covered"].fillna(0) / sums["calendar"]).clip(upper=1)
    table["flagged"] = sums["flagged"].fillna(0).astype(int)
    table["hours_with_power"] = sums["with_power"].fillna(0.0)
    return table


def measure_all(amounts: pd.DataFrame) -> pd.Series:
    """All turbines and days together: the columns of `measure`."""
    whole: Any = amounts.droplevel(DAY).rename(lambda _: "all")
    return pd.Series(measure(whole, TURBINE).loc["all"], dtype=float)


def _divide(by_row: pd.Series, by: pd.Series) -> pd.Series:
    return by_row / by.where(by > 0)


def _cover(data: pd.DataFrame) -> pd.Series:
    """The hours of each bucket that have readings: the mean over the signals that count."""
    known = signals_of(map(str, data))
    names = [name for name in BASIS if name in known] or known
    parts = [coverage(data, name) * HOURS_A_BUCKET / due(data, name) for name in names]
    return sum(parts, start=pd.Series(0.0, index=data.index)) / max(1, len(parts))


def _is_flagged(data: pd.DataFrame) -> pd.Series:
    """Whether a test flagged some signal of a bucket; a thin bucket does not count."""
    signals = [str(name).removesuffix(f"_{FLAGS}") for name in data if str(name).endswith(FLAGS)]
    return flagged_bits(data, *signals) > 0
