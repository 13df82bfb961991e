"""What is missing or wrong in a period, in sentences; `period` as from `read_period`."""

from collections import defaultdict
from collections.abc import Iterator, Sequence
from datetime import date

import numpy as np
import pandas as pd

from etl_lib.analysis import words
from etl_lib.analysis.axes import label
from etl_lib.analysis.drift import find_north, find_north_offsets
from etl_lib.analysis.flags import summarize_flags
from etl_lib.analysis.gaps import describe_gaps, find_gaps
from etl_lib.analysis.performance import BASIS
from etl_lib.load.period import Period
from etl_lib.transform.kinds import TURBINE

SHORTEST = pd.Timedelta("30min")
"""Of a gap that counts here."""
SPREAD = 0.02
"""Share of the expected energy: so much lost outside of stretches is told."""
OTHER_NORTH = 5.0
"""Degrees between a turbine's direction and that of the others, as the median of the days."""


def describe_missing(period: Period) -> Iterator[str]:
    """Days and turbines that were not loaded, and gaps in the readings, the longest first."""
    if not period.is_whole:
        yield f"This page is of {words.listing(period.turbines)} alone: the period has others."
    days = [day.date() for day in pd.date_range(period.span.first, period.span.last)]
    if lost := [day for day in days if day not in period.loads]:
        what = words.count(len(lost), "day is", "days are")
        command = f"`etl run {lost[0]} {lost[-1]}` loads what Fonte has"
        yield f"{what} not loaded: {words.listing(_group_days(lost))}; {command}."
    absent: dict[tuple[date, ...], list[str]] = defaultdict(list)
    for turbine in period.turbines:
        without = (day for day, names in sorted(period.lacking.items()) if turbine in names)
        absent[tuple(without)].append(turbine)
    for missed, turbines in absent.items():
        if missed:
            what = words.count(len(missed), "loaded day")
            are = "is" if len(turbines) == 1 else "are"
            when = words.listing(_group_days(missed))
            yield f"{words.listing(turbines)} {are} not part of {what}: {when}."
    loaded = [
        [day in period.loads and turbine not in period.lacking.get(day, ()) for day in days]
        for turbine in period.turbines
    ]
    basis = [name for name in BASIS if f"{name}_count" in period.statistics]
    gaps = find_gaps(
        period.statistics, period.turbines, basis, span=period.span, loaded=np.array(loaded, bool)
    )
    long = (gap for gap in gaps if gap.end - gap.start >= SHORTEST)
    yield from describe_gaps(long, len(period.turbines), dated=True)


def describe_shortfalls(turbines: pd.DataFrame) -> Iterator[str]:
    """Turbines below the reference curve all the time; `turbines` as those of `Performance`."""
    if turbines["lost_energy"].isna().all():
        return
    spread = turbines["lost_energy"] - turbines["lost_in_stretches"]
    shares = spread / turbines["expected_energy"]
    found = pd.DataFrame({"lost": spread, "share": shares})[shares > SPREAD]
    if len(found):
        rows = found.sort_values("lost", ascending=False).itertuples(name=None)
        parts = [f"{name} {words.energy(n)} ({words.share(share)})" for name, n, share in rows]
        yield (
            f"Below the reference curve all through the period: {words.listing(parts)}. An"
            " anemometer that reads high looks like this, and so does a worn rotor."
        )


def describe_doubts(period: Period) -> Iterator[str]:
    """Turbines with another north than the others, flagged readings, and exclusions."""
    data = period.statistics
    if len(period.turbines) > 1 and (signal := find_north(data)):
        apart = find_north_offsets(data, signal, period.turbines).median()
        far = apart[apart.abs() >= OTHER_NORTH].sort_values(key=abs, ascending=False)
        if len(far):
            parts = [f"{name} {degrees:+.0f}°" for name, degrees in far.items()]
            yield (
                f"{label(signal).capitalize()} beside that of the others, median of the days:"
                f" {words.listing(parts)}. Check their north."
            )
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
