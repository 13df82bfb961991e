"""What turbines gave beside what their reference curve gives."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from etl_lib.analysis import words
from etl_lib.analysis.reference import Reference
from etl_lib.analysis.slots import Numbers, Slots
from etl_lib.transform.kinds import BUCKET_SECONDS, STATE
from etl_lib.transform.states import TurbineState
from etl_lib.transform.statistics import BUCKET

HOURS_A_SLOT = BUCKET_SECONDS / 3600
SHORTEST = 3
"""Slots of a stretch of losses: half an hour."""
MOST = 6
"""So many stretches have a sentence each; of the rest there is one."""
FAR_BELOW = 0.1
"""A bucket is below the curve if it lacks more than this share of the curve's largest power."""
DID = {
    TurbineState.IDLE: "stood still",
    TurbineState.STOPPED: "stood still",
    TurbineState.DERATED: "was held at a level",
}


@dataclass(frozen=True)
class Stretch:
    """A turbine below the curve, from `start` to `end` (UTC, exclusive)."""

    turbine: str
    start: pd.Timestamp
    end: pd.Timestamp
    power: float
    """Its mean, kW."""
    expected: float
    """The mean of what the curve gives, kW."""
    lost: float
    """kWh"""
    state: TurbineState | None
    """What the turbine did for most of it; None if that is not known."""


def find_stretches(
    data: pd.DataFrame, reference: Reference, turbines: Sequence[str] = ()
) -> list[Stretch]:
    """Each stretch of half an hour and more below the curve, the largest loss first.

    Below is by more than a tenth of the largest power of the turbine's curve. A slot in which the
    power or the wind is not known ends a stretch.
    """
    if "power_mean" not in data:
        return []
    slots = Slots.of(data, turbines)
    expected = slots.hold(reference.expect(slots.data).to_numpy(), "power")
    power = slots.hold(slots.column("power_mean"), "power")
    curves = [reference.curve_of(name) for name in slots.names]
    largest = np.array([np.nan if curve is None else curve["power"].max() for curve in curves])
    largest[~(largest > 0)] = np.nan  # a curve of calms alone
    lost = expected - power
    none = np.full(len(slots.data), np.nan)
    states = slots.hold(slots.column(STATE) if STATE in slots.data else none, "power")
    found = []
    for row, first, last in find_runs(lost > FAR_BELOW * largest[:, None], SHORTEST):
        part = slice(first, last)
        found.append(
            Stretch(
                slots.names[row],
                slots.first + first * BUCKET,
                slots.first + last * BUCKET,
                float(power[row, part].mean()),
                float(expected[row, part].mean()),
                float(lost[row, part].sum() * HOURS_A_SLOT),
                _most_frequent(states[row, part]),
            )
        )
    return sorted(found, key=lambda stretch: -stretch.lost)


def find_runs(table: NDArray[np.bool_], shortest: int = 1) -> Iterator[tuple[int, int, int]]:
    """Row, first and last column (exclusive) of each run of true cells, row by row."""
    edges = np.diff(np.pad(table, ((0, 0), (1, 1))).astype(np.int8), axis=1)
    rows, starts = np.nonzero(edges == 1)
    ends = np.nonzero(edges == -1)[1]
    for row, start, end in zip(rows.tolist(), starts.tolist(), ends.tolist(), strict=True):
        if end - start >= shortest:
            yield row, start, end


def _most_frequent(states: Numbers) -> TurbineState | None:
    known = states[np.isfinite(states)]
    codes, counts = np.unique(known, return_counts=True)
    return TurbineState(int(codes[counts.argmax()])) if len(codes) else None


def describe_losses(
    data: pd.DataFrame,
    reference: Reference | None,
    turbines: Sequence[str] = (),
    *,
    dated: bool = False,
) -> Iterator[str]:
    """A sentence per stretch, the largest loss first, and one on the rest; `dated` gives days."""
    stretches = find_stretches(data, reference, turbines) if reference else []
    yield from (describe_stretch(stretch, dated=dated) for stretch in stretches[:MOST])
    if rest := stretches[MOST:]:
        lost = words.energy(sum(stretch.lost for stretch in rest))
        yield f"{len(rest):,} more stretches of half an hour and more below the curve: {lost}."


def describe_stretch(stretch: Stretch, *, dated: bool = False) -> str:
    """`T3 stood still from 13:00 to 16:40: 2,940 kWh less than the reference curve (802 kW below).`

    `dated` gives the day, too.
    """
    level, below = words.power(stretch.power), words.power(stretch.expected - stretch.power)
    did = DID.get(stretch.state) if stretch.state else None
    did = f"{did}, {level}," if stretch.state is TurbineState.DERATED else did
    did = did or f"gave {level}"
    when = f"from {describe_times(stretch.start, stretch.end, dated=dated)}"
    lost = f"{words.energy(stretch.lost)} less than the reference curve gives"
    return f"{stretch.turbine} {did} {when}: {lost} ({below} below it)."


def describe_times(start: pd.Timestamp, end: pd.Timestamp, *, dated: bool = False) -> str:
    """`13:00 to 16:40`; with dates if `dated`, or of several days. The end of a day is 24:00."""
    last = (end - pd.Timedelta("1ns")).normalize()
    until = "24:00" if end == end.normalize() else f"{end:%H:%M}"
    if start.normalize() != last:
        return f"{start:%Y-%m-%d %H:%M} to {last:%Y-%m-%d} {until}"
    return f"{start:%Y-%m-%d %H:%M} to {until}" if dated else f"{start:%H:%M} to {until}"
