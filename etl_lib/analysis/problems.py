"""What is missing or wrong on a day, in sentences: the first thing that its page shows."""

from collections.abc import Iterator

import pandas as pd
import pyarrow as pa

from etl_lib.analysis import words
from etl_lib.analysis.axes import label
from etl_lib.analysis.flags import list_findings
from etl_lib.analysis.gaps import describe_gaps, find_gaps
from etl_lib.analysis.losses import (
    SHORTEST,
    describe_losses,
    describe_times,
    find_runs,
    find_stretches,
)
from etl_lib.analysis.reference import Reference
from etl_lib.analysis.slots import Slots
from etl_lib.load.records import LoadedDay
from etl_lib.parameters import Span
from etl_lib.transform.kinds import STATE
from etl_lib.transform.states import TurbineState
from etl_lib.transform.statistics import BUCKET

DID = {
    TurbineState.IDLE: "stood still in a wind of {wind} m/s",
    TurbineState.DERATED: "was derated",
}


def describe_problems(
    statistics: pd.DataFrame,
    load: LoadedDay,
    readings: pa.Table,
    flags: pa.Table,
    reference: Reference | None = None,
    *,
    keep_impossible: bool = False,
) -> list[str]:
    """Gaps, losses and flagged readings of a loaded day, in this order, as Markdown sentences.

    `statistics` as from `to_frame`, `readings` as from `fetch_readings`, `flags` as from
    `find_flags`. Without a reference curve, what turbines did stands for their losses.
    """
    losses = _describe_states(statistics, load)
    if reference is not None:
        losses = describe_losses(find_stretches(statistics, reference, load.turbines))
    found = list_findings(flags, readings, keep_impossible=keep_impossible)
    return [*_describe_gaps(statistics, load), *losses, *found]


def _describe_gaps(statistics: pd.DataFrame, load: LoadedDay) -> Iterator[str]:
    """Signals and turbines without readings, then the gaps of the others, the longest first."""
    absent = [name for name in load.columns if not _has_readings(statistics, name)]
    if absent:
        yield f"There are no readings of {words.listing([*map(label, absent)])} on this day."
    present = [name for name in load.columns if name not in absent]
    if not present:
        return
    span = Span(load.date, load.date)
    gaps = find_gaps(statistics, load.turbines, present, span=span)
    whole = [gap for gap in gaps if gap.end - gap.start == pd.Timedelta(days=1)]
    if silent := [gap.turbine for gap in whole if not gap.signals]:
        yield f"No readings of {words.listing(silent)} on this day."
    for gap in whole:
        if gap.signals:
            yield f"{gap.turbine} has no readings of {label(gap.signals[0])} on this day."
    yield from describe_gaps((gap for gap in gaps if gap not in whole), len(load.turbines))


def _has_readings(statistics: pd.DataFrame, signal: str) -> bool:
    counts = statistics.get(f"{signal}_count")
    return counts is not None and bool((counts > 0).any())


def _describe_states(statistics: pd.DataFrame, load: LoadedDay) -> Iterator[str]:
    """Turbines that stood in wind, or were derated, for half an hour and more."""
    if STATE not in statistics or not {"wind_speed_mean", "power_mean"} <= {*statistics}:
        return
    slots = Slots.of(statistics, load.turbines)
    states = slots.hold(slots.column(STATE), "power")
    wind = slots.hold(slots.column("wind_speed_mean"), "wind_speed")
    for state, did in DID.items():
        for row, first, last in find_runs(states == state, SHORTEST):
            start, end = (slots.first + slot * BUCKET for slot in (first, last))
            mean = words.number(pd.Series(wind[row, first:last]).mean())
            yield f"{slots.names[row]} {did.format(wind=mean)} from {describe_times(start, end)}."
