"""What is missing or wrong in a period, in sentences; `period` as from `read_period`."""

from collections.abc import Iterator, Sequence
from datetime import date

import numpy as np
import pandas as pd

from etl_lib.analysis import words
from etl_lib.analysis.axes import label
from etl_lib.analysis.flags import summarize_flags
from etl_lib.analysis.losses import describe_gap, describe_stretch, find_gaps, find_stretches
from etl_lib.analysis.performance import BASIS
from etl_lib.analysis.reference import Reference
from etl_lib.load.period import Period
from etl_lib.transform.kinds import TURBINE

MOST = 6
"""So many stretches of losses, and so many gaps, have a sentence each."""
SHORTEST = pd.Timedelta("30min")
"""Of a gap that counts here."""


def describe_missing(period: Period) -> Iterator[str]:
    """Days and turbines that were not loaded, and gaps in the readings, the longest first."""
    days = [day.date() for day in pd.date_range(period.span.first, period.span.last)]
    if lost := [day for day in days if day not in period.loads]:
        what = words.count(len(lost), "day is", "days are")
        command = f"`etl run {lost[0]} {lost[-1]}` loads what Fonte has"
        yield f"{what} not loaded: {words.listing(_group_days(lost))}; {command}."
    for turbine in period.turbines:
        absent = [day for day, names in sorted(period.lacking.items()) if turbine in names]
        if absent:
            what = words.count(len(absent), "loaded day")
            yield f"{turbine} is not part of {what}: {words.listing(_group_days(absent))}."
    loaded = [
        [day in period.loads and turbine not in period.lacking.get(day, ()) for day in days]
        for turbine in period.turbines
    ]
    basis = [name for name in BASIS if f"{name}_count" in period.statistics]
    gaps = find_gaps(
        period.statistics, period.turbines, basis, span=period.span, loaded=np.array(loaded, bool)
    )
    gaps = sorted((g for g in gaps if g.end - g.start >= SHORTEST), key=lambda g: g.start - g.end)
    yield from (describe_gap(gap, dated=True) for gap in gaps[:MOST])
    if rest := gaps[MOST:]:
        hours = sum((gap.end - gap.start for gap in rest), pd.Timedelta(0)) / pd.Timedelta("1h")
        yield f"{len(rest):,} more gaps of half an hour and more: {hours:,.0f} turbine-hours."


def describe_losses(period: Period, reference: Reference | None) -> Iterator[str]:
    """Stretches below the reference curve, the largest loss first, flags and exclusions."""
    data = period.statistics
    stretches = find_stretches(data, reference, period.turbines) if reference else []
    yield from (describe_stretch(stretch, dated=True) for stretch in stretches[:MOST])
    if rest := stretches[MOST:]:
        lost = words.energy(sum(stretch.lost for stretch in rest))
        yield f"{len(rest):,} more stretches of half an hour and more below the curve: {lost}."
    flags = summarize_flags(data).drop(columns="thin", errors="ignore")
    for test in map(str, flags):
        counts = flags[test].groupby(level=[TURBINE, "signal"]).sum()
        worst = counts[counts > 0].sort_values(ascending=False).reset_index()
        parts = [f"{name}'s {label(signal)} ({n:,})" for name, signal, n in worst.to_numpy()]
        yield f"Ten-minute values with {test} readings: {words.listing(parts)}."
    if excluded := data.attrs["exclusions"]:
        yield f"People excluded {words.count(len(excluded), 'period')}, which counts as missing."


def _group_days(days: Sequence[date]) -> list[str]:
    """Days that follow one another as one: `2024-05-01 to 2024-05-03`."""
    stamps = pd.Series(pd.to_datetime(list(days)))
    runs = stamps.groupby((stamps.diff() != pd.Timedelta(days=1)).cumsum())
    ends = [(f"{run.iloc[0]:%Y-%m-%d}", f"{run.iloc[-1]:%Y-%m-%d}") for _, run in runs]
    return [first if first == last else f"{first} to {last}" for first, last in ends]
