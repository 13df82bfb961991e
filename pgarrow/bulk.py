"""Arrow in and out of PostgreSQL, by the ADBC driver."""

from collections.abc import Iterator
from contextlib import contextmanager, suppress
from threading import Lock
from typing import Any
from weakref import WeakKeyDictionary, finalize

from adbc_driver_manager import Error as BulkError
from adbc_driver_manager.dbapi import Connection, Cursor
from adbc_driver_postgresql import StatementOptions, dbapi
from sqlalchemy import Engine, event
from sqlalchemy.exc import DisconnectionError
from sqlalchemy.pool import QueuePool

from pgarrow.sessions import session, use_utc


@contextmanager
def bulk_cursor(engine: Engine, batch_bytes: int = 1 << 24) -> Iterator[Cursor]:
    """A cursor that speaks Arrow, in one transaction: committed at the end, undone on an error.

    It connects to the engine's database and returns results in batches of about `batch_bytes`.
    """
    connection: Any = _pool(engine).connect()
    hint = {StatementOptions.BATCH_SIZE_HINT_BYTES.value: str(batch_bytes)}
    try:
        with connection.cursor() as cursor:
            cursor.adbc_statement.set_options(**hint)
            yield cursor
        connection.commit()
    except BaseException:  # the connection may be broken, or in the middle of a result
        connection.invalidate()
        raise
    connection.close()


def _pool(engine: Engine) -> QueuePool:
    """The engine's ADBC connections: clones of a first one, which stays open.

    A clone does not query PostgreSQL's types, which takes longer than a day of readings.
    """
    with _lock:
        if engine not in _pools:
            url = engine.url.set(drivername="postgresql").update_query_dict(session(engine.url))
            # SQLAlchemy does not escape the spaces of a user and a password, and libpq wants it
            address = url.render_as_string(hide_password=False).replace(" ", "%20")
            first = dbapi.connect(address)
            _pools[engine] = pool = QueuePool(first.adbc_clone, max_overflow=-1)
            event.listen(pool, "connect", use_utc)
            event.listen(pool, "checkout", _ping)
            close = finalize(engine, _close, pool, first)

            @event.listens_for(engine, "engine_disposed")
            def forget(engine: Engine) -> None:
                _pools.pop(engine, None)
                close()

        return _pools[engine]


def _close(pool: QueuePool, first: Connection) -> None:
    pool.dispose()
    with suppress(BulkError):  # the driver's count of open connections is not thread-safe
        first.close()


def _ping(connection: Any, *_: object) -> None:
    """Make the pool replace a connection that PostgreSQL has ended."""
    try:
        with connection.cursor() as cursor:
            cursor.execute("SELECT 1")
            cursor.fetchall()
    except BulkError as error:
        raise DisconnectionError from error


_pools: WeakKeyDictionary[Engine, QueuePool] = WeakKeyDictionary()
_lock = Lock()
