"""Fonte, the source database, read: every statement here is a SELECT or a COPY to the client."""

import re
from collections.abc import Collection, Generator, Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import UTC, datetime
from json import dumps

import pyarrow as pa
import pyarrow.compute as pc
import sqlalchemy as sa
from adbc_driver_manager import Error as BulkError
from adbc_driver_manager.dbapi import Cursor
from sqlalchemy import Engine, RowMapping, select, text
from sqlalchemy.exc import DBAPIError

from fonteapi.catalogue import ONLY_TURBINE, TURBINE_NAME, Catalogue, Turbine, arrow_schema
from fonteapi.settings import Settings
from fonteapi.signals import HELD_KINDS, OWN_STATISTICS, Column, Signal, make_statistic
from pgarrow import bulk
from pgarrow.sessions import open_engine

BATCH_BYTES = 1 << 20
"""Size of a batch, the part of an answer that is in memory at a time."""
data = sa.table(
    "data", sa.column("id", sa.BigInteger), sa.column("timestamp", sa.DateTime(timezone=True))
)
"""What every Fonte has. Its other columns are signals, if the catalogue knows them."""
Period = tuple[datetime | None, datetime | None]
"""`[start, end)`; None is no bound."""
FIRST = datetime(1, 1, 2, tzinfo=UTC)
LAST = datetime(9999, 12, 31, tzinfo=UTC)
"""Readings outside are errors of the source, which no form of an answer can carry."""
BOOLEAN = 16
"""PostgreSQL's number of the type."""
ON_CHANGE = "[sampled on change]"
"""What the comment of a signal's column has where its values are sampled on change."""
MARKED = text("""
    SELECT attname::text FROM pg_attribute
    WHERE attrelid = to_regclass('data') AND attnum > 0 AND NOT attisdropped
    AND strpos(col_description(attrelid, attnum), :mark) > 0
""")


class UnfitFonteError(Exception):
    """Fonte's database is not one that the API may create or fill its table in, or read from."""


FAILURES = (DBAPIError, BulkError, UnfitFonteError)
"""The errors of this module's functions."""


@dataclass(frozen=True)
class Fonte:
    """The source database, and the catalogue that says what its columns are."""

    engine: Engine
    catalogue: Catalogue
    turbine: str = ONLY_TURBINE
    """The turbine of a table without the column `turbine`."""

    def describe(self) -> "Held":
        """What the table has; raises `UnfitFonteError` if it has no signal."""
        with self.engine.connect() as connection:
            result = connection.execute(text("SELECT * FROM data LIMIT 0"))
            columns = {column[0]: column[1] for column in result.cursor.description}
            marked = set(connection.scalars(MARKED, {"mark": ON_CHANGE}))
        signals = self.catalogue.signals.items()
        found = {
            name: _describe_column(signal, columns, name in marked)
            for name, signal in signals
            if name in columns
        }
        if not found:
            raise UnfitFonteError(
                "expected a signal of the catalogue in Fonte's table data, got"
                f" {', '.join(columns)}: describe them in a file that FONTE_CATALOGUE names"
            )
        names_turbines = "turbine" in columns
        turbine = sa.column("turbine") if names_turbines else sa.cast(self.turbine, sa.Text)
        return Held(found, turbine, names_turbines, columns.get("simulated") == BOOLEAN)


def _describe_column(signal: Signal, columns: Collection[str], marked: bool) -> Column:
    """A signal with what the table has of it; the catalogue's word goes before the mark."""
    statistics = [
        name for name in OWN_STATISTICS.get(signal.kind, ()) if f"{signal.name}.{name}" in columns
    ]
    on_change = marked and signal.kind in HELD_KINDS
    if signal.on_change is not None:
        on_change = signal.on_change
    facts = {"on_change": on_change, "statistics": tuple(statistics)}
    return Column.model_construct(**dict(signal) | facts)


@dataclass(frozen=True)
class Held:
    """What Fonte's table has beside `id` and `timestamp`."""

    signals: Mapping[str, Column]
    turbine: sa.ColumnElement[str]
    """The turbine of a reading: a column, or one name for all."""
    names_turbines: bool
    """Whether the table has the column `turbine`."""
    marks_simulated: bool
    """Whether the table has the column `simulated`, which is true for simulated readings."""

    @property
    def statistics(self) -> dict[str, Column]:
        """The source's own statistics of the signals, such as `power.std`."""
        found = [make_statistic(s, name) for s in self.signals.values() for name in s.statistics]
        return {column.name: column for column in found if column}


def open_fonte(settings: Settings) -> Fonte:
    """The source database of the settings, by an engine of its own; dispose of that at the end."""
    return Fonte(open_engine(settings.database_url), settings.catalogue, settings.turbine)


def check_table(engine: Engine) -> None:
    """Raise `sqlalchemy.exc.DBAPIError` if Fonte does not answer, or has no table `data`."""
    with engine.connect() as connection:
        connection.execute(text("SELECT FROM data LIMIT 0"))


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


@dataclass(frozen=True)
class Choice:
    """The readings that a request asks for."""

    held: Held
    signals: Sequence[Signal]
    period: Period
    turbines: Sequence[str] | None = None
    """None: every turbine."""
    named: bool = True
    """Whether the second field of each reading is its turbine."""
    facts: Mapping[str, Turbine] = field(default_factory=dict)
    """What is known of turbines, by name."""

    @property
    def schema(self) -> pa.Schema:
        """The schema of the readings; its metadata has facts of the turbines, each as JSON."""
        schema = arrow_schema(self.signals, named=self.named)
        intervals = {name: one.interval for name, one in self.facts.items() if one.interval}
        rated = {name: one.rated_power for name, one in self.facts.items() if one.rated_power}
        told = {"intervals": dumps(intervals), "rated_powers": dumps(rated)}
        return schema.with_metadata(told)


def stream_readings(engine: Engine, choice: Choice) -> Generator[pa.RecordBatch]:
    """The chosen readings, by timestamp, turbine and id.

    Yields batches of about a megabyte, straight from a binary COPY, each of `choice.schema`.
    Close it if it is not read to its end: until then PostgreSQL waits to send the rest.
    """
    turbine = [choice.held.turbine.label("turbine")] if choice.named else []
    signals: list[sa.ColumnClause[float]] = [sa.column(signal.name) for signal in choice.signals]
    query = select(data.c.timestamp, *turbine, *signals).where(is_within(choice.period))
    if choice.turbines is not None:
        query = query.where(choice.held.turbine.in_(choice.turbines))
    query = query.order_by(data.c.timestamp, *turbine, data.c.id)
    # COPY takes no bound parameters: SQLAlchemy writes the few typed values as literals
    statement = query.compile(dialect=engine.dialect, compile_kwargs={"literal_binds": True})
    with bulk_cursor(engine) as cursor:
        cursor.execute(str(statement))
        for batch in cursor.fetch_record_batch():
            _check_types(batch.schema, choice.schema)
            if choice.named:
                check_names(pc.unique(batch["turbine"]).to_pylist())
            yield pa.RecordBatch.from_arrays(batch.columns, schema=choice.schema)


def _check_types(got: pa.Schema, expected: pa.Schema) -> None:
    for found, known in zip(got, expected, strict=True):
        if found.type != known.type:
            raise UnfitFonteError(
                f"expected {known.name} of type {known.type} in Fonte's table data,"
                f" got {found.type}"
            )


def check_names(turbines: Iterable[str | None]) -> None:
    """Raise `UnfitFonteError` for a reading without a turbine, and for a name of other letters."""
    for name in turbines:
        if not re.fullmatch(TURBINE_NAME, name or ""):
            raise UnfitFonteError(
                "expected turbines named by letters, digits and . _ - in Fonte's table data,"
                f" 64 at most, got {name!r}"
            )


def find_reading(fonte: Fonte, reading_id: int) -> RowMapping | None:
    """One reading by its id."""
    held = fonte.describe()
    query = select(
        data.c.id, data.c.timestamp, held.turbine.label("turbine"), *map(sa.column, held.signals)
    )
    query = query.where(data.c.id == reading_id, data.c.timestamp.between(FIRST, LAST))
    with fonte.engine.connect() as connection:
        return connection.execute(query).mappings().first()


def find_span(engine: Engine, period: Period) -> Period:
    """The timestamps of the first and the last reading of a period; None twice without one."""
    stamp = data.c.timestamp
    with engine.connect() as connection:
        query = select(sa.func.min(stamp), sa.func.max(stamp)).where(is_within(period))
        first, last = connection.execute(query).one()
    return first, last


def ping(engine: Engine) -> None:
    """Raise `sqlalchemy.exc.DBAPIError` if Fonte does not answer."""
    with engine.connect() as connection:
        connection.execute(text("SELECT 1"))
