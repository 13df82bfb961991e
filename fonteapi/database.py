"""Fonte, the source database: its table, and every statement that touches it."""

from collections.abc import Generator, Iterator, Sequence
from contextlib import contextmanager
from datetime import UTC, datetime
from typing import Any

import pyarrow as pa
import sqlalchemy as sa
from adbc_driver_manager.dbapi import Cursor
from sqlalchemy import Engine, RowMapping, select, text

from fonteapi.catalogue import SIGNALS
from fonteapi.settings import Settings
from fonteapi.simulate import simulate_readings
from pgarrow import bulk

BATCH_BYTES = 1 << 20
"""How much of an answer is in memory at a time."""
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
    """A cursor that speaks Arrow, in one transaction, without a time limit.

    An answer takes as long as its client reads it; `protection.limits` ends slow readers.
    """
    with bulk.bulk_cursor(engine, BATCH_BYTES) as cursor:
        cursor.execute("SET LOCAL statement_timeout = 0")
        yield cursor


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


def ping(engine: Engine) -> None:
    """Ask Fonte for a sign of life; raises `sqlalchemy.exc.OperationalError` without one."""
    with engine.connect() as connection:
        connection.execute(text("SELECT 1"))
