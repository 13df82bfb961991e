"""The interval between readings, told by the catalogue or found from the readings."""

import numpy as np
import pyarrow as pa

from etl_lib.catalogue import told_interval

USUAL_INTERVAL = 60.0
"""Seconds; of readings that have no interval, since they are none or lie far apart."""
LONGEST_INTERVAL = 3600
"""Seconds; what is longer is a gap."""


def find_interval(readings: pa.Table) -> float:
    """The time between `readings` in whole seconds, 1 to 3600.

    What the catalogue tells, else the usual one; of several the shortest. `readings`: `timestamp`,
    in any order; the rest does not matter. 60 where no two stamps lie a second to an hour apart.
    """
    if told := told_interval(readings):
        return told
    stamps = readings["timestamp"].cast(pa.timestamp("us")).cast(pa.int64()).to_numpy()
    if len(stamps) < 2:
        return USUAL_INTERVAL
    # Rounded from the first stamp on: clocks that are late by less than half a second agree then
    stamps = np.sort(stamps, kind="stable")
    gaps = np.diff(np.rint((stamps - stamps[0]) / 1e6))
    steps = gaps[(gaps >= 1) & (gaps <= LONGEST_INTERVAL)].astype(np.int64)
    return float(np.bincount(steps).argmax()) if len(steps) else USUAL_INTERVAL


def describe_interval(seconds: float) -> str:
    """An interval for people: `60 s`, `10 min`."""
    return f"{seconds / 60:g} min" if seconds > 60 and seconds % 60 == 0 else f"{seconds:g} s"
