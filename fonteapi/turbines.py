"""The turbines of Fonte: who they are, since when and how often they were read."""

from typing import Any

from sqlalchemy import text

from fonteapi.catalogue import Turbine, read_catalogue
from fonteapi.database import FAILURES, FIRST, LAST, Fonte, Held, check_names
from fonteapi.simulate import RATED_POWER
from pgarrow.sessions import open_engine

FIND = """
    WITH RECURSIVE found (name) AS (
        SELECT min(turbine) FROM data WHERE {chosen}
        UNION ALL
        SELECT (SELECT min(turbine) FROM data WHERE {chosen} AND turbine > found.name) FROM found
        WHERE found.name IS NOT NULL
    )
    SELECT name FROM found WHERE name IS NOT NULL
"""
"""One look into the index for each turbine, where DISTINCT would read every reading."""
NAMELESS = "UNION ALL SELECT NULL WHERE EXISTS (SELECT FROM data WHERE turbine IS NULL)"
NAMES = text(FIND.format(chosen="true") + NAMELESS)
SIMULATED = text(FIND.format(chosen="simulated"))
"""The turbines that have simulated readings, by an index of these."""
RECENT = 200
"""The readings of a turbine whose timestamps tell its interval."""
SPANS = """
    SELECT name, first, last, usual
    FROM unnest(CAST(:names AS text[])) AS name,
    LATERAL (
        SELECT min(timestamp) AS first, max(timestamp) AS last
        FROM data WHERE {is_its} AND timestamp BETWEEN :first AND :last
    ) AS span,
    LATERAL (
        SELECT mode() WITHIN GROUP (ORDER BY round(extract(epoch FROM step))::integer) AS usual
        FROM (
            SELECT stamp - lag(stamp) OVER (ORDER BY stamp) AS step
            FROM (
                SELECT DISTINCT timestamp AS stamp
                FROM data WHERE {is_its} AND timestamp BETWEEN :first AND :last
                ORDER BY stamp DESC LIMIT :recent
            ) AS stamps
        ) AS steps
    ) AS interval
    ORDER BY name COLLATE "C"
"""
"""The first and the last timestamp of each turbine, and the usual seconds between two."""


def list_turbines(fonte: Fonte, held: Held) -> list[str]:
    """The names of the turbines that have readings, in order.

    Raises `UnfitFonteError` for a reading without a turbine, and for a name of other letters.
    """
    if not held.names_turbines:
        return [fonte.turbine]
    with fonte.engine.connect() as connection:
        names = list(connection.scalars(NAMES))
    check_names(names)
    return names


def describe_turbines(fonte: Fonte) -> list[dict[str, Any]]:
    """The turbines that have readings, and what the catalogue says of each.

    The interval that it does not tell is the usual time between two of the `RECENT` readings.
    """
    held = fonte.describe()
    is_its = "turbine = name" if held.names_turbines else "true"
    bounds = {"first": FIRST, "last": LAST, "recent": RECENT}
    given = {"names": list_turbines(fonte, held)} | bounds
    with fonte.engine.connect() as connection:
        rows = connection.execute(text(SPANS.format(is_its=is_its)), given).all()
    simulated, known = _list_simulated(fonte, held), find_facts(fonte, held)
    described = []
    for name, first, last, usual in rows:
        if first:
            facts = known.get(name, Turbine()).model_dump()
            facts["interval"] = facts["interval"] or usual
            span = {"first_timestamp": first, "last_timestamp": last}
            described.append({"name": name, "simulated": name in simulated} | span | facts)
    return described


def find_facts(fonte: Fonte, held: Held) -> dict[str, Turbine]:
    """What is known of turbines, by name: the catalogue's facts, and those of simulated ones."""
    simulated = {name: Turbine(rated_power=RATED_POWER) for name in _list_simulated(fonte, held)}
    return simulated | dict(fonte.catalogue.turbines)


def list_simulated(database_url: str) -> list[str]:
    """The turbines that have simulated readings; none of a Fonte that does not answer."""
    engine = open_engine(database_url)
    try:
        fonte = Fonte(engine, read_catalogue())
        return _list_simulated(fonte, fonte.describe())
    except FAILURES:
        return []
    finally:
        engine.dispose()


def _list_simulated(fonte: Fonte, held: Held) -> list[str]:
    if not (held.names_turbines and held.marks_simulated):
        return []
    with fonte.engine.connect() as connection:
        return list(connection.scalars(SIMULATED))
