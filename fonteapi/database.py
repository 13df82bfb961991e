"""Fonte, the source database: its table, and every statement that touches it."""

from collections.abc import Generator, Iterator, Sequence
from contextlib import contextmanager
from datetime import UTC, datetime

import pyarrow as pa
import sqlalchemy as sa
from adbc_driver_manager import Error as BulkError
from adbc_driver_manager.dbapi import Cursor
from sqlalchemy import Engine, RowMapping, select, text
from sqlalchemy.exc import DBAPIError

from fonteapi.catalogue import SIGNALS, arrow_schema
from fonteapi.settings import SIMULATED_DAYS, Settings
from fonteapi.simulate import simulate_readings
from pgarrow import bulk

BATCH_BYTES = 1 << 20
"""Size of a batch, the part of an answer that is in memory at a time."""
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
# With the id after the timestamp, readings are read in order without a sort
sa.Index("data_timestamp_id_idx", data.c.timestamp, data.c.id)

Period = tuple[datetime | None, datetime | None]
"""`[start, end)`; None is no bound."""
FIRST = datetime(1, 1, 2, tzinfo=UTC)
LAST = datetime(9999, 12, 31, tzinfo=UTC)
"""Readings outside are errors of the source, which no form of an answer can carry."""


class UnfitFonteError(Exception):
    """Fonte's database is not one that the API may create or fill its table in, or read from."""


FAILURES = (DBAPIError, BulkError, UnfitFonteError)
"""The errors of this module's functions."""


def check_table(engine: Engine) -> None:
    """Raise `sqlalchemy.exc.DBAPIError` if Fonte does not answer, or has no table `data`."""
    with engine.connect() as connection:
        connection.execute(text("SELECT FROM data LIMIT 0"))


def create_table(engine: Engine, *, alone: bool = False) -> None:
    """Create the table in a database without other tables; leave one that is there.

    Raises `UnfitFonteError` for other tables (if `alone`, beside an existing `data`, too) and
    for a `data` that lacks one of our columns. Several processes may call this at once.
    """
    with engine.begin() as connection:
        connection.execute(LOCK)
        found = connection.execute(FOUND).one()
        if found.others and (alone or found.kind is None):
            more = f" and {len(found.others) - 1} more" if found.others[1:] else ""
            raise UnfitFonteError(
                f"expected no table but data in the database, got {found.others[0]}{more}: nothing"
                " was written; use an empty database, or unset FONTE_DAYS to only read this one"
            )
        if found.kind is None:
            metadata.create_all(connection)
        elif lacking := set(data.c.keys()) - set(found.columns):
            raise UnfitFonteError(
                f"expected a table data with {', '.join(sorted(lacking))}, got one with"
                f" {', '.join(found.columns)}: nothing was written"
            )
        elif found.kind not in ("r", "p"):  # neither a table nor a partitioned one
            raise UnfitFonteError("expected a table data, got a view: nothing was written")


def fill_if_empty(engine: Engine, settings: Settings) -> int:
    """Create the table where it is missing, and fill it where it is empty; returns how many rows.

    Raises `UnfitFonteError` as `create_table` does. Several processes may call this at once:
    one fills, the others wait and find it filled.
    """
    with engine.connect() as connection:
        is_there = connection.scalar(text("SELECT to_regclass('data')"))
        if is_there and connection.scalar(text("SELECT EXISTS (SELECT FROM data)")):
            return 0
    create_table(engine, alone=True)
    with bulk_cursor(engine) as cursor:
        cursor.execute(str(LOCK))
        cursor.fetchall()
        cursor.execute("SELECT EXISTS (SELECT FROM data)")
        if cursor.fetchall() == [(True,)]:
            return 0
        days = settings.days or SIMULATED_DAYS
        return append(cursor, simulate_readings(settings.start_date, days, settings.seed))


def load_readings(engine: Engine, readings: pa.RecordBatchReader, *, replace: bool) -> int:
    """Append readings, or replace all that the table holds by them, in one transaction.

    Returns how many the table held before. Concurrent readers see those, and do not wait.
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
    """`bulk.bulk_cursor` without a time limit: `protection.limits` ends answers to slow readers."""
    with bulk.bulk_cursor(engine, BATCH_BYTES) as cursor:
        cursor.execute("SET LOCAL statement_timeout = 0")
        yield cursor


def is_within(period: Period) -> sa.ColumnElement[bool]:
    """Whether a reading is in `[start, end)`."""
    start, end = period
    return (data.c.timestamp >= (start or FIRST)) & (data.c.timestamp < (end or LAST))


def stream_readings(
    engine: Engine, columns: Sequence[str], period: Period
) -> Generator[pa.RecordBatch]:
    """The readings of a period, by timestamp, then id: `timestamp`, then `columns`.

    Yields batches of about a megabyte, straight from a binary COPY, each of `arrow_schema`.
    Close it if it is not read to its end: until then PostgreSQL waits to send the rest.
    """
    query = select(data.c.timestamp, *(data.c[name] for name in columns))
    query = query.where(is_within(period)).order_by(data.c.timestamp, data.c.id)
    # COPY takes no bound parameters: SQLAlchemy writes the two typed timestamps as literals
    statement = query.compile(dialect=engine.dialect, compile_kwargs={"literal_binds": True})
    schema = arrow_schema(columns)
    with bulk_cursor(engine) as cursor:
        cursor.execute(str(statement))
        for batch in cursor.fetch_record_batch():
            _check_types(batch.schema, schema)
            yield pa.RecordBatch.from_arrays(batch.columns, schema=schema)


def _check_types(got: pa.Schema, expected: pa.Schema) -> None:
    for found, field in zip(got, expected, strict=True):
        if found.type != field.type:
            raise UnfitFonteError(
                f"expected {field.name} of type {field.type} in Fonte's table data,"
                f" got {found.type}"
            )


def find_reading(engine: Engine, reading_id: int) -> RowMapping | None:
    """One reading by its id."""
    query = select(data).where(data.c.id == reading_id, data.c.timestamp.between(FIRST, LAST))
    with engine.connect() as connection:
        return connection.execute(query).mappings().first()


def find_span(engine: Engine, period: Period) -> Period:
    """The timestamps of the first and the last reading of a period; None twice without one."""
    stamp = data.c.timestamp
    with engine.connect() as connection:
        query = select(sa.func.min(stamp), sa.func.max(stamp)).where(is_within(period))
        first, last = connection.execute(query).one()
    return first, last


def list_days(engine: Engine, period: Period) -> Sequence[RowMapping]:
    """Per UTC day with readings in a period: how many, the first, the last, a fingerprint.

    The fingerprint covers the timestamp and the signals that the table has, in this order.
    `hash_record_extended` is how PostgreSQL hashes row values: every bit counts. Its seed is 1,
    since with seed 0 NULL and 0.0 are the same. The order of the hashes counts, too.
    """
    stamp = data.c.timestamp
    day = sa.cast(sa.func.timezone("UTC", stamp), sa.Date)
    with engine.connect() as connection:
        held = connection.execute(text("SELECT * FROM data LIMIT 0")).keys()
        reading = sa.func.row(stamp, *(data.c[name] for name in SIGNALS if name in held))
        each = sa.func.hash_record_extended(reading, 1)
        hashes = sa.func.array_agg(each).aggregate_order_by(stamp, data.c.id)
        query = select(
            day.label("date"),
            sa.func.count().label("readings"),
            sa.func.min(stamp).label("first_timestamp"),
            sa.func.max(stamp).label("last_timestamp"),
            sa.func.to_hex(sa.func.hash_array_extended(hashes, 1)).label("fingerprint"),
        )
        query = query.where(is_within(period)).group_by(day).order_by(day)
        return connection.execute(query).mappings().all()


def ping(engine: Engine) -> None:
    """Raise `sqlalchemy.exc.DBAPIError` if Fonte does not answer."""
    with engine.connect() as connection:
        connection.execute(text("SELECT 1"))
