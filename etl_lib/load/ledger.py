"""The ledger `run`, one row for each load, and the signals that were loaded.

Turbines that were forgotten since a load count as not loaded by it: see `forget`.
"""

from collections import defaultdict
from collections.abc import Collection
from datetime import date
from typing import NamedTuple

from sqlalchemy import Engine, func, select, text
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


IS_HELD = """
    NOT EXISTS (
        SELECT FROM forgotten WHERE forgotten.turbine = each.turbine AND last_run >= {run}.id
    )
"""
"""Whether a turbine, `each.turbine`, was not forgotten since a load."""
HOLDS_ANY = f"""
    EXISTS (SELECT FROM unnest(run.turbines) AS each (turbine) WHERE {IS_HELD.format(run="run")})
"""
"""Whether a load had a turbine that was not forgotten since."""


def last_loads(
    alvo: Engine, first: date | None = None, last: date | None = None
) -> dict[date, LoadedDay]:
    """The last load of each date from `first` to `last`, both included; None is no bound.

    A load whose turbines were all forgotten does not count.
    """
    create_tables(alvo)
    loads = select(run, run.c.id.label("run_id")).ext(distinct_on(run.c.date))
    loads = loads.where(text(HOLDS_ANY))
    latest = loads.order_by(run.c.date, run.c.id.desc())
    latest = latest if first is None else latest.where(run.c.date >= first)
    latest = latest if last is None else latest.where(run.c.date <= last)
    with alvo_connection(alvo) as connection:
        rows = connection.execute(latest).mappings()
        return {row["date"]: LoadedDay.model_validate(dict(row)) for row in rows}


def forgotten_dates(alvo: Engine) -> dict[date, int]:
    """The dates whose loaded turbines were all forgotten, each with the id of its last load."""
    create_tables(alvo)
    found = select(run.c.date, func.max(run.c.id)).group_by(run.c.date)
    with alvo_connection(alvo) as connection:
        rows = connection.execute(found.having(text(f"NOT bool_or({HOLDS_ANY})")))
        return {row[0]: row[1] for row in rows}


class TurbineLoad(NamedTuple):
    """The last load of a date that had a turbine."""

    columns: frozenset[str]
    fingerprint: str
    is_whole: bool
    """Whether the load was of all turbines that Fonte had."""
    impossible: int
    """Readings; 0 of a load from before readings were tested."""
    flagged: int
    is_suspect: bool
    """Whether its readings need a look."""


LAST_OF_EACH = text(f"""
    SELECT DISTINCT ON (date, turbine)
        date, turbine, columns, fingerprint, is_whole, coalesce(each.impossible, 0),
        coalesce(each.flagged, 0), turbine = ANY(suspects)
    FROM (
        SELECT *, max(id) FILTER (WHERE is_whole) OVER (PARTITION BY date) AS last_whole
        FROM run
        WHERE {HOLDS_ANY}
    ) AS loads,
    unnest(turbines, fingerprints, loads.impossible, loads.flagged)
        AS each (turbine, fingerprint, impossible, flagged)
    WHERE id >= coalesce(last_whole, 0) AND {IS_HELD.format(run="loads")}
    ORDER BY date, turbine, id DESC
""")  # noqa: S608  # constants alone


def loaded_turbines(alvo: Engine) -> dict[date, dict[str, TurbineLoad]]:
    """By date and turbine the last load: two loads may have had other turbines of one date.

    A load of all turbines that Fonte had tells which there are; what was loaded before is past.
    """
    create_tables(alvo)
    found: dict[date, dict[str, TurbineLoad]] = defaultdict(dict)
    with alvo_connection(alvo) as connection:
        for day, turbine, columns, *others in connection.execute(LAST_OF_EACH):
            found[day][turbine] = TurbineLoad(frozenset(columns), *others)
    return found


STANDING = text(f"""
    SELECT DISTINCT id, date, notebook
    FROM (
        SELECT DISTINCT ON (date, turbine, signal) id, date, notebook
        FROM run, unnest(turbines) AS each (turbine), unnest(columns) AS asked (signal)
        WHERE date BETWEEN :first AND :last AND {IS_HELD.format(run="run")}
            AND (CAST(:turbines AS text[]) IS NULL OR turbine = ANY(:turbines))
        ORDER BY date, turbine, signal, id DESC
    ) AS standing
    ORDER BY id
""")  # noqa: S608  # constants alone


class StandingLoad(NamedTuple):
    """A load of which Alvo holds statistics: the last one of some turbine and signal of a date."""

    run_id: int
    date: date
    notebook: str | None


def standing_loads(
    alvo: Engine,
    first: date = date.min,
    last: date = date.max,
    turbines: Collection[str] | None = None,
) -> list[StandingLoad]:
    """The loads that Alvo's statistics come from, by id, of dates from `first` to `last`, included.

    `turbines` chooses some. Turbines that were forgotten since do not count.
    """
    create_tables(alvo)
    chosen = None if turbines is None else list(turbines)
    with alvo_connection(alvo) as connection:
        rows = connection.execute(STANDING, {"first": first, "last": last, "turbines": chosen})
        return [StandingLoad(*row) for row in rows]


def named_notebooks(alvo: Engine) -> set[str]:
    """The notebooks of the standing loads and of each date's last load, also of a forgotten one.

    Paths below the archive; loads outside `etl run` have none.
    """
    latest = select(run.c.notebook).ext(distinct_on(run.c.date))
    standing = {load.notebook for load in standing_loads(alvo)}
    with alvo_connection(alvo) as connection:
        found = connection.scalars(latest.order_by(run.c.date, run.c.id.desc()))
        return {name for name in standing.union(found) if name}


def read_units(alvo: Engine) -> dict[str, str]:
    """The unit of each of Alvo's statistics, by its name `<column>_<statistic>`."""
    create_tables(alvo)
    with alvo_connection(alvo) as connection:
        found = connection.execute(select(signal.c.name, signal.c.unit).order_by(signal.c.id))
        return {row.name: row.unit for row in found}
