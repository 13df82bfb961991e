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
from etl_lib.load.tables import STATISTICS_VIEW, metadata
from etl_lib.settings import read_settings
from pgarrow.errors import first_line
from pgarrow.sessions import open_engine as open_alvo

if TYPE_CHECKING:
    import pyarrow as pa
    from adbc_driver_manager.dbapi import Cursor

__all__ = [
    "alvo_connection",
    "bulk_cursor",
    "create_tables",
    "execute",
    "open_alvo",
    "shown_address",
]
SECRETS = ["password", "sslpassword"]
"""Secrets in an address's query; SQLAlchemy masks only a password before the host."""


def create_tables(alvo: Engine) -> None:
    """Create Alvo's tables where they are missing; safe to call from many processes at once.

    Those of version 0.1 are changed in the same transaction: their turbine is the setting
    `FONTE_TURBINE`. Raises `AlvoError`, and changes nothing, where a table of such a name has
    other columns.
    """
    if alvo in _complete:
        return
    with _as_alvo_error(alvo), alvo.begin() as connection:
        connection.execute(text("SELECT pg_advisory_xact_lock(hashtext('etl_lib.tables'))"))
        if not _migrate(connection, _find_missing(connection)):
            _refuse_others(alvo, _find_missing(connection))
        metadata.create_all(connection)
        if not sa.inspect(connection).has_table("statistics"):
            connection.execute(text(STATISTICS_VIEW))
    _complete.add(alvo)


TURBINES = {"signal": {"turbine"}, "run": {"turbines", "is_whole", "intervals", "fingerprints"}}
"""What the tables of version 0.1 lack."""
FLAGS = {"run": {"impossible", "flagged", "suspects"}}
"""What a ledger lacks from before readings were flagged."""
ADD_TURBINES = """
    ALTER TABLE signal ADD COLUMN turbine text NOT NULL DEFAULT '{turbine}';
    ALTER TABLE signal ALTER COLUMN turbine DROP DEFAULT;
    ALTER TABLE signal DROP CONSTRAINT signal_name_key, ADD UNIQUE (turbine, name);
    ALTER TABLE run
        ADD COLUMN turbines text[] NOT NULL DEFAULT '{{"{turbine}"}}',
        ADD COLUMN is_whole boolean NOT NULL DEFAULT true,
        ADD COLUMN intervals double precision[] NOT NULL DEFAULT '{{60}}',
        ADD COLUMN fingerprints text[] NOT NULL DEFAULT '{{0.1}}',
        DROP COLUMN fingerprint;
    ALTER TABLE run
        ALTER COLUMN turbines DROP DEFAULT,
        ALTER COLUMN is_whole DROP DEFAULT,
        ALTER COLUMN intervals DROP DEFAULT,
        ALTER COLUMN fingerprints DROP DEFAULT;
"""
"""Version 0.1 had one turbine and a reading a minute. Its fingerprints were made in another way:
each day that Fonte still has is stale once."""
ADD_FLAGS = """
    ALTER TABLE run
        ADD COLUMN impossible integer[] NOT NULL DEFAULT '{}',
        ADD COLUMN flagged integer[] NOT NULL DEFAULT '{}',
        ADD COLUMN suspects text[] NOT NULL DEFAULT '{}';
    ALTER TABLE run
        ALTER COLUMN impossible DROP DEFAULT,
        ALTER COLUMN flagged DROP DEFAULT,
        ALTER COLUMN suspects DROP DEFAULT;
"""


def _migrate(connection: Connection, missing: dict[str, set[str]]) -> bool:
    """Bring the tables of earlier versions to the present ones; whether they are of such a one."""
    if missing == {"signal": TURBINES["signal"], "run": TURBINES["run"] | FLAGS["run"]}:
        turbine = read_settings().fonte_turbine
        connection.execute(text(ADD_TURBINES.format(turbine=turbine)))
    elif missing != FLAGS:
        return not missing
    connection.execute(text(ADD_FLAGS))
    for table, names in missing.items():
        for column in (metadata.tables[table].c[name] for name in sorted(names)):
            connection.execute(SetColumnComment(column))
    return True


def _find_missing(connection: Connection) -> dict[str, set[str]]:
    """The columns that tables of such names lack, by table."""
    found = sa.inspect(connection).get_multi_columns(filter_names=list(metadata.tables))
    missing = {
        name: {column.name for column in metadata.tables[name].columns}
        - {column["name"] for column in columns}
        for (_, name), columns in found.items()
    }
    return {name: columns for name, columns in missing.items() if columns}


def _refuse_others(alvo: Engine, missing: dict[str, set[str]]) -> None:
    for name, columns in missing.items():
        raise AlvoError(
            f"Alvo at {shown_address(alvo)}: expected the columns"
            f" {', '.join(sorted(columns))} in its table {name}, which is of another version or"
            " not Alvo's: see docs/operations.md to upgrade"
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
        raise AlvoError(f"Alvo at {shown_address(alvo)}: {first_line(error)}") from None


def shown_address(alvo: Engine) -> str:
    """Alvo's address as messages show it: without its secrets."""
    return str(alvo.url.set(drivername="postgresql").difference_update_query(SECRETS))
