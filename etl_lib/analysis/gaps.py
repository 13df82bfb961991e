"""Where readings are missing."""

from collections import defaultdict
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from etl_lib.analysis import words
from etl_lib.analysis.axes import label
from etl_lib.analysis.losses import describe_times, find_runs
from etl_lib.analysis.slots import Slots
from etl_lib.load.records import Exclusion
from etl_lib.parameters import Span
from etl_lib.transform.kinds import signals_of
from etl_lib.transform.statistics import BUCKET, BUCKETS_A_DAY, coverage

MOST = 6
"""So many gaps have a sentence each; of the rest there is one."""


@dataclass(frozen=True)
class Gap:
    """A turbine without readings from `start` to `end` (UTC, exclusive)."""

    turbine: str
    start: pd.Timestamp
    end: pd.Timestamp
    signals: Sequence[str]
    """The signals that are missing; empty if all are."""


def find_gaps(
    data: pd.DataFrame,
    turbines: Sequence[str] = (),
    signals: Sequence[str] = (),
    *,
    span: Span | None = None,
    loaded: NDArray[np.bool_] | None = None,
) -> list[Gap]:
    """Each stretch of ten minutes and more without a reading, by turbine and time.

    Without names, of all turbines and signals of `data`; without a span, of the days from its first
    to its last. `loaded` has a row per turbine and a column per day: the others have no gaps. What
    people excluded, by `attrs["exclusions"]`, is no gap.
    """
    slots = Slots.of(data, turbines, span)
    names = [*signals] or signals_of(map(str, slots.data))
    if not names or not slots.days:
        return []
    exclusions = [Exclusion.model_validate(each) for each in data.attrs.get("exclusions", ())]
    missing = {}
    for name in names:
        shares = coverage(slots.data, name).to_numpy()
        missing[name] = np.isnan(slots.hold(np.where(shares > 0, shares, np.nan), name))
        if loaded is not None:
            missing[name] &= np.repeat(loaded, BUCKETS_A_DAY, axis=1)
        for each in exclusions:
            if each.turbine in slots.names and each.signal in (None, name):
                missing[name][slots.names.index(each.turbine), _cover(slots, each)] = False
    every = np.logical_and.reduce([*missing.values()])
    gaps = [_gap(slots, *run, ()) for run in find_runs(every)]
    for name, table in missing.items():
        gaps += [_gap(slots, *run, (name,)) for run in find_runs(table & ~every)]
    return sorted(gaps, key=lambda gap: (gap.turbine, gap.start, gap.signals))


def _cover(slots: Slots, exclusion: Exclusion) -> slice:
    """The slots that an exclusion covers, whole."""
    first = (pd.Timestamp(exclusion.start) - slots.first) // BUCKET
    last = -((slots.first - pd.Timestamp(exclusion.end)) // BUCKET)
    return slice(max(0, first), max(0, last))


def _gap(slots: Slots, row: int, first: int, last: int, signals: Sequence[str]) -> Gap:
    start, end = (slots.first + slot * BUCKET for slot in (first, last))
    return Gap(slots.names[row], start, end, signals)


def describe_gaps(gaps: Iterable[Gap], turbines: int, *, dated: bool = False) -> Iterator[str]:
    """`T4 has no readings from 09:00 to 10:20.` The longest first; of many a sentence on the rest.

    Gaps of several of the `turbines` at the same time are one. `dated` gives the days, too.
    """
    found: dict[tuple[pd.Timestamp, pd.Timestamp, Sequence[str]], list[str]] = defaultdict(list)
    for gap in gaps:
        found[gap.start, gap.end, tuple(gap.signals)].append(gap.turbine)
    ordered = sorted(found.items(), key=lambda item: (item[0][0] - item[0][1]) * len(item[1]))
    for (start, end, signals), names in ordered[:MOST]:
        what = f"readings of {words.listing([*map(label, signals)])}" if signals else "readings"
        who = f"All {turbines} turbines" if 1 < len(names) == turbines else words.listing(names)
        has = "has" if len(names) == 1 else "have"
        yield f"{who} {has} no {what} from {describe_times(start, end, dated=dated)}."
    if rest := ordered[MOST:]:
        hours = sum(
            ((end - start) * len(names) for (start, end, _), names in rest), pd.Timedelta(0)
        )
        yield f"{len(rest):,} more gaps: {hours / pd.Timedelta('1h'):,.1f} turbine-hours."
