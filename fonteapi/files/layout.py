"""Finds the table in a text: its delimiter, the line of the names, what stands above and below."""

import re
from collections import Counter
from collections.abc import Collection, Sequence
from dataclasses import dataclass, field
from itertools import islice
from pathlib import Path
from typing import NamedTuple

from fonteapi.files.errors import WrongInput
from fonteapi.files.records import (
    BLANK,
    has_rows,
    read_fields,
    read_record,
    read_sample,
    records,
)
from fonteapi.files.rules import KEYS, STAMPS, Rules

DELIMITERS = (",", ";", "\t", "|", BLANK)
"""Where no option tells; the first ones before the last where nothing else decides."""
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
        """Whether DuckDB can read it, which knows no runs of blanks and no free text above."""
        has_open_quote = any(line.count('"') % 2 for line in self.above)
        return self.delimiter != BLANK and not has_open_quote


class Candidate(NamedTuple):
    """A line that may name the columns, read by one delimiter."""

    rate: tuple[int, bool, int]
    """The known names, whether something else than blanks stands between names, then all names."""
    line: int
    """Counted from 0."""
    delimiter: str
    names: list[str]
    height: int
    """The lines that it takes."""


def find_layout(path: Path, name: str, rules: Rules, signals: Collection[str]) -> Layout:
    """Find the table of a file.

    The line with most known names has the names; without any, the shape of the table decides.
    Raises `WrongInput` if no line has names, or if two may.
    """
    encoding, text = read_sample(path)
    lines = re.split(r"\r\n|\n|\r", text)
    row = rules.header_row
    if row is not None and not 0 < row <= len(lines):
        raise WrongInput(f"--header-row: {name} has {len(lines)} lines, got {row}")
    marks = (rules.delimiter,) if rules.delimiter else DELIMITERS
    if rules.names:
        return _without_names(encoding, lines, rules, marks, name)
    keys = {its for its, ours in rules.rename.items() if ours in STAMPS} | {*STAMPS}
    wanted = {*rules.rename, *KEYS, *signals}
    found = [
        Candidate((len(wanted & {*names}), mark != BLANK, len(names)), line, mark, names, height)
        for line in (range(min(len(lines), MOST_ABOVE)) if row is None else [row - 1])
        if lines[line].strip()
        for mark in marks
        for record, height in [read_record(lines, line, mark)]
        if (names := clean(record))
    ]
    if not found:
        raise WrongInput(f"{name}: expected a line that names the columns, got none")
    # Known names decide before the number of names: one such as "Power, kW" has a comma
    best = max(found, key=lambda each: (each.rate, -each.line))
    if best.rate[0] == 0 and row is None:
        best = _find_by_shape(lines, found, marks)
    key = next((place for place, title in enumerate(best.names) if title in keys), None)
    _refuse_doubt(lines, found, best, key, name)
    return _describe(encoding, lines, best, key)


def _refuse_doubt(
    lines: Sequence[str],
    found: Sequence[Candidate],
    best: Candidate,
    key: int | None,
    name: str,
) -> None:
    """Refuse a second line of names, a row above the names, and names that swallow rows."""
    text = "".join(lines[best.line : best.line + best.height])
    if text.count('"') % 2 or any(has_rows(title, best.delimiter) for title in best.names):
        raise WrongInput(f"{name}: line {best.line + 1}: expected names, got a quote too many")
    for each in found:
        if each.delimiter != best.delimiter:
            continue
        both = f"{name}: lines {best.line + 1} and {each.line + 1}"
        if each.rate == best.rate and each.names != best.names and best.rate[0] > 1:
            raise WrongInput(f"{both} both name the columns: choose with --header-row")
        is_long = key is not None and len(each.names) == len(best.names)
        if each.line < best.line and is_long and each.names[key or 0][:1].isdigit():
            raise WrongInput(
                f"{both}: expected the names above the rows, got a row above them: choose with"
                " --header-row"
            )


def clean(record: Sequence[str]) -> list[str]:
    """Names without blanks around them, and without the mark of a comment."""
    names = [name.strip() for name in record]
    return [names[0].lstrip("# "), *names[1:]] if names else names


def _find_by_shape(
    lines: Sequence[str], found: Sequence[Candidate], marks: Sequence[str]
) -> Candidate:
    """Of the lines with as many fields as most lines have, the one with the most words.

    The delimiter is the one by which most lines have equally many fields; blanks are one only
    where no other gives a table.
    """
    filled = [line.replace('"', "") for line in lines if line.strip()]
    usual = {}
    fitting = {}
    for mark in marks:
        widths = Counter(len(row) for row in read_fields(filled, mark))
        usual[mark] = max(((n, width) for width, n in widths.items() if width > 1), default=(0, 1))
        fitting[mark] = [
            each for each in found if (each.delimiter, len(each.names)) == (mark, usual[mark][1])
        ]

    def rate(mark: str) -> tuple[bool, tuple[int, int]]:
        has_names = any(_count_words(each.names) > 1 for each in fitting[mark])
        return mark != BLANK and has_names, usual[mark]

    best = max(marks, key=rate)
    return max(fitting[best] or found, key=lambda each: (_count_words(each.names), -each.line))


def _count_words(record: Sequence[str]) -> int:
    return sum(cell[:1].isalpha() for cell in record)


def _describe(encoding: str, lines: Sequence[str], best: Candidate, key: int | None) -> Layout:
    """The layout of the table below the names; `key` is the place of its timestamps."""
    header, delimiter = best.names, best.delimiter
    below: list[list[str]] = []
    first = best.line + best.height
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
    return Layout(encoding, delimiter, header, below, best.line + 1, first + 1, width, above)


def _is_row(record: Sequence[str], key: int | None) -> bool:
    """Whether a record has a timestamp or a number, unlike a line of units."""
    has_stamp = key is not None and key < len(record) and any(map(str.isdigit, record[key]))
    has_number = any(NUMBER.fullmatch(cell.strip()) for cell in record)
    # A quote too many may have put several rows into one field
    return has_stamp or has_number or any("\n" in cell for cell in record)


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
    encoding: str, lines: Sequence[str], rules: Rules, marks: Sequence[str], file: str
) -> Layout:
    """The layout of a table whose names are given: it begins with the first line of as many fields.

    With `header_row` the table begins below that line, and the given names replace those in it.
    """
    names = list(rules.names)
    for line in range(rules.header_row or 0, len(lines)):
        for mark in marks:
            record, _ = read_record(lines, line, mark)
            width = len(record)
            is_open = width == len(names) + 1 and not record[-1].strip()
            if (width == len(names) or is_open) and _is_row(record, None):
                above = lines[:line]
                return Layout(encoding, mark, names, (), 0, line + 1, width, above)
    raise WrongInput(f"--names: {file} has no line of {len(names)} fields, the number of names")
