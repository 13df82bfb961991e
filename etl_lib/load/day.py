"""The load of a day into Alvo.

A load replaces its day. In one transaction it locks the date, deletes that day's rows of the
signals that it writes, COPYs the new ones, writes the ledger row and commits: run twice it
changes nothing, and broken off anywhere it leaves the day as it was.
"""

import os
from collections.abc import Sequence
from datetime import UTC, datetime
from importlib.resources import files
from typing import Any

import pyarrow as pa
import pyarrow.compute as pc
from adbc_driver_manager.dbapi import Cursor
from sqlalchemy import Engine

from etl_lib.catalogue import read_signal
from etl_lib.errors import AlvoError
from etl_lib.extract.days import Day
from etl_lib.load.alvo import bulk_cursor, create_tables, execute
from etl_lib.load.flags import judge_flags
from etl_lib.load.records import LoadedDay
from etl_lib.load.tables import data
from etl_lib.settings import NOTEBOOK_VARIABLE, code_version
from etl_lib.transform.flags import FLAGGED
from etl_lib.transform.interval import USUAL_INTERVAL
from etl_lib.transform.kinds import (
    EXPECTED,
    FLAGS,
    KEYS,
    STAMP,
    STATISTICS,
    TURBINE,
    signals_of,
)
from etl_lib.transform.query import query
from etl_lib.transform.statistics import day_coverage, read_intervals


def load_day(
    alvo: Engine, day: Day, statistics: pa.Table, *, readings: int, flags: pa.Table | None = None
) -> LoadedDay:
    """Replace the day's statistics and write its ledger row, all or nothing.

    `statistics`: as from `compute_statistics`; nulls are not stored. They replace those of the
    day's turbines and of their own signals; everything else stays as it is. For the ledger,
    `readings` is how many there were, and `flags` are theirs, as from `find_flags`. Raises
    `AlvoError`; the day is then as it was before.
    """
    _check(statistics, day)
    values = statistics.drop_columns([EXPECTED])  # the ledger has the intervals instead
    columns, intervals = signals_of(statistics.schema.names), read_intervals(statistics)
    create_tables(alvo)
    with bulk_cursor(alvo) as cursor:
        execute(cursor, LOCK_DAY, day.date.toordinal())
        signals = _ensure_signals(cursor, day.turbines, values.schema)
        before = execute(cursor, DELETE_DAY, signals["id"].to_pylist(), day.start, day.end)
        rows = _to_rows(values, signals)
        if rows.num_rows:
            cursor.adbc_ingest(data.name, rows, mode="append")
        ledger = {
            "date": day.date,
            "started": day.asked_at,
            "finished": datetime.now(UTC),
            "columns": columns,
            "turbines": list(day.turbines),
            "is_whole": day.is_whole,
            "readings": readings,
            "intervals": [intervals.get(turbine, USUAL_INTERVAL) for turbine in day.turbines],
            "statistics": rows.num_rows,
            "coverage": day_coverage(statistics, day.turbines),
            **_count_changes(before, rows, signals, values.schema),
            "fingerprints": [day.fingerprint(turbine, columns) for turbine in day.turbines],
            **judge_flags(
                FLAGGED.empty_table() if flags is None else flags, statistics, day.turbines
            ),
            "notebook": os.environ.get(NOTEBOOK_VARIABLE),
            "code_version": code_version(),
        }
        run_id = execute(cursor, INSERT_RUN, *ledger.values())["id"][0].as_py()
    return LoadedDay(run_id=run_id, **ledger)


# Loads of several dates run side by side; `forget` waits for all of them
LOCK_DAY = """
    SELECT
        pg_advisory_xact_lock_shared(hashtext('etl_lib.loads')),
        pg_advisory_xact_lock(hashtext('etl_lib.day'), $1::integer)
"""
# One at a time: two writers that make the same signals in another order would wait for each other
LOCK_SIGNALS = "SELECT pg_advisory_xact_lock(hashtext('etl_lib.signal'))"
SELECT_SIGNALS = """
    SELECT id, turbine, name, unit FROM signal WHERE turbine = ANY($1) AND name = ANY($2)
"""
INSERT_SIGNALS = """
    INSERT INTO signal (turbine, name, unit)
    SELECT turbine, name, unit
    FROM unnest($1::text[]) AS turbine, unnest($2::text[], $3::text[]) AS new (name, unit)
    ON CONFLICT DO NOTHING
"""
DELETE_DAY = """
    DELETE FROM data WHERE signal_id = ANY($1) AND timestamp >= $2 AND timestamp < $3
    RETURNING signal_id, timestamp, value
"""
INSERT_RUN = """
    INSERT INTO run (date, started, finished, columns, turbines, is_whole, readings, intervals,
                     statistics, coverage, added, changed, removed, largest_change, fingerprints,
                     impossible, flagged, suspects, notebook, code_version)
    VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12, $13, $14, $15, $16, $17, $18, $19,
            $20)
    RETURNING id
"""


def _check(statistics: pa.Table, day: Day) -> None:
    """Raise `AlvoError` for statistics of another day or turbine."""
    stamps = pc.min_max(statistics[STAMP])
    others = set(statistics[TURBINE].to_pylist()) - set(day.turbines)
    if others:
        expected, got = ", ".join(day.turbines), ", ".join(sorted(others))
        raise AlvoError(f"expected statistics of {expected}, got {got}: nothing was loaded")
    if (
        statistics.num_rows
        and not day.start <= stamps["min"].as_py() <= stamps["max"].as_py() < day.end
    ):
        raise AlvoError(f"expected statistics of {day.date}, got {stamps}: nothing was loaded")


def _ensure_signals(cursor: Cursor, turbines: Sequence[str], schema: pa.Schema) -> pa.Table:
    """Return the ids of a table's signals of these turbines; insert those that Alvo lacks.

    Also those of other statistics of the same signals, which the day had when a signal was of
    another kind, or was not yet known to be sampled on change.
    """
    fields = [field for field in schema if field.name not in KEYS]
    names = [field.name for field in fields]
    units = [read_signal(field).unit for field in fields]
    known = execute(cursor, SELECT_SIGNALS, list(turbines), names)
    if known.num_rows < len(turbines) * len(names):
        execute(cursor, LOCK_SIGNALS)
        execute(cursor, INSERT_SIGNALS, list(turbines), names, units)
    every = {name for statistics in STATISTICS.values() for name in statistics} | {FLAGS}
    others = [f"{signal}_{name}" for signal in signals_of(names) for name in every]
    names = list(dict.fromkeys([*names, *others]))
    return execute(cursor, SELECT_SIGNALS, list(turbines), names)


def _count_changes(
    before: pa.Table, after: pa.Table, signals: pa.Table, schema: pa.Schema
) -> dict[str, Any]:
    """Compare a day's rows before and after a load, for the ledger: see `changes.sql`."""
    kinds = [
        read_signal(schema.field(name)).kind if name in schema.names else "quantity"
        for name in signals["name"].to_pylist()
    ]
    has_several = len(pc.unique(signals[TURBINE])) > 1
    signals = signals.append_column("kind", [kinds])
    sql = (files(__package__) / "changes.sql").read_text(encoding="utf-8")
    rows = query(sql, before=before, after=after, signals=signals).to_pylist()
    counts = {name: sum(row[name] for row in rows) for name in ("added", "changed", "removed")}
    row = next((row for row in rows if row["changed"]), None)
    if row is None:
        return counts | {"largest_change": None}
    unit = "" if row["unit"] == "1" else f" {row['unit']}"
    whose = f"{row[TURBINE]} {row['name']}" if has_several else row["name"]
    change = "to another code" if row["kind"] == "state" else f"by {row['largest']:.4g}{unit}"
    return counts | {"largest_change": f"{whose} {change}"}


def _to_rows(statistics: pa.Table, signals: pa.Table) -> pa.Table:
    """Wide to long: one row (`timestamp`, `signal_id`, `value`) per value that exists."""
    sql = """
        SELECT signals.id AS signal_id, timestamp, value
        FROM (
            UNPIVOT statistics ON COLUMNS(* EXCLUDE (turbine, timestamp)) INTO NAME name VALUE value
        )
        JOIN signals USING (turbine, name)
        ORDER BY signal_id, timestamp
    """
    return query(sql, statistics=statistics, signals=signals)
