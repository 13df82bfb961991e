"""Turns the values of a user's file into readings, by DuckDB, and loads them into Fonte."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from math import isfinite
from pathlib import Path

import duckdb

from fonteapi import table
from fonteapi.catalogue import Catalogue
from fonteapi.database import FAILURES, Fonte
from fonteapi.files.tables import File, LoadError, WrongInput, open_file
from fonteapi.settings import Settings
from pgarrow.errors import first_line
from pgarrow.sessions import open_engine

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
SUMMARY = """
    SELECT count(*), strftime(min(timestamp), '%Y-%m-%dT%H:%M:%SZ'),
        strftime(max(timestamp), '%Y-%m-%dT%H:%M:%SZ')
    FROM readings
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


def parse_rename(words: Sequence[str], catalogue: Catalogue) -> dict[str, str]:
    """The file's name → ours, from words such as `Ws_avg=wind_speed`."""
    names = ["timestamp", *catalogue]
    rename: dict[str, str] = {}
    for word in words:
        source, _, name = (part.strip() for part in word.rpartition("="))
        if not source:
            raise WrongInput(f"--rename: expected 'Its name=wind_speed', got {word!r}")
        if name not in names:
            raise WrongInput(f"--rename {word!r}: expected one of {', '.join(names)}, got {name!r}")
        if rename.setdefault(source, name) != name:
            raise WrongInput(f"--rename: {source!r} cannot be both {rename[source]} and {name}")
    return rename


def parse_scale(words: Sequence[str], catalogue: Catalogue) -> dict[str, float]:
    """Signal → its factor, from words such as `power=0.001`."""
    scale: dict[str, float] = {}
    for word in words:
        name, _, text = (part.strip() for part in word.partition("="))
        if name not in catalogue:
            allowed = ", ".join(catalogue)
            raise WrongInput(f"--unit-scale {word!r}: expected one of {allowed}, got {name!r}")
        factor = to_number(text)
        if not factor or not isfinite(factor):
            raise WrongInput(f"--unit-scale: expected a number as in {name}=0.001, got {text!r}")
        if scale.setdefault(name, factor) != factor:
            raise WrongInput(f"--unit-scale: {name} has two factors, {scale[name]} and {factor}")
    return scale


def load_file(path: Path, rules: Rules, settings: Settings, *, replace: bool = False) -> str:
    """Check a file, then append its readings to Fonte, or `replace` all that Fonte holds.

    Returns a report. Raises `WrongInput` if the file as a whole or the rules do not fit, and
    `LoadError` with the bad rows, or if Fonte does not take the readings: it is then unchanged.
    """
    with duckdb.connect() as con:
        set_rules(con, rules)
        file = open_file(path, rules.rename, settings.catalogue)
        for name in rules.scale.keys() - file.columns:
            raise WrongInput(f"--unit-scale: {path} has no {name}")
        read_values(con, file, rules.scale)
        count, first, last = con.execute(SUMMARY).fetchall()[0]
        if not count:
            raise LoadError(f"{path}: expected readings below the names of the columns, got none")
        _refuse_mixture(con, file)
        before, held = _write(con, file.signals, settings, replace)
    report = f"loaded {count:,} readings from {path}: {first} to {last}"
    if before:
        verb = "instead of" if replace else "beside"
        report += f", {verb} {before:,} that Fonte held"
    if absent := [name for name in held if name not in file.columns]:
        report += f"\nnot in the file, left empty: {', '.join(absent)}"
    if file.ignored:
        report += f"\nignored: {', '.join(file.ignored)}"
    return report


def _refuse_mixture(con: duckdb.DuckDBPyConnection, file: File) -> None:
    """Refuse a file of several turbines: of equal timestamps Fonte counts the last reading only.

    A feed that repeats readings repeats their values, and a correction is an exception.
    """
    differs = " OR ".join(f'max("{name}") > min("{name}")' for name in file.signals)
    stamps = f"SELECT {differs} AS differs FROM readings GROUP BY timestamp"  # noqa: S608
    found = con.execute(f"SELECT count(*), count(*) FILTER (differs) FROM ({stamps})")  # noqa: S608
    total, mixed = found.fetchall()[0]
    if 2 * mixed > total:
        raise WrongInput(
            f"{file.path}: expected one reading for each timestamp, got several different ones for"
            f" {mixed:,} of {total:,}. If the file has several turbines, load the rows of one:"
            f" Fonte holds one turbine. Its other columns: {', '.join(file.ignored) or 'none'}"
        )


def _write(
    con: duckdb.DuckDBPyConnection, signals: Sequence[str], settings: Settings, replace: bool
) -> tuple[int, Catalogue]:
    """Move DuckDB's `readings` into Fonte; returns how many it held before, and its signals."""
    fonte = Fonte(open_engine(settings.database_url), settings.catalogue)
    try:
        table.create_table(fonte, signals)
        readings = con.table("readings").to_arrow_reader()
        return table.load_readings(fonte.engine, readings, replace=replace), fonte.signals()
    except FAILURES as error:
        raise LoadError(f"Fonte did not take the readings: {first_line(error)}") from None
    finally:
        fonte.engine.dispose()


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
    """Create DuckDB's table `readings` in file order; raises `LoadError` that lists bad rows."""
    con.register("source", file.rows)
    values = []
    for name, position in file.columns.items():
        value, is_bad, wanted = "to_timestamp_utc(timestamp)", "is_bad_timestamp", "a timestamp"
        if name != "timestamp":
            value = f'to_signal("{name}", {scale.get(name, 1.0)!r}::DOUBLE)'
            is_bad, wanted = "is_bad_signal", "a number"
        values.append(f'{value} AS "{name}"')
        # All names in the statements are the catalogue's, not the file's
        bad = f'SELECT number, "{name}"::VARCHAR FROM source WHERE {is_bad}("{name}")'  # noqa: S608
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
