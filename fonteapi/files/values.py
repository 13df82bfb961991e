"""Turns the values of a file, text or numbers, into checked readings, by DuckDB."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import duckdb

from fonteapi.files.tables import File, LoadError, WrongInput
from pgarrow.errors import first_line

SHOWN_ROWS = 5
"""How many bad rows a message lists."""

MACROS = r"""
SET TimeZone = 'UTC';

CREATE TEMP MACRO is_missing(x) AS  -- blank, or a word for missing
    x IS NULL OR list_contains(getvariable('missing_words'), trim(x::VARCHAR));

CREATE TEMP MACRO is_sentinel(x) AS  -- in single precision: some files have -9999.900390625
    coalesce(list_contains(getvariable('missing_numbers'), TRY_CAST(x AS FLOAT)), false);

CREATE TEMP MACRO to_signal(x, factor) AS
    CASE WHEN NOT is_sentinel(TRY_CAST(x AS DOUBLE)) THEN TRY_CAST(x AS DOUBLE) * factor END;

CREATE TEMP MACRO is_bad_signal(x) AS TRY_CAST(x AS DOUBLE) IS NULL AND NOT is_missing(x);

CREATE TEMP MACRO parse_iso(x) AS
    CASE WHEN regexp_full_match(
        x, '\d{4}-\d\d-\d\d([T ]\d\d:\d\d(:\d\d(\.\d+)?)?(Z| ?UTC|[+-][01]\d(:?\d\d)?)?)?'
    ) THEN TRY_CAST(x AS TIMESTAMPTZ) END;

CREATE TEMP MACRO parse_formatted(x) AS
    try_strptime(x, getvariable('timestamp_format'))::TIMESTAMPTZ;

CREATE TEMP MACRO parse_timestamp(x) AS
    CASE WHEN getvariable('timestamp_format') IS NULL THEN parse_iso(replace(x, ',', '.'))
    ELSE coalesce(parse_formatted(x), parse_formatted(replace(x, ',', '.'))) END;

CREATE TEMP MACRO to_timestamp_utc(x) AS  -- within the years of Python and ISO 8601
    CASE WHEN parse_timestamp(trim(x::VARCHAR))
        BETWEEN TIMESTAMPTZ '0001-01-01' AND TIMESTAMPTZ '9999-12-31 23:59:59.999999'
    THEN parse_timestamp(trim(x::VARCHAR)) END;

CREATE TEMP MACRO is_bad_timestamp(x) AS to_timestamp_utc(x) IS NULL;
"""


@dataclass(frozen=True)
class Rules:
    """How a file's columns and values become readings."""

    rename: Mapping[str, str]
    """The file's name → ours."""
    scale: Mapping[str, float]
    """Signal → the factor of its values."""
    missing: Sequence[str]
    """Words and numbers of the file that mean "missing"."""
    timestamp_format: str | None
    """As for `strptime`; without it timestamps are ISO 8601."""


def set_rules(con: duckdb.DuckDBPyConnection, rules: Rules) -> None:
    """Define the rules in DuckDB; raises `WrongInput` for a timestamp format it does not know."""
    con.execute(MACROS)
    numbers = [number for word in rules.missing if (number := to_number(word)) is not None]
    con.execute("SET VARIABLE missing_numbers = $1::FLOAT[]", [numbers])
    con.execute("SET VARIABLE missing_words = $1::VARCHAR[]", [["", *rules.missing]])
    con.execute("SET VARIABLE timestamp_format = $1::VARCHAR", [rules.timestamp_format])
    try:
        con.execute("SELECT parse_timestamp('')").fetchall()
    except duckdb.Error as error:
        reason = first_line(error).removeprefix("Invalid Input Error: ")
        raise WrongInput(f"--timestamp-format: {reason}") from None


def read_values(con: duckdb.DuckDBPyConnection, file: File, scale: Mapping[str, float]) -> None:
    """Create the table `readings` in DuckDB: `timestamp` (UTC) and the file's signals, in order.

    Raises `LoadError` with a list of the first bad rows.
    """
    con.register("source", file.rows)
    values = []
    for name, position in file.columns.items():
        value, is_bad, wanted = "to_timestamp_utc(timestamp)", "is_bad_timestamp", "a timestamp"
        if name != "timestamp":
            value = f"to_signal({name}, {scale.get(name, 1.0)!r}::DOUBLE)"
            is_bad, wanted = "is_bad_signal", "a number"
        values.append(f"{value} AS {name}")
        # All names in the statements are ours, not the file's
        bad = f"SELECT number, {name}::VARCHAR FROM source WHERE {is_bad}({name})"  # noqa: S608
        for number, text in con.execute(bad).fetchall():
            got = repr(text[:40]) if text else "nothing"
            problem = f"column {file.header[position]!r}: expected {wanted}, got {got}"
            file.problems.setdefault(number, []).append(problem)
    if file.problems:
        raise LoadError(_list_problems(file))
    con.execute(f"CREATE TEMP TABLE readings AS SELECT {', '.join(values)} FROM source")  # noqa: S608


def to_number(text: str) -> float | None:
    """The number that a text spells, or None."""
    try:
        return float(text)
    except ValueError:
        return None


def _list_problems(file: File) -> str:
    problems = file.problems
    lines = [
        f"  {file.numbered_by} {number}: {'; '.join(problems[number])}"
        for number in sorted(problems)[:SHOWN_ROWS]
    ]
    if len(problems) > SHOWN_ROWS:
        lines.append(f"  and {len(problems) - SHOWN_ROWS:,} more")
    rows = "1 bad row" if len(problems) == 1 else f"{len(problems):,} bad rows"
    return "\n".join([f"{file.path}: {rows}; nothing of the file is kept", *lines])
