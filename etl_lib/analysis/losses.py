"""What turbines gave beside what their reference curve gives."""

from collections.abc import Iterable, Iterator, Sequence
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
"""So many turbines have a sentence each; of the rest there is one."""
TOLD = 3
"""So many stretches of a turbine are told, the largest."""
BELOW = "of half an hour and more below the reference curve"
FAR_BELOW = 0.1
"""A bucket is below the curve if it lacks more than this share of the curve's largest power."""
SOME = 0.01
"""A turbine that stands where its curve gives more than this share of its largest power goes on
with a stop, but begins none."""
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

    Below is by more than a tenth of the largest power of the turbine's curve; a turbine that stands
    goes on with its stretch as long as the curve gives anything. A slot in which the power or the
    wind is not known ends a stretch.
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
    is_part = np.zeros(lost.shape, bool)
    for row, first, last in find_runs(lost > FAR_BELOW * largest[:, None], SHORTEST):
        is_part[row, first:last] = True
    # A stop goes on while the turbine stands in a wind in which it would give little
    stands = (power <= 0) & (expected > SOME * largest[:, None])
    found = []
    for row, first, last in find_runs(is_part | stands, SHORTEST):
        part = slice(first, last)
        if is_part[row, part].any():
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


def describe_losses(stretches: Sequence[Stretch], *, dated: bool = False) -> Iterator[str]:
    """A sentence per turbine, the largest loss first, and one on the rest; `dated` gives days.

    `T3 stood still from 13:00 to 16:40: 2,940 kWh less than the reference curve gives (802 kW below
    it).` Of several stretches the largest are told.
    """
    by_turbine: dict[str, list[Stretch]] = {}
    for stretch in stretches:
        by_turbine.setdefault(stretch.turbine, []).append(stretch)
    found = sorted(by_turbine.values(), key=lambda each: -_sum(each))
    for each in found[:MOST]:
        yield _describe_turbine(each, dated=dated)
    if rest := found[MOST:]:
        lost = words.energy(sum(map(_sum, rest)))
        yield f"{words.count(len(rest), 'more turbine')} had stretches {BELOW}: {lost}."


def _sum(stretches: Iterable[Stretch]) -> float:
    return sum(stretch.lost for stretch in stretches)


def _describe_turbine(stretches: Sequence[Stretch], *, dated: bool) -> str:
    """One sentence; the stretches are sorted, the largest loss first."""
    first, count = stretches[0], len(stretches)
    if count == 1:
        below = words.power(first.expected - first.power)
        lost = f"{words.energy(first.lost)} less than the reference curve gives ({below} below it)"
        times = describe_times(first.start, first.end, dated=dated)
        return f"{first.turbine} {_tell(first)} from {times}: {lost}."
    told, did = [], ""
    for each in stretches[:TOLD]:
        verb, times = _tell(each), f"from {describe_times(each.start, each.end, dated=dated)}"
        told.append(f"{verb + ' ' if verb != did else ''}{times} ({words.energy(each.lost)})")
        did = verb
    if count > TOLD:
        told.append(f"{count - TOLD} more ({words.energy(_sum(stretches[TOLD:]))})")
    lost = words.energy(_sum(stretches))
    return f"{first.turbine} lost {lost} in {count} stretches {BELOW}: it {words.listing(told)}."


def _tell(stretch: Stretch) -> str:
    """`stood still`, `was held at a level, 640 kW,`, `gave 640 kW`."""
    did, level = DID.get(stretch.state) if stretch.state else None, words.power(stretch.power)
    return f"{did}, {level}," if stretch.state is TurbineState.DERATED else did or f"gave {level}"


def describe_times(start: pd.Timestamp, end: pd.Timestamp, *, dated: bool = False) -> str:
    """`13:00 to 16:40`; with dates if `dated`, or of several days. The end of a day is 24:00."""
    last = (end - pd.Timedelta("1ns")).normalize()
    until = "24:00" if end == end.normalize() else f"{end:%H:%M}"
    if start.normalize() != last:
        return f"{start:%Y-%m-%d %H:%M} to {last:%Y-%m-%d} {until}"
    return f"{start:%Y-%m-%d %H:%M} to {until}" if dated else f"{start:%H:%M} to {until}"
