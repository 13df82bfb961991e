"""Fonte, the source database: its table, and every statement that touches it."""

import os
from collections.abc import Generator, Iterator, Sequence
from contextlib import contextmanager, suppress
from datetime import UTC, datetime
from threading import Lock
from typing import Any
from weakref import WeakKeyDictionary, finalize

import pyarrow as pa
import sqlalchemy as sa
from adbc_driver_manager import Error as BulkError
from adbc_driver_manager.dbapi import Connection, Cursor
from adbc_driver_postgresql import StatementOptions, dbapi
from sqlalchemy import Engine, RowMapping, event, make_url, select, text
from sqlalchemy.exc import DisconnectionError
from sqlalchemy.pool import QueuePool

from fonteapi.catalogue import SIGNALS
from fonteapi.settings import Settings
from fonteapi.simulate import simulate_readings

BATCH_BYTES = 1 << 20
"""How much of an answer is in memory at a time."""
SESSION = "\t".join(  # a space in an address would be written as +, which libpq does not read
    ("-ctimezone=UTC", "-clock_timeout=60s", "-cidle_in_transaction_session_timeout=5min")
)
"""What each session is told: nothing waits for ever."""
PATIENCE = {
    "connect_timeout": "10",
    "keepalives_idle": "30",
    "keepalives_interval": "10",
    "keepalives_count": "3",
}
"""Seconds until a host that does not answer, or has vanished, is given up."""
LOCK = text("SELECT pg_advisory_xact_lock(hashtext('fonteapi'))")
"""Whoever creates or fills the table holds this, to the end of the transaction."""

metadata = sa.MetaData()
data = sa.Table(
    "data",
    metadata,
    sa.Column("id", sa.BigInteger, sa.Identity(), primary_key=True),
    sa.Column("timestamp", sa.DateTime(timezone=True), nullable=False, comment="UTC"),
    *(
        sa.Column(signal.name, sa.Double, comment=f"{signal.description}, {signal.unit}")
        for signal in SIGNALS.values()
    ),
    comment="One reading a minute; stamps may repeat, the last by id counts",
)
# With the id behind the stamp, readings come in their final order without a sort
sa.Index("data_timestamp_id_idx", data.c.timestamp, data.c.id)

FIRST = datetime(1, 1, 2, tzinfo=UTC)
LAST = datetime(9999, 12, 31, tzinfo=UTC)
"""Stamps before and after are a mistake of the source's that no answer could carry."""
# hash_record_extended is the hash that PostgreSQL uses for row values: it sees every bit of every
# value. Seed 1, because with seed 0 it takes 0.0 for NULL, and a gap is not a calm. Taking the
# hashes in order also sees two readings that change places.
DAYS = text("""
    SELECT
        (timestamp AT TIME ZONE 'UTC')::date AS date,
        count(*) AS readings,
        min(timestamp) AS first_timestamp,
        max(timestamp) AS last_timestamp,
        to_hex(hash_array_extended(array_agg(
            hash_record_extended(ROW(timestamp, wind_speed, power, ambient_temperature), 1)
            ORDER BY timestamp, id
        ), 1)) AS fingerprint
    FROM data
    WHERE timestamp >= :start AND timestamp < :end
    GROUP BY 1
    ORDER BY 1
""")


def connect(database_url: str) -> Engine:
    """An engine for the small queries; every session of it is in UTC."""
    os.environ.pop("PGTZ", None)  # libpq would take it before what the session is told
    url = make_url(database_url).set(drivername="postgresql+psycopg2")
    session = {"options": f"{SESSION}\t-cstatement_timeout=5min"}
    return sa.create_engine(url, pool_pre_ping=True, connect_args=PATIENCE | session)


def create_table(engine: Engine) -> None:
    """Create the table where it is missing; safe to call from several processes at once."""
    with engine.begin() as connection:
        connection.execute(LOCK)
        metadata.create_all(connection)


def fill_if_empty(engine: Engine, settings: Settings) -> int:
    """Fill an empty table with simulated readings; returns how many were written.

    Several workers may call this at once: one fills, the others wait and find it filled.
    """
    with bulk_cursor(engine) as cursor:
        cursor.execute(str(LOCK))
        cursor.fetchall()
        cursor.execute("SELECT EXISTS (SELECT FROM data)")
        if cursor.fetchall() == [(True,)]:
            return 0
        return append(cursor, simulate_readings(settings.start_date, settings.days, settings.seed))


def load_readings(engine: Engine, readings: pa.RecordBatchReader, *, replace: bool) -> int:
    """Append readings, or put them in the place of all that the table holds, in one transaction.

    Returns how many the table held before. Who reads meanwhile sees those, and is not held up.
    """
    with bulk_cursor(engine) as cursor:
        cursor.execute(str(LOCK))
        cursor.fetchall()
        cursor.execute("SELECT count(*) FROM data")
        [(before,)] = cursor.fetchall()
        if replace:
            cursor.execute("DELETE FROM data")
        append(cursor, readings)
    return int(before)


def append(cursor: Cursor, readings: pa.Table | pa.RecordBatchReader) -> int:
    """COPY readings into the table, within the cursor's transaction; returns how many."""
    return cursor.adbc_ingest(data.name, readings, mode="append")


@contextmanager
def bulk_cursor(engine: Engine) -> Iterator[Cursor]:
    """A cursor that speaks Arrow, in one transaction: committed at the end, undone on an error."""
    connection: Any = _pool(engine).connect()
    try:
        with connection.cursor() as cursor:
            cursor.adbc_statement.set_options(
                **{StatementOptions.BATCH_SIZE_HINT_BYTES.value: str(BATCH_BYTES)}
            )
            yield cursor
        connection.commit()
    except BaseException:  # broken, or in the midst of an answer that nobody waits for any more
        connection.invalidate()
        raise
    connection.close()


def _pool(engine: Engine) -> QueuePool:
    """The engine's connections of the Arrow driver.

    They are clones of one that stays open as long as the engine: they need not ask PostgreSQL
    for its types, which takes longer than a day of readings.
    """
    with _lock:
        if engine not in _pools:
            url = engine.url.set(drivername="postgresql")
            url = url.update_query_dict(PATIENCE | {"options": SESSION})
            # SQLAlchemy leaves the spaces of a user and a password, which libpq does not take
            address = url.render_as_string(hide_password=False).replace(" ", "%20")
            first = dbapi.connect(address)
            _pools[engine] = pool = QueuePool(first.adbc_clone, max_overflow=-1)
            event.listen(pool, "checkout", _ping)
            close = finalize(engine, _close, pool, first)
            event.listen(engine, "engine_disposed", lambda engine: (_pools.pop(engine, 0), close()))
        return _pools[engine]


def _close(pool: QueuePool, first: Connection) -> None:
    pool.dispose()
    with suppress(BulkError):  # the driver counts what is open without a lock, and loses count
        first.close()


def _ping(connection: Any, *_: object) -> None:
    """Have the pool replace a connection that PostgreSQL has ended since."""
    try:
        with connection.cursor() as cursor:
            cursor.execute("SELECT 1")
            cursor.fetchall()
    except BulkError as error:
        raise DisconnectionError from error


_pools: WeakKeyDictionary[Engine, QueuePool] = WeakKeyDictionary()
_lock = Lock()


def readings_query(columns: Sequence[str], start: datetime, end: datetime) -> sa.Select[Any]:
    """The readings in `[start, end)`: `timestamp`, then `columns`; by timestamp, then id."""
    return (
        select(data.c.timestamp, *(data.c[name] for name in columns))
        .where(data.c.timestamp >= start, data.c.timestamp < end)
        .order_by(data.c.timestamp, data.c.id)
    )


def readings_schema(columns: Sequence[str]) -> pa.Schema:
    """The Arrow schema of an answer; units and descriptions are its fields' metadata."""
    timestamp = pa.field("timestamp", pa.timestamp("us", "UTC"), nullable=False)
    return pa.schema(
        [timestamp]
        + [pa.field(name, pa.float64(), metadata=SIGNALS[name].metadata) for name in columns]
    )


def stream_readings(
    engine: Engine, columns: Sequence[str], start: datetime, end: datetime
) -> Generator[pa.RecordBatch]:
    """Batches of about a megabyte, straight from a binary COPY, each of `readings_schema`.

    Close it when it is not read to its end: until then PostgreSQL waits to send the rest.
    """
    query = readings_query(columns, start, end)
    # COPY takes no bound parameters: SQLAlchemy writes the two typed timestamps as literals
    statement = query.compile(dialect=engine.dialect, compile_kwargs={"literal_binds": True})
    schema = readings_schema(columns)
    with bulk_cursor(engine) as cursor:
        cursor.execute(str(statement))
        for batch in cursor.fetch_record_batch():
            yield pa.RecordBatch.from_arrays(batch.columns, schema=schema)


def find_reading(engine: Engine, reading_id: int) -> RowMapping | None:
    """One reading by its id."""
    query = select(data).where(data.c.id == reading_id, data.c.timestamp.between(FIRST, LAST))
    with engine.connect() as connection:
        return connection.execute(query).mappings().first()


def list_days(engine: Engine, start: datetime | None, end: datetime | None) -> Sequence[RowMapping]:
    """Per UTC day with readings in `[start, end)`: how many, the first, the last, a fingerprint."""
    period = {"start": start or FIRST, "end": end or LAST}
    with engine.connect() as connection:
        return connection.execute(DAYS, period).mappings().all()


def first_line(error: Exception) -> str:
    """What a driver says, in one line."""
    return str(getattr(error, "orig", error)).strip().partition("\n")[0]


def ping(engine: Engine) -> None:
    """Ask Fonte for a sign of life; raises `sqlalchemy.exc.OperationalError` without one."""
    with engine.connect() as connection:
        connection.execute(text("SELECT 1"))
