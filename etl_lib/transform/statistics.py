"""Readings to ten-minute statistics: DuckDB runs one SQL file for each kind of signal."""

from collections.abc import Collection, Mapping
from importlib.resources import files

import numpy as np
import pandas as pd
import pyarrow as pa

from etl_lib.catalogue import read_signal
from etl_lib.transform.interval import find_intervals, rows_by_turbine
from etl_lib.transform.kinds import (
    EXPECTED,
    KEYS,
    STAMP,
    STATISTICS,
    TURBINE,
    names_by_kind,
    own_statistics,
    signal_fields,
    statistics_schema,
)
from etl_lib.transform.own import forget_superseded, use_own_statistics
from etl_lib.transform.query import query
from etl_lib.transform.sequences import compute_sequences, join_statistics

BUCKET_SECONDS = 600
BUCKET = pd.Timedelta(seconds=BUCKET_SECONDS)
BUCKETS_A_DAY = 144
THIN = 0.5
"""A bucket with a lower coverage is thin."""


def statistics_sql(readings: pa.Table | None = None) -> dict[str, str]:
    """The SQL of each kind that `readings` have, or of every kind: texts to read and to run.

    `on_change` is that of quantities which are sampled on change, `own` that of the source's own
    statistics, where the readings have some.
    Raises `FonteError` for a signal of a kind that has no statistics.
    """
    kinds = STATISTICS if readings is None else names_by_kind(readings)
    names = [kind for kind in STATISTICS if kind in kinds]
    if readings is None or own_statistics(readings):
        names.append("own")
    return {name: (files(__package__) / f"{name}.sql").read_text("utf-8") for name in names}


def compute_statistics(
    readings: pa.Table, sql: Mapping[str, str] | None = None, *, before: pa.Table | None = None
) -> pa.Table:
    """Ten-minute statistics of `readings`, one row per turbine and bucket that has some, in order.

    `readings`: `turbine`, `timestamp` (UTC, any order; of equal stamps of a turbine, the last
    finite value of each column counts) and any number of float columns, whose metadata tell their
    kinds. Returns `turbine`, `timestamp` (UTC, the bucket's start) and, per column, the statistics
    of its kind (`STATISTICS`; null where there is none): see `quantity.sql`, `angle.sql`,
    `counter.sql`, `state.sql`, and `on_change.sql` for quantities that are sampled on change. A
    bucket of one reading has the source's own statistics of it (`own.sql`), if there are columns
    of them. Then `expected`, the readings that a full bucket has at the turbine's interval. All
    are float64, with `unit` in each field's metadata.
    Counters, states and quantities on change go on from `before`, the readings before (as from
    `fetch_before`), which get no rows themselves. A state and a value on change still hold after
    their last reading: their bucket has a row even without a reading, on the UTC days on which
    the turbine has `readings`.
    `sql` replaces texts of `statistics_sql()`. Raises `FonteError` for an unknown kind.
    """
    last = _last_of_each_stamp(_plain(readings))
    computed: dict[str, pa.ChunkedArray] = {}
    texts = statistics_sql(readings) | dict(sql or {})
    intervals = find_intervals(readings)
    followed = [field for field in signal_fields(readings) if read_signal(field).needs_before]
    for kind, names in names_by_kind(readings).items():
        if kind in ("quantity", "angle"):
            found = query(texts[kind], readings=last.select([*KEYS, *names]))
            computed |= dict(zip(found.column_names, found.columns, strict=True))
    if "own" in texts and computed:
        computed = use_own_statistics(computed, last, texts["own"])
    if followed:
        sequence = _put_before(before, readings, last, [field.name for field in followed])
        parts = compute_sequences(sequence, followed, texts, intervals)
        table = join_statistics([*([pa.table(computed)] if computed else []), *parts], last)
        computed = dict(zip(table.column_names, table.columns, strict=True))
    rows = rows_by_turbine(computed[TURBINE])
    expected = np.empty(len(computed[TURBINE]))
    for turbine, places in rows.items():
        expected[places] = BUCKET_SECONDS / intervals[turbine]
    computed[EXPECTED] = pa.chunked_array([expected])
    schema = statistics_schema(readings.schema)
    return pa.table(computed).select(schema.names).cast(schema)


def read_intervals(statistics: pa.Table) -> dict[str, float]:
    """The interval of the readings behind each turbine's statistics of a day, seconds."""
    first = {name: rows[0] for name, rows in rows_by_turbine(statistics[TURBINE]).items()}
    expected = statistics[EXPECTED].to_numpy()
    return {name: float(round(BUCKET_SECONDS / expected[row])) for name, row in first.items()}


def to_frame(table: pa.Table) -> pd.DataFrame:
    """A table as a DataFrame: `turbine` and `timestamp` (UTC) are the index.

    `frame.loc["R80711"]` is that of one turbine. `attrs["units"]` and `attrs["kinds"]` map a
    column to its unit and its kind.
    """
    frame: pd.DataFrame = table.to_pandas().set_index(KEYS)
    signals = {field.name: read_signal(field) for field in signal_fields(table)}
    frame.attrs["units"] = {name: signal.unit for name, signal in signals.items() if signal.unit}
    frame.attrs["kinds"] = {name: signal.kind for name, signal in signals.items()}
    return frame


def coverage(statistics: pd.DataFrame, column: str) -> pd.Series:
    """Share of the expected readings that each bucket of a column has, 0 to 1.

    Of a signal that is sampled on change, the share of the bucket for which a value held. A bucket
    of hourly readings is complete with one; buckets without one are not in the frame.
    """
    counts = statistics.get(f"{column}_count", pd.Series(index=statistics.index, dtype=float))
    # One reading every 7 s makes 85 or 86 in a bucket, so a bucket with 85 is full
    full = np.floor(statistics[EXPECTED]).clip(lower=1)
    shares: pd.Series = (counts.fillna(0) / full).clip(upper=1)
    held = statistics.get(f"{column}_coverage")
    return shares if held is None else held.fillna(shares)


def due(statistics: pd.DataFrame, column: str) -> pd.Series:
    """Share of the buckets in which a column's reading is due, 0 to 1: a sixth of hourly ones.

    Where a signal is sampled on change, each bucket has a value.
    """
    share: pd.Series = statistics[EXPECTED].clip(upper=1)
    held = statistics.get(f"{column}_coverage")
    return share if held is None else share.mask(held.notna(), 1.0)


def slot_coverage(statistics: pd.DataFrame, column: str) -> pd.Series:
    """`coverage` of the buckets for which a column's readings stand, on the days of one turbine.

    A reading stands for its interval: an hourly one for six buckets, of which five are not in
    the frame.
    """
    shares, slots = coverage(statistics, column), np.ceil(1 / due(statistics, column))
    parts = [shares[slots > n].shift(n, freq=BUCKET) for n in range(int(slots.max()))]
    all_slots: pd.Series = pd.concat(parts).groupby(level=0).max()
    days = pd.DatetimeIndex(statistics.index).normalize()
    return all_slots[pd.DatetimeIndex(all_slots.index).normalize().isin(days)]


def day_coverage(statistics: pa.Table, turbines: Collection[str]) -> float:
    """Share of a whole day's expected readings that came, 0 to 1, over all columns.

    The mean of `turbines`; one that has no statistics has none of its readings.
    """
    counts = [name for name in statistics.schema.names if name.endswith("_count")]
    held = [name for name in statistics.schema.names if name.endswith("_coverage")]
    frame = statistics.select([TURBINE, EXPECTED, *counts, *held]).to_pandas()
    for name in held:  # as if so many of the expected readings had come
        frame[f"{name.removesuffix('_coverage')}_count"] = frame[name] * frame[EXPECTED]
    present = frame[counts].clip(upper=np.ceil(frame[EXPECTED]), axis="index").sum(axis="columns")
    intervals = pd.Series(read_intervals(statistics), dtype=float)
    expected = BUCKETS_A_DAY * BUCKET_SECONDS / intervals * len(counts)
    shares = (present.groupby(frame[TURBINE]).sum() / expected).clip(upper=1)
    return float(shares.reindex(list(turbines), fill_value=0.0).mean()) if len(turbines) else 0.0


def _plain(readings: pa.Table) -> pa.Table:
    """The readings in the form that DuckDB groups fastest: `turbine`, `timestamp`, the signals.

    The timestamps without a zone: it would bucket local time and look up the calendar for each.
    The turbines as a dictionary array: it groups by their codes in half the time.
    """
    codes = readings[TURBINE].combine_chunks().dictionary_encode()
    signals = readings.drop_columns(KEYS)
    plain = signals.add_column(0, STAMP, readings[STAMP].cast(pa.timestamp("us")))
    return plain.add_column(0, TURBINE, codes)


def _put_before(
    before: pa.Table | None, readings: pa.Table, last: pa.Table, names: list[str]
) -> pa.Table:
    """The readings of some signals, those before first; `last` is `readings` without repeats."""
    columns = [*KEYS, *names]
    if before is None or not before.num_rows:
        return last.select(columns)
    chosen = readings.select(columns)
    both = pa.concat_tables([before.select(columns).cast(chosen.schema), chosen])
    return _last_of_each_stamp(_plain(both))


def _last_of_each_stamp(readings: pa.Table) -> pa.Table:
    """One row per turbine and timestamp: of those that feeds repeat, each last finite value.

    The turbines are a dictionary array.
    """
    stamps = readings[STAMP].cast(pa.int64()).to_numpy()
    codes = readings[TURBINE].combine_chunks().indices.to_numpy()
    later, same = stamps[1:] > stamps[:-1], stamps[1:] == stamps[:-1]
    if np.all(later | (same & (codes[1:] > codes[:-1]))):  # in order, so none repeats
        return readings
    if not pd.DataFrame({TURBINE: codes, STAMP: stamps}).duplicated().any():
        return readings
    frame = readings.to_pandas().replace([np.inf, -np.inf], np.nan)
    forget_superseded(frame, own_statistics(readings))
    last = frame.groupby(KEYS, as_index=False, observed=True).last()
    return pa.Table.from_pandas(last[readings.schema.names], readings.schema, preserve_index=False)
