"""Loaded days in numbers and sentences, each in a row."""

from collections.abc import Sequence
from typing import cast

import numpy as np
import pandas as pd

from etl_lib.transform.kinds import EXPECTED, TURBINE, signals_of
from etl_lib.transform.statistics import BUCKETS_A_DAY, coverage, due

HOURS_A_BUCKET = 1 / 6


def summarize_days(statistics: pd.DataFrame) -> pd.DataFrame:
    """Summarize each UTC day that has statistics: one row per day, `date` is the index.

    `statistics` as from `read_statistics`. Columns: `coverage` (0 to 1, over the signals with
    readings that day, since the others may not have been loaded), `mean_wind_speed` (m/s, the
    mean of the buckets' means), `energy` (kWh, the sum over buckets of mean power × ten minutes),
    `hours_with_power` (the hours that the energy covers). NaN where there are no readings.
    Where readings are more than ten minutes apart, a bucket's mean stands for their interval.
    Of several turbines: the sum of the energies, and the mean of everything else, wind speed by
    the number of buckets. `attrs["exclusions"]` are those of the statistics.
    """
    days = _combine(summarize_turbine_days(statistics), "date")
    days.attrs["exclusions"] = statistics.attrs.get("exclusions", [])
    return days


def summarize_turbines(statistics: pd.DataFrame, turbines: Sequence[str] = ()) -> pd.DataFrame:
    """Summarize each turbine: as `summarize_days`, one row a turbine, over all days of the frame.

    `turbines` are the rows, in order; without names, those of the frame, sorted. On a day without
    its readings a turbine has a coverage of 0.
    """
    return _by_turbine(summarize_turbine_days(statistics), turbines)


def _by_turbine(days: pd.DataFrame, turbines: Sequence[str]) -> pd.DataFrame:
    table = _combine(days, TURBINE)
    table["coverage"] = days["coverage"].groupby(level=TURBINE).sum()
    table["coverage"] /= max(1, days.index.unique("date").size)
    table = table.reindex(list(turbines)).rename_axis(TURBINE) if turbines else table
    return table.fillna({"coverage": 0.0, "hours_with_power": 0.0})


def summarize_turbine_days(statistics: pd.DataFrame) -> pd.DataFrame:
    """Summarize each UTC day of each turbine: as `summarize_days`, by `turbine` and `date`.

    A frame of one turbine, which does not name it, has the empty name. A further column,
    `buckets`, has the number of ten-minute means of wind speed.
    """
    statistics = without_attrs(statistics)
    signals = signals_of(statistics.columns)
    nothing = pd.Series(np.nan, index=statistics.index)
    statistics = statistics if EXPECTED in statistics else statistics.assign(expected=nothing)
    share = statistics[EXPECTED].clip(upper=1)  # of the buckets that can have readings
    hours = HOURS_A_BUCKET / due(statistics, "power")
    power = statistics.get("power_mean", nothing)
    wind = statistics.get("wind_speed_mean", nothing)
    index = statistics.index
    stamps = pd.DatetimeIndex(index.get_level_values(-1))
    turbines = index.get_level_values(TURBINE) if TURBINE in index.names else [""] * len(index)
    groups = pd.MultiIndex.from_arrays([turbines, stamps.normalize()])
    keys, found = groups.factorize(sort=True)  # once for all groups
    days_of = cast(pd.MultiIndex, found)
    shares = pd.DataFrame({s: share_of_due(statistics, s).groupby(keys).sum() for s in signals})
    buckets = pd.DataFrame(
        {
            "mean_wind_speed": wind,
            "energy": power * hours,
            "hours_with_power": power.notna() * hours,
        }
    )
    days = buckets.groupby(keys)
    table = days.agg({"mean_wind_speed": "mean", "hours_with_power": "sum"})
    full = BUCKETS_A_DAY * share.groupby(keys).min()
    table.insert(0, "coverage", (shares[shares > 0].mean(axis="columns") / full).clip(upper=1))
    table.insert(2, "energy", days["energy"].sum(min_count=1))
    table["buckets"] = wind.groupby(keys).count()
    dates = pd.DatetimeIndex(days_of.get_level_values(1)).date
    names = [TURBINE, "date"]
    return table.set_axis(
        pd.MultiIndex.from_arrays([days_of.get_level_values(0), dates], names=names)
    )


def share_of_due(statistics: pd.DataFrame, signal: str) -> pd.Series:
    """Coverage of each bucket, so that full buckets add up to those that `expected` has a day."""
    shares, usual = coverage(statistics, signal), statistics[EXPECTED].clip(upper=1)
    return shares * (usual / due(statistics, signal))


def without_attrs(statistics: pd.DataFrame) -> pd.DataFrame:
    """The same frame without `attrs`, which pandas would copy at each step."""
    plain = statistics.copy(deep=False)
    plain.attrs = {}
    return plain


def _combine(days: pd.DataFrame, level: str) -> pd.DataFrame:
    """Combine days of turbines into one row per `level`."""
    wind = (days["mean_wind_speed"] * days["buckets"]).groupby(level=level).sum(min_count=1)
    groups = days.groupby(level=level)
    hours = groups["hours_with_power"]
    return pd.DataFrame(
        {
            "coverage": groups["coverage"].mean(),
            "mean_wind_speed": wind / groups["buckets"].sum(),
            "energy": groups["energy"].sum(min_count=1),
            "hours_with_power": hours.mean() if level == "date" else hours.sum(),
        }
    )


def describe_days(days: pd.DataFrame) -> str:
    """List the days that Alvo holds, as Markdown; an empty Alvo gives the command to load one."""
    if days.empty and days.attrs.get("exclusions"):
        return "**No day is left**: people excluded all that was read."
    if days.empty:
        return (
            "**Alvo is still empty.** Load a day with `etl run 2024-05-20`"
            " (or `make run`), then run this page again. Days without readings leave it empty."
        )
    return (
        f"Alvo holds **{len(days)} days**, {days.index[0]} to {days.index[-1]},"
        f" with {days['coverage'].mean():.1%} of the expected readings."
    )


def describe_findings(days: pd.DataFrame) -> str:
    """Describe wind and energy of the days of `summarize_days`, as a Markdown list."""
    wind, energy = days["mean_wind_speed"].dropna(), days["energy"].dropna()
    lines = []
    if len(wind):
        lines.append(
            f"The calmest day was {wind.idxmin()} with {wind.min():.1f} m/s,"
            f" the windiest {wind.idxmax()} with {wind.max():.1f} m/s."
        )
    if len(energy):
        lines += [
            f"Together the days gave **{energy.sum():,.0f} kWh** in"
            f" {days['hours_with_power'].sum():,.0f} hours with power readings.",
            f"{energy.idxmax()} gave most of it, {energy.max():,.0f} kWh,"
            f" and {energy.idxmin()} least, {energy.min():,.0f} kWh.",
        ]
    nothing = "They need readings of wind speed or power." if len(days) else "Nothing yet."
    return "\n".join(f"- {line}" for line in lines or [nothing])
