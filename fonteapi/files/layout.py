"""Finds the table in a text: its delimiter, the line of the names, what stands above and below."""

import csv
import re
from collections import Counter
from collections.abc import Callable, Collection, Sequence
from dataclasses import dataclass, field
from itertools import islice
from pathlib import Path

from fonteapi.files.errors import WrongInput
from fonteapi.files.records import has_rows, read_record, read_sample, records

DELIMITERS = (",", ";", "\t", "|")
MOST_ABOVE = 200
"""The lines among which the names are looked for."""
MOST_BELOW = 4
"""The lines below the names that may have units and the like."""
ROWS = 20
"""The rows that tell how many fields a row has."""
NUMBER = re.compile(
    r"[+-]?(\d[\d.,' ]*|[.,]\d+)([eE][+-]?\d+)?|nan|[+-]?inf(inity)?", re.IGNORECASE
)


@dataclass(frozen=True)
class Layout:
    """Where the table is in a text."""

    encoding: str
    delimiter: str
    header: Sequence[str]
    """The names; one of several equal names is followed by what stands below it."""
    below: Sequence[Sequence[str]] = ()
    """The lines between the names and the rows, such as one of units; as long as the header."""
    names_line: int = 0
    """0: the file has no line of names."""
    first_line: int = 1
    """The line of the first row."""
    width: int = 0
    """The fields of a row."""
    above: Sequence[str] = field(default=(), repr=False)
    """The lines above the names."""

    @property
    def is_plain(self) -> bool:
        """Whether the lines above the rows can be skipped by counting them."""
        return not any(line.count('"') % 2 for line in self.above)


def find_layout(
    path: Path,
    name: str,
    wanted: Collection[str],
    is_key: Callable[[str], bool],
    names: Sequence[str] = (),
    header_row: int | None = None,
) -> Layout:
    """Find the table of a file; `wanted` are the names that decide which line has the names.

    `is_key` tells the names of timestamps. `names` are those of a file that has none,
    `header_row` is the line of the names. Raises `WrongInput` if no line has names.
    """
    encoding, text = read_sample(path)
    lines = re.split(r"\r\n|\n|\r", text)
    if header_row is not None and header_row > len(lines):
        raise WrongInput(f"--header-row: {name} has {len(lines)} lines, got {header_row}")
    if names:
        return _without_names(encoding, lines, list(names), header_row, name)
    candidates = range(min(len(lines), MOST_ABOVE)) if header_row is None else [header_row - 1]
    found = [
        (_rate(clean(record), wanted), -start, delimiter, clean(record), height)
        for start in candidates
        if lines[start].strip()
        for delimiter in DELIMITERS
        for record, height in [read_record(lines, start, delimiter)]
        if record
    ]
    if not found:
        raise WrongInput(f"{name}: expected a line that names the columns, got none")
    if max(found)[0][0] == 0 and header_row is None:  # no name is known: the shape decides
        found = [_find_by_shape(lines, found)]
    best = max(found, key=lambda each: each[:2])
    _refuse_doubt(found, best, is_key, name)
    _, start, delimiter, header, height = best
    if sum(line.count('"') for line in lines[-start : height - start]) % 2:
        raise WrongInput(f"{name}: line {1 - start}: expected names, got one with a quote too many")
    return _describe(encoding, lines, -start, delimiter, header, height, is_key)


Candidate = tuple[tuple[int, int], int, str, list[str], int]


def _refuse_doubt(
    found: Sequence[Candidate], best: Candidate, is_key: Callable[[str], bool], name: str
) -> None:
    """Refuse a second line that names the columns, and a row above the one that was chosen."""
    rate, start, delimiter, header, _ = best
    if any(has_rows(title, delimiter) for title in header):
        raise WrongInput(f"{name}: line {1 - start}: expected the end of a quoted name, got rows")
    key = next((place for place, title in enumerate(header) if is_key(title)), None)
    for other_rate, other, mark, record, _ in found:
        lines = f"{name}: lines {1 - start} and {1 - other}"
        if mark != delimiter:
            continue
        if other_rate == rate and record != header and rate[0] > 1:
            raise WrongInput(f"{lines} both name the columns: choose with --header-row")
        is_row = key is not None and len(record) == len(header) and record[key][:1].isdigit()
        if other > start and is_row:
            raise WrongInput(
                f"{lines}: expected the names above the rows, got a row above them: choose with"
                " --header-row"
            )


def clean(record: Sequence[str]) -> list[str]:
    """Names without blanks around them, and without the mark of a comment."""
    names = [" ".join(name.split(" ")).strip() for name in record]
    return [names[0].lstrip("# "), *names[1:]] if names else names


def _rate(record: Sequence[str], wanted: Collection[str]) -> tuple[int, int]:
    """Known names count before the number of names: one such as "Power, kW" has a comma."""
    return len(set(wanted) & set(record)), len(record)


def _find_by_shape(lines: Sequence[str], found: Sequence[Candidate]) -> Candidate:
    """Of the lines with as many fields as most lines have, the one with the most words."""
    widths = {
        mark: Counter(len(row) for row in csv.reader(_filled(lines), delimiter=mark))
        for mark in DELIMITERS
    }
    usual = {
        mark: max(((n, width) for width, n in counts.items() if width > 1), default=(0, 1))
        for mark, counts in widths.items()
    }
    mark = max(DELIMITERS, key=lambda mark: usual[mark])
    fitting = [each for each in found if each[2] == mark and len(each[3]) == usual[mark][1]]
    return max(fitting or found, key=lambda each: (_count_words(each[3]), each[1]))


def _count_words(record: Sequence[str]) -> int:
    return sum(cell[:1].isalpha() for cell in record)


def _filled(lines: Sequence[str]) -> list[str]:
    return [line.replace('"', "") for line in lines if line.strip()]


def _describe(
    encoding: str,
    lines: Sequence[str],
    start: int,
    delimiter: str,
    header: list[str],
    height: int,
    is_key: Callable[[str], bool],
) -> Layout:
    """The layout of a table whose names begin on the line `start`, counted from 0."""
    key = next((place for place, title in enumerate(header) if is_key(title)), None)
    below: list[list[str]] = []
    first = start + height
    for line, record in islice(records(lines, first, delimiter), MOST_BELOW + 1):
        if _is_row(record, key):
            first = line
            break
        below.append((record + [""] * len(header))[: len(header)])
    else:  # without a row they are bad rows, and not names
        below = []
    rows = [row for _, row in islice(records(lines, first, delimiter), ROWS)]
    widths = Counter((len(row), not row[-1].strip()) for row in rows)
    usual, is_open = widths.most_common(1)[0][0] if widths else (len(header), False)
    if usual == len(header) - 1 and not header[-1]:
        header = header[:-1]
    # A delimiter may end each row, but not the names
    width = usual if is_open and usual == len(header) + 1 else len(header)
    header = _tell_apart(header, below)
    above = lines[:first]
    return Layout(encoding, delimiter, header, below, start + 1, first + 1, width, above)


def _is_row(record: Sequence[str], key: int | None) -> bool:
    """Whether a record has a timestamp or a number, unlike a line of units."""
    has_stamp = key is not None and key < len(record) and any(map(str.isdigit, record[key]))
    return has_stamp or any(NUMBER.fullmatch(cell.strip()) for cell in record)


def _tell_apart(header: list[str], below: Sequence[Sequence[str]]) -> list[str]:
    """Equal names followed by what stands below them: `Wind speed Avg`, `Wind speed Min`."""
    repeated = {name for name, count in Counter(header).items() if count > 1 and name}
    for line in below:
        longer = [
            f"{name} {more}".strip() if name in repeated else name
            for name, more in zip(header, line, strict=False)
        ]
        if len(set(longer)) > len(set(header)):
            return longer
    return header


def _without_names(
    encoding: str, lines: Sequence[str], names: list[str], header_row: int | None, path: str
) -> Layout:
    """The layout of a table whose names are given: it begins with the first line of as many fields.

    With a line of names the table begins below it, and the names take the place of its own.
    """
    for start in range(header_row or 0, len(lines)):
        for mark in DELIMITERS:
            record, _ = read_record(lines, start, mark)
            width = len(record)
            is_open = width == len(names) + 1 and not record[-1].strip()
            if (width == len(names) or is_open) and _is_row(record, None):
                above = lines[:start]
                return Layout(encoding, mark, names, (), 0, start + 1, width, above)
    raise WrongInput(f"--names: {path} has no line of {len(names)} fields, the number of names")
