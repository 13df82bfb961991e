"""Turns the values of a user's file into readings, by DuckDB, and loads them into Fonte."""

from collections.abc import Mapping, Sequence
from dataclasses import replace as replace_fields
from enum import StrEnum
from pathlib import Path

import duckdb
import pyarrow as pa

from fonteapi import table
from fonteapi.catalogue import TURBINE_NAME, Signal
from fonteapi.database import FAILURES, open_fonte
from fonteapi.files import numbers, stamps
from fonteapi.files.rules import Rules, to_number
from fonteapi.files.tables import File, LoadError, WrongInput, open_file
from fonteapi.files.turbines import refuse_mixture, refuse_unnamed
from fonteapi.files.units import Conversion, find_conversions
from fonteapi.settings import Settings
from pgarrow.errors import first_line

SHOWN_ROWS = 5
"""How many bad rows a message lists."""

MACROS = r"""
CREATE TEMP MACRO is_missing(x) AS  -- blank, or a word for missing
    x IS NULL OR list_contains(getvariable('missing_words'), trim(x::VARCHAR));

CREATE TEMP MACRO is_sentinel(x) AS  -- in single precision: some files have -9999.900390625
    coalesce(list_contains(getvariable('missing_numbers'), TRY_CAST(x AS FLOAT)), false);

CREATE TEMP MACRO to_signal(number, factor) AS
    CASE WHEN NOT is_sentinel(number) THEN number * factor END;

CREATE TEMP MACRO is_bad_timestamp(x) AS to_timestamp_utc(x) IS NULL;

CREATE TEMP MACRO is_bad_turbine(x) AS
    NOT coalesce(regexp_full_match(trim(x::VARCHAR), getvariable('turbine_name')), false);
"""
SUMMARY = """
    SELECT count(*), strftime(min(timestamp), '%Y-%m-%dT%H:%M:%SZ'),
        strftime(max(timestamp), '%Y-%m-%dT%H:%M:%SZ'), list_sort(list(DISTINCT turbine))
    FROM readings
"""
TURBINE = "a turbine's name of letters, digits and . _ -"
MOST_NAMED = 3
"""The number of turbines that a report names."""


class Replace(StrEnum):
    """Which readings a file replaces."""

    NONE = "none"
    TURBINES = "those of its turbines"
    ALL = "all"


def load_file(path: Path, rules: Rules, settings: Settings, replace: Replace = Replace.NONE) -> str:
    """Check a file, then append its readings to Fonte.

    `replace` first deletes what Fonte holds, of the file's turbines or of every one. Returns a
    report. Raises `WrongInput` if the file as a whole or the rules do not fit, and
    `LoadError` with the bad rows, or if Fonte does not take the readings: it is then unchanged.
    """
    with duckdb.connect() as con:
        set_rules(con, rules)
        file = open_file(path, rules.rename, settings.catalogue.signals)
        con.register("source", file.rows)
        file = _without_words(con, file, rules, settings.catalogue.signals)
        for name in (rules.scale.keys() | rules.units.keys()) - file.columns.keys():
            option = "--unit-scale" if name in rules.scale else "--unit"
            raise WrongInput(f"{option}: {path} has no {name}")
        refuse_unnamed(file, rules, settings.catalogue.signals)
        conversions, notes = find_conversions(file, rules, settings.catalogue.signals)
        turbine = rules.turbine or settings.turbine
        notes.append(read_values(con, file, rules, conversions, turbine))
        stamps.refuse_dates(con, path)
        refuse_mixture(con, file, rules, settings.catalogue.signals)
        told = {name: each.interval for name, each in settings.catalogue.turbines.items()}
        moved = stamps.shift_labels(con, told) if rules.label_end else ""
        notes += [stamps.describe(con), moved]
        count, first, last, turbines = con.execute(SUMMARY).fetchall()[0]
        if not count:
            raise LoadError(f"{path}: expected readings below the names of the columns, got none")
        replaced = {Replace.NONE: (), Replace.TURBINES: turbines, Replace.ALL: None}[replace]
        before, deleted, held = _write(con, file.signals, settings, replaced)
    few = ", ".join(turbines) if len(turbines) <= MOST_NAMED else f"{len(turbines)} turbines"
    report = f"loaded {count:,} readings of {few} from {path}: {first} to {last}"
    counts = {"instead of": deleted, "beside": before - deleted}
    if before:
        others = [f"{verb} {number:,}" for verb, number in counts.items() if number]
        report += f", {' and '.join(others)} that Fonte held"
    if absent := [name for name in held if name not in file.columns]:
        report += f"\nnot in the file, left empty: {', '.join(absent)}"
    if file.ignored:
        report += f"\nignored: {', '.join(file.ignored)}"
    return "\n".join([report, *filter(None, notes)])


def _without_words(
    con: duckdb.DuckDBPyConnection, file: File, rules: Rules, signals: Mapping[str, Signal]
) -> File:
    """The file without its states that are words, such as `Running`, unless somebody named them.

    Alvo has codes. A column that is called `status` by chance must not stop the others.
    """
    for name in file.signals:
        is_text = pa.types.is_string(file.rows[name].type)
        if signals[name].kind == "state" and is_text and name not in rules.rename.values():
            query = f'SELECT count(TRY_CAST("{name}" AS DOUBLE)) FROM source'  # noqa: S608
            if con.execute(query).fetchall() == [(0,)] and len(file.signals) > 1:
                columns = {key: place for key, place in file.columns.items() if key != name}
                file = replace_fields(file, columns=columns)
    return file


def _write(
    con: duckdb.DuckDBPyConnection,
    signals: Sequence[str],
    settings: Settings,
    replaced: Sequence[str] | None,
) -> tuple[int, int, Mapping[str, Signal]]:
    """Move DuckDB's `readings` into Fonte.

    Returns how many it held before, how many of them were deleted, and its signals.
    """
    fonte = open_fonte(settings)
    try:
        table.create_table(fonte, signals)
        readings = con.table("readings").to_arrow_reader()
        counts = table.load_readings(fonte.engine, readings, replaced)
        return *counts, fonte.describe().signals
    except FAILURES as error:
        raise LoadError(f"Fonte did not take the readings: {first_line(error)}") from None
    finally:
        fonte.engine.dispose()


def set_rules(con: duckdb.DuckDBPyConnection, rules: Rules) -> None:
    """Define the rules in DuckDB; raises `WrongInput` for a timestamp format it does not know."""
    stamps.set_format(con, rules.timestamp_format)
    con.execute(MACROS)
    con.execute(numbers.MACROS)
    missing = [number for word in rules.missing if (number := to_number(word)) is not None]
    con.execute("SET VARIABLE missing_numbers = $1::FLOAT[]", [missing])
    con.execute("SET VARIABLE missing_words = $1::VARCHAR[]", [["", *rules.missing]])
    con.execute("SET VARIABLE turbine_name = $1::VARCHAR", [TURBINE_NAME])


def read_values(
    con: duckdb.DuckDBPyConnection,
    file: File,
    rules: Rules,
    conversions: Mapping[str, Conversion],
    turbine: str,
) -> str:
    """Make DuckDB's table `readings` of `source`, the file's rows, in their order.

    Raises `LoadError` that lists bad rows. The readings are of `turbine` if the file has no column
    of turbines. Returns a line on what was found of the numbers, or none.
    """
    stamp = stamps.text_of(file.columns)
    stamps.find_format(con, stamp, file.path)
    values = [] if "turbine" in file.columns else [f"'{turbine}' AS turbine"]
    values += [f"to_timestamp_utc({stamp}) AS timestamp", f"is_local({stamp}) AS is_local"]
    _find_bad(con, file, stamp, f"is_bad_timestamp({stamp})", "a timestamp")
    if "turbine" in file.columns:
        values.append("trim(turbine::VARCHAR) AS turbine")
        _find_bad(con, file, '"turbine"', "is_bad_turbine(turbine)", TURBINE)
    texts = [name for name in file.signals if pa.types.is_string(file.rows[name].type)]
    titles = {name: file.header[file.columns[name]] for name in texts}
    marks = numbers.find_marks(con, titles, rules.decimal, file.path)
    note = numbers.describe(marks, titles)
    for name in file.signals:
        read = numbers.FUNCTIONS[marks[name]] if name in marks else ""
        factor, offset = conversions.get(name, Conversion())
        value = f'to_signal({read}("{name}"), {factor!r}::DOUBLE)'
        values.append(f'{value}{f" + {offset!r}::DOUBLE" if offset else ""} AS "{name}"')
        if read:
            is_bad = f'NOT is_missing("{name}") AND {read}("{name}") IS NULL'
            _find_bad(con, file, f'"{name}"', is_bad, "a number")
    if file.problems:
        raise LoadError(_list_problems(file))
    # All names in the statements are the catalogue's, not the file's
    con.execute(f"CREATE TEMP TABLE readings AS SELECT {', '.join(values)} FROM source")  # noqa: S608
    if rules.zone:
        stamps.move_to_utc(con, rules.zone)
    con.execute("ALTER TABLE readings DROP COLUMN is_local")
    return note


def _find_bad(
    con: duckdb.DuckDBPyConnection, file: File, text: str, is_bad: str, wanted: str
) -> None:
    """Add the rows of a bad value, a column's or a stamp's, to the file's problems."""
    names = [
        f"{file.header[place]!r}" for name, place in file.columns.items() if f'"{name}"' in text
    ]
    bad = f"SELECT number, ({text})::VARCHAR FROM source WHERE {is_bad}"  # noqa: S608
    for number, found in con.execute(bad).fetchall():
        got = repr(found[:40]) if found else "nothing"
        problem = f"column {' and '.join(names)}: expected {wanted}, got {got}"
        file.problems.setdefault(number, []).append(problem)


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
