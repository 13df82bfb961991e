"""Alvo, the target database: how it is opened, and how its tables are made."""

from collections.abc import Iterator
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any
from weakref import WeakSet

import sqlalchemy as sa
from adbc_driver_manager import Error as BulkError
from sqlalchemy import Connection, Engine, text
from sqlalchemy.exc import DBAPIError
from sqlalchemy.schema import SetColumnComment

from etl_lib.errors import AlvoError
from etl_lib.load.tables import metadata, run
from etl_lib.transform.interval import USUAL_INTERVAL
from pgarrow.errors import first_line
from pgarrow.sessions import open_engine as open_alvo

if TYPE_CHECKING:
    import pyarrow as pa
    from adbc_driver_manager.dbapi import Cursor

__all__ = ["alvo_connection", "bulk_cursor", "create_tables", "execute", "open_alvo"]
SECRETS = ["password", "sslpassword"]
"""Secrets in an address's query; SQLAlchemy masks only a password before the host."""


def create_tables(alvo: Engine) -> None:
    """Create Alvo's tables where they are missing; safe to call from many processes at once.

    A ledger of an earlier version gets its column `interval`. Raises `AlvoError`, and changes
    nothing, where a table of such a name has other columns.
    """
    if alvo in _complete:
        return
    with _as_alvo_error(alvo), alvo.begin() as connection:
        connection.execute(text("SELECT pg_advisory_xact_lock(hashtext('etl_lib.tables'))"))
        missing = _find_missing(connection)
        if missing == {"run": {"interval"}}:
            _add_interval(connection)
        else:
            _refuse_others(alvo, missing)
        metadata.create_all(connection)
    _complete.add(alvo)


def _find_missing(connection: Connection) -> dict[str, set[str]]:
    """The columns that tables of such names lack, by table."""
    found = sa.inspect(connection).get_multi_columns(filter_names=list(metadata.tables))
    missing = {
        name: {column.name for column in metadata.tables[name].columns}
        - {column["name"] for column in columns}
        for (_, name), columns in found.items()
    }
    return {name: columns for name, columns in missing.items() if columns}


def _add_interval(connection: Connection) -> None:
    """Add the ledger's column `interval`: earlier loads expected a reading a minute."""
    added = f"ADD COLUMN interval double precision NOT NULL DEFAULT {USUAL_INTERVAL}"
    connection.execute(text(f"ALTER TABLE run {added}"))
    connection.execute(text("ALTER TABLE run ALTER COLUMN interval DROP DEFAULT"))
    connection.execute(SetColumnComment(run.c.interval))


def _refuse_others(alvo: Engine, missing: dict[str, set[str]]) -> None:
    for name, columns in missing.items():
        raise AlvoError(
            f"Alvo at {_mask(alvo)}: expected the columns {', '.join(sorted(columns))} in its"
            f" table {name}, which is of another version or not Alvo's:"
            " see docs/operations.md to upgrade"
        )


@contextmanager
def alvo_connection(alvo: Engine) -> Iterator[Connection]:
    """A connection for small queries; the driver's errors become `AlvoError`."""
    with _as_alvo_error(alvo), alvo.connect() as connection:
        yield connection


@contextmanager
def bulk_cursor(alvo: Engine) -> "Iterator[Cursor]":
    """A cursor that speaks Arrow, in one transaction: committed at the end, undone on an error."""
    from pgarrow.bulk import bulk_cursor as open_cursor  # half a second of imports

    with _as_alvo_error(alvo), open_cursor(alvo) as cursor:
        yield cursor


def execute(cursor: "Cursor", statement: str, *values: Any) -> "pa.Table":
    """Run one statement with parameters `$1`, `$2` …; its rows, or an empty table without any."""
    cursor.execute(statement, parameters=values or None)
    return cursor.fetch_arrow_table()


_complete: WeakSet[Engine] = WeakSet()
"""The engines whose tables are known to exist."""


@contextmanager
def _as_alvo_error(alvo: Engine) -> Iterator[None]:
    """Turn a driver's error into one line with Alvo's address, the password masked."""
    try:
        yield
    except (DBAPIError, BulkError) as error:
        # The driver's error is no cause: its text holds the password
        raise AlvoError(f"Alvo at {_mask(alvo)}: {first_line(error)}") from None


def _mask(alvo: Engine) -> str:
    return str(alvo.url.set(drivername="postgresql").difference_update_query(SECRETS))
