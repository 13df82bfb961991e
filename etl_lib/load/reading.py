"""Statistics read back from Alvo, and a load compared with what it was to write."""

from collections.abc import Collection
from datetime import UTC, datetime
from typing import Any

import numpy as np
import pandas as pd
import pyarrow as pa
import pyarrow.compute as pc
from sqlalchemy import Engine

from etl_lib.errors import AlvoError
from etl_lib.extract.days import Day
from etl_lib.load.alvo import bulk_cursor, create_tables, execute
from etl_lib.load.exclusions import list_exclusions
from etl_lib.load.leave_out import leave_out
from etl_lib.load.wide import Shared, to_wide
from etl_lib.transform.interval import USUAL_INTERVAL
from etl_lib.transform.kinds import BUCKET_SECONDS, EXPECTED, STAMP, TURBINE

SELECT_INTERVALS = """
    SELECT DISTINCT ON (date, turbine)
        turbine,
        date::text AS date,
        date::timestamp AT TIME ZONE 'UTC' AS midnight,
        interval,
        cardinality(impossible) = 0 AS is_untested
    FROM run, unnest(turbines, intervals) AS each (turbine, interval)
    WHERE date BETWEEN ($1 AT TIME ZONE 'UTC')::date AND ($2 AT TIME ZONE 'UTC')::date
    ORDER BY date, turbine, id DESC
"""
SELECT_DATA = """
    SELECT signal_id, timestamp, value FROM data
    WHERE timestamp >= $1 AND timestamp < $2 AND signal_id = ANY($3::bigint[])
"""


def read_statistics(
    alvo: Engine,
    start: datetime | None = None,
    end: datetime | None = None,
    turbines: Collection[str] | None = None,
    *,
    series: Collection[str] | None = None,
    excluding: bool = False,
) -> pd.DataFrame:
    """Alvo's statistics in `[start, end)`, all of them without bounds, as a wide DataFrame.

    One row per turbine and bucket, the index being `turbine` and `timestamp` (UTC, the bucket's
    start): `frame.loc["R80711"]` is that of one turbine. One float column per statistic, NaN where
    there is nothing, in the catalogue's order: see `in_order`; then `expected`, the readings of a
    full bucket, from the turbine's interval at the day's last load. `attrs["units"]` maps a column
    to its unit, and `attrs["untested"]` has turbine and date, `YYYY-MM-DD`, of the days that were
    loaded before readings were tested. `turbines`
    and `series`, names such as `power_mean`, choose some.

    pandas resamples the frame: `frame.loc["R80711"].resample("1h").mean()`, and of all turbines
    `frame.groupby(["turbine", pd.Grouper(level="timestamp", freq="D")]).mean()`.

    `excluding` leaves out what people excluded; `attrs["exclusions"]` lists it: see `leave_out`.
    """
    period = start or datetime.min.replace(tzinfo=UTC), end or datetime.max.replace(tzinfo=UTC)
    create_tables(alvo)
    with bulk_cursor(alvo) as cursor:
        signals = execute(cursor, "SELECT id, turbine, name, unit FROM signal ORDER BY id")
        for column, chosen in ((TURBINE, turbines), ("name", series)):
            if chosen is not None:
                wanted = pa.array(list(chosen), pa.string())
                signals = signals.filter(pc.is_in(signals[column], wanted))
        rows = execute(cursor, SELECT_DATA, *period, signals["id"].to_pylist())
        loads = execute(cursor, SELECT_INTERVALS, *period)
    wide = to_wide(rows, signals)
    names = list(wide)
    wide = leave_out(wide, list_exclusions(alvo)) if excluding else wide
    days = loads.to_pandas()
    wide[EXPECTED] = BUCKET_SECONDS / _intervals_of(wide, days)
    old = days[days["is_untested"]]
    wide.attrs["untested"] = Shared(zip(old[TURBINE], old["date"], strict=True))
    units = dict(zip(signals["name"].to_pylist(), signals["unit"].to_pylist(), strict=True))
    wide.attrs["units"] = {name: units[name] for name in names} | {EXPECTED: "1"}
    return wide


def verify_load(alvo: Engine, day: Day, statistics: pd.DataFrame) -> int:
    """Read the day back and compare it, value by value, with what was computed.

    Returns the number of equal values; raises `AlvoError` when one differs.
    """
    computed = statistics.drop(columns=EXPECTED).dropna(how="all")
    stored = read_statistics(alvo, day.start, day.end, day.turbines)
    stored = stored.reindex(columns=computed.columns).dropna(how="all")
    if not stored.equals(computed):
        raise AlvoError(
            f"Alvo holds other values for {day.date} than were loaded: did someone load the day"
            " at the same time? Run it again"
        )
    return int(stored.count().sum())


def _intervals_of(wide: pd.DataFrame, loads: pd.DataFrame) -> "np.ndarray[Any, Any]":
    """The interval of the readings behind each row, seconds."""
    known = loads.set_index([TURBINE, "midnight"])["interval"]
    days = pd.DatetimeIndex(wide.index.get_level_values(STAMP)).normalize()
    rows = pd.MultiIndex.from_arrays([wide.index.get_level_values(TURBINE), days])
    return known.reindex(rows).fillna(USUAL_INTERVAL).to_numpy(float)
