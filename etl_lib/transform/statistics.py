"""Readings to ten-minute statistics: DuckDB runs the SQL of `statistics.sql`."""

from collections.abc import Iterable
from importlib.resources import files

import numpy as np
import pandas as pd
import pyarrow as pa
import pyarrow.compute as pc

from etl_lib.transform.query import query

STAMP = "timestamp"
STATISTICS = ("mean", "min", "max", "std", "count")
"""The statistics of a bucket; a signal's name in Alvo is `<column>_<statistic>`."""
BUCKETS_A_DAY = 144
EXPECTED_READINGS = 10
"""Readings in a full bucket, at one a minute."""
THIN = 0.5
"""A bucket with a lower coverage is thin."""


def statistics_sql() -> str:
    """The SQL of the statistics, a text to read and to run."""
    return (files(__package__) / "statistics.sql").read_text(encoding="utf-8")


def compute_statistics(readings: pa.Table, sql: str | None = None) -> pa.Table:
    """Ten-minute statistics of `readings`, one row per bucket that has readings, in order.

    `readings`: `timestamp` (UTC, any order; of equal stamps the last row counts) and any number
    of float columns. Returns `timestamp` (UTC, the bucket's start) and, per column, its
    `_mean`, `_min`, `_max`, `_std` (sample, n−1; null for one reading) and `_count` (of finite
    readings; null for none), all float64, with `unit` in each field's metadata.
    `sql` replaces the text of `statistics_sql()`.
    """
    # Without a zone: DuckDB would bucket local time and look up the calendar for each stamp
    place, stamps = readings.schema.get_field_index(STAMP), readings[STAMP]
    plain = readings.set_column(place, STAMP, stamps.cast(pa.timestamp("us")))
    computed = query(sql or statistics_sql(), readings=_last_of_each_stamp(plain))
    schema = _statistics_schema(readings.schema)
    return computed.select(schema.names).cast(schema)


def signals_of(names: Iterable[str]) -> list[str]:
    """The signals among the names of their statistics, in order."""
    return [name.removesuffix("_mean") for name in names if name.endswith("_mean")]


def to_frame(table: pa.Table) -> pd.DataFrame:
    """A table as a DataFrame: `timestamp` (UTC) is the index, `attrs["units"]` has the units."""
    frame: pd.DataFrame = table.to_pandas().set_index(STAMP)
    frame.attrs["units"] = {
        field.name: field.metadata[b"unit"].decode()
        for field in table.schema
        if field.metadata and b"unit" in field.metadata
    }
    return frame


def coverage(statistics: pd.DataFrame, column: str) -> pd.Series:
    """Share of the expected readings that each bucket of a column has, 0 to 1."""
    counts = statistics.get(f"{column}_count", pd.Series(index=statistics.index, dtype=float))
    return (counts.fillna(0) / EXPECTED_READINGS).clip(upper=1)


def day_coverage(statistics: pa.Table) -> float:
    """Share of a whole day's expected readings that came, 0 to 1, over all columns."""
    counts = [name for name in statistics.schema.names if name.endswith("_count")]
    present = statistics.select(counts).to_pandas().clip(upper=EXPECTED_READINGS).sum().sum()
    return float(present / (EXPECTED_READINGS * BUCKETS_A_DAY * len(counts)))


def _statistics_schema(readings: pa.Schema) -> pa.Schema:
    """The five statistics of each column, in its unit; a count has the unit 1."""
    fields = [pa.field(STAMP, pa.timestamp("us", "UTC"), nullable=False)]
    for column in (column for column in readings if column.name != STAMP):
        unit = (column.metadata or {}).get(b"unit", b"")
        for statistic in STATISTICS:
            metadata = {b"unit": b"1" if statistic == "count" else unit}
            fields.append(pa.field(f"{column.name}_{statistic}", pa.float64(), metadata=metadata))
    return pa.schema(fields)


def _last_of_each_stamp(readings: pa.Table) -> pa.Table:
    """The readings by timestamp; of equal stamps, which feeds repeat, the last to arrive."""
    stamps = readings[STAMP].cast(pa.int64())
    if len(stamps) < 2 or pc.all(pc.greater(stamps[1:], stamps[:-1])).as_py():
        return readings
    order = np.argsort(stamps.to_numpy(), kind="stable")
    sorted_stamps = stamps.to_numpy()[order]
    is_last = np.append(sorted_stamps[1:] != sorted_stamps[:-1], True)
    return readings.take(order[is_last])
