"""Exclusions by people: icing, maintenance, a wrong sensor.

They are rows of the table `exclusion`. The stored statistics stay as they are: `leave_out` takes
the excluded values out of a frame that was read.
"""

from collections.abc import Iterable, Sequence
from datetime import UTC, datetime

import numpy as np
import pandas as pd
from sqlalchemy import Connection, Engine, delete, insert, select, text
from sqlalchemy.exc import NoResultFound

from etl_lib.errors import ParameterError
from etl_lib.load.alvo import alvo_connection, create_tables
from etl_lib.load.records import Exclusion
from etl_lib.load.tables import exclusion, signal
from etl_lib.transform.kinds import BUCKET_SECONDS, STAMP, STATE, signals_of
from etl_lib.transform.states import NEEDED

# As a load does: `forget` waits for it, so that no exclusion stays of a turbine that is gone
LOCK = text("SELECT pg_advisory_xact_lock_shared(hashtext('etl_lib.loads'))")
BUCKET = np.timedelta64(BUCKET_SECONDS, "s")


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


def leave_out(statistics: pd.DataFrame, exclusions: Iterable[Exclusion]) -> pd.DataFrame:
    """The frame with NaN for each excluded value, without the rows that have nothing else.

    `statistics`: by `turbine` and `timestamp`, sorted, the columns statistics alone. An exclusion
    covers the buckets `[t, t + 10 min)` that overlap its `[start, end)`. `attrs["exclusions"]`
    lists those that covered a value, as dicts whose times are ISO text.
    """
    index, names = statistics.index, [str(name) for name in statistics]
    stamps = pd.DatetimeIndex(index.get_level_values(STAMP)).tz_convert(None)
    starts = stamps.to_numpy("datetime64[us]")
    is_excluded, found = np.zeros(statistics.shape, bool), []
    for each in exclusions:
        first, last = index.slice_locs(each.turbine, each.turbine)
        start, end = (_to_utc(time) for time in (each.start, each.end))
        begin = first + starts[first:last].searchsorted(start - BUCKET, side="right")
        rows = slice(begin, first + starts[first:last].searchsorted(end))
        columns = np.flatnonzero([_covers(each.signal, name) for name in names])
        if statistics.iloc[rows, columns].notna().any(axis=None):
            is_excluded[rows, columns] = True
            found.append(each.model_dump(mode="json"))
    kept = statistics.mask(is_excluded).dropna(how="all") if found else statistics
    kept.attrs["exclusions"] = found
    return kept


def _to_utc(time: datetime) -> np.datetime64:
    return np.datetime64(time.astimezone(UTC).replace(tzinfo=None), "us")


def _covers(name: str | None, column: str) -> bool:
    """Whether the exclusion of a signal, or of all by None, covers this statistic."""
    if column == STATE:  # inferred from these two
        return name is None or name in NEEDED
    return name is None or column.rpartition("_")[0] == name


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
