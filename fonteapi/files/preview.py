"""Shows how files are understood, before anything is loaded: `etl load FILE --preview`."""

from collections.abc import Iterator, Mapping, Sequence
from itertools import islice
from shlex import join
from typing import Any

import duckdb

from fonteapi.catalogue import Signal
from fonteapi.files.errors import LoadError
from fonteapi.files.load import list_turbines, read_files
from fonteapi.files.numbers import show
from fonteapi.files.profiles import find_profile
from fonteapi.files.rules import Rules
from fonteapi.files.sources import Form
from fonteapi.files.stamps import find_intervals
from fonteapi.files.suggest import suggest_names
from fonteapi.files.tables import Table, rows_of
from fonteapi.files.understand import (
    Understood,
    check_together,
    describe,
    open_files,
)
from fonteapi.settings import Settings

SHOWN_ROWS = 2
SHOWN_COLUMNS = 60
WIDTH = 32
"""The most that a name or the values of a column take."""
DELIMITERS = {",": "commas", ";": "semicolons", "\t": "tabs", "|": "bars", " ": "blanks"}


def preview_files(
    words: Sequence[str], rules: Rules, settings: Settings, command: Sequence[str]
) -> tuple[str, LoadError | None]:
    """How files would be loaded by `command`, and why they would be refused, if so."""
    with open_files(words, rules) as (con, found):
        try:
            read_files(con, found, words, rules, settings)
            summary, notes = check_together(con, found, rules, settings)
        except LoadError as error:
            lines = [*_describe_files(con, found, settings.catalogue.columns)]
            return "\n".join([*lines, *_suggest(con, found, command)]), error
        lines = [*_describe_files(con, found, settings.catalogue.columns)]
        lines.append(describe(found, summary, "would load"))
        lines += [*list_turbines(found, summary.turbines), *_describe_intervals(con), *notes]
        return "\n".join(
            [*lines, "", "Nothing was written. To load it:", f"  {join(command)}"]
        ), None


def _describe_files(
    con: duckdb.DuckDBPyConnection, found: Sequence[Understood], signals: Mapping[str, Signal]
) -> Iterator[str]:
    """Lines on each file, and on its columns where the file before has others."""
    before: object = None
    for each in found:
        if each.table is None:
            continue
        yield f"{each.source.name}: {_describe_form(each.table)}"
        columns = each.columns or each.table.header
        if columns != before:
            yield from (*_describe_columns(con, each, signals), "")
        before = columns


def _describe_form(table: Table) -> str:
    layout = table.layout
    if layout is None:
        return "Parquet"
    names = f"names in line {layout.names_line}" if layout.names_line else "no names"
    where = f"{names}, rows from line {layout.first_line}"
    if table.source.form is Form.EXCEL:
        return f"Excel, {where}"
    encoding = layout.encoding.removesuffix("-sig").upper()
    marks = DELIMITERS.get(layout.delimiter, repr(layout.delimiter))
    return f"text in {encoding}, {marks} between fields, {where}"


def _describe_columns(
    con: duckdb.DuckDBPyConnection, found: Understood, signals: Mapping[str, Signal]
) -> list[str]:
    """A table: each column's name, its first values, and what it is."""
    table = found.table
    assert table
    names = {place: name for name, place in found.columns.keys.items()} if found.columns else {}
    if found.columns:
        names |= {
            place: f"{what.signal}{f' of {what.turbine}' if what.turbine else ''}"
            f" ({signals[what.signal].kind}, {signals[what.signal].unit})"
            for place, what in found.columns.places.items()
        }
        for place, role in zip(found.columns.narrow or (), ("tags", "values"), strict=False):
            names[place] = role
    rows = first_rows(con, table, SHOWN_ROWS)
    cells = [("column", "first values", "read as")]
    for place, title in enumerate(table.header):
        values = ", ".join(show(str(row[place]).strip()) for row in rows if place < len(row))
        cells.append((title or "(no name)", values, names.get(place, "-")))
    used = [row for row in cells if row[2] != "-"]
    shown = cells if len(cells) <= SHOWN_COLUMNS else [*used, *(r for r in cells if r[2] == "-")]
    lines = [(_cut(title), _cut(first), role) for title, first, role in shown[:SHOWN_COLUMNS]]
    widths = [max(len(row[place]) for row in lines) for place in range(2)]
    more = len(cells) - SHOWN_COLUMNS
    return [
        *(f"  {row[0]:{widths[0]}}  {row[1]:{widths[1]}}  {row[2]}" for row in lines),
        *([f"  and {more} more columns"] if more > 0 else []),
    ]


def _cut(text: str) -> str:
    return text if len(text) <= WIDTH else text[: WIDTH - 1] + "…"


def first_rows(con: duckdb.DuckDBPyConnection, table: Table, count: int) -> Sequence[Sequence[Any]]:
    """The first rows of a file, with all its columns."""
    if table.layout is None:
        query = "FROM read_parquet($1) LIMIT $2"
        return con.execute(query, [str(table.source.path), count]).fetchall()
    first = table.layout.first_line
    rows = (row for line, row in rows_of(table.source, table.layout) if line >= first and row)
    return list(islice(rows, count))


def _describe_intervals(con: duckdb.DuckDBPyConnection) -> list[str]:
    """A line on the time between the readings of a turbine."""
    minutes = sorted({step / 60e6 for step in find_intervals(con, "loaded").values()})
    shown = " and ".join(f"{each:g} min" for each in minutes[:3])
    return [f"one reading every {shown}"] if minutes else []


def _suggest(
    con: duckdb.DuckDBPyConnection, found: Sequence[Understood], command: Sequence[str]
) -> list[str]:
    """A command for columns that are not named yet: with a profile, or guessed."""
    table = next((each.table for each in found if each.table and not each.is_read), None)
    if table is None:
        return []
    profile = find_profile(table.header)
    if profile and "--profile" not in command:
        words = ["--profile", profile]
        return [
            f"The names are those of {profile}:",
            f"  {join([*command, *words, '--preview'])}",
            "",
        ]
    names = suggest_names(table.header, first_rows(con, table, SHOWN_ROWS))
    given = {word.rpartition("=")[2] for word in command}
    words = [f"{title}={name}" for title, name in names.items() if name not in {title, *given}]
    if not words:
        return []
    guessed = join([*command, "--rename", *words, "--preview"])
    return ["Guessed from the names of the columns; look at it with:", f"  {guessed}", ""]
