"""Alvo, the target database: its tables, and the ways into it."""

import os
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import date
from threading import Lock
from typing import TYPE_CHECKING, Any
from weakref import WeakKeyDictionary, WeakSet, finalize

import sqlalchemy as sa
from adbc_driver_manager import Error as BulkError
from sqlalchemy import URL, Engine, RowMapping, event, func, make_url, select, text
from sqlalchemy.dialects.postgresql import ARRAY, distinct_on
from sqlalchemy.exc import DBAPIError

from etl_lib.errors import AlvoError

if TYPE_CHECKING:  # half a second of imports, for those alone who load or read
    import pyarrow as pa
    from adbc_driver_manager.dbapi import Connection, Cursor

SECRETS = ["password", "sslpassword"]
"""Secrets that may stand in an address's query; SQLAlchemy masks only one before the host."""

SESSION = {
    "options": "-ctimezone=UTC -clock_timeout=60s -cstatement_timeout=10min"
    " -cidle_in_transaction_session_timeout=10min",
    "connect_timeout": "10",
    # A host that has vanished is given up after a minute, whoever waits for whom
    "tcp_user_timeout": "60000",  # milliseconds
    "keepalives_idle": "30",
    "keepalives_interval": "10",
    "keepalives_count": "3",
}
"""What libpq is told: nothing waits for ever, neither here nor in Alvo."""
OTHER_SCHEMA = {"42703", "42P01"}
"""SQLSTATE of a column or table that is not there."""

metadata = sa.MetaData()
signal = sa.Table(
    "signal",
    metadata,
    sa.Column("id", sa.Integer, sa.Identity(), primary_key=True),
    sa.Column("name", sa.Text, nullable=False, unique=True, comment="<column>_<statistic>"),
    sa.Column("unit", sa.Text, nullable=False),
    comment="What is measured: a ten-minute statistic of one of Fonte's columns",
)
data = sa.Table(
    "data",
    metadata,
    sa.Column("signal_id", sa.ForeignKey(signal.c.id), primary_key=True),
    sa.Column("timestamp", sa.DateTime(timezone=True), primary_key=True),
    sa.Column("value", sa.Double, nullable=False),
    comment="Ten-minute statistics. timestamp is the START of the bucket, UTC:"
    " 00:10 holds [00:10, 00:20). What does not exist has no row",
)
run = sa.Table(
    "run",
    metadata,
    sa.Column("id", sa.BigInteger, sa.Identity(), primary_key=True),
    sa.Column("date", sa.Date, nullable=False, index=True, comment="the UTC day that was loaded"),
    sa.Column("started", sa.DateTime(timezone=True), nullable=False),
    sa.Column("finished", sa.DateTime(timezone=True), nullable=False),
    sa.Column("columns", ARRAY(sa.Text), nullable=False, comment="Fonte's columns, as asked for"),
    sa.Column("readings", sa.Integer, nullable=False, comment="readings that came from Fonte"),
    sa.Column("statistics", sa.Integer, nullable=False, comment="rows written to data"),
    sa.Column("coverage", sa.Double, nullable=False, comment="finite readings / expected, 0 to 1"),
    sa.Column("added", sa.Integer, nullable=False, comment="statistics that the day did not have"),
    sa.Column("changed", sa.Integer, nullable=False, comment="statistics that had another value"),
    sa.Column("removed", sa.Integer, nullable=False, comment="statistics that the day has no more"),
    sa.Column("largest_change", sa.Text, comment="by how much at most; NULL when none changed"),
    sa.Column("fingerprint", sa.Text, nullable=False, comment="Fonte's fingerprint of the day"),
    sa.Column("notebook", sa.Text, comment="the archived notebook, below runs/; NULL by hand"),
    sa.Column("code_version", sa.Text, nullable=False),
    comment="The ledger: one row for each load",
)


def open_alvo(url: str) -> Engine:
    """An engine for Alvo at `url`; every session of it is in UTC, its `repr` masks the password."""
    os.environ.pop("PGTZ", None)  # libpq would take it before what the session is told
    address = make_url(url).set(drivername="postgresql+psycopg2")
    return sa.create_engine(address, pool_pre_ping=True, connect_args=_session(address))


def _session(address: URL) -> dict[str, str]:
    """`SESSION` beside the options that the address has, a search path say."""
    own = address.query.get("options", "")
    # Tabs, since SQLAlchemy writes a space in an address as +, which libpq takes for a +
    return SESSION | {"options": f"{own} {SESSION['options']}".replace(" ", "\t")}


def create_tables(alvo: Engine) -> None:
    """Create Alvo's tables where they are missing; safe to call from many processes at once."""
    if alvo in _complete:
        return
    with _as_alvo_error(alvo), alvo.begin() as connection:
        connection.execute(text("SELECT pg_advisory_xact_lock(hashtext('etl_lib.tables'))"))
        metadata.create_all(connection)
    _complete.add(alvo)


def has_run(alvo: Engine, notebook: str) -> bool:
    """Whether the ledger has a load by this notebook, as it is named below the archive."""
    with _as_alvo_error(alvo), alvo.connect() as connection:
        found = connection.execute(select(run.c.id).where(run.c.notebook == notebook))
        return found.first() is not None


def read_units(alvo: Engine) -> dict[str, str]:
    """Alvo's signals, `<column>_<statistic>`, each with its unit."""
    create_tables(alvo)
    with _as_alvo_error(alvo), alvo.connect() as connection:
        found = connection.execute(select(signal.c.name, signal.c.unit).order_by(signal.c.id))
        return {row.name: row.unit for row in found}


def last_run(alvo: Engine) -> int:
    """The id of the ledger's last load, 0 when there is none."""
    create_tables(alvo)
    with _as_alvo_error(alvo), alvo.connect() as connection:
        return connection.execute(select(func.max(run.c.id))).scalar() or 0


def last_loads(alvo: Engine, day: date | None = None) -> dict[date, RowMapping]:
    """The last load of each date that was ever loaded, or of `day` alone, as the ledger has it."""
    create_tables(alvo)
    latest = select(run).ext(distinct_on(run.c.date)).order_by(run.c.date, run.c.id.desc())
    latest = latest if day is None else latest.where(run.c.date == day)
    with _as_alvo_error(alvo), alvo.connect() as connection:
        return {row["date"]: row for row in connection.execute(latest).mappings()}


def execute(cursor: "Cursor", statement: str, *values: Any) -> "pa.Table":
    """The rows of one statement with bound parameters `$1`, `$2` …, of none an empty table."""
    cursor.execute(statement, parameters=values or None)
    return cursor.fetch_arrow_table()


@contextmanager
def bulk_cursor(alvo: Engine) -> "Iterator[Cursor]":
    """A cursor that speaks Arrow, in one transaction: committed at the end, undone on an error."""
    with _as_alvo_error(alvo), _connect_bulk(alvo) as connection:
        with connection.cursor() as cursor:
            yield cursor
        connection.commit()


def _connect_bulk(alvo: Engine) -> "Connection":
    """A new connection of the Arrow driver.

    An engine's first one stays open as long as the engine, and the others are clones of it: they
    need not ask PostgreSQL for its types, which takes longer than to load a day.
    """
    from adbc_driver_postgresql import dbapi

    with _lock:
        if alvo not in _first:
            address = alvo.url.set(drivername="postgresql")
            address = address.update_query_dict(_session(address))
            rendered = address.render_as_string(hide_password=False)
            # SQLAlchemy leaves the spaces of a user and a password, which libpq does not take
            _first[alvo] = first = dbapi.connect(rendered.replace(" ", "%20"))
            close = finalize(alvo, first.close)
            event.listen(alvo, "engine_disposed", lambda alvo: (_first.pop(alvo, 0), close()))
        return _first[alvo].adbc_clone()


_first: "WeakKeyDictionary[Engine, Connection]" = WeakKeyDictionary()
_complete: WeakSet[Engine] = WeakSet()
"""Those whose tables were seen to be there."""
_lock = Lock()


@contextmanager
def _as_alvo_error(alvo: Engine) -> Iterator[None]:
    """Turn a driver's error into one line with Alvo's address, the password masked."""
    try:
        yield
    except (DBAPIError, BulkError) as error:
        driver: Any = getattr(error, "orig", error)
        cause = str(driver).strip().splitlines()[0]
        if getattr(driver, "pgcode", getattr(driver, "sqlstate", None)) in OTHER_SCHEMA:
            cause += ". Its tables are of another version: docs/operations.md tells how to upgrade"
        where = alvo.url.set(drivername="postgresql").difference_update_query(SECRETS)
        raise AlvoError(f"Alvo at {where}: {cause}") from None  # its text masks the password
