"""The forms of timestamps: ISO 8601, a count from 1970, the usual ones or a given one."""

import re
from collections.abc import Collection, Sequence

import duckdb

from fonteapi.files.errors import WrongInput
from pgarrow.errors import first_line

ISO = r"\d{4}-\d\d-\d\d([T ]\d\d:\d\d(:\d\d(\.\d+)?)?(Z| ?UTC|[+-][01]\d(:?\d\d)?)?)?"
OFFSET = r".*\d ?(Z|UTC)|.*(:\d\d([.,]\d+)?|T\d{4,6}) ?[+-][01]\d(:?\d\d)?"
EPOCH = r"1[0-8]\d{8}(\.\d+)?"
"""Seconds of 2001 to 2030: other numbers may be dates without marks."""
MACROS = rf"""
SET TimeZone = 'UTC';

CREATE TEMP MACRO parse_iso(x) AS
    CASE WHEN regexp_full_match(x, '{ISO}') THEN TRY_CAST(x AS TIMESTAMPTZ) END;

CREATE TEMP MACRO parse_epoch(x) AS
    CASE WHEN regexp_full_match(x, '{EPOCH}') THEN to_timestamp(x::DOUBLE)
    WHEN regexp_full_match(x, '1[0-8]\d{{11}}') THEN epoch_ms(x::BIGINT)::TIMESTAMPTZ END;

CREATE TEMP MACRO parse_given(x) AS  -- of several codes without marks each has all its digits
    CASE WHEN regexp_full_match(x, getvariable('timestamp_shape'))
    THEN try_strptime(x, getvariable('timestamp_format'))::TIMESTAMPTZ END;

CREATE TEMP MACRO parse_form(x) AS
    CASE WHEN getvariable('timestamp_format') IS NULL
    THEN CASE WHEN getvariable('is_epoch') THEN parse_epoch(x)
        ELSE coalesce(parse_iso(replace(x, ',', '.')), parse_epoch(x)) END
    ELSE coalesce(
        parse_given(x),
        parse_given(replace(x, ',', '.')),
        try_strptime(x, getvariable('date_format'))::TIMESTAMPTZ
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
    THEN NOT regexp_full_match(trim(x::VARCHAR), '{OFFSET}')
        AND parse_epoch(trim(x::VARCHAR)) IS NULL
    ELSE NOT regexp_matches(getvariable('timestamp_format'), '%[zZs]|UTC$|[^%]Z$') END;
"""
NUMERIC = [date for m in "/.-: " for date in (f"%d{m}%m{m}%Y", f"%m{m}%d{m}%Y", f"%Y{m}%m{m}%d")]
WITH_NAMES = ["%d-%b-%Y", "%d/%b/%Y", "%d %b %Y", "%b %d %Y", "%b %d, %Y", "%d-%B-%Y", "%d %B %Y"]
TIMES = ["%H:%M:%S", "%H:%M", "%H%M", "%I:%M:%S %p", "%I:%M %p", "%H:%M:%S.%f"]
WITHOUT_MARKS = ["%H:%M:%S", "%H:%M", "%H%M%S", "%H%M"]
FORMS = [
    *(f"{date} {time}" for date in [*NUMERIC, *WITH_NAMES] for time in TIMES),
    *[*NUMERIC, *WITH_NAMES],
    *(
        f"%Y%m%d{mark}{time}"
        for mark in (" ", "")
        for time in WITHOUT_MARKS
        if mark or ":" not in time
    ),
    "%Y%m%d%H",
]
"""Forms that are tried when a file's stamps are not ISO 8601 and no format is given."""
TRIED = 1000
"""The distinct stamps on which they are tried first."""
EPOCH_FORM = "epoch"
"""The word of `--timestamp-format` for seconds or milliseconds from 1970."""
DATE_CODES = ("%Y", "%y", "%c", "%x", "%D", "%F")
DIGITS = {"%Y": 4, "%y": 2, "%m": 2, "%d": 2, "%H": 2, "%I": 2, "%M": 2, "%S": 2, "%j": 3}


def text_of(columns: Collection[str]) -> str:
    """The SQL of a stamp's text: of one column, or of a date and a time, NULL without one."""
    if "timestamp" in columns:
        return '"timestamp"'
    return """nullif(trim("date"::VARCHAR), '') || ' ' || nullif(trim("time"::VARCHAR), '')"""


def define(con: duckdb.DuckDBPyConnection) -> None:
    """Define how stamps are read."""
    con.execute(MACROS)


def set_format(con: duckdb.DuckDBPyConnection, form: str | None, *, is_found: bool = False) -> None:
    """Choose the form of stamps; raises `WrongInput` for one without a date, if it is given."""
    con.execute("SET VARIABLE is_epoch = $1::BOOLEAN", [form == EPOCH_FORM])
    form = None if form == EPOCH_FORM else form
    date = _date(form) if form and is_found else None
    con.execute("SET VARIABLE timestamp_format = $1::VARCHAR", [form])
    con.execute("SET VARIABLE timestamp_shape = $1::VARCHAR", [_shape(form or "")])
    con.execute("SET VARIABLE date_format = $1::VARCHAR", [date])
    con.execute("SET VARIABLE is_found = $1::BOOLEAN", [is_found])
    try:
        con.execute("SELECT parse_timestamp('')").fetchall()
    except duckdb.Error as error:
        reason = first_line(error).removeprefix("Invalid Input Error: ")
        raise WrongInput(f"--timestamp-format: {reason}") from None
    if form and not any(code in form for code in DATE_CODES):
        raise WrongInput(
            f"--timestamp-format: expected a date in it, such as '%Y-%m-%d %H:%M', got {form!r};"
            " with a date in another column: --rename ITS=date ITS=time"
        )


def _date(form: str) -> str | None:
    """The date in a form that has a time, too: Excel writes a midnight so."""
    date, *time = re.split(" %[HI]", form, maxsplit=1)
    return date if time else None


def _shape(form: str) -> str:
    """A pattern in which codes without marks between them have all their digits: 0130, not 130."""
    parts = re.split(r"((?:%[YymdHIMSj]){2,})", form)
    return "".join(
        "".join(rf"\d{{{DIGITS[code]}}}" for code in re.findall("%.", part)) if number % 2 else ".*"
        for number, part in enumerate(parts)
    )


def find_format(con: duckdb.DuckDBPyConnection, text: str, name: str) -> None:
    """Choose the form of `source`'s stamps, if they are not ISO 8601 and none is given.

    Raises `WrongInput` if the stamps could be read in two ways, such as day or month first.
    """
    query = "SELECT getvariable('timestamp_format') IS NOT NULL OR getvariable('is_epoch')"
    [(is_given,)] = con.execute(query).fetchall()
    # DuckDB reads words such as "epoch" in any form, and 24 as the year 24
    stamps = f"SELECT DISTINCT at_midnight(trim(({text})::VARCHAR)) AS x FROM source"  # noqa: S608
    con.execute(f"CREATE OR REPLACE TEMP TABLE sample AS {stamps} LIMIT {TRIED}")
    [(all_read, has_years, has_offset, are_times, example)] = con.execute(f"""
        SELECT count(*) = count(parse_timestamp(x)), bool_and(regexp_matches(x, '[0-9]{{4}}')),
            bool_and(regexp_full_match(x, '{OFFSET}')),
            bool_and(regexp_full_match(x, '\\d{{1,2}}:\\d\\d([:.]\\d+)*')), max(x)
        FROM sample
    """).fetchall()  # noqa: S608
    if is_given:
        return
    if are_times:
        raise WrongInput(
            f"{name}: expected timestamps with a date, got {example!r}; with a date in another"
            " column: --rename ITS=date ITS=time"
        )
    if all_read:
        _refuse_short_years(con, name, example)
    if all_read or not has_years:
        return
    ends = ("%z", " UTC", "UTC", "Z") if has_offset else ("",)
    fitting = _fit(con, [form + end for form in FORMS for end in ends])
    if len(fitting) > 1:  # the first stamps may be of one day
        con.execute(f"CREATE OR REPLACE TEMP TABLE sample AS {stamps}")
        fitting = _fit(con, fitting)
    if len(fitting) > 1:
        raise WrongInput(
            f"{name}: {example!r} could be read by {' and by '.join(map(repr, fitting))}: choose"
            f" with --timestamp-format {fitting[0]!r}"
        )
    for form in fitting:
        set_format(con, form, is_found=True)


def _refuse_short_years(con: duckdb.DuckDBPyConnection, name: str, example: str) -> None:
    """Refuse ten digits that are a count of seconds and a date of two-digit years alike."""
    query = f"""
        SELECT bool_and(regexp_full_match(x, '{EPOCH}')) AND count(*) = count(
            try_strptime(x, '%y%m%d%H%M')
        ) FROM sample
    """  # noqa: S608
    if con.execute(query).fetchall() == [(True,)]:
        raise WrongInput(
            f"{name}: {example!r} could be seconds from 1970, or be read by '%y%m%d%H%M': choose"
            " with --timestamp-format epoch or '%y%m%d%H%M'"
        )


def _fit(con: duckdb.DuckDBPyConnection, forms: Sequence[str]) -> list[str]:
    """The forms by which each stamp of `sample` can be read; one of those that read the same."""
    query = """
        SELECT count(*) = count(stamp) AND count(whole) > 0, bit_xor(hash(x, stamp))
        FROM (
            SELECT x, try_strptime(x, $1) AS whole,
                CASE WHEN regexp_full_match(x, $2)
                    THEN coalesce(whole, try_strptime(x, $3))
                ELSE try_strptime(x, $3) END AS stamp
            FROM sample
        )
    """
    found: dict[int, str] = {}
    for form in forms:
        [(fits, stamps)] = con.execute(query, [form, _shape(form), _date(form)]).fetchall()
        if fits:
            found.setdefault(stamps, form)
    return list(found.values())


def describe(con: duckdb.DuckDBPyConnection) -> str:
    """A line on the form that the stamps were found to have; empty if they are ISO 8601."""
    query = "SELECT getvariable('timestamp_format'), getvariable('is_found')"
    [(form, is_found)] = con.execute(query).fetchall()
    return f"timestamps read by {form!r}" if is_found else ""
