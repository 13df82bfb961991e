"""Exclusions by people: icing, maintenance, a wrong sensor.

They are rows of the table `exclusion`. The stored statistics stay as they are: `leave_out`, in
`load/leave_out.py`, takes the excluded values out of a frame that was read.
"""

from collections.abc import Sequence
from datetime import datetime

from sqlalchemy import Connection, Engine, delete, insert, select, text
from sqlalchemy.exc import NoResultFound

from etl_lib.errors import ParameterError
from etl_lib.load.alvo import alvo_connection, create_tables
from etl_lib.load.records import Exclusion
from etl_lib.load.tables import exclusion, signal
from etl_lib.transform.kinds import signals_of

# As a load does: `forget` waits for it, so that no exclusion stays of a turbine that is gone
LOCK = text("SELECT pg_advisory_xact_lock_shared(hashtext('etl_lib.loads'))")


def add_exclusions(
    alvo: Engine,
    turbine: str,
    start: datetime,
    end: datetime,
    *,
    reason: str,
    author: str,
    signals: Sequence[str] = (),
) -> list[Exclusion]:
    """Exclude signals of a turbine in `[start, end)`, all signals if none is named.

    One row for each signal, all or nothing; returns them. A time without an offset is UTC. Raises
    `ParameterError` for a turbine or signal that Alvo does not have, and `AlvoError` for an end
    that is not after the start, or a blank reason or author.
    """
    create_tables(alvo)
    facts = {"turbine": turbine, "start": start, "end": end, "reason": reason, "author": author}
    names: list[str | None] = [*dict.fromkeys(signals)] or [None]
    rows = [facts | {"signal": name} for name in names]
    statement = insert(exclusion).returning(exclusion, sort_by_parameter_order=True)
    with alvo_connection(alvo) as connection, connection.begin():
        connection.execute(LOCK)
        _refuse_unknown(connection, turbine, signals)
        found = connection.execute(statement, rows).mappings()
        return [Exclusion.model_validate(dict(row)) for row in found]


def list_exclusions(alvo: Engine) -> list[Exclusion]:
    """All exclusions, by turbine and start."""
    create_tables(alvo)
    order = exclusion.c.turbine, exclusion.c.start, exclusion.c.id
    with alvo_connection(alvo) as connection:
        found = connection.execute(select(exclusion).order_by(*order)).mappings()
        return [Exclusion.model_validate(dict(row)) for row in found]


def delete_exclusion(alvo: Engine, number: int) -> Exclusion:
    """Delete the exclusion with this id, and return it: its values count again.

    Raises `ParameterError` if there is none.
    """
    create_tables(alvo)
    statement = delete(exclusion).where(exclusion.c.id == number).returning(exclusion)
    with alvo_connection(alvo) as connection, connection.begin():
        try:
            return Exclusion.model_validate(dict(connection.execute(statement).mappings().one()))
        except NoResultFound:
            known = connection.scalars(select(exclusion.c.id).order_by(exclusion.c.id))
            names = ", ".join(map(str, known))
            expected = f"one of {names}" if names else "none, since there are no exclusions"
            raise ParameterError(f"exclusion: expected {expected}; got {number}") from None


def _refuse_unknown(connection: Connection, turbine: str, signals: Sequence[str]) -> None:
    found = connection.execute(select(signal.c.turbine, signal.c.name).order_by(signal.c.id))
    names: dict[str, list[str]] = {}
    for owner, name in found:
        names.setdefault(owner, []).append(name)
    if turbine not in names:
        known = ", ".join(sorted(names))
        expected = f"one of {known}" if known else "none, since Alvo has no series"
        raise ParameterError(f"turbine: expected {expected}; got {turbine or 'no name'}")
    known_signals = signals_of(names[turbine])
    if unknown := [name for name in signals if name not in known_signals]:
        expected = f"some of {', '.join(known_signals)}, which Alvo has of {turbine}"
        raise ParameterError(f"signal: expected {expected}; got {', '.join(unknown)}")
