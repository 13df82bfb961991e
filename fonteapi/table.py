"""Fonte's table created, filled and loaded: every statement that writes to the source database."""

from collections.abc import Iterable, Sequence
from typing import Any, NamedTuple

import pyarrow as pa
import sqlalchemy as sa
from adbc_driver_manager.dbapi import Cursor
from sqlalchemy import Engine, text

from fonteapi.database import ON_CHANGE, Fonte, UnfitFonteError, bulk_cursor, data
from fonteapi.farm import name_turbines, simulate_farm
from fonteapi.settings import SIMULATED_DAYS, Settings
from fonteapi.signals import HELD_KINDS, Signal
from fonteapi.simulate import SIMULATED_SIGNALS

LOCK = text("SELECT pg_advisory_xact_lock(hashtext('fonteapi'))")
"""A process holds it to the end of the transaction that creates or fills the table."""
FOUND = text("""
    SELECT
        (SELECT relkind FROM pg_class WHERE oid = to_regclass('data')) AS kind,
        ARRAY(
            SELECT attname::text FROM pg_attribute
            WHERE attrelid = to_regclass('data') AND attnum > 0 AND NOT attisdropped
        ) AS columns,
        ARRAY(
            SELECT oid::regclass::text FROM pg_class
            WHERE relkind IN ('r', 'p', 'f', 'm', 'v')
            AND relnamespace::regnamespace::text !~ '^(pg_|information_schema$)'
            AND oid IS DISTINCT FROM to_regclass('data')
            AND NOT EXISTS (SELECT FROM pg_depend WHERE objid = pg_class.oid AND deptype = 'e')
            ORDER BY 1
        ) AS others
""")
"""What `data` is, its columns, and every other table or view, those of extensions excepted."""
ADDED = {"turbine", "simulated"}
"""The columns that a table gets when it lacks them: version 0.1 had neither."""


def make_table(signals: Iterable[Signal], turbine: str, *, simulated: bool = False) -> sa.Table:
    """The table with these signals, to create it; `turbine` is that of rows that name none.

    If `simulated`, it has a column that marks simulated readings.
    """
    mark = sa.Column("simulated", sa.Boolean, nullable=False, server_default=sa.false())
    table = sa.Table(
        data.name,
        sa.MetaData(),
        sa.Column("id", sa.BigInteger, sa.Identity(), primary_key=True),
        sa.Column("timestamp", sa.DateTime(timezone=True), nullable=False, comment="UTC"),
        sa.Column("turbine", sa.Text, nullable=False, server_default=turbine, comment="its name"),
        *([mark] if simulated else []),
        *(
            sa.Column(signal.name, sa.Double, comment=f"{signal.description}, {signal.unit}")
            for signal in signals
        ),
        comment="Readings; of equal stamps of a turbine, the last by id counts",
    )
    # With the id after the timestamp, readings are read in order without a sort
    sa.Index("data_timestamp_id_idx", table.c.timestamp, table.c.id)
    # By this one the turbines are found, and the first and last reading of each
    sa.Index("data_turbine_timestamp_idx", table.c.turbine, table.c.timestamp)
    if simulated:  # by this one those that have simulated readings, in a moment
        sa.Index("data_simulated_idx", table.c.turbine, postgresql_where=mark)
    return table


def create_table(fonte: Fonte, signals: Iterable[str], *, alone: bool = False) -> None:
    """Create the table with `signals`, or add those that it lacks.

    A source's own statistic of a signal, such as `power.std`, is a signal here. Raises
    `UnfitFonteError` for a name that the catalogue does not find, for a database with other
    tables, and for a `data` that has none of the catalogue's signals. A `data` of version 0.1 gets
    its `turbine`. If `alone`, which is for simulated readings, it also does so for other tables
    beside a `data`, and for one that lacks a signal of version 0.1. Several processes may call
    this at once.
    """
    held = [_find(fonte, name) for name in signals]
    table = make_table(held, fonte.turbine, simulated=alone)
    with fonte.engine.begin() as connection:
        connection.execute(LOCK)
        found = connection.execute(FOUND).one()
        if found.others and (alone or found.kind is None):
            more = f" and {len(found.others) - 1} more" if found.others[1:] else ""
            raise UnfitFonteError(
                f"expected no table but data in the database, got {found.others[0]}{more}: nothing"
                " was written; use an empty database, or unset FONTE_DAYS to only read this one"
            )
        if found.kind is None:
            table.metadata.create_all(connection)
            return
        lacking = [column for column in table.c if column.name not in found.columns]
        has_keys = set(data.c.keys()) <= set(found.columns)
        is_ours = has_keys and fonte.catalogue.signals.keys() & found.columns
        names = {column.name for column in lacking}
        unmet = sorted(names - ADDED - ({"wind_direction"} if is_ours else set()))
        if unmet and (alone or not is_ours):
            raise UnfitFonteError(
                f"expected a table data with {', '.join(unmet)}, got one"
                f" with {', '.join(found.columns)}: nothing was written"
            )
        if found.kind not in ("r", "p"):  # neither a table nor a partitioned one
            raise UnfitFonteError("expected a table data, got a view: nothing was written")
        for column in lacking:
            added = sa.schema.CreateColumn(column).compile(dialect=fonte.engine.dialect)
            connection.execute(text(f"ALTER TABLE data ADD COLUMN {added}"))
            connection.execute(sa.schema.SetColumnComment(column))
        if names & ADDED:
            for index in table.indexes:
                index.create(connection, checkfirst=True)


def _find(fonte: Fonte, name: str) -> Signal:
    """A signal of the catalogue, or a source's own statistic of one."""
    if (found := fonte.catalogue.find(name)) is None:
        raise UnfitFonteError(f"expected signals of the catalogue, got {name}: nothing was written")
    return found


COMMENTS = text("""
    SELECT attname::text AS name, coalesce(col_description(attrelid, attnum), '') AS comment
    FROM pg_attribute
    WHERE attrelid = to_regclass('data') AND attnum > 0 AND NOT attisdropped
""")


def mark_on_change(fonte: Fonte, signals: Iterable[str]) -> None:
    """Mark that the values of `signals`, of all turbines, are sampled on change.

    The mark is in the comments of their columns, after what these have; `Fonte.describe` reads
    it. Marking again changes nothing. Raises `UnfitFonteError` for a signal of another kind than
    quantity and state, and for one that the table lacks; nothing is then marked.
    """
    with fonte.engine.begin() as connection:
        connection.execute(LOCK)
        comments = {row.name: row.comment for row in connection.execute(COMMENTS)}
        for name in signals:
            kind = _find(fonte, name).kind
            if name not in comments or name not in fonte.catalogue.signals:
                raise UnfitFonteError(f"expected a signal of Fonte's table data, got {name}")
            if kind not in HELD_KINDS:
                known = " or ".join(HELD_KINDS)
                raise UnfitFonteError(
                    f"expected a {known} as sampled on change, got {name}, of the kind {kind}"
                )
            if ON_CHANGE not in comments[name]:
                column: sa.Column[Any] = sa.Column(
                    name, comment=f"{comments[name]} {ON_CHANGE}".lstrip()
                )
                sa.Table(data.name, sa.MetaData(), column)
                connection.execute(sa.schema.SetColumnComment(column))


def fill_if_empty(fonte: Fonte, settings: Settings) -> int:
    """Create the table where it is missing, and fill it where it is empty; returns how many rows.

    With 0 days it does neither. Raises `UnfitFonteError` as `create_table` does. Several processes
    may call this at once: one fills, the others wait and find it filled.
    """
    days = SIMULATED_DAYS if settings.days is None else settings.days
    if not days:
        return 0
    with fonte.engine.connect() as connection:
        is_there = connection.scalar(text("SELECT to_regclass('data')"))
        if is_there and connection.scalar(text("SELECT EXISTS (SELECT FROM data)")):
            return 0
    create_table(fonte, SIMULATED_SIGNALS, alone=True)
    with bulk_cursor(fonte.engine) as cursor:
        cursor.execute(str(LOCK))
        cursor.fetchall()
        cursor.execute("SELECT EXISTS (SELECT FROM data)")
        if cursor.fetchall() == [(True,)]:
            return 0
        turbines = name_turbines(settings.turbines, settings.turbine)
        return append(cursor, simulate_farm(settings.start_date, days, turbines, settings.seed))


class Counts(NamedTuple):
    """How many readings a load found in the table, and how many of them it deleted."""

    before: int
    simulated: int
    """Deleted ones that were marked as simulated."""
    deleted: int
    """The other deleted ones."""


def load_readings(
    engine: Engine, readings: pa.RecordBatchReader, replaced: Sequence[str] | None = ()
) -> Counts:
    """Delete what gives way to own readings, and append `readings`, in one transaction.

    That is every reading that is marked as simulated, and those of the turbines `replaced`, None
    being all. Concurrent readers see what the table held, and do not wait.
    """
    with bulk_cursor(engine) as cursor:
        cursor.execute(str(LOCK))
        cursor.fetchall()
        cursor.execute("SELECT count(*) FROM data")
        [(before,)] = cursor.fetchall()
        cursor.execute(MARKED)  # now, under the lock: a table may have been filled a moment ago
        mark = "simulated" if cursor.fetchall() == [(True,)] else "false"
        chosen = "true" if replaced is None else f"{mark} OR turbine = ANY($1)"
        values = None if replaced is None else (list(replaced),)
        cursor.execute(DELETE.format(mark=mark, chosen=chosen), parameters=values)
        [(deleted, simulated)] = cursor.fetchall()
        append(cursor, readings)
    return Counts(before, simulated, deleted - simulated)


MARKED = """
    SELECT EXISTS (
        SELECT FROM pg_attribute
        WHERE attrelid = 'data'::regclass AND attname = 'simulated'
        AND atttypid = 'boolean'::regtype AND NOT attisdropped
    )
"""
"""Whether the table marks simulated readings: that of version 0.1 does not."""
DELETE = """
    WITH deleted AS (DELETE FROM data WHERE {chosen} RETURNING {mark} AS simulated)
    SELECT count(*), count(*) FILTER (WHERE simulated) FROM deleted
"""


def append(cursor: Cursor, readings: pa.Table | pa.RecordBatchReader) -> int:
    """COPY readings into the table, within the cursor's transaction; returns how many."""
    return cursor.adbc_ingest(data.name, readings, mode="append")
