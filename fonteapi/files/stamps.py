"""What the timestamps of readings tell: local time, repeated hours, half a stamp, labels."""

import re
from collections.abc import Mapping, Sequence
from zoneinfo import ZoneInfo

import duckdb
import numpy as np
import pyarrow as pa

from fonteapi.files.columns import Columns
from fonteapi.files.errors import WrongInput
from fonteapi.files.queries import differs
from fonteapi.files.rules import STAMPS, Rules
from fonteapi.files.tables import Table
from fonteapi.files.zones import MICROSECONDS, find_pieces, find_zone, localize

ZONES = re.compile("tz|time ?zone|zeitzone|utc ?offset", re.IGNORECASE)
"""Names of columns with the zone of timestamps."""


def turn_to_utc(
    con: duckdb.DuckDBPyConnection, table: Table, columns: Columns, rules: Rules
) -> list[str]:
    """Turn local time into UTC, by `--timezone` or by what the file says; returns lines on it.

    Raises `WrongInput` if some timestamps have an offset and some not, or repeat an hour.
    """
    _refuse_dates(con, table.name)
    query = "SELECT bool_or(is_local), bool_and(is_local) FROM readings"
    [(any_local, all_local)] = con.execute(query).fetchall()
    zone, note = rules.zone, ""
    if any_local and zone is None:
        zone, note = find_zone(*_texts(table, columns))
        others = [name for name in columns.ignored if ZONES.fullmatch(name)]
        if not all_local or others:
            what = f"a column {others[0]!r}" if others else "some timestamps with an offset"
            raise WrongInput(
                f"{table.name} has timestamps without an offset, and {what}: choose the zone of"
                " the former with --timezone, such as --timezone Europe/Paris, or UTC"
            )
    if any_local and zone:
        _move(con, zone, columns.signals if columns.narrow else ())
    _refuse_repeated_hours(con, table.name, columns.signals, zone)
    con.execute("ALTER TABLE readings DROP COLUMN is_local")
    return [note]


def _texts(table: Table, columns: Columns) -> tuple[list[str], Sequence[str]]:
    """The names of timestamps and what stands below them, and the lines above the names."""
    titles = [columns.titles[name] for name in STAMPS if name in columns.keys]
    layout = table.layout
    if layout is None:
        return titles, ()
    keys = [place for name, place in columns.keys.items() if name in STAMPS]
    below = [line[place] for line in layout.below for place in keys if place < len(line)]
    return [*titles, *below], layout.above[: max(layout.names_line - 1, 0)]


def _move(con: duckdb.DuckDBPyConnection, zone: ZoneInfo, signals: Sequence[str] = ()) -> None:
    """Turn the stamps without an offset of the table `readings` from local time to UTC.

    The rows of a turbine are in order, or those of each of its `signals` in a narrow file.
    """
    which = "".join(f"""|| CASE WHEN "{name}" IS NULL THEN '-' ELSE '+' END""" for name in signals)
    query = "SELECT min(epoch_us(timestamp)), max(epoch_us(timestamp)) FROM readings WHERE is_local"
    pieces = find_pieces(np.array(con.execute(query).fetchall()[0]), zone)
    within = [
        f"epoch_us(timestamp) >= {piece.start + piece.offset}"
        f" AND epoch_us(timestamp) < {piece.end + piece.offset}"
        for piece in pieces
    ]
    times = " + ".join(f"({each})::INT" for each in within)
    # Of an hour that clocks repeat or skip Python decides; all others move in one pass
    query = f"""
        SELECT rowid, hash(turbine {which}) AS key, epoch_us(timestamp) AS stamp
        FROM readings WHERE is_local AND {times} <> 1 ORDER BY rowid
    """  # noqa: S608
    doubtful: pa.Table = con.sql(query).to_arrow_table()
    utc = localize(doubtful["stamp"].to_numpy(), doubtful["key"].to_numpy(), zone)
    decided = dict(zip(doubtful["rowid"].to_pylist(), utc.tolist(), strict=True))
    con.execute("SET VARIABLE decided = $1::MAP(BIGINT, BIGINT)", [decided])
    offsets = " ".join(
        f"WHEN {each} THEN {piece.offset}" for each, piece in zip(within, pieces, strict=True)
    )
    _rewrite(
        con,
        f"""
        CASE WHEN NOT is_local THEN timestamp
        WHEN {times} <> 1 THEN make_timestamptz(getvariable('decided')[rowid])
        ELSE make_timestamptz(epoch_us(timestamp) - CASE {offsets} END) END
    """,
    )


def _rewrite(con: duckdb.DuckDBPyConnection, timestamp: str) -> None:
    """Give `readings` other timestamps; an UPDATE of all rows would hold both in memory."""
    con.execute(f"""
        CREATE OR REPLACE TEMP TABLE readings AS
        SELECT * REPLACE ({timestamp} AS timestamp) FROM readings
    """)  # noqa: S608


def _refuse_repeated_hours(
    con: duckdb.DuckDBPyConnection, name: str, signals: Sequence[str], zone: ZoneInfo | None
) -> None:
    """Refuse stamps without an offset of which a whole hour comes twice, with other values.

    That is how clocks that change look in a file in local time. `zone` UTC says that they do not.
    """
    if str(zone) == "UTC":
        return
    query = f"""
        SELECT strftime(min(timestamp), '%Y-%m-%d %H:%M'), strftime(max(timestamp), '%H:%M')
        FROM (
            SELECT turbine, timestamp, count(*) AS repeats, {differs(signals)} AS differs
            FROM readings WHERE is_local GROUP BY turbine, timestamp
        )
        GROUP BY turbine, date_trunc('hour', timestamp)
        HAVING count(*) > 1 AND bool_and(repeats = 2) AND bool_or(differs)
        ORDER BY min(timestamp)
    """  # noqa: S608
    hours = con.execute(query).fetchall()
    days = {first[:10] for first, _ in hours}
    if not hours or len(hours) > len(days) or 2 * len(hours) > _count_hours(con):
        return  # clocks repeat one hour of a day, and not most hours
    first, last = hours[0]
    how = "as where clocks change" if zone is None else f"where those of {zone} do not change"
    raise WrongInput(
        f"{name}: {first} to {last}{' UTC' if zone else ''} comes twice, with other values, {how}:"
        " choose the zone of the file with --timezone, such as --timezone Europe/Paris; with"
        " --timezone UTC the second values count"
    )


def _count_hours(con: duckdb.DuckDBPyConnection) -> int:
    query = "SELECT count(DISTINCT date_trunc('hour', timestamp)) FROM readings"
    return int(con.execute(query).fetchall()[0][0])


def _refuse_dates(con: duckdb.DuckDBPyConnection, name: str) -> None:
    """Refuse stamps that are dates without a time: each a midnight, and several the same."""
    query = """
        SELECT bool_and(timestamp = date_trunc('day', timestamp)),
            count(*) > count(DISTINCT (turbine, timestamp))
        FROM readings
    """
    if con.execute(query).fetchall() == [(True, True)]:
        raise WrongInput(
            f"{name}: expected timestamps with a time, got midnights alone, several times the"
            " same; name the column of the time, too: --rename ITS=date ITS=time"
        )


def find_intervals(con: duckdb.DuckDBPyConnection, table: str) -> dict[str, int]:
    """Turbine → the usual time between two of its stamps in a table, microseconds."""
    usual = f"""
        SELECT turbine, mode(step) FROM (
            SELECT turbine, epoch_us(timestamp - lag(timestamp) OVER (
                PARTITION BY turbine ORDER BY timestamp
            )) AS step FROM {table}
        ) WHERE step > 0 GROUP BY turbine
    """  # noqa: S608
    return dict(con.execute(usual).fetchall())


def shift_labels(con: duckdb.DuckDBPyConnection, name: str, told: Mapping[str, int | None]) -> str:
    """Move the stamps of `readings` from the end of their interval to its start.

    The interval of a turbine is `told`, seconds, else the usual time between two of its stamps.
    Raises `WrongInput` for a turbine whose interval is not known. Returns a line on it.
    """
    turbines = con.execute("SELECT DISTINCT turbine FROM readings ORDER BY 1").fetchall()
    usual = find_intervals(con, "readings")
    found: dict[str, int] = {}
    for (turbine,) in turbines:
        seconds = told.get(turbine)
        step = seconds * MICROSECONDS if seconds else usual.get(turbine)
        if step is None:
            raise WrongInput(
                f"--label end: {name}: expected several timestamps of {turbine}, or its interval in"
                f" the catalogue ([turbines.{turbine}] interval = 600), got one timestamp"
            )
        found[turbine] = step
    steps = " ".join(f"WHEN '{turbine}' THEN {step}" for turbine, step in found.items())
    _rewrite(con, f"timestamp - to_microseconds((CASE turbine {steps} END)::BIGINT)")
    minutes = sorted({step / (60 * MICROSECONDS) for step in found.values()})
    shown = " and ".join(f"{each:g} min" for each in minutes)
    return f"timestamps mark the end of their interval: moved {shown} back, to its start"
