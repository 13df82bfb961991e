"""The turbines of Fonte: who they are, since when and how often they were read."""

import re
from dataclasses import dataclass
from datetime import datetime

import sqlalchemy as sa
from sqlalchemy import select, text

from fonteapi.catalogue import TURBINE_NAME
from fonteapi.database import FIRST, LAST, Fonte, Held, UnfitFonteError, data

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


@dataclass(frozen=True)
class Turbine:
    """A turbine that has readings."""

    name: str
    first_timestamp: datetime
    last_timestamp: datetime
    interval: float | None
    """The usual time between two readings, seconds; None for a single one."""


def list_turbines(fonte: Fonte, held: Held) -> list[str]:
    """The names of the turbines that have readings, in order.

    Raises `UnfitFonteError` for a reading without a turbine, and for a name of other letters.
    """
    if not held.names_turbines:
        return [fonte.turbine]
    with fonte.engine.connect() as connection:
        names = list(connection.scalars(NAMES))
    for name in names:
        if not re.fullmatch(TURBINE_NAME, name or ""):
            raise UnfitFonteError(
                "expected turbines named by letters, digits and . _ - in Fonte's table data,"
                f" 64 at most, got {name!r}"
            )
    return names


def describe_turbines(fonte: Fonte) -> list[Turbine]:
    """The turbines that have readings, in order of their names."""
    held = fonte.describe()
    described = (_describe(fonte, held, name) for name in list_turbines(fonte, held))
    return [turbine for turbine in described if turbine]


def _describe(fonte: Fonte, held: Held, name: str) -> Turbine | None:
    stamp = data.c.timestamp
    of_turbine = (held.turbine == name) & stamp.between(FIRST, LAST)
    recent = select(stamp).where(of_turbine).distinct().order_by(stamp.desc()).limit(RECENT)
    stamps = recent.subquery().c.timestamp
    steps = select(
        sa.func.round(sa.extract("epoch", stamps - sa.func.lag(stamps).over(order_by=stamps)))
        .label("seconds")
    ).subquery()  # fmt: skip
    usual = select(sa.func.mode().within_group(steps.c.seconds)).scalar_subquery()
    query = select(sa.func.min(stamp), sa.func.max(stamp), usual).where(of_turbine)
    with fonte.engine.connect() as connection:
        first, last, interval = connection.execute(query).one()
    return first and Turbine(name, first, last, None if interval is None else float(interval))
