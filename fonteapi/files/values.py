"""Turns a file's texts into values, in DuckDB, and finds the rows that cannot be read."""

from collections.abc import Mapping
from math import inf

import duckdb

from fonteapi.catalogue import TURBINE_NAME, Signal
from fonteapi.files import forms, numbers
from fonteapi.files.bad_rows import STAMP, Value, leave_out, tell_left_out
from fonteapi.files.columns import Columns
from fonteapi.files.ending import describe_ending
from fonteapi.files.errors import WrongInput
from fonteapi.files.rules import STAMPS, Rules, to_number
from fonteapi.files.shapes import make_source
from fonteapi.files.spellings import Conversion
from fonteapi.files.tables import Table

MACROS = r"""
CREATE TEMP MACRO is_missing(x) AS  -- blank, or a word for missing
    x IS NULL OR list_contains(getvariable('missing_words'), trim(x::VARCHAR));

CREATE TEMP MACRO is_sentinel(x) AS  -- in single precision: some files have -9999.900390625
    coalesce(list_contains(getvariable('missing_numbers'), TRY_CAST(x AS FLOAT)), false);

CREATE TEMP MACRO to_signal(number, factor) AS
    CASE WHEN NOT is_sentinel(number) THEN number * factor END;

CREATE TEMP MACRO is_turbine(x) AS
    coalesce(regexp_full_match(trim(x::VARCHAR), getvariable('turbine_name')), false);
"""
TURBINE = "a turbine's name of letters, digits and . _ -"
WHOLE = ("TINYINT", "SMALLINT", "INTEGER", "BIGINT", "HUGEINT")
NUMBERS = (*WHOLE, "FLOAT", "DOUBLE", "DECIMAL", '"NULL"')
"""DuckDB's types of numbers, the unsigned ones with a U before; the last has none."""


def set_rules(con: duckdb.DuckDBPyConnection, rules: Rules) -> None:
    """Define the rules in DuckDB; raises `WrongInput` for a timestamp format it does not know."""
    forms.define(con)
    con.execute(MACROS)
    con.execute(numbers.MACROS)
    missing = [number for word in rules.missing if (number := to_number(word)) is not None]
    con.execute("SET VARIABLE missing_numbers = $1::FLOAT[]", [missing])
    con.execute("SET VARIABLE missing_words = $1::VARCHAR[]", [["", *rules.missing]])
    con.execute("SET VARIABLE turbine_name = $1::VARCHAR", [TURBINE_NAME])
    forms.set_format(con, rules.timestamp_format)


def read_values(
    con: duckdb.DuckDBPyConnection,
    table: Table,
    columns: Columns,
    rules: Rules,
    conversions: Mapping[str, Conversion],
    turbine: str,
    signals: Mapping[str, Signal],
) -> list[str]:
    """Make DuckDB's table `readings` of `source`, the file's rows, in their order.

    Beside the readings it has `is_local`: whether the timestamp has no offset. The readings are of
    `turbine` if the file names none. Raises `LoadError` that lists bad rows. Returns lines on
    what was found.
    """
    forms.set_format(con, rules.timestamp_format)
    stamp = forms.text_of(columns.keys)
    forms.find_format(con, stamp, table.name)
    types = {name: kind for name, kind, *_ in con.execute("DESCRIBE source").fetchall()}
    _check_types(table, columns, types)
    texts = {
        name: _bound(columns.titles[name], signals[name], conversions[name])
        for name in columns.signals
        if types[name] == "VARCHAR"
    }
    marks = numbers.find_marks(con, texts, rules.decimal, table.name)
    values = _describe(columns, stamp, turbine, marks, conversions)
    is_bad = " OR ".join(f"({value.is_bad})" for value in values.values() if value.is_bad)
    selected = ", ".join(f'{value.value} AS "{name}"' for name, value in values.items())
    # All names in the statements are the catalogue's, not the file's
    con.execute(f"""
        CREATE OR REPLACE TEMP TABLE readings AS
        SELECT number, is_local({stamp}) AS is_local, {is_bad} AS is_bad, {selected} FROM source
    """)  # noqa: S608
    [(bad,)] = con.execute("SELECT count(*) FROM readings WHERE is_bad").fetchall()
    bad += len(table.problems)
    if bad and table.layout and not table.by_line:
        table.read_by_line(con, columns.positions)
        make_source(con, columns)
        return read_values(con, table, columns, rules, conversions, turbine, signals)
    notes = leave_out(con, table, columns, values, bad, skip=rules.skip_bad) if bad else []
    con.execute("ALTER TABLE readings DROP COLUMN is_bad")
    con.execute("ALTER TABLE readings DROP COLUMN number")
    notes += [forms.describe(con), numbers.describe(marks, texts)]
    return [*notes, *tell_left_out(table), describe_ending(con, table, columns.positions)]


def _bound(title: str, signal: Signal, conversion: Conversion) -> numbers.Column:
    """What the values of a column can be, in the unit of the file."""
    low, high = signal.possible or (-inf, inf)
    bounds = sorted((bound - conversion.offset) / conversion.factor for bound in (low, high))
    return numbers.Column(title, *bounds)


def _describe(
    columns: Columns,
    stamp: str,
    turbine: str,
    marks: Mapping[str, numbers.Mark],
    conversions: Mapping[str, Conversion],
) -> dict[str, Value]:
    """Our name → how it is read, the turbine and the timestamp first."""
    titles = columns.titles
    both = " and ".join(repr(titles[name]) for name in STAMPS if name in columns.keys)
    read = f"to_timestamp_utc({stamp})"
    values = {
        "turbine": Value("", f"'{turbine}'", "", "", ""),
        "timestamp": Value(stamp, read, f"{read} IS NULL", both, STAMP),
    }
    if columns.names_turbines:
        title = repr(titles.get("turbine", "turbine"))
        name = r"regexp_replace(as_typed(turbine), '\s+', '_', 'g')"
        values["turbine"] = Value("turbine", name, f"NOT is_turbine({name})", title, TURBINE)
    for signal in columns.signals:
        name, title = f'"{signal}"', repr(titles[signal])
        factor, offset = conversions[signal]
        parse = numbers.FUNCTIONS[marks[signal]] if signal in marks else ""
        number = f"{parse}({name})" if parse else f"{name}::DOUBLE"
        is_bad = f"NOT is_missing({name}) AND {number} IS NULL" if parse else ""
        value = f"to_signal({number}, {factor!r}::DOUBLE)"
        value += f" + {offset!r}::DOUBLE" if offset else ""
        values[signal] = Value(name, value, is_bad, title, "a number")
    return values


def _check_types(table: Table, columns: Columns, types: Mapping[str, str]) -> None:
    """Refuse a column of Parquet whose type cannot be what it is said to be."""
    for name, title in columns.titles.items():
        kind = types[name]
        base = kind.split("(")[0].removeprefix("U")
        fits = kind == "VARCHAR" or (name != "turbine" and base in NUMBERS)
        expected = "numbers"
        if name == "timestamp":
            fits = kind.startswith("TIMESTAMP") or kind == "VARCHAR" or base in (*WHOLE, "DOUBLE")
            expected = "timestamps, text or epoch seconds"
        elif name in ("date", "time"):
            fits = kind == "VARCHAR" or kind.startswith(("DATE", "TIME"))
            expected = f"a {name} or text"
        elif name == "turbine":
            fits, expected = kind == "VARCHAR" or base in WHOLE, "names of turbines"
        if not fits:
            raise WrongInput(
                f"{table.name}: column {title!r}: expected {expected}, got {kind.lower()}"
            )
