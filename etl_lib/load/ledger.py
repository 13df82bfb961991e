"""The ledger `run`, one row for each load, and the signals that were loaded."""

from datetime import date

from sqlalchemy import Engine, func, select
from sqlalchemy.dialects.postgresql import distinct_on

from etl_lib.load.alvo import alvo_connection, create_tables
from etl_lib.load.records import LoadedDay
from etl_lib.load.tables import run, signal


def has_run(alvo: Engine, notebook: str) -> bool:
    """Whether the ledger has a load by this notebook, a path relative to the archive."""
    with alvo_connection(alvo) as connection:
        found = connection.execute(select(run.c.id).where(run.c.notebook == notebook))
        return found.first() is not None


def last_run(alvo: Engine) -> int:
    """The id of the last load, 0 for an empty ledger."""
    create_tables(alvo)
    with alvo_connection(alvo) as connection:
        return connection.execute(select(func.max(run.c.id))).scalar() or 0


def last_loads(alvo: Engine, day: date | None = None) -> dict[date, LoadedDay]:
    """The last load of each date in the ledger, or of `day` alone."""
    create_tables(alvo)
    loads = select(run, run.c.id.label("run_id")).ext(distinct_on(run.c.date))
    latest = loads.order_by(run.c.date, run.c.id.desc())
    latest = latest if day is None else latest.where(run.c.date == day)
    with alvo_connection(alvo) as connection:
        rows = connection.execute(latest).mappings()
        return {row["date"]: LoadedDay.model_validate(dict(row)) for row in rows}


def read_units(alvo: Engine) -> dict[str, str]:
    """The unit of each of Alvo's signals, by its name `<column>_<statistic>`."""
    create_tables(alvo)
    with alvo_connection(alvo) as connection:
        found = connection.execute(select(signal.c.name, signal.c.unit).order_by(signal.c.id))
        return {row.name: row.unit for row in found}
