"""Turns a file's texts into values, in DuckDB, and finds the rows that cannot be read."""

import csv
from collections.abc import Mapping, Sequence
from pathlib import Path
from shlex import quote
from typing import NamedTuple

import duckdb

from fonteapi.catalogue import TURBINE_NAME
from fonteapi.files import numbers, stamps
from fonteapi.files.columns import Columns, make_source
from fonteapi.files.ending import describe_ending
from fonteapi.files.errors import LoadError, WrongInput
from fonteapi.files.rules import KEYS, Rules, to_number
from fonteapi.files.tables import Table, rows_of
from fonteapi.files.units import Conversion
from fonteapi.files.zones import find_zone

SHOWN = 20
"""The most bad values, and the most words, that a message lists."""

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
STAMP = "a timestamp"
TURBINE = "a turbine's name of letters, digits and . _ -"
WHOLE = ("TINYINT", "SMALLINT", "INTEGER", "BIGINT", "HUGEINT")
NUMBERS = (*WHOLE, "FLOAT", "DOUBLE", "DECIMAL", '"NULL"')
"""DuckDB's types of numbers, the unsigned ones with a U before; the last has none."""


class Value(NamedTuple):
    """How one of our columns is read."""

    text: str
    """The SQL of its text in `source`."""
    value: str
    """The SQL of its value."""
    is_bad: str
    """The SQL of whether it cannot be read; empty if it always can."""
    title: str
    """The file's names of its columns."""
    wanted: str


class Problem(NamedTuple):
    """What is wrong with a row, or with several in the same way."""

    number: int
    """The first line or row."""
    text: str
    rows: int
    word: str = ""
    """The word in place of a number, which may mean missing."""


def set_rules(con: duckdb.DuckDBPyConnection, rules: Rules) -> None:
    """Define the rules in DuckDB; raises `WrongInput` for a timestamp format it does not know."""
    stamps.define(con)
    con.execute(MACROS)
    con.execute(numbers.MACROS)
    missing = [number for word in rules.missing if (number := to_number(word)) is not None]
    con.execute("SET VARIABLE missing_numbers = $1::FLOAT[]", [missing])
    con.execute("SET VARIABLE missing_words = $1::VARCHAR[]", [["", *rules.missing]])
    con.execute("SET VARIABLE turbine_name = $1::VARCHAR", [TURBINE_NAME])
    stamps.set_format(con, rules.timestamp_format)


def read_values(
    con: duckdb.DuckDBPyConnection,
    table: Table,
    columns: Columns,
    rules: Rules,
    conversions: Mapping[str, Conversion],
    turbine: str,
) -> list[str]:
    """Make DuckDB's table `readings` of `source`, the file's rows, in their order.

    The readings are of `turbine` if the file names none. Raises `LoadError` that lists bad rows.
    Returns lines on what was found.
    """
    stamps.set_format(con, rules.timestamp_format)
    stamp = stamps.text_of(columns.keys)
    stamps.find_format(con, stamp, table.name)
    types = {name: kind for name, kind, *_ in con.execute("DESCRIBE source").fetchall()}
    _check_types(table, columns, types)
    texts = {name: columns.titles[name] for name in columns.signals if types[name] == "VARCHAR"}
    delimiter = table.layout.delimiter if table.layout else None
    marks = numbers.find_marks(con, texts, rules.decimal, table.name, delimiter)
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
        return read_values(con, table, columns, rules, conversions, turbine)
    notes = _leave_out(con, table, columns, values, bad, skip=rules.skip_bad) if bad else []
    notes += _localize(con, table, columns, rules)
    con.execute("ALTER TABLE readings DROP COLUMN is_local")
    con.execute("ALTER TABLE readings DROP COLUMN is_bad")
    con.execute("ALTER TABLE readings DROP COLUMN number")
    notes += [stamps.describe(con), numbers.describe(marks, texts)]
    return [*notes, *_tell_left_out(table), describe_ending(con, table, columns.positions)]


def _localize(
    con: duckdb.DuckDBPyConnection, table: Table, columns: Columns, rules: Rules
) -> list[str]:
    """Turn local time into UTC, by `--timezone` or by what the file says; returns lines on it."""
    [(any_local,)] = con.execute("SELECT bool_or(is_local) FROM readings").fetchall()
    if not any_local:
        return []
    zone, note = rules.zone, ""
    if zone is None:
        titles = [columns.titles[name] for name in KEYS[:3] if name in columns.keys]
        zone, note = find_zone(titles, table.layout.above if table.layout else ())
    if zone:
        stamps.move_to_utc(con, zone)
    stamps.refuse_repeated_hours(con, table.name, columns.signals, zone)
    return [note]


def _describe(
    columns: Columns,
    stamp: str,
    turbine: str,
    marks: Mapping[str, numbers.Mark],
    conversions: Mapping[str, Conversion],
) -> dict[str, Value]:
    """Our name → how it is read, the turbine and the timestamp first."""
    titles = columns.titles
    both = " and ".join(repr(titles[name]) for name in KEYS[:3] if name in columns.keys)
    read = f"to_timestamp_utc({stamp})"
    values = {
        "turbine": Value("", f"'{turbine}'", "", "", ""),
        "timestamp": Value(stamp, read, f"{read} IS NULL", both, STAMP),
    }
    if columns.names_turbines:
        title = repr(titles.get("turbine", "turbine"))
        name = "trim(turbine::VARCHAR)"
        values["turbine"] = Value("turbine", name, "NOT is_turbine(turbine)", title, TURBINE)
    for signal in columns.signals:
        name, title = f'"{signal}"', repr(titles[signal])
        factor, offset = conversions.get(signal, Conversion())
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


def _leave_out(
    con: duckdb.DuckDBPyConnection,
    table: Table,
    columns: Columns,
    values: Mapping[str, Value],
    bad: int,
    *,
    skip: bool,
) -> list[str]:
    """Leave bad rows out, and write them to a file, if `skip`; else raise `LoadError` with them."""
    problems = [Problem(number, "; ".join(text), 1) for number, text in table.problems.items()]
    for value in values.values():
        if value.is_bad:
            problems += _find_bad(con, value)
    if not skip:
        [(is_some_good,)] = con.execute("SELECT NOT bool_and(is_bad) FROM readings").fetchall()
        raise LoadError(_list_problems(table, problems, bad, is_some_good=bool(is_some_good)))
    query = "SELECT number FROM readings WHERE is_bad"
    numbers_of_bad = {*table.problems, *(number for (number,) in con.execute(query).fetchall())}
    path = _write_bad(con, table, columns, numbers_of_bad)
    con.execute("DELETE FROM readings WHERE is_bad")
    return [f"left out: {_count(bad)}, written to {path}"]


def _find_bad(con: duckdb.DuckDBPyConnection, value: Value) -> list[Problem]:
    """The values of a column that cannot be read, each with its first line."""
    query = f"""
        SELECT min(number), ({value.text})::VARCHAR AS found, count(*) FROM source
        WHERE {value.is_bad} GROUP BY found ORDER BY 1
    """  # noqa: S608
    problems = []
    for number, found, count in con.execute(query).fetchall():
        got = repr(found[:40]) if found else "nothing"
        text = f"column {value.title}: expected {value.wanted}, got {got}"
        is_word = value.wanted == "a number" and not found.strip()[0].isdigit()
        problems.append(Problem(number, text, count, found.strip() if is_word else ""))
    return problems


def _list_problems(
    table: Table, problems: Sequence[Problem], bad: int, *, is_some_good: bool
) -> str:
    """What is wrong by line, equal values once; then the options that help."""
    same: dict[str, Problem] = {}
    for each in sorted(problems):
        first = same.setdefault(each.text, each._replace(rows=0))
        same[each.text] = first._replace(rows=first.rows + each.rows)
    by_number: dict[int, list[str]] = {}
    for each in same.values():
        more = f" ({each.rows:,} rows)" if each.rows > 1 else ""
        by_number.setdefault(each.number, []).append(each.text + more)
    lines = [
        f"  {table.numbered_by} {number}: {'; '.join(texts)}"
        for number, texts in list(by_number.items())[:SHOWN]
    ]
    if len(by_number) > SHOWN:
        lines.append(f"  and {len(by_number) - SHOWN:,} more")
    if words := list(dict.fromkeys(each.word for each in problems if each.word))[:SHOWN]:
        meant = "it means" if len(words) == 1 else "these mean"
        lines.append(f"  if {meant} missing: --missing {' '.join(map(quote, words))}")
    if is_some_good:
        lines.append("  to load the other rows: --bad-rows skip")
    elif any(f"expected {STAMP}" in each.text for each in problems):
        lines.append("  if timestamps have another form: --timestamp-format '%d/%m/%y %H:%M'")
    return "\n".join([f"{table.name}: {_count(bad)}; nothing of the file is kept", *lines])


def _count(bad: int) -> str:
    return "1 bad row" if bad == 1 else f"{bad:,} bad rows"


def _write_bad(
    con: duckdb.DuckDBPyConnection, table: Table, columns: Columns, bad: set[int]
) -> Path:
    """Write the bad rows, each after its line, to a file beside the user's; returns its path."""
    path = Path(table.name.replace("standard input", "input") + ".bad.csv")
    if not path.parent.is_dir():  # the file is in an archive
        path = Path(table.name.replace("/", "-") + ".bad.csv")
    with path.open("w", encoding="utf-8", errors="surrogateescape", newline="") as file:
        writer = csv.writer(file)
        if table.layout:
            writer.writerow([table.numbered_by, *table.header])
            writer.writerows([line, *row] for line, row in rows_of(table) if line in bad)
        else:
            places = columns.positions
            writer.writerow([table.numbered_by, *(table.header[place] for place in places)])
            rows = con.execute("FROM raw").fetchall()
            writer.writerows(row for row in rows if row[0] in bad)
    return path


def _tell_left_out(table: Table) -> list[str]:
    """Lines on what is in the file and is no reading."""
    if not table.left_out:
        return []
    line, text = next(iter(table.left_out.items()))
    many = len(table.left_out)
    what = "1 line is" if many == 1 else f"{many} lines are"
    return [f"{what} no reading, such as line {line}: {text[:60]!r}"]
