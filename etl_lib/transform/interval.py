"""The interval between a turbine's readings, told by the catalogue or found from the readings."""

from collections import Counter
from collections.abc import Mapping

import numpy as np
import pyarrow as pa
from numpy.typing import NDArray

from etl_lib.catalogue import read_signal, told_intervals
from etl_lib.transform.kinds import signal_fields

USUAL_INTERVAL = 60.0
"""Seconds; of readings that have no interval, since they are none or lie far apart."""
LONGEST_INTERVAL = 3600
"""Seconds; what is longer is a gap."""
NO_INTERVAL = 600.0
"""Seconds; of a turbine whose signals are all sampled on change: a bucket expects one value."""


def find_intervals(readings: pa.Table) -> dict[str, float]:
    """The time between the readings of each turbine, in order: whole seconds, 1 to 3600.

    What the catalogue tells, else the usual one; of several the shortest. `readings`: `turbine`
    and `timestamp`, in any order. 60 where no two stamps of a turbine lie a second to an hour
    apart. Rows with nothing but values that are sampled on change do not count; a turbine that
    has no others has 600.
    """
    told, stamps = told_intervals(readings), read_stamps(readings)
    counts = _are_regular(readings)
    intervals = {}
    for turbine, rows in rows_by_turbine(readings["turbine"]).items():
        regular = rows if counts is None else rows[counts[rows]]
        found = find_interval(stamps[regular]) if len(regular) else NO_INTERVAL
        intervals[turbine] = told.get(turbine) or found
    return intervals


def read_stamps(readings: pa.Table) -> NDArray[np.int64]:
    """The timestamps of readings, microseconds since 1970."""
    stamps = readings["timestamp"].cast(pa.timestamp("us")).cast(pa.int64())
    found: NDArray[np.int64] = stamps.to_numpy()
    return found


def _are_regular(readings: pa.Table) -> NDArray[np.bool_] | None:
    """Whether each row has a value that is not sampled on change; None if no signal is."""
    signals = {field.name: read_signal(field) for field in signal_fields(readings)}
    if not any(signal.hold for signal in signals.values()):
        return None
    found = np.zeros(len(readings), bool)
    for name in (name for name, signal in signals.items() if not signal.hold):
        found |= readings[name].is_valid().to_numpy()
    return found


def rows_by_turbine(turbines: pa.ChunkedArray) -> dict[str, NDArray[np.int64]]:
    """The places of each turbine's rows, ascending; the turbines in order."""
    encoded = turbines.combine_chunks().dictionary_encode()
    codes = encoded.indices.to_numpy()
    order = np.argsort(codes, kind="stable")
    ends = np.cumsum(np.bincount(codes, minlength=len(encoded.dictionary)))
    parts = np.split(order, ends[:-1]) if len(ends) else []
    return dict(sorted(zip(encoded.dictionary.to_pylist(), parts, strict=True)))


def describe_interval(seconds: float) -> str:
    """An interval for people: `60 s`, `10 min`."""
    return f"{seconds / 60:g} min" if seconds > 60 and seconds % 60 == 0 else f"{seconds:g} s"


def describe_intervals(intervals: Mapping[str, float]) -> str:
    """The intervals of turbines for people: `10 min`, or `10 min, but T3 60 s`."""
    if not intervals:
        return describe_interval(USUAL_INTERVAL)
    [(usual, _)] = Counter(intervals.values()).most_common(1)
    others = [f"{name} {describe_interval(s)}" for name, s in intervals.items() if s != usual]
    return describe_interval(usual) + (f", but {', '.join(others)}" if others else "")


def find_interval(stamps: NDArray[np.int64]) -> float:
    """The usual time between stamps in microseconds: whole seconds, 60 if it is not found."""
    if len(stamps) < 2:
        return USUAL_INTERVAL
    # Rounded from the first stamp on: clocks that are late by less than half a second agree then
    stamps = np.sort(stamps, kind="stable")
    gaps = np.diff(np.rint((stamps - stamps[0]) / 1e6))
    steps = gaps[(gaps >= 1) & (gaps <= LONGEST_INTERVAL)].astype(np.int64)
    return float(np.bincount(steps).argmax()) if len(steps) else USUAL_INTERVAL
