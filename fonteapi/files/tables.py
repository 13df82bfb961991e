"""Reads the wanted columns of a file into DuckDB: fast, and line by line where that fails."""

import csv
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from itertools import islice
from pathlib import Path
from typing import Any

import duckdb
import pyarrow as pa

from fonteapi.files.errors import WrongInput
from fonteapi.files.layout import Layout
from fonteapi.files.records import has_rows, read_fields
from fonteapi.files.sources import Source
from pgarrow.errors import first_line

RAW = "raw"
"""DuckDB's table of a file: `number`, the line or row, and `c3` for the column at position 3."""
CHUNK = 50_000
"""How many rows are Python objects at a time."""
MOST_AT_END = 20
"""How many lines at the end may be other than readings, such as sums."""


@dataclass
class Table:
    """The table in a file."""

    source: Source
    header: Sequence[str]
    """The file's names."""
    layout: Layout | None = None
    """Of a text."""
    by_line: bool = False
    """Whether `raw` has line numbers."""
    problems: dict[int, list[str]] = field(default_factory=dict)
    """Line or row → what is wrong with it."""
    left_out: dict[int, str] = field(default_factory=dict)
    """Line → its text, of lines that are not readings: sums at the end, repeated names,
    rows of empty fields."""
    bad: set[int] = field(default_factory=set)
    """The lines or rows of bad rows that were left out."""

    @property
    def name(self) -> str:
        """As messages name the file."""
        return self.source.name

    @property
    def numbered_by(self) -> str:
        """`line` or `row`."""
        return "line" if self.layout else "row"

    def read(self, con: duckdb.DuckDBPyConnection, positions: Sequence[int]) -> None:
        """Make `raw` of the columns at `positions`; raises `WrongInput` if it cannot be read."""
        con.execute(f"DROP VIEW IF EXISTS source; DROP TABLE IF EXISTS {RAW}")
        try:
            if self.layout is None:
                _read_parquet(con, self, positions)
            elif self.layout.is_plain and not self.by_line:
                _read_text(con, self.source.path, self.layout, positions)
                [(rows,)] = con.execute(f"SELECT count(*) FROM {RAW}").fetchall()  # noqa: S608
                if rows != _count_lines(self.source.path) - self.layout.first_line + 1:
                    self.read_by_line(con, positions)  # blank lines, or quotes over several lines
            else:
                self.read_by_line(con, positions)
        except duckdb.Error as error:
            if self.layout is None or self.by_line:
                raise WrongInput(f"{self.name}: cannot be read: {first_line(error)}") from None
            self.read_by_line(con, positions)

    def read_by_line(self, con: duckdb.DuckDBPyConnection, positions: Sequence[int]) -> None:
        """Make `raw` with the lines of its rows; other rows become problems.

        Ten times slower than `read`, and it accepts what only looks like CSV, such as lines that
        end in different ways and quotes within a field.
        """
        assert self.layout  # Parquet has no lines
        self.by_line = True
        con.execute(f"DROP VIEW IF EXISTS source; DROP TABLE IF EXISTS {RAW}")
        columns = {f"c{place}": pa.string() for place in positions}
        schema = pa.schema({"number": pa.int64()} | columns)
        con.register("chunk", schema.empty_table())
        con.execute(f"CREATE TEMP TABLE {RAW} AS FROM chunk")
        rows = _wanted_rows(self, self.layout, positions)
        while chunk := list(islice(rows, CHUNK)):
            con.register("chunk", pa.record_batch(list(zip(*chunk, strict=True)), schema))
            con.execute(f"INSERT INTO {RAW} FROM chunk")


def open_parquet(con: duckdb.DuckDBPyConnection, source: Source) -> Table:
    """The table of a Parquet file."""
    try:
        names = con.execute("SELECT * FROM read_parquet($1) LIMIT 0", [str(source.path)])
        return Table(source, [column[0].strip() for column in names.description or ()])
    except duckdb.Error as error:
        raise WrongInput(f"{source.name}: cannot be read: {first_line(error)}") from None


def _read_parquet(con: duckdb.DuckDBPyConnection, table: Table, positions: Sequence[int]) -> None:
    path = str(table.source.path)
    names = con.execute("SELECT * FROM read_parquet($1) LIMIT 0", [path]).description or ()
    columns = ", ".join(f"{_quote(names[place][0])} AS c{place}" for place in positions)
    con.execute(
        f"CREATE TEMP TABLE {RAW} AS SELECT file_row_number + 1 AS number, {columns}"  # noqa: S608
        " FROM read_parquet($1, file_row_number = true)",
        [path],
    )


def _quote(name: str) -> str:
    return '"{}"'.format(name.replace('"', '""'))


def _read_text(
    con: duckdb.DuckDBPyConnection, path: Path, layout: Layout, positions: Sequence[int]
) -> None:
    columns = {f"c{place}": "VARCHAR" for place in range(layout.width)}
    wanted = ", ".join(f"c{place}" for place in positions)
    con.execute(
        f"""
        CREATE TEMP TABLE {RAW} AS SELECT NULL::BIGINT AS number, {wanted} FROM read_csv(
            $1, auto_detect = false, columns = {columns}, header = false, skip = $2, delim = $3,
            quote = '"', escape = '"', comment = ''
        )
        """,  # noqa: S608
        [str(path), layout.first_line - 1, layout.delimiter],
    )


def _wanted_rows(
    table: Table, layout: Layout, positions: Sequence[int]
) -> Iterator[tuple[Any, ...]]:
    """Each row's line and wanted fields. A bad row is a problem; words at the end are left out."""
    table.problems.clear()
    table.left_out.clear()
    held: list[tuple[int, list[str]]] = []  # rows of words: at the end they are not readings
    names: list[str] = []
    is_filled = False
    for line, row in rows_of(table.source, layout):
        if line == layout.names_line:
            names = row
        if line < layout.first_line or not row:
            continue
        if (names and row == names) or not any(map(str.strip, row)):
            table.left_out[line] = layout.delimiter.join(row)
            continue
        if _is_words(row, positions[0]):
            held.append((line, row))
            continue
        for each in [*held, (line, row)]:
            yield from _check(table, layout, *each, positions)
        held.clear()
        is_filled = True
    if len(held) > MOST_AT_END or not is_filled:
        for each in held:
            yield from _check(table, layout, *each, positions)
    else:
        table.left_out |= {line: layout.delimiter.join(row) for line, row in held}


def _count_lines(path: Path) -> int:
    """The lines of a text; the last one may have no line break."""
    feeds = returns = 0
    last = b""
    with path.open("rb") as file:
        while chunk := file.read(1 << 20):
            feeds += chunk.count(b"\n")
            returns += 0 if feeds else chunk.count(b"\r")
            last = chunk[-1:]
    return (feeds or returns) + (last not in b"\r\n")


def _is_words(row: Sequence[str], key: int) -> bool:
    """Whether a row begins with a word in place of a timestamp, such as `Mean`."""
    cell = row[key] if key < len(row) else row[0]
    return cell[:1].isalpha() and not any(map(str.isdigit, cell))


def _check(
    table: Table, layout: Layout, line: int, row: list[str], positions: Sequence[int]
) -> Iterator[tuple[Any, ...]]:
    if any("\n" in cell and has_rows(cell, layout.delimiter) for cell in row):
        table.problems[line] = ["expected the end of a quoted field, got further rows"]
        return
    if len(row) != layout.width:
        where = f" as in line {layout.names_line}" if layout.names_line else ""
        table.problems[line] = [f"expected {layout.width} fields{where}, got {len(row)}"]
        return
    wanted = [row[place] for place in positions]
    try:
        is_text = b"\0" not in "".join(wanted).encode()
    except UnicodeEncodeError:
        is_text = False
    if is_text:
        yield line, *wanted
    else:
        table.problems[line] = ["expected UTF-8, got other bytes"]


def rows_of(source: Source, layout: Layout) -> Iterator[tuple[int, list[str]]]:
    """Each row with the line that it starts on, as an editor counts, blank lines included."""
    # Bytes of another encoding become lone surrogates, which `_check` finds
    how: Any = {"encoding": layout.encoding, "errors": "surrogateescape", "newline": ""}
    with source.path.open(**how) as file:
        # The lines above the rows need not be CSV
        above = layout.first_line - 1 if not layout.is_plain else 0
        for _ in range(above):
            file.readline()
        reader = read_fields(file, layout.delimiter)
        line = above + 1
        try:
            for row in reader:
                yield line, row
                line = above + reader.line_num + 1
        except csv.Error as error:  # such as a quote that is never closed
            raise WrongInput(
                f"{source.name}: the row from line {line} on cannot be read: {error}"
            ) from None
