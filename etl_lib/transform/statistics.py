"""Readings to ten-minute statistics: DuckDB runs one SQL file for each kind of signal."""

from collections.abc import Iterable, Mapping
from importlib.resources import files
from math import ceil

import numpy as np
import pandas as pd
import pyarrow as pa
import pyarrow.compute as pc

from etl_lib.catalogue import read_signal
from etl_lib.errors import FonteError
from etl_lib.transform.interval import USUAL_INTERVAL, find_interval
from etl_lib.transform.query import query

STAMP = "timestamp"
KINDS = ("quantity", "angle")
STATISTICS = ("mean", "min", "max", "std", "count")
"""The statistics of a bucket; a signal's name in Alvo is `<column>_<statistic>`."""
EXPECTED = "expected"
"""The column of the readings that a full bucket has: 600 s / interval, 1/6 of hourly ones."""
BUCKET_SECONDS = 600
BUCKET = pd.Timedelta(seconds=BUCKET_SECONDS)
BUCKETS_A_DAY = 144
THIN = 0.5
"""A bucket with a lower coverage is thin."""


def statistics_sql(readings: pa.Table | None = None) -> dict[str, str]:
    """The SQL of each kind that `readings` have, or of every kind: texts to read and to run.

    Raises `FonteError` for a signal of a kind that has no statistics.
    """
    kinds = KINDS if readings is None else _names_by_kind(readings)
    folder = files(__package__)
    return {kind: (folder / f"{kind}.sql").read_text("utf-8") for kind in KINDS if kind in kinds}


def compute_statistics(readings: pa.Table, sql: Mapping[str, str] | None = None) -> pa.Table:
    """Ten-minute statistics of `readings`, one row per bucket that has readings, in order.

    `readings`: `timestamp` (UTC, any order; of equal stamps the last row counts) and any number
    of float columns. Returns `timestamp` (UTC, the bucket's start) and, per column, its
    `_mean`, `_min`, `_max`, `_std` (sample, n−1; null for one reading) and `_count` (of finite
    readings; null for none); then `expected`, the readings that a full bucket has at their
    interval. All are float64, with `unit` in each field's metadata.
    An angle has the mean of unit vectors; its min and max are not wrapped (see `angle.sql`).
    `sql` replaces texts of `statistics_sql()`. Raises `FonteError` for an unknown kind.
    """
    # Without a zone: DuckDB would bucket local time and look up the calendar for each stamp
    place, stamps = readings.schema.get_field_index(STAMP), readings[STAMP]
    plain = readings.set_column(place, STAMP, stamps.cast(pa.timestamp("us")))
    last = _last_of_each_stamp(plain)
    computed: dict[str, pa.ChunkedArray] = {}
    texts = statistics_sql(readings) | dict(sql or {})
    for kind, names in _names_by_kind(readings).items():
        found = query(texts[kind], readings=last.select([STAMP, *names]))
        computed |= dict(zip(found.column_names, found.columns, strict=True))
    schema = _statistics_schema(readings.schema)
    expected = BUCKET_SECONDS / find_interval(readings)
    computed[EXPECTED] = pa.chunked_array([np.full(len(computed[STAMP]), expected)])
    return pa.table(computed).select(schema.names).cast(schema)


def signals_of(names: Iterable[str]) -> list[str]:
    """The signals among the names of their statistics, in order."""
    return [name.removesuffix("_mean") for name in names if name.endswith("_mean")]


def read_interval(statistics: pa.Table) -> float:
    """The interval of the readings behind a day's statistics, seconds; 60 if there are none."""
    if not statistics.num_rows:
        return USUAL_INTERVAL
    return float(round(BUCKET_SECONDS / statistics[EXPECTED][0].as_py()))


def to_frame(table: pa.Table) -> pd.DataFrame:
    """A table as a DataFrame: `timestamp` (UTC) is the index.

    `attrs["units"]` and `attrs["kinds"]` map a column to its unit and its kind.
    """
    frame: pd.DataFrame = table.to_pandas().set_index(STAMP)
    signals = {field.name: read_signal(field) for field in _signals(table)}
    frame.attrs["units"] = {name: signal.unit for name, signal in signals.items() if signal.unit}
    frame.attrs["kinds"] = {name: signal.kind for name, signal in signals.items()}
    return frame


def coverage(statistics: pd.DataFrame, column: str) -> pd.Series:
    """Share of the expected readings that each bucket of a column has, 0 to 1.

    A bucket of hourly readings is complete with one; buckets without one are not in the frame.
    """
    counts = statistics.get(f"{column}_count", pd.Series(index=statistics.index, dtype=float))
    # One reading every 7 s makes 85 or 86 in a bucket, so a bucket with 85 is full
    full = np.floor(statistics[EXPECTED]).clip(lower=1)
    shares: pd.Series = (counts.fillna(0) / full).clip(upper=1)
    return shares


def slot_coverage(statistics: pd.DataFrame, column: str) -> pd.Series:
    """`coverage` of the buckets for which a column's readings stand, on the frame's days.

    A reading stands for its interval: an hourly one for six buckets, of which five are not in
    the frame.
    """
    shares, slots = coverage(statistics, column), np.ceil(1 / statistics[EXPECTED])
    parts = [shares[slots > n].shift(n, freq=BUCKET) for n in range(int(slots.max()))]
    all_slots: pd.Series = pd.concat(parts).groupby(level=0).max()
    days = pd.DatetimeIndex(statistics.index).normalize()
    return all_slots[pd.DatetimeIndex(all_slots.index).normalize().isin(days)]


def day_coverage(statistics: pa.Table) -> float:
    """Share of a whole day's expected readings that came, 0 to 1, over all columns."""
    counts = [name for name in statistics.schema.names if name.endswith("_count")]
    interval = read_interval(statistics)
    full = ceil(BUCKET_SECONDS / interval)
    present = statistics.select(counts).to_pandas().clip(upper=full).sum().sum()
    expected = BUCKETS_A_DAY * BUCKET_SECONDS / interval * len(counts)
    return min(1.0, float(present / expected))


def _statistics_schema(readings: pa.Schema) -> pa.Schema:
    """The five statistics of each column in its unit, and `expected`; a count has the unit 1."""
    fields = [pa.field(STAMP, pa.timestamp("us", "UTC"), nullable=False)]
    for column in _signals(readings):
        signal = read_signal(column)
        for statistic in STATISTICS:
            is_angle = signal.kind == "angle" and statistic in {"mean", "min", "max"}
            metadata = {
                "unit": "1" if statistic == "count" else signal.unit,
                "kind": "angle" if is_angle else "quantity",
            }
            fields.append(pa.field(f"{column.name}_{statistic}", pa.float64(), metadata=metadata))
    fields.append(pa.field(EXPECTED, pa.float64(), metadata={"unit": "1", "kind": "quantity"}))
    return pa.schema(fields)


def _names_by_kind(readings: pa.Table) -> dict[str, list[str]]:
    """The signals of each kind; raises `FonteError` for a kind that has no statistics."""
    names: dict[str, list[str]] = {}
    for field in _signals(readings):
        kind = read_signal(field).kind
        if kind not in KINDS:
            known = " or ".join(KINDS)
            raise FonteError(f"{field.name}: expected a signal of kind {known}, got {kind}")
        names.setdefault(kind, []).append(field.name)
    return names


def _signals(readings: pa.Table | pa.Schema) -> list[pa.Field]:
    schema = readings if isinstance(readings, pa.Schema) else readings.schema
    return [field for field in schema if field.name != STAMP]


def _last_of_each_stamp(readings: pa.Table) -> pa.Table:
    """The readings by timestamp; of equal stamps, which feeds repeat, the last to arrive."""
    stamps = readings[STAMP].cast(pa.int64())
    if len(stamps) < 2 or pc.all(pc.greater(stamps[1:], stamps[:-1])).as_py():
        return readings
    order = np.argsort(stamps.to_numpy(), kind="stable")
    sorted_stamps = stamps.to_numpy()[order]
    is_last = np.append(sorted_stamps[1:] != sorted_stamps[:-1], True)
    return readings.take(order[is_last])
