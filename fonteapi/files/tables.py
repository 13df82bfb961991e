"""Reads CSV and Parquet files into tables of our columns, whose rows keep their line number."""

import csv
from collections.abc import Collection, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from io import TextIOWrapper
from itertools import islice
from operator import itemgetter
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq

from pgarrow.errors import first_line

DELIMITERS = (",", ";", "\t")
CHUNK = 100_000
"""How many rows are Python objects at a time."""
KEYS = ("timestamp", "date", "time", "turbine")
"""The columns beside signals; `date` and `time` together are a timestamp, and `turbine` is needed
in a file of several turbines only."""


class LoadError(Exception):
    """The file was not loaded; the message has one line or a few."""

    exit_code = 1


class WrongInput(LoadError):  # noqa: N818  # named as users read it
    """The arguments, or the file as a whole, are not as expected."""

    exit_code = 2


@dataclass(frozen=True)
class File:
    """The columns of a file that are ours."""

    path: Path
    header: Sequence[str]
    """The file's names."""
    columns: Mapping[str, int]
    """Our name → position in the header."""
    rows: pa.Table
    """`number`, the line or row, then our columns: text of a CSV, values of a Parquet file."""
    numbered_by: str
    """`line` or `row`."""
    problems: dict[int, list[str]] = field(default_factory=dict)
    """Line or row → what is wrong with it."""

    @property
    def signals(self) -> list[str]:
        """The signals that the file has."""
        return [name for name in self.columns if name not in KEYS]

    @property
    def ignored(self) -> list[str]:
        """The file's names of the columns that are not loaded."""
        used = self.columns.values()
        return [name or "(no name)" for i, name in enumerate(self.header) if i not in used]


def open_file(path: Path, rename: Mapping[str, str], signals: Collection[str]) -> File:
    """Read a file's timestamps and `signals`; `rename` maps its names to ours where they differ.

    Raises `WrongInput` for a file that does not exist, is not readable or lacks a column.
    """
    name = path.name.lower().removesuffix(".gz")
    read = READERS.get(Path(name).suffix)
    if read is None or (read is read_parquet and name != path.name.lower()):
        raise WrongInput(
            f"{path}: expected a name that ends in {', '.join(READERS)}, or in .csv.gz or .txt.gz"
            " (unpack an archive first)"
        )
    if not path.is_file():
        raise WrongInput(f"{path}: " + ("not a file" if path.exists() else "there is no such file"))
    try:
        return read(path, rename, signals)
    except (OSError, pa.ArrowException, csv.Error) as error:
        raise WrongInput(f"{path}: cannot be read: {first_line(error)}") from None


def find_columns(
    path: Path, header: Sequence[str], rename: Mapping[str, str], signals: Collection[str]
) -> dict[str, int]:
    """Our name → position in the header, for `timestamp` and at least one signal."""
    names = ", ".join(map(repr, header)) or "no columns"
    for source in rename:
        if source not in header:
            raise WrongInput(f"--rename: {path} has no column {source!r}; it has {names}")
    columns: dict[str, int] = {}
    for position, source in enumerate(header):
        name = rename.get(source, source)
        if name in columns:
            both = f"{header[columns[name]]!r} and {source!r}"
            raise WrongInput(f"{path}: expected one column for {name}, got {both}")
        if name in KEYS or name in signals:
            columns[name] = position
    if "timestamp" in columns or not {"date", "time"} <= columns.keys():
        renamed = {rename.get(header[place]) for place in columns.values()}
        for name in {"date", "time"} & columns.keys():  # a name by chance, if nobody named it
            if name in renamed:
                both = "timestamp" if "timestamp" in columns else f"only a {name}"
                raise WrongInput(f"--rename: expected a date and a time of {path}, got {both}")
            del columns[name]
    lacking = [] if columns.keys() & {"timestamp", "date"} else ["no timestamp"]
    if not columns.keys() - KEYS:
        lacking.append(f"no signal ({', '.join(signals)})")
    if lacking:
        raise WrongInput(
            f"{path} has {' and '.join(lacking)}; it has {names}. Rename a column:"
            " --rename 'Its name=timestamp' 'Another=wind_speed'"
        )
    return columns


def read_csv(path: Path, rename: Mapping[str, str], signals: Collection[str]) -> File:
    """Read UTF-8, with or without a byte order mark, `"` around fields, and names in line 1."""
    delimiter, header = _find_header(path, {*rename, *KEYS, *signals})
    columns = find_columns(path, header, rename, signals)
    schema = pa.schema({"number": pa.int64()} | dict.fromkeys(columns, pa.string()))
    problems: dict[int, list[str]] = {}
    rows = _readable(_rows(path, delimiter), len(header), columns.values(), problems)
    batches = []
    while chunk := list(islice(rows, CHUNK)):
        batches.append(pa.record_batch(list(zip(*chunk, strict=True)), schema))
    return File(path, header, columns, pa.Table.from_batches(batches, schema), "line", problems)


def _rows(path: Path, delimiter: str) -> Iterator[tuple[int, list[str]]]:
    """Each row with the line that it starts on, as an editor counts, blank lines included."""
    # Bytes other than UTF-8 become lone surrogates, which `_readable` finds
    how: Any = {"encoding": "utf-8-sig", "errors": "surrogateescape", "newline": ""}
    packed = "gzip" if path.name.lower().endswith(".gz") else None
    content = pa.input_stream(str(path), compression=packed)
    with content, TextIOWrapper(content, **how) as file:
        reader = csv.reader(file, delimiter=delimiter)
        line = 1
        try:
            for row in reader:
                yield line, row
                line = reader.line_num + 1
        except csv.Error as error:  # such as a quote that is never closed
            raise WrongInput(
                f"{path}: the row from line {line} on cannot be read: {error}"
            ) from None


def _find_header(path: Path, wanted: set[str]) -> tuple[str, list[str]]:
    """The delimiter and the names in line 1."""
    headers = {mark: next(_rows(path, mark), (1, [""]))[1] for mark in DELIMITERS}
    headers = {mark: [name.strip() for name in names] for mark, names in headers.items()}
    # Known names decide before the number of names: a name such as "Power, kW" has a comma
    mark = max(headers, key=lambda mark: (len(wanted & set(headers[mark])), len(headers[mark])))
    if not any(headers[mark]):
        raise WrongInput(f"{path}: expected a first line that names the columns, got none")
    if not _is_text(headers[mark]):
        raise WrongInput(f"{path}: expected CSV in UTF-8, got other bytes in line 1")
    return mark, headers[mark]


def _readable(
    rows: Iterator[tuple[int, list[str]]],
    width: int,
    positions: Iterable[int],
    problems: dict[int, list[str]],
) -> Iterator[tuple[Any, ...]]:
    """Each row's line and wanted fields, below the header; other rows become problems."""
    wanted = itemgetter(*positions)
    next(rows)
    for line, row in rows:
        if row and len(row) != width:
            problems[line] = [f"expected {width} fields as in line 1, got {len(row)}"]
        elif row and not _is_text(wanted(row)):
            problems[line] = ["expected UTF-8, got other bytes"]
        elif row:
            yield line, *wanted(row)


def _is_text(fields: Iterable[str]) -> bool:
    try:
        return b"\0" not in "".join(fields).encode()
    except UnicodeEncodeError:
        return False


def read_parquet(path: Path, rename: Mapping[str, str], signals: Collection[str]) -> File:
    """Timestamps are of a timestamp type (UTC if it has no zone) or ISO 8601 text."""
    with pq.ParquetFile(path) as file:
        names = file.schema_arrow.names
        header = [name.strip() for name in names]
        columns = find_columns(path, header, rename, signals)
        ours = {name: names[position] for name, position in columns.items()}
        for name, source in ours.items():
            _check_type(path, name, file.schema_arrow.field(source))
        table = file.read(list(ours.values()))
    rows = {"number": pa.array(range(1, table.num_rows + 1), pa.int64())}
    for name, source in ours.items():
        values = table.column(source)
        rows[name] = values if name in KEYS else _to_numbers(values)
    return File(path, header, columns, pa.table(rows), "row")


def _to_numbers(values: pa.ChunkedArray) -> pa.ChunkedArray:
    """Numbers as DOUBLE; text as it is."""
    kind = _plain_type(values.type)
    is_text = pa.types.is_string(kind) or pa.types.is_large_string(kind)
    return values.cast(pa.string() if is_text else pa.float64(), safe=False)


def _plain_type(kind: pa.DataType) -> pa.DataType:
    """The type of values; pandas' categories are a dictionary of them."""
    return kind.value_type if pa.types.is_dictionary(kind) else kind


def _check_type(path: Path, name: str, column: pa.Field) -> None:
    kind, types = _plain_type(column.type), pa.types
    is_text = types.is_string(kind) or types.is_large_string(kind)
    if name == "timestamp":
        fits = is_text or types.is_timestamp(kind) or types.is_integer(kind)
        expected = "timestamps, text or epoch seconds"
    elif name in ("date", "time"):
        fits, expected = is_text or types.is_temporal(kind), f"a {name} or text"
    elif name == "turbine":
        fits, expected = is_text or types.is_integer(kind), "names of turbines"
    else:
        fits = types.is_integer(kind) or types.is_floating(kind) or types.is_decimal(kind)
        fits, expected = fits or types.is_null(kind) or is_text, "numbers"
    if not fits:
        raise WrongInput(f"{path}: column {column.name!r}: expected {expected}, got {kind}")


READERS = {".csv": read_csv, ".txt": read_csv, ".parquet": read_parquet}
