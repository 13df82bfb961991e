"""Counters, states, and quantities on change: their statistics depend on the reading before.

They also depend on facts of a signal. So they are computed one signal at a time, and then joined
with those of the other kinds.
"""

from collections.abc import Iterable, Mapping, Sequence

import pyarrow as pa

from etl_lib.catalogue import read_signal
from etl_lib.transform.kinds import KEYS, STAMP, TURBINE
from etl_lib.transform.query import query

HELD = 2
"""Intervals that a reading of a state holds at most, unless it is sampled on change."""


def compute_sequences(
    readings: pa.Table,
    fields: Iterable[pa.Field],
    texts: Mapping[str, str],
    intervals: Mapping[str, float],
) -> list[pa.Table]:
    """The statistics of each signal, by its text: see `counter.sql`, `state.sql`, `on_change.sql`.

    `readings`: no stamp of a turbine twice; `turbine` is a dictionary array. They begin before the
    buckets that are wanted. `fields` are those of the signals, `intervals` the turbines' seconds.
    """
    turbines = readings[TURBINE].combine_chunks()
    longest = [
        HELD * intervals[turbine] if turbine in intervals else None
        for turbine in turbines.dictionary.to_pylist()
    ]
    tables = []
    for field in fields:
        signal, name = read_signal(field), field.name
        columns = {TURBINE: turbines, STAMP: readings[STAMP], "value": readings[name]}
        if signal.kind == "counter":
            columns["register"] = _repeat(signal.register, len(readings))
        elif signal.hold:
            columns["hold"] = _repeat(signal.hold, len(readings))
        else:  # a state
            columns["hold"] = pa.array(longest, pa.float64()).take(turbines.indices)
        found = query(texts[signal.form], readings=pa.table(columns))
        names = [n if n in KEYS else f"{name}_{n}" for n in found.column_names]
        tables.append(found.rename_columns(names))
    return tables


def _repeat(value: float | None, times: int) -> pa.Array:
    return pa.repeat(pa.scalar(value, pa.float64()), times)


JOIN = """
    WITH buckets AS (
        SELECT DISTINCT turbine, time_bucket(INTERVAL '10 minutes', timestamp) AS timestamp
        FROM readings
    ),

    every AS (SELECT * FROM buckets {joins})

    SELECT every.*
    FROM every
    SEMI JOIN (SELECT DISTINCT turbine, timestamp::DATE AS day FROM buckets) AS days
    ON every.turbine = days.turbine AND every.timestamp::DATE = days.day
    ORDER BY every.turbine, every.timestamp
"""


def join_statistics(tables: Sequence[pa.Table], readings: pa.Table) -> pa.Table:
    """Statistics side by side, in order of turbine and bucket; null where a table has no such row.

    Of the days (UTC) on which a turbine has `readings`: every bucket with one of them, and those in
    which a value still held.
    """
    parts = {f"part_{n}": table for n, table in enumerate(tables)}
    joins = " ".join(f"FULL JOIN {name} USING (turbine, timestamp)" for name in parts)
    return query(JOIN.format(joins=joins), readings=readings.select(KEYS), **parts)
