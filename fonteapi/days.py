"""The days of Fonte: which UTC days have readings, and what tells one content from another."""

from collections.abc import Sequence
from datetime import date
from itertools import groupby
from operator import itemgetter
from typing import Any

import sqlalchemy as sa
from sqlalchemy import RowMapping, select

from fonteapi.database import Fonte, Period, data, is_within


def list_days(fonte: Fonte, period: Period) -> list[dict[str, Any]]:
    """Per UTC day with readings in a period: how many, of which turbines, and fingerprints.

    A fingerprint covers one signal of one turbine: each reading's timestamp, value and place among
    those of the same timestamp. It is a bitwise XOR of hashes, so it needs no order.
    """
    stamp, held = data.c.timestamp, fonte.describe()
    stamps = sa.func.timestamp_hash_extended(sa.func.timezone("UTC", stamp), 1)
    # By the place, readings that repeat do not cancel each other, and the last one matters
    place = sa.func.row_number().over(partition_by=[held.turbine, stamp], order_by=data.c.id)
    readings = select(
        sa.cast(sa.func.timezone("UTC", stamp), sa.Date).label("date"),
        held.turbine.label("turbine"),
        stamp,
        *map(sa.column, held.signals),
        sa.func.hashint8extended(place, stamps).label("seed"),
    )
    each = readings.where(is_within(period)).subquery().c
    query = select(
        each.date,
        each.turbine,
        sa.func.count().label("readings"),
        sa.func.min(each.timestamp).label("first_timestamp"),
        sa.func.max(each.timestamp).label("last_timestamp"),
        *(sa.func.to_hex(_hash(each[name], each.seed)).label(name) for name in held.signals),
    )
    query = query.group_by(each.date, each.turbine).order_by(each.date, each.turbine)
    with fonte.engine.connect() as connection:
        rows = connection.execute(query).mappings().all()
    by_day = groupby(rows, itemgetter("date"))
    return [_join_turbines(day, list(parts), list(held.signals)) for day, parts in by_day]


def _hash(signal: sa.ColumnElement[Any], seed: sa.ColumnElement[int]) -> sa.ColumnElement[int]:
    """The fingerprint of a signal; PostgreSQL hashes 0.0 to the seed, so NULL has another hash."""
    value = sa.func.hashfloat8extended(sa.cast(signal, sa.Double), seed)
    return sa.func.bit_xor(sa.func.coalesce(value, sa.func.hashint8extended(seed, 1)))


def _join_turbines(
    day: date, turbines: Sequence[RowMapping], signals: Sequence[str]
) -> dict[str, Any]:
    """One day of the rows of its turbines."""
    return {
        "date": day,
        "readings": sum(row["readings"] for row in turbines),
        "turbines": [row["turbine"] for row in turbines],
        "first_timestamp": min(row["first_timestamp"] for row in turbines),
        "last_timestamp": max(row["last_timestamp"] for row in turbines),
        "fingerprints": {
            row["turbine"]: {signal: row[signal] for signal in signals} for row in turbines
        },
    }
