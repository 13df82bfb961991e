"""The beginning of a text as records: lines whose fields a delimiter separates."""

import codecs
import csv
from collections.abc import Iterable, Iterator, Sequence
from pathlib import Path
from typing import Any

SAMPLE_BYTES = 1 << 18
BLANK = " "


def read_sample(path: Path) -> tuple[str, str]:
    """The encoding of a file, and its beginning."""
    with path.open("rb") as file:
        start = file.read(SAMPLE_BYTES)
        is_whole = not file.read(1)
    try:
        decoder = codecs.getincrementaldecoder("utf-8-sig")()
        return "utf-8-sig", decoder.decode(start, final=is_whole)
    except UnicodeDecodeError:
        return "cp1252", start.decode("cp1252", errors="replace")


def read_fields(lines: Iterable[str], delimiter: str) -> Any:
    """A `csv.reader` of lines; several blanks between fields are one."""
    if delimiter == BLANK:
        return csv.reader((line.strip() for line in lines), delimiter=BLANK, skipinitialspace=True)
    return csv.reader(lines, delimiter=delimiter)


def read_record(lines: Sequence[str], start: int, delimiter: str) -> tuple[list[str], int]:
    """The fields of the record that begins on a line, and the lines that it takes."""
    reader = read_fields((line + "\n" for line in lines[start : start + 50]), delimiter)
    try:
        return next(reader), reader.line_num
    except csv.Error:  # such as a quote that is never closed
        return [], 1


def records(lines: Sequence[str], first: int, delimiter: str) -> Iterator[tuple[int, list[str]]]:
    """Each record from a line on, and the line that it begins on; blank lines are none."""
    while first < len(lines):
        record, height = read_record(lines, first, delimiter)
        if any(record):
            yield first, record
        first += height


def has_rows(cell: str, delimiter: str) -> bool:
    """Whether a field over several lines holds what look like rows: a quote too many opened it."""
    lines = cell.splitlines()[1:]
    return any(delimiter in line and any(map(str.isdigit, line)) for line in lines)
