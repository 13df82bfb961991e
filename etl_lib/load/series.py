"""The series of Alvo: which statistics it has, of which turbines, and of which days."""

from collections.abc import Collection, Sequence
from datetime import UTC, date, datetime
from typing import NamedTuple

from sqlalchemy import Engine, select, text

from etl_lib.errors import ParameterError
from etl_lib.load.alvo import alvo_connection, create_tables
from etl_lib.load.tables import signal

SPAN = text("""
    SELECT min(span.first), max(span.last)
    FROM unnest(CAST(:ids AS integer[])) AS id,
    LATERAL (
        SELECT min(timestamp) AS first, max(timestamp) AS last
        FROM data
        WHERE signal_id = id AND timestamp >= :start AND timestamp < :end
    ) AS span
""")
"""Two looks into the index for each series."""


class Series(NamedTuple):
    """One statistic of one signal of a turbine."""

    id: int
    turbine: str
    name: str
    """`<signal>_<statistic>`"""
    unit: str


def list_series(
    alvo: Engine, turbines: Collection[str] | None = None, signals: Collection[str] | None = None
) -> list[Series]:
    """The series of turbines and signals, None being all, by id.

    Raises `ParameterError` for a turbine or signal that Alvo does not have.
    """
    create_tables(alvo)
    columns = signal.c.id, signal.c.turbine, signal.c.name, signal.c.unit
    with alvo_connection(alvo) as connection:
        found = [Series(*row) for row in connection.execute(select(*columns).order_by(columns[0]))]
    known = {each.turbine: None for each in found}
    _refuse_unknown("turbines", turbines, sorted(known))
    found = [each for each in found if turbines is None or each.turbine in turbines]
    _refuse_unknown("columns", signals, list(dict.fromkeys(map(signal_of, found))))
    return [each for each in found if signals is None or signal_of(each) in signals]


def signal_of(series: Series) -> str:
    """The signal of a series."""
    return series.name.rpartition("_")[0]


def find_span(
    alvo: Engine, series: Sequence[Series], start: datetime, end: datetime
) -> tuple[date, date] | None:
    """The first and the last UTC day in `[start, end)` with a value of the series; None without."""
    with alvo_connection(alvo) as connection:
        bounds = {"ids": [each.id for each in series], "start": start, "end": end}
        first, last = connection.execute(SPAN, bounds).one()
    return (first.astimezone(UTC).date(), last.astimezone(UTC).date()) if first else None


def _refuse_unknown(name: str, given: Collection[str] | None, known: Sequence[str]) -> None:
    if unknown := [word for word in given or () if word not in known]:
        expected = f"some of {', '.join(known)}" if known else "none, since Alvo has no series"
        raise ParameterError(f"{name}: expected {expected}; got {', '.join(unknown)}")
