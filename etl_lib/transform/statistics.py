"""Readings to ten-minute statistics: DuckDB runs one SQL file for each kind of signal."""

from collections.abc import Collection, Mapping, Sequence
from importlib.resources import files

import numpy as np
import pandas as pd
import pyarrow as pa

from etl_lib.catalogue import rated_powers, read_signal
from etl_lib.transform.flags import TESTS, find_flags
from etl_lib.transform.interval import find_intervals, rows_by_turbine
from etl_lib.transform.kinds import (
    BUCKET_SECONDS,
    EXPECTED,
    FLAGS,
    KEYS,
    STAMP,
    STATE,
    STATE_FIELD,
    STATISTICS,
    TURBINE,
    names_by_kind,
    own_statistics,
    signal_fields,
    signals_of,
    statistics_schema,
)
from etl_lib.transform.limits import drop_impossible, find_limits
from etl_lib.transform.ordering import last_of_each_stamp, plain, put_before
from etl_lib.transform.own import use_own_statistics
from etl_lib.transform.query import query
from etl_lib.transform.sequences import compute_sequences, join_statistics
from etl_lib.transform.states import find_states

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
    readings: pa.Table,
    sql: Mapping[str, str] | None = None,
    *,
    before: pa.Table | None = None,
    flags: pa.Table | None = None,
    keep_impossible: bool = False,
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
    Readings outside a signal's `possible` bounds are missing values, unless `keep_impossible`.
    `flags` are those of the readings, as from `find_flags`; without them, they are found. A bucket
    has the bits of all of its readings, and `thin` if it has fewer than half of those expected.
    `state_mode` is what the turbine did (`TurbineState`), where wind speed and power, or a status
    signal, tell it.
    `sql` replaces texts of `statistics_sql()`. Raises `FonteError` for an unknown kind.
    """
    intervals = find_intervals(readings)
    limits = [] if keep_impossible else find_limits(readings, intervals)
    last = drop_impossible(last_of_each_stamp(plain(readings)), limits)
    computed: dict[str, pa.ChunkedArray] = {}
    texts = statistics_sql(readings) | dict(sql or {})
    followed = [field for field in signal_fields(readings) if read_signal(field).needs_before]
    for kind, names in names_by_kind(readings).items():
        if kind in ("quantity", "angle"):
            found = query(texts[kind], readings=last.select([*KEYS, *names]))
            computed |= dict(zip(found.column_names, found.columns, strict=True))
    if "own" in texts and computed:
        computed = use_own_statistics(computed, last, texts["own"])
    if followed:
        sequence = put_before(before, readings, last, [field.name for field in followed])
        sequence = drop_impossible(sequence, limits)
        parts = compute_sequences(sequence, followed, texts, intervals)
        table = join_statistics([*([pa.table(computed)] if computed else []), *parts], last)
        computed = dict(zip(table.column_names, table.columns, strict=True))
    rows = rows_by_turbine(computed[TURBINE])
    expected = np.empty(len(computed[TURBINE]))
    for turbine, places in rows.items():
        expected[places] = BUCKET_SECONDS / intervals[turbine]
    computed[EXPECTED] = pa.chunked_array([expected])
    flags = find_flags(readings, before=before) if flags is None else flags
    computed |= _flag_buckets(pa.table(computed), flags, followed)
    schema = statistics_schema(readings.schema)
    if (states := find_states(pa.table(computed), readings)) is not None:
        computed[STATE] = states
        schema = schema.insert(schema.get_field_index(EXPECTED), STATE_FIELD)
    return pa.table(computed).select(schema.names).cast(schema)


def _flag_buckets(
    statistics: pa.Table, flags: pa.Table, followed: Sequence[pa.Field]
) -> dict[str, pa.ChunkedArray]:
    """The column of flags of each signal, null where there is none.

    A state that is sampled on change, of the fields that are `followed`, is never thin: it has a
    reading only when it changes.
    """
    held = {field.name for field in followed if read_signal(field).hold}
    counts = [name for name in statistics.column_names if name.endswith(("_count", "_coverage"))]
    frame = statistics.select([EXPECTED, *counts]).to_pandas()
    columns = {}
    for signal in signals_of(counts):
        shares = coverage(frame, signal)
        is_thin = (shares > 0) & (shares < THIN)
        if signal in held and f"{signal}_coverage" not in counts:
            is_thin[:] = False
        columns[signal] = np.where(is_thin, TESTS["thin"], 0)
    if flags.num_rows:
        found = flags.select([*KEYS, "signal", FLAGS]).to_pandas()
        found[STAMP] = found[STAMP].dt.floor(BUCKET)
        rows = statistics.select(KEYS).to_pandas()
        rows[STAMP] = rows[STAMP].dt.tz_localize("UTC")
        places = pd.MultiIndex.from_frame(rows).get_indexer(pd.MultiIndex.from_frame(found[KEYS]))
        found = found.assign(place=places)[places >= 0]
        for signal, part in found.groupby("signal"):
            np.bitwise_or.at(columns[signal], part["place"], part[FLAGS])
    return {
        f"{signal}_{FLAGS}": pa.chunked_array([pa.array(bits.astype(float), mask=bits == 0)])
        for signal, bits in columns.items()
    }


def read_intervals(statistics: pa.Table) -> dict[str, float]:
    """The interval of the readings behind each turbine's statistics of a day, seconds."""
    first = {name: rows[0] for name, rows in rows_by_turbine(statistics[TURBINE]).items()}
    expected = statistics[EXPECTED].to_numpy()
    return {name: float(round(BUCKET_SECONDS / expected[row])) for name, row in first.items()}


def to_frame(table: pa.Table) -> pd.DataFrame:
    """A table as a DataFrame: `turbine` and `timestamp` (UTC) are the index.

    `frame.loc["R80711"]` is that of one turbine. `attrs["units"]` and `attrs["kinds"]` map a
    column to its unit and its kind, and `attrs["rated_powers"]` a turbine to its rated power, kW.
    """
    frame: pd.DataFrame = table.to_pandas().set_index(KEYS)
    signals = {field.name: read_signal(field) for field in signal_fields(table)}
    frame.attrs["units"] = {name: signal.unit for name, signal in signals.items() if signal.unit}
    frame.attrs["kinds"] = {name: signal.kind for name, signal in signals.items()}
    frame.attrs["rated_powers"] = rated_powers(table)
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
