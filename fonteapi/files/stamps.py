"""When a file's rows were read: its texts, in the usual forms or a given one, as UTC."""

from collections.abc import Collection, Mapping, Sequence
from zoneinfo import ZoneInfo

import duckdb
import pyarrow as pa

from fonteapi.files.errors import WrongInput
from fonteapi.files.zones import MICROSECONDS, localize
from pgarrow.errors import first_line

ISO = r"\d{4}-\d\d-\d\d([T ]\d\d:\d\d(:\d\d(\.\d+)?)?(Z| ?UTC|[+-][01]\d(:?\d\d)?)?)?"
OFFSET = r".*\d(Z| ?UTC|[+-][01]\d(:?\d\d)?)"
MACROS = rf"""
SET TimeZone = 'UTC';

CREATE TEMP MACRO parse_iso(x) AS
    CASE WHEN regexp_full_match(x, '{ISO}') THEN TRY_CAST(x AS TIMESTAMPTZ) END;

CREATE TEMP MACRO parse_epoch(x) AS  -- of 2001 to 2030: other numbers may be dates without marks
    CASE WHEN regexp_full_match(x, '1[0-8]\d{{8}}(\.\d+)?')
        THEN to_timestamp(x::DOUBLE)
    WHEN regexp_full_match(x, '1[0-8]\d{{11}}') THEN epoch_ms(x::BIGINT)::TIMESTAMPTZ END;

CREATE TEMP MACRO parse_form(x) AS
    CASE WHEN getvariable('timestamp_format') IS NULL
    THEN coalesce(parse_iso(replace(x, ',', '.')), parse_epoch(x))
    ELSE coalesce(
        try_strptime(x, getvariable('timestamp_format'))::TIMESTAMPTZ,
        try_strptime(replace(x, ',', '.'), getvariable('timestamp_format'))::TIMESTAMPTZ
    ) END;

CREATE TEMP MACRO at_midnight(x) AS regexp_replace(x, '([T ])24:00', '\100:00');

CREATE TEMP MACRO parse_timestamp(x) AS  -- 24:00 is the end of its day
    CASE WHEN regexp_full_match(x, '.*[T ]24:00(:00(\.0+)?)?')
    THEN parse_form(at_midnight(x)) + INTERVAL 1 DAY
    ELSE parse_form(x) END;

CREATE TEMP MACRO to_timestamp_utc(x) AS  -- within the years of Python and ISO 8601
    CASE WHEN parse_timestamp(trim(x::VARCHAR))
        BETWEEN TIMESTAMPTZ '0001-01-01' AND TIMESTAMPTZ '9999-12-31 23:59:59.999999'
    THEN parse_timestamp(trim(x::VARCHAR)) END;

CREATE TEMP MACRO is_local(x) AS  -- it has no offset, and is no count from 1970
    CASE WHEN getvariable('timestamp_format') IS NULL
    THEN NOT regexp_full_match(trim(x::VARCHAR), '{OFFSET}') AND parse_epoch(x::VARCHAR) IS NULL
    ELSE NOT regexp_matches(getvariable('timestamp_format'), '%[zZs]|UTC$|[^%]Z$') END;
"""
NUMERIC = [date for m in "/.-: " for date in (f"%d{m}%m{m}%Y", f"%m{m}%d{m}%Y", f"%Y{m}%m{m}%d")]
WITH_NAMES = ["%d-%b-%Y", "%d/%b/%Y", "%d %b %Y", "%b %d %Y", "%b %d, %Y", "%d-%B-%Y", "%d %B %Y"]
TIMES = [" %H:%M:%S", " %H:%M", " %H%M", " %I:%M:%S %p", " %I:%M %p", " %H:%M:%S.%f", ""]
FORMS = [
    *(f"{date}{time}" for date in [*NUMERIC, *WITH_NAMES] for time in TIMES),
    *(f"%Y%m%d{time}" for time in (" %H:%M:%S", " %H:%M", " %H%M%S", " %H%M", "%H%M%S", "%H%M")),
]
"""Forms that are tried when a file's stamps are not ISO 8601 and no format is given."""
TRIED = 1000
"""The distinct stamps on which they are tried first."""
DATE_CODES, DAY_CODES = ("%Y", "%y", "%c", "%x", "%D", "%F", "%s"), ("%d", "%-d", "%e", "%j")


def text_of(columns: Collection[str]) -> str:
    """The SQL of a stamp's text: of one column, or of a date and a time."""
    if "timestamp" in columns:
        return '"timestamp"'
    return """concat_ws(' ', trim("date"::VARCHAR), trim("time"::VARCHAR))"""


def define(con: duckdb.DuckDBPyConnection) -> None:
    """Define how stamps are read."""
    con.execute(MACROS)


def set_format(con: duckdb.DuckDBPyConnection, given: str | None) -> None:
    """Choose the form of stamps; raises `WrongInput` for a format without a date."""
    con.execute("SET VARIABLE timestamp_format = $1::VARCHAR", [given])
    con.execute("SET VARIABLE is_found = false")
    try:
        con.execute("SELECT parse_timestamp('')").fetchall()
    except duckdb.Error as error:
        reason = first_line(error).removeprefix("Invalid Input Error: ")
        raise WrongInput(f"--timestamp-format: {reason}") from None
    if given and not any(code in given for code in DATE_CODES):
        raise WrongInput(
            f"--timestamp-format: expected a date in it, such as '%Y-%m-%d %H:%M', got {given!r};"
            " with a date in another column: --rename ITS=date ITS=time"
        )


def find_format(con: duckdb.DuckDBPyConnection, text: str, name: str) -> None:
    """Choose the form of `source`'s stamps, if they are not ISO 8601 and none is given.

    Raises `WrongInput` if the stamps could be read in two ways, such as day or month first.
    """
    # DuckDB reads words such as "epoch" in any form, and 24 as the year 24
    stamps = f"SELECT DISTINCT at_midnight(trim(({text})::VARCHAR)) AS x FROM source"  # noqa: S608
    con.execute(f"CREATE OR REPLACE TEMP TABLE sample AS {stamps} LIMIT {TRIED}")
    is_open = f"""
        SELECT getvariable('timestamp_format') IS NULL AND count(parse_timestamp(x)) = 0
            AND coalesce(bool_and(regexp_matches(x, '[0-9]{{4}}')), false),
            bool_and(regexp_full_match(x, '{OFFSET}')),
            getvariable('timestamp_format') IS NULL
                AND coalesce(bool_and(regexp_full_match(x, '\\d{{1,2}}:\\d\\d([:.]\\d+)*')), false),
            max(x)
        FROM sample
    """  # noqa: S608
    [(can_be_found, has_offset, are_times, example)] = con.execute(is_open).fetchall()
    if are_times:
        raise WrongInput(
            f"{name}: expected timestamps with a date, got {example!r}; with a date in another"
            " column: --rename ITS=date ITS=time"
        )
    if not can_be_found:
        return
    ends = ("%z", " UTC", "UTC", "Z") if has_offset else ("",)
    forms = [form + end for form in FORMS for end in ends]
    fitting = _fit(con, forms)
    if len(fitting) > 1:  # the first stamps may be of one day
        con.execute(f"CREATE OR REPLACE TEMP TABLE sample AS {stamps}")
        fitting = _fit(con, fitting)
    if len(fitting) > 1:
        raise WrongInput(
            f"{name}: {example!r} could be read by {' and by '.join(map(repr, fitting))}: choose"
            f" with --timestamp-format {fitting[0]!r}"
        )
    for form in fitting:
        con.execute("SET VARIABLE timestamp_format = $1::VARCHAR", [form])
        con.execute("SET VARIABLE is_found = true")


def _fit(con: duckdb.DuckDBPyConnection, forms: Sequence[str]) -> list[str]:
    """The forms by which each stamp of `sample` can be read; one of those that read the same."""
    query = """
        SELECT count(*) = count(stamp), bit_xor(hash(x, stamp))
        FROM (SELECT x, try_strptime(x, $1) AS stamp FROM sample)
    """
    found: dict[int, str] = {}
    for form in forms:
        [(fits, stamps)] = con.execute(query, [form]).fetchall()
        if fits:
            found.setdefault(stamps, form)
    return list(found.values())


def describe(con: duckdb.DuckDBPyConnection) -> str:
    """A line on the form that the stamps were found to have; empty if they are ISO 8601."""
    query = "SELECT getvariable('timestamp_format'), getvariable('is_found')"
    [(form, is_found)] = con.execute(query).fetchall()
    return f"timestamps read by {form!r}" if is_found else ""


def move_to_utc(con: duckdb.DuckDBPyConnection, zone: ZoneInfo) -> None:
    """Turn the stamps without an offset of the table `readings` from local time to UTC."""
    query = "SELECT rowid, turbine, epoch_us(timestamp) AS stamp FROM readings WHERE is_local"
    local: pa.Table = con.sql(f"{query} ORDER BY rowid").to_arrow_table()
    if not local.num_rows:
        return
    utc = localize(local["stamp"].to_numpy(), local["turbine"].to_pylist(), zone)
    con.register("moved", local.append_column("utc", pa.array(utc)))
    con.execute("""
        UPDATE readings SET timestamp = make_timestamptz(moved.utc)
        FROM moved WHERE moved.rowid = readings.rowid
    """)


def refuse_repeated_hours(
    con: duckdb.DuckDBPyConnection, name: str, signals: Sequence[str], zone: ZoneInfo | None
) -> None:
    """Refuse stamps without an offset of which a whole hour comes twice, with other values.

    That is how clocks that change look in a file in local time. `zone` UTC says that they do not.
    """
    if str(zone) == "UTC":
        return
    differs = " OR ".join(f'max("{each}") > min("{each}")' for each in signals)
    query = f"""
        SELECT strftime(min(timestamp), '%Y-%m-%d %H:%M'), strftime(max(timestamp), '%H:%M')
        FROM (
            SELECT turbine, timestamp, count(*) AS repeats, {differs} AS differs
            FROM readings WHERE is_local GROUP BY turbine, timestamp
        )
        GROUP BY turbine, date_trunc('hour', timestamp)
        HAVING count(*) > 1 AND bool_and(repeats = 2) AND bool_or(differs)
        ORDER BY min(timestamp)
    """  # noqa: S608
    hours = con.execute(query).fetchall()
    [(total,)] = con.execute(
        "SELECT count(DISTINCT date_trunc('hour', timestamp)) FROM readings"
    ).fetchall()
    if not hours or 2 * len(hours) > total:  # most hours: several turbines, or a feed that repeats
        return
    first, last = hours[0]
    how = "as where clocks change" if zone is None else f"where those of {zone} do not change"
    raise WrongInput(
        f"{name}: {first} to {last}{' UTC' if zone else ''} comes twice, with other values, {how}:"
        " choose the zone of the file with --timezone, such as --timezone Europe/Paris; with"
        " --timezone UTC the second values count"
    )


def refuse_dates(con: duckdb.DuckDBPyConnection, name: str) -> None:
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


def shift_labels(con: duckdb.DuckDBPyConnection, told: Mapping[str, int | None]) -> str:
    """Move stamps that label the end of their interval to its start; returns a line on it.

    The interval of a turbine is `told`, else the usual time between two of its stamps.
    """
    found = find_intervals(con, "loaded")
    found |= {name: seconds * MICROSECONDS for name, seconds in told.items() if seconds}
    table = pa.table({"turbine": list(found), "step": pa.array(found.values(), pa.int64())})
    con.register("steps", table)
    con.execute("""
        UPDATE loaded SET timestamp = timestamp - to_microseconds(steps.step)
        FROM steps WHERE steps.turbine = loaded.turbine
    """)
    minutes = sorted({step / (60 * MICROSECONDS) for step in found.values()})
    shown = " and ".join(f"{each:g} min" for each in minutes)
    return f"stamps label the end: moved to the start, {shown} earlier"
