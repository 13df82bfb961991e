"""Flags of readings: which are impossible or suspicious, by the tests of `flags.sql`.

The thresholds are the catalogue's, the turbine's rated power and interval among them. NumPy finds
the few readings that a test may flag; what a test says of them is the SQL's.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property
from importlib.resources import files
from itertools import groupby, product
from operator import attrgetter
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
from numpy.typing import NDArray

from etl_lib.transform.interval import find_interval, read_stamps, rows_by_turbine
from etl_lib.transform.kinds import STAMP, TURBINE, signal_fields
from etl_lib.transform.limits import LIMITS, Limits, find_limits
from etl_lib.transform.ordering import last_of_each_stamp, plain, put_before
from etl_lib.transform.query import query

TESTS = {
    "impossible": 1,
    "implausible": 2,
    "flat": 4,
    "spike": 8,
    "contradiction": 16,
    "step back": 32,
    "thin": 64,
}
"""The bit of each test; that of a bucket with fewer than half of its readings is the last."""
REACH = 2
"""Neighbours are at most so many intervals of their signal apart."""
MOMENT = pa.timestamp("us")
Values = NDArray[np.float64]
Stamps = NDArray[np.int64]
Places = NDArray[np.intp]
Columns = tuple[NDArray[Any], ...]


FLAGGED = pa.schema(
    [
        (TURBINE, pa.string()),
        (STAMP, pa.timestamp("us", "UTC")),
        ("signal", pa.string()),
        ("value", pa.float64()),
        ("flags", pa.int64()),
    ]
)
"""The table of flags."""
SINGLE = pa.schema([("id", pa.int64()), (STAMP, MOMENT), ("value", pa.float64())])
STEPS = pa.schema(
    [
        ("id", pa.int64()),
        ("place", pa.int64()),
        ("start", MOMENT),
        ("stop", MOMENT),
        ("old", pa.float64()),
        ("new", pa.float64()),
        ("reach", pa.float64()),
    ]
)


def find_flags(readings: pa.Table, *, before: pa.Table | None = None) -> pa.Table:
    """The readings that a test flags, in order of turbine, timestamp and signal.

    `readings` and `before` as for `compute_statistics`; those of `before` are looked back
    at, and not flagged themselves. Of equal timestamps the last finite value of a signal is tested.
    Columns: `turbine`, `timestamp` (UTC), `signal`, `value` (as read) and `flags`, the sum of the
    bits of `TESTS`, without `thin`. What is not flagged has no row. A test whose thresholds the
    catalogue does not have, or which needs a rated power that is not known, is not made.
    """
    if not readings.num_rows:
        return FLAGGED.empty_table()
    names = [field.name for field in signal_fields(readings)]
    every = put_before(before, readings, last_of_each_stamp(plain(readings)), names)
    stamps, columns = read_stamps(every), {name: every[name].to_numpy() for name in names}
    rows = rows_by_turbine(every[TURBINE])
    limits = find_limits(readings)
    single, steps = list[Columns](), list[Columns]()
    for turbine, parts in groupby(limits, attrgetter(TURBINE)):
        own = _in_order(stamps, rows[turbine])
        series = [Series(limit, stamps[own], columns[limit.signal][own]) for limit in parts]
        unfit = _find_contradictions(series)
        single += [one.single(unfit) for one in series]
        steps += [one.steps() for one in series]
    found = query(
        (files(__package__) / "flags.sql").read_text("utf-8"),
        limits=pa.Table.from_arrays(list(map(pa.array, zip(*limits, strict=True))), schema=LIMITS),
        single=_join(single, SINGLE),
        steps=_join(steps, STEPS),
    ).cast(FLAGGED)
    if before is None or not before.num_rows:
        return found
    return found.filter(pc.greater_equal(found[STAMP], pc.min(readings[STAMP])))


def _in_order(stamps: Stamps, rows: Places) -> slice | Places:
    """The places of a turbine's rows by time; as a slice, which copies nothing, where it fits."""
    is_one_piece = len(rows) and rows[-1] - rows[0] + 1 == len(rows)
    own: slice | Places = slice(int(rows[0]), int(rows[-1]) + 1) if is_one_piece else rows
    moments = stamps[own]
    return own if np.all(moments[1:] > moments[:-1]) else rows[np.argsort(moments)]


@dataclass(frozen=True)
class Series:
    """The readings of one signal of one turbine, by time; NaN where there is none."""

    limit: Limits
    stamps: Stamps
    values: Values

    @cached_property
    def possible(self) -> NDArray[np.bool_]:
        """Where there is a reading that can be."""
        low, high = self.limit.possible_low, self.limit.possible_high
        return np.isfinite(self.values) & (self.values >= low) & (self.values <= high)

    def single(self, also: NDArray[np.bool_]) -> Columns:
        """The readings that are not plausible, or not possible, and others; no missing ones."""
        low, high = self.limit.plausible_low, self.limit.plausible_high
        is_plausible = (self.values >= low) & (self.values <= high) & self.possible
        found = np.flatnonzero(np.isfinite(self.values) & (~is_plausible | also))
        return self._id(len(found)), self.stamps[found], self.values[found]

    def steps(self) -> Columns:
        """The steps that may be part of a flat line or a spike, or go back."""
        limit, chosen = self.limit, slice(None) if self.possible.all() else self.possible
        values, stamps = self.values[chosen], self.stamps[chosen]
        change = np.diff(values)
        if limit.is_angle:
            change -= 360 * np.round(change / 360)
        is_odd = change < 0 if limit.is_counter else np.zeros(len(change), bool)
        size = np.abs(change, out=change)
        if limit.flat_seconds:
            is_odd |= size <= limit.flat_tolerance
        if limit.spike:
            is_odd |= size > limit.spike / 2
        [place] = np.nonzero(is_odd)
        start, stop, old, new = stamps[place], stamps[place + 1], values[place], values[place + 1]
        reach = np.full(len(place), REACH * self._find_interval(stamps))
        return self._id(len(place)), place, start, stop, old, new, reach

    def _find_interval(self, stamps: Stamps) -> float:
        """Seconds between the readings of this signal, which may come less often than others."""
        usual = self.limit.interval
        if 2 * len(stamps) > len(self.stamps):  # else some are missing
            return usual
        return max(usual, find_interval(stamps))

    def _id(self, count: int) -> NDArray[np.int64]:
        return np.full(count, self.limit.id)


def _join(parts: Sequence[Columns], schema: pa.Schema) -> pa.Table:
    """One table of the columns of all series."""
    columns = [np.concatenate(column) for column in zip(*parts, strict=True)]
    return pa.table(columns, schema=schema) if columns else schema.empty_table()


def _find_contradictions(series: Sequence[Series]) -> NDArray[np.bool_]:
    """Where the wind is calm, and a power flows that needs more of it."""
    found = np.zeros(len(series[0].stamps), bool)
    slow = [one.values < one.limit.calm for one in series if one.limit.calm]
    fast = [one.values > one.limit.producing for one in series if one.limit.producing]
    for wind, power in product(slow, fast):
        found |= wind & power
    return found
