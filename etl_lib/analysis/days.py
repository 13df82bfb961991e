"""Loaded days in numbers and sentences."""

from math import ceil

import numpy as np
import pandas as pd

from etl_lib.analysis.summary import Outline, SignalQuality, Summary
from etl_lib.load.records import LoadedDay
from etl_lib.transform.statistics import BUCKETS_A_DAY, EXPECTED, coverage, signals_of

HOURS_A_BUCKET = 1 / 6
STEP_SECONDS = 1200
"""A step of an outline."""


def summarize(load: LoadedDay, statistics: pd.DataFrame, quality: pd.DataFrame) -> Summary:
    """Summarize a load; `statistics` as from `to_frame`, `quality` as from `check_readings`."""
    days = summarize_days(statistics)
    day = days.iloc[0] if len(days) else pd.Series(np.nan, index=days.columns)
    return Summary(
        **dict(load),
        quality={
            str(signal): SignalQuality.model_validate(counts)
            for signal, counts in quality.to_dict().items()
        },
        mean_wind_speed=_number(day["mean_wind_speed"]),
        energy=_number(day["energy"]),
        hours_with_power=_number(day["hours_with_power"]) or 0.0,
        outline=_outline(statistics, load),
    )


def summarize_days(statistics: pd.DataFrame) -> pd.DataFrame:
    """Summarize each UTC day that has statistics: one row per day, `date` is the index.

    `statistics` as from `read_statistics`. Columns: `coverage` (0 to 1, over the signals with
    readings that day, since the others may not have been loaded), `mean_wind_speed` (m/s, the
    mean of the buckets' means), `energy` (kWh, the sum over buckets of mean power × ten minutes),
    `hours_with_power` (the hours that the energy covers). NaN where there are no readings.
    Where readings are more than ten minutes apart, a bucket's mean stands for their interval.
    """
    signals = signals_of(statistics.columns)
    nothing = pd.Series(np.nan, index=statistics.index)
    share = statistics.get(EXPECTED, nothing).clip(upper=1)  # of the buckets that can have readings
    hours = HOURS_A_BUCKET / share
    power = statistics.get("power_mean", nothing)
    dates = pd.DatetimeIndex(statistics.index).date
    shares = pd.DataFrame({s: coverage(statistics, s).groupby(dates).sum() for s in signals})
    buckets = pd.DataFrame(
        {
            "mean_wind_speed": statistics.get("wind_speed_mean", nothing),
            "energy": power * hours,
            "hours_with_power": power.notna() * hours,
        },
        index=statistics.index,
    )
    days = buckets.groupby(dates)
    table = days.agg({"mean_wind_speed": "mean", "hours_with_power": "sum"})
    full = BUCKETS_A_DAY * share.groupby(dates).min()
    mean = shares[shares > 0].mean(axis="columns")
    table.insert(0, "coverage", (mean / full).clip(upper=1))
    table.insert(2, "energy", days["energy"].sum(min_count=1))
    return table.rename_axis("date")


def describe_days(days: pd.DataFrame) -> str:
    """List the days that Alvo holds, as Markdown; an empty Alvo gives the command to load one."""
    if days.empty:
        return (
            "**Alvo is still empty.** Load a day with `etl run 2024-05-20`"
            " (or `make run`), then run this page again."
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
            f"The turbine made **{energy.sum():,.0f} kWh** in"
            f" {days['hours_with_power'].sum():,.0f} hours with power readings.",
            f"{energy.idxmax()} gave most of it, {energy.max():,.0f} kWh,"
            f" and {energy.idxmin()} least, {energy.min():,.0f} kWh.",
        ]
    return "\n".join(f"- {line}" for line in lines or ["Nothing yet."])


def _outline(statistics: pd.DataFrame, load: LoadedDay) -> Outline:
    """Power, or the first signal where power was not loaded, in steps of twenty minutes."""
    signal = "power" if "power" in load.columns else load.columns[0]
    means = statistics.get(f"{signal}_mean", pd.Series(dtype=float))
    steps = pd.date_range(load.date, periods=72, freq="20min", tz="UTC")
    halves = means.groupby(pd.DatetimeIndex(means.index).floor("20min")).mean().reindex(steps)
    if held := ceil(load.interval / STEP_SECONDS) - 1:  # by a reading, after its own step
        halves = halves.ffill(limit=held)
    values = [None if np.isnan(value) else float(f"{value:.4g}") for value in halves]
    return Outline(signal=signal, values=values)


def _number(value: float) -> float | None:
    return None if np.isnan(value) else float(value)
