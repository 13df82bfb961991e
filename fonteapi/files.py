"""Files of readings, CSV or Parquet: which column is which, and rows that know their line.

    LoadError        what could not be done, in one line or a few; exit code 1
    └── WrongInput   the arguments, or the file as a whole, are not what is expected; exit code 2

In DuckDB a file is the view `source`, whose columns carry our names: no name or value that a
file or an argument holds becomes SQL.
"""

import csv
import glob
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Protocol, TextIO

import duckdb
import pyarrow as pa
import pyarrow.parquet as pq

from fonteapi.signals import SIGNALS

DELIMITERS = (",", ";", "\t")
NAMES = ("timestamp", *SIGNALS)

Problems = dict[int, list[str]]
"""Line or row number → what is wrong there."""


class LoadError(Exception):
    """What could not be done, in one line or a few."""

    exit_code = 1


class WrongInput(LoadError):  # noqa: N818  # named as users read it
    """The arguments, or the file as a whole, are not what is expected."""

    exit_code = 2


@dataclass(frozen=True)
class Layout:
    """Where in a file the columns are that we want."""

    header: Sequence[str]
    """The file's names."""
    columns: Mapping[str, int]
    """Our name → position in the file; `timestamp` and at least one signal."""

    @property
    def ignored(self) -> list[str]:
        """The file's names of the columns that we do not want."""
        used = set(self.columns.values())
        return [name or "(no name)" for i, name in enumerate(self.header) if i not in used]


class File(Protocol):
    """A file whose columns are known; its rows are still to be read."""

    path: Path
    layout: Layout
    unit: str
    """What its rows are counted in: `line` or `row`."""

    def create_source(self, con: duckdb.DuckDBPyConnection) -> None:
        """Make the view `source`, the fast way: using it may raise `InvalidInputException`."""

    def read_numbered(self) -> tuple[pa.Table, Problems]:
        """The columns we want, plus `number`, the line or row; and what is no row at all."""


def open_file(path: Path, rename: Mapping[str, str]) -> File:
    """Find the columns of a file; `rename` says what its names mean, where they are not ours.

    Raises `WrongInput` for a file that is not there, not readable, or lacks what we need.
    """
    kind = KINDS.get(path.suffix.lower())
    if kind is None:
        raise WrongInput(
            f"{path}: expected a name that ends in {', '.join(KINDS)} (unpack what is packed)"
        )
    if not path.is_file():
        raise WrongInput(f"{path}: " + ("not a file" if path.exists() else "there is no such file"))
    try:
        return kind(path, rename)
    except (OSError, pa.ArrowException, csv.Error) as error:
        raise WrongInput(f"{path}: cannot be read: {str(error).splitlines()[0]}") from None


def find_columns(path: Path, names: Sequence[str], rename: Mapping[str, str]) -> Layout:
    """Find the timestamp and the signals in the names of a file's columns."""
    header = [name.strip() for name in names]
    for source in rename:
        if source not in header:
            raise WrongInput(f"--rename: {path} has no column {source!r}; it has {_list(header)}")
    columns: dict[str, int] = {}
    for position, source in enumerate(header):
        name = rename.get(source, source)
        if name in columns:
            both = f"{header[columns[name]]!r} and {source!r}"
            raise WrongInput(f"{path}: expected one column for {name}, got {both}")
        if name in NAMES:
            columns[name] = position
    _require(path, header, columns)
    return Layout(header, columns)


def _require(path: Path, header: Sequence[str], columns: Mapping[str, int]) -> None:
    lacking = [] if "timestamp" in columns else ["no timestamp"]
    if not columns.keys() & SIGNALS:
        lacking.append(f"no signal ({', '.join(SIGNALS)})")
    if lacking:
        raise WrongInput(
            f"{path} has {' and '.join(lacking)}; it has {_list(header)}. Say which is which:"
            " --rename 'Its name=timestamp' 'Another=wind_speed'"
        )


def _list(names: Sequence[str]) -> str:
    return ", ".join(map(repr, names)) or "no columns"


class CsvFile:
    """Comma, semicolon or tab between the fields, `"` around them, UTF-8, names in line 1."""

    unit = "line"

    def __init__(self, path: Path, rename: Mapping[str, str]) -> None:
        self.path = path
        headers = {delimiter: self._read_header(delimiter) for delimiter in DELIMITERS}
        wanted = rename.keys() | NAMES
        # A unit such as "Power, kW" may hold a comma: names that we know say more than counts
        self.delimiter = max(
            headers, key=lambda d: (len(wanted & set(headers[d])), len(headers[d]))
        )
        header = headers[self.delimiter]
        if not any(header):
            raise WrongInput(f"{path}: expected a first line that names the columns, got none")
        if not _is_text("".join(header)):
            raise WrongInput(f"{path}: expected CSV in UTF-8, got other bytes in line 1")
        self.layout = find_columns(path, header, rename)

    def create_source(self, con: duckdb.DuckDBPyConnection) -> None:
        """See `File`. Everything is text; DuckDB is told all and guesses nothing."""
        ours = {position: name for name, position in self.layout.columns.items()}
        positions = range(len(self.layout.header))
        con.read_csv(
            glob.escape(str(self.path.absolute())),
            columns={ours.get(i, f"ignored_{i}"): "VARCHAR" for i in positions},
            header=True,
            sep=self.delimiter,
            quotechar='"',
            escapechar='"',
            auto_detect=False,
            compression="none",
        ).create_view("source")

    def read_numbered(self) -> tuple[pa.Table, Problems]:
        """See `File`. Slow, but it knows lines, and takes what DuckDB finds too untidy."""
        rows: dict[str, list[Any]] = {name: [] for name in ("number", *self.layout.columns)}
        problems: Problems = {}
        with self._open() as file:
            reader = csv.reader(file, delimiter=self.delimiter)
            try:
                for line, row in _numbered(reader):
                    if problem := self._find_problem(row):
                        problems[line] = [problem]
                        continue
                    rows["number"].append(line)
                    for name, position in self.layout.columns.items():
                        rows[name].append(row[position])
            except csv.Error as error:
                problems[reader.line_num] = [f"expected CSV: {error}"]
        text = [pa.field(name, pa.string()) for name in self.layout.columns]
        return pa.table(rows, pa.schema([pa.field("number", pa.int64()), *text])), problems

    def _open(self) -> TextIO:
        """A byte order mark is skipped; bytes that are not UTF-8 become lone surrogates."""
        return self.path.open(encoding="utf-8-sig", errors="surrogateescape", newline="")

    def _read_header(self, delimiter: str) -> list[str]:
        with self._open() as file:
            return [name.strip() for name in next(csv.reader(file, delimiter=delimiter), [])]

    def _find_problem(self, row: Sequence[str]) -> str | None:
        if len(row) != len(self.layout.header):
            return f"expected {len(self.layout.header)} fields as in line 1, got {len(row)}"
        return None if _is_text("".join(row)) else "expected UTF-8, got other bytes"


def _numbered(reader: Any) -> Iterator[tuple[int, Sequence[str]]]:
    """The rows below the header, each with the line that it starts on, as an editor counts.

    Blank lines are no rows, but they and the lines inside quotes count.
    """
    next(reader)
    line = reader.line_num + 1
    for row in reader:
        if row:
            yield line, row
        line = reader.line_num + 1


def _is_text(decoded: str) -> bool:
    try:
        return "\0" not in decoded.encode().decode()
    except UnicodeEncodeError:
        return False


class ParquetFile:
    """Timestamps are of a timestamp type (without a zone they are UTC) or ISO 8601 text."""

    unit = "row"

    def __init__(self, path: Path, rename: Mapping[str, str]) -> None:
        self.path = path
        with pq.ParquetFile(path) as file:
            names = file.schema_arrow.names
            self.layout = find_columns(path, names, rename)
            ours = {name: names[position] for name, position in self.layout.columns.items()}
            for name, source in ours.items():
                _check_type(path, name, file.schema_arrow.field(source))
            table = file.read(list(ours.values()))
        columns = {name: _known_type(table.column(source)) for name, source in ours.items()}
        numbers = pa.array(range(1, table.num_rows + 1), pa.int64())
        self.table = pa.table({"number": numbers} | columns)

    def create_source(self, con: duckdb.DuckDBPyConnection) -> None:
        """See `File`."""
        con.register("source", self.table)

    def read_numbered(self) -> tuple[pa.Table, Problems]:
        """See `File`."""
        return self.table, {}


def _known_type(values: pa.ChunkedArray) -> pa.ChunkedArray:
    """The two kinds of numbers that DuckDB does not take from Arrow become some that it does."""
    if pa.types.is_float16(values.type):
        return values.cast(pa.float32())
    return values.cast(pa.float64()) if pa.types.is_decimal256(values.type) else values


def _check_type(path: Path, name: str, column: pa.Field) -> None:
    kind, types = column.type, pa.types
    if name == "timestamp":
        fits = types.is_timestamp(kind) or types.is_string(kind) or types.is_large_string(kind)
        expected = "timestamps or ISO 8601 text"
    else:
        fits = types.is_integer(kind) or types.is_floating(kind) or types.is_decimal(kind)
        fits, expected = fits or types.is_null(kind), "numbers"
    if not fits:
        raise WrongInput(f"{path}: column {column.name!r}: expected {expected}, got {kind}")


KINDS: dict[str, Callable[[Path, Mapping[str, str]], File]] = {
    ".csv": CsvFile,
    ".txt": CsvFile,
    ".parquet": ParquetFile,
}
