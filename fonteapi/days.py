"""The days of Fonte: which UTC days have readings, and what tells one content from another."""

from collections.abc import Collection, Mapping, Sequence
from datetime import date, timedelta
from hashlib import blake2b
from itertools import groupby
from operator import itemgetter
from typing import Any

import sqlalchemy as sa
from sqlalchemy import RowMapping, select

from fonteapi.database import FIRST, Fonte, Held, Period, data, is_within
from fonteapi.signals import Column

MASK = 0xFFFF_FFFF_FFFF_FFFF
"""PostgreSQL's hashes are signed; a fingerprint has the 64 bits as they are."""


def list_days(fonte: Fonte, period: Period) -> list[dict[str, Any]]:
    """Per UTC day with readings in a period: how many, of which turbines, and fingerprints.

    A fingerprint covers one signal of one turbine: each reading's timestamp, value and place among
    those of the same timestamp; of a counter or state those of the day before, too, since the
    day's statistics go on from them. So it is of a signal that is sampled on change. A source's
    own statistics are part of the signal. It is a bitwise XOR of hashes, so it needs no order.
    """
    stamp, held = data.c.timestamp, fonte.describe()
    followed = {name for name, signal in held.signals.items() if signal.needs_before}
    within = _is_within_or_before(period) if followed else is_within(period)
    stamps = sa.func.timestamp_hash_extended(sa.func.timezone("UTC", stamp), 1)
    # By the place, readings that repeat do not cancel each other, and the last one matters
    place = sa.func.row_number().over(partition_by=[held.turbine, stamp], order_by=data.c.id)
    readings = select(
        sa.cast(sa.func.timezone("UTC", stamp), sa.Date).label("date"),
        held.turbine.label("turbine"),
        stamp,
        *map(sa.column, [*held.signals, *held.statistics]),
        sa.func.hashint8extended(place, stamps).label("seed"),
    )
    each = readings.where(within).subquery().c
    query = select(
        each.date,
        each.turbine,
        sa.func.count().label("readings"),
        sa.func.min(each.timestamp).label("first_timestamp"),
        sa.func.max(each.timestamp).label("last_timestamp"),
        *(_hash(each, signal).label(name) for name, signal in held.signals.items()),
    )
    query = query.group_by(each.date, each.turbine).order_by(each.date, each.turbine)
    with fonte.engine.connect() as connection:
        rows = connection.execute(query).mappings().all()
    first = period[0].date() if period[0] else date.min
    before = {(row["date"] + timedelta(days=1), row["turbine"]): row for row in rows}
    by_day = groupby((row for row in rows if row["date"] >= first), itemgetter("date"))
    return [_join_turbines(day, list(parts), before, held, followed) for day, parts in by_day]


def _is_within_or_before(period: Period) -> sa.ColumnElement[bool]:
    """Whether a reading is within a period, or of the UTC day before its first day."""
    start, end = period
    if start is None:
        return is_within(period)
    midnight = max(start, FIRST).replace(hour=0, minute=0, second=0, microsecond=0)
    # One range, which an index finds, without the hours between midnight and the start
    is_near = is_within((midnight - timedelta(days=1), end))
    return is_near & ((data.c.timestamp < midnight) | (data.c.timestamp >= start))


def _hash(each: Any, signal: Column) -> sa.ColumnElement[int]:
    """The fingerprint of a signal; PostgreSQL hashes 0.0 to the seed, so NULL has another hash.

    The source's own statistics change it where they have values: a column of them that is new, and
    still empty, changes nothing.
    """
    value = _hash_values(each[signal.name], each.seed)
    found: sa.ColumnElement[int] = sa.func.bit_xor(
        sa.func.coalesce(value, sa.func.hashint8extended(each.seed, 1))
    )
    for number, statistic in enumerate(signal.statistics, 2):
        # Each by a seed of its own: two that are equal would cancel each other
        seed = sa.func.hashint8extended(each.seed, number)
        own = sa.func.bit_xor(_hash_values(each[f"{signal.name}.{statistic}"], seed))
        found = found.bitwise_xor(sa.func.coalesce(own, 0))
    return found


def _hash_values(column: sa.ColumnElement[Any], seed: Any) -> sa.ColumnElement[int]:
    return sa.func.hashfloat8extended(sa.cast(column, sa.Double), seed)


def _join_turbines(
    day: date,
    turbines: Sequence[RowMapping],
    before: Mapping[tuple[date, str], Mapping[Any, Any]],
    held: Held,
    followed: Collection[str],
) -> dict[str, Any]:
    """One day of the rows of its turbines; `before` has those of the days before each day."""
    fingerprints: dict[str, dict[str, str]] = {}
    for row in turbines:
        earlier = before.get((day, row["turbine"]), {})
        hashes = {name: row[name] for name in held.signals}
        for name in followed:
            hashes[name] ^= earlier.get(name, 0) ^ _hash_rule(held.signals[name])
        fingerprints[row["turbine"]] = {name: f"{h & MASK:x}" for name, h in hashes.items()}
    return {
        "date": day,
        "readings": sum(row["readings"] for row in turbines),
        "turbines": [row["turbine"] for row in turbines],
        "first_timestamp": min(row["first_timestamp"] for row in turbines),
        "last_timestamp": max(row["last_timestamp"] for row in turbines),
        "fingerprints": fingerprints,
    }


def _hash_rule(signal: Column) -> int:
    """Changes when it is declared that a signal is sampled on change, and how long it holds."""
    rule = f"{signal.name} {signal.hold}".encode()
    return int.from_bytes(blake2b(rule, digest_size=8).digest()) if signal.on_change else 0
