"""The rows of a file that cannot be read: listed by line, or left out and kept in a file."""

import csv
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from pathlib import Path
from shlex import quote
from typing import NamedTuple

import duckdb

from fonteapi.files.columns import Columns
from fonteapi.files.drafts import draft
from fonteapi.files.errors import LoadError
from fonteapi.files.records import BLANK
from fonteapi.files.sources import BAD_ROWS
from fonteapi.files.tables import Table, rows_of

SHOWN = 20
"""The most bad values, and the most words, that a message lists."""

STAMP = "a timestamp"


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


def leave_out(
    con: duckdb.DuckDBPyConnection,
    table: Table,
    columns: Columns,
    values: Mapping[str, Value],
    bad: int,
    *,
    skip: bool,
) -> list[str]:
    """Leave bad rows out, and keep their numbers, if `skip`; else raise `LoadError` with them."""
    problems = [Problem(number, "; ".join(text), 1) for number, text in table.problems.items()]
    for value in values.values():
        if value.is_bad:
            problems += _find_bad(con, value)
    if not skip:
        [(is_some_good,)] = con.execute("SELECT NOT bool_and(is_bad) FROM readings").fetchall()
        text = _list_problems(table, problems, bad, is_some_good=bool(is_some_good))
        raise LoadError(text + _name_two_columns(table, columns))
    query = "SELECT number FROM readings WHERE is_bad"
    table.bad = {*table.problems, *(number for (number,) in con.execute(query).fetchall())}
    con.execute("DELETE FROM readings WHERE is_bad")
    return [f"left out: {_count(bad)} of {table.name}"]


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


def _name_two_columns(table: Table, columns: Columns) -> str:
    """The option for rows between blanks with a date and a time below one name; else empty."""
    layout, place = table.layout, columns.keys.get("timestamp")
    if layout is None or layout.delimiter != BLANK or place is None:
        return ""
    one_more = f"got {layout.width + 1}"
    if not all(text[0].endswith(one_more) for text in table.problems.values()):
        return ""
    names = [*table.header[:place], "date", "time", *table.header[place + 1 :]]
    return f"\n  if a date and a time are two columns: --names {' '.join(map(quote, names))}"


def _count(bad: int) -> str:
    return "1 bad row" if bad == 1 else f"{bad:,} bad rows"


@contextmanager
def write_bad(con: duckdb.DuckDBPyConnection, table: Table, columns: Columns) -> Iterator[Path]:
    """Write the rows that were left out, each after its line, to a file beside the user's.

    It is there when the `with` block is done without an error. Raises `LoadError` at once if it
    cannot be written.
    """
    path = _path_beside(table.name.replace("standard input", "input"))
    with draft(path) as kept:
        with kept.open("w", encoding="utf-8", errors="surrogateescape", newline="") as file:
            writer = csv.writer(file)
            if table.layout:
                writer.writerow([table.numbered_by, *table.header])
                rows = rows_of(table.source, table.layout)
                writer.writerows([line, *row] for line, row in rows if line in table.bad)
            else:
                table.read(con, columns.positions)
                names = (table.header[place] for place in columns.positions)
                writer.writerow([table.numbered_by, *names])
                found = con.execute("FROM raw").fetchall()
                writer.writerows(row for row in found if row[0] in table.bad)
        yield path


def _path_beside(name: str) -> Path:
    """The path of the bad rows of a file, beside it or beside the archive that it is in."""
    folder = next(each for each in Path(name).parents if each.is_dir())
    return folder / (str(Path(name).relative_to(folder)).replace("/", "-") + BAD_ROWS)


def tell_left_out(table: Table) -> list[str]:
    """Lines on what is in the file and is not a reading."""
    if not table.left_out:
        return []
    line, text = next(iter(table.left_out.items()))
    many = len(table.left_out)
    what = "1 line is not a reading" if many == 1 else f"{many} lines are not readings"
    return [f"{what}, such as line {line}: {text[:60]!r}"]
