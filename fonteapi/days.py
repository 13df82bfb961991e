"""The days of Fonte: which UTC days have readings, and what tells one content from another."""

from collections.abc import Iterable, Mapping, Sequence
from datetime import date, timedelta
from hashlib import blake2b
from itertools import groupby
from operator import itemgetter
from typing import Any

import sqlalchemy as sa
from sqlalchemy import RowMapping, select

from fonteapi.catalogue import Turbine
from fonteapi.database import FIRST, Fonte, Held, Period, data, is_within
from fonteapi.signals import DAY, Column
from fonteapi.turbines import find_facts

MASK = 0xFFFF_FFFF_FFFF_FFFF
"""PostgreSQL's hashes are signed; a fingerprint has the 64 bits as they are."""


def list_days(fonte: Fonte, period: Period) -> list[dict[str, Any]]:
    """Per UTC day with readings in a period: how many, of which turbines, and fingerprints.

    A fingerprint covers one signal of one turbine: each reading's timestamp, value and place among
    those of the same timestamp; then those before the day on which its statistics and flags
    depend (`Signal.look_back`), and the rules of the catalogue by which they are made. A source's
    own statistics are part of the signal. It is a bitwise XOR of hashes, so it needs no order.
    """
    stamp, held = data.c.timestamp, fonte.describe()
    followed = {name: s for name, s in held.signals.items() if s.look_back}
    longest = max((signal.look_back for signal in followed.values()), default=0)
    within = _is_within_or_before(period, longest)
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
        *(_hash_end(each, signal).label(f"{name} end") for name, signal in followed.items()),
    )
    query = query.group_by(each.date, each.turbine).order_by(each.date, each.turbine)
    with fonte.engine.connect() as connection:
        rows = connection.execute(query).mappings().all()
    first = period[0].date() if period[0] else date.min
    before = {(row["date"] + timedelta(days=1), row["turbine"]): row for row in rows}
    by_day = groupby((row for row in rows if row["date"] >= first), itemgetter("date"))
    rules = _hash_rules(held, {row["turbine"] for row in rows}, find_facts(fonte, held))
    return [_join_turbines(day, list(parts), before, rules) for day, parts in by_day]


def _is_within_or_before(period: Period, seconds: int) -> sa.ColumnElement[bool]:
    """Whether a reading is within a period, or so many seconds before its first UTC day."""
    start, end = period
    if start is None or not seconds:
        return is_within(period)
    midnight = max(start, FIRST).replace(hour=0, minute=0, second=0, microsecond=0)
    # One range, which an index finds, without the hours between midnight and the start
    is_near = is_within((midnight - timedelta(seconds=seconds), end))
    return is_near & ((data.c.timestamp < midnight) | (data.c.timestamp >= start))


def _hash(
    each: Any, signal: Column, chosen: sa.ColumnElement[bool] | None = None
) -> sa.ColumnElement[int]:
    """The fingerprint of a signal, of the `chosen` readings, or of all.

    PostgreSQL hashes 0.0 to the seed, so NULL has another hash. The source's own statistics change
    it where they have values: a column of them that is new, and still empty, changes nothing.
    """
    value = _hash_values(each[signal.name], each.seed)
    parts: list[sa.ColumnElement[int]] = [
        sa.func.coalesce(value, sa.func.hashint8extended(each.seed, 1))
    ]
    for number, statistic in enumerate(signal.statistics, 2):
        # Each by a seed of its own: two that are equal would cancel each other
        seed = sa.func.hashint8extended(each.seed, number)
        parts.append(_hash_values(each[f"{signal.name}.{statistic}"], seed))
    found: sa.ColumnElement[int] = sa.literal(0, sa.BigInteger)
    for part in parts:
        joined: Any = sa.func.bit_xor(part)
        joined = joined if chosen is None else joined.filter(chosen)
        found = found.bitwise_xor(sa.func.coalesce(joined, 0))
    return found


def _hash_end(each: Any, signal: Column) -> sa.ColumnElement[int]:
    """The fingerprint of a signal's readings on which the next day depends."""
    if signal.look_back == DAY:
        return _hash(each, signal)
    start = sa.cast(each.date, sa.DateTime) + timedelta(seconds=DAY - signal.look_back)
    return _hash(each, signal, each.timestamp >= sa.func.timezone("UTC", start))


def _hash_values(column: sa.ColumnElement[Any], seed: Any) -> sa.ColumnElement[int]:
    return sa.func.hashfloat8extended(sa.cast(column, sa.Double), seed)


def _join_turbines(
    day: date,
    turbines: Sequence[RowMapping],
    before: Mapping[tuple[date, str], Mapping[Any, Any]],
    rules: Mapping[str, Mapping[str, int]],
) -> dict[str, Any]:
    """One day of the rows of its turbines; `before` has those of the days before each day.

    `rules` are hashes by turbine and signal.
    """
    fingerprints: dict[str, dict[str, str]] = {}
    for row in turbines:
        turbine = row["turbine"]
        earlier = before.get((day, turbine), {})
        hashes = {
            name: row[name] ^ earlier.get(f"{name} end", 0) ^ rule
            for name, rule in rules[turbine].items()
        }
        fingerprints[turbine] = {name: f"{value & MASK:x}" for name, value in hashes.items()}
    return {
        "date": day,
        "readings": sum(row["readings"] for row in turbines),
        "turbines": [row["turbine"] for row in turbines],
        "first_timestamp": min(row["first_timestamp"] for row in turbines),
        "last_timestamp": max(row["last_timestamp"] for row in turbines),
        "fingerprints": fingerprints,
    }


def _hash_rules(
    held: Held, turbines: Iterable[str], facts: Mapping[str, Turbine]
) -> dict[str, dict[str, int]]:
    """By turbine and signal, what changes with the rules by which statistics and flags are made."""
    rules = {}
    for turbine in turbines:
        rated = facts.get(turbine, Turbine()).rated_power
        rules[turbine] = {
            name: _hash_text(f"{signal.rules} {rated if signal.needs_rated_power else None}")
            for name, signal in held.signals.items()
        }
    return rules


def _hash_text(text: str) -> int:
    return int.from_bytes(blake2b(text.encode(), digest_size=8).digest())
