"""The turbines of Fonte: who they are, since when and how often they were read."""

from typing import Any

import sqlalchemy as sa
from sqlalchemy import select, text

from fonteapi.catalogue import Turbine
from fonteapi.database import FIRST, LAST, Fonte, Held, check_names, data

NAMES = text("""
    WITH RECURSIVE found (name) AS (
        SELECT min(turbine) FROM data
        UNION ALL
        SELECT (SELECT min(turbine) FROM data WHERE turbine > found.name) FROM found
        WHERE found.name IS NOT NULL
    )
    SELECT name FROM found WHERE name IS NOT NULL
    UNION ALL
    SELECT NULL WHERE EXISTS (SELECT FROM data WHERE turbine IS NULL)
""")
"""One look into the index for each turbine, where DISTINCT would read every reading."""
RECENT = 1000
"""The readings of a turbine whose timestamps tell its interval."""


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
    described = []
    for name in list_turbines(fonte, held):
        first, last, interval = _find_span(fonte, held.turbine == name)
        if first:
            facts = fonte.catalogue.turbines.get(name, Turbine()).model_dump()
            facts["interval"] = facts["interval"] or interval
            span = {"first_timestamp": first, "last_timestamp": last}
            described.append({"name": name} | span | facts)
    return described


def _find_span(fonte: Fonte, is_chosen: sa.ColumnElement[bool]) -> tuple[Any, Any, Any]:
    """The first and the last timestamp, and the usual seconds between two; None without any."""
    stamp = data.c.timestamp
    is_chosen &= stamp.between(FIRST, LAST)
    recent = select(stamp).where(is_chosen).distinct().order_by(stamp.desc()).limit(RECENT)
    stamps = recent.subquery().c.timestamp
    step = sa.extract("epoch", stamps - sa.func.lag(stamps).over(order_by=stamps))
    steps = select(sa.cast(sa.func.round(step), sa.Integer).label("seconds")).subquery()
    usual = select(sa.func.mode().within_group(steps.c.seconds)).scalar_subquery()
    query = select(sa.func.min(stamp), sa.func.max(stamp), usual).where(is_chosen)
    with fonte.engine.connect() as connection:
        first, last, interval = connection.execute(query).one()
    return first, last, interval
