"""How a file writes numbers: which mark stands before decimals, and which between thousands."""

import re
from collections.abc import Mapping, Sequence
from decimal import Decimal
from enum import StrEnum
from typing import NamedTuple

import duckdb

from fonteapi.files.errors import WrongInput

SAMPLE = 10_000
"""The rows that usually tell the mark; a column that they leave open is read whole."""


class Mark(StrEnum):
    """What stands before decimals. The other mark may stand between thousands."""

    POINT = "."
    COMMA = ","

    @property
    def other(self) -> "Mark":
        """What may stand between thousands."""
        return Mark.COMMA if self is Mark.POINT else Mark.POINT


BETWEEN = "[ '\u2019\u00a0\u2009\u202f]"
"""What can only stand between thousands: apostrophes and blanks."""
EXPONENT = r"([eE][+-]?\d+)?"


def _pattern(decimal: str, thousands: str) -> str:
    """A number as a regular expression."""
    grouped = rf"[1-9]\d{{0,2}}(({thousands}\d{{3}})+|({BETWEEN}\d{{3}})+)({decimal}\d*)?"
    plain = rf"(\d+({decimal}\d*)?|{decimal}\d+){EXPONENT}"
    return rf"[+-]?({grouped}|{plain})".replace("'", "''")


PATTERNS = {Mark.POINT: _pattern(r"\.", ","), Mark.COMMA: _pattern(",", r"\.")}
"""The numbers with each mark, as texts in SQL."""
NATIVE = r"-?\d+(\.\d+)?e0"
"""A number that was not text, such as one from Excel; its decimal mark is always a point."""
IGNORED = BETWEEN.replace("'", "''")
MACROS = rf"""
CREATE TEMP MACRO as_typed(x) AS  -- a name that Excel has as a number with decimals
    regexp_replace(trim(x::VARCHAR), '^(-?\d+\.\d+)e0$', '\1');

CREATE TEMP MACRO number_with_point(x) AS coalesce(
    CASE WHEN NOT contains(x, ',') THEN TRY_CAST(x AS DOUBLE) END,
    CASE WHEN regexp_full_match(trim(x), '{PATTERNS[Mark.POINT]}')
        THEN TRY_CAST(replace(regexp_replace(x, '{IGNORED}', '', 'g'), ',', '') AS DOUBLE) END);

CREATE TEMP MACRO number_with_comma(x) AS coalesce(
    CASE WHEN NOT (contains(x, ',') OR contains(x, '.')) OR regexp_full_match(x, '{NATIVE}')
        THEN TRY_CAST(x AS DOUBLE) END,
    CASE WHEN regexp_full_match(trim(x), '{PATTERNS[Mark.COMMA]}') THEN TRY_CAST(
        replace(replace(regexp_replace(x, '{IGNORED}', '', 'g'), '.', ''), ',', '.') AS DOUBLE)
    END);

CREATE TEMP MACRO is_marked(x) AS  -- a number with a mark; others tell none
    regexp_matches(x, '[.,]') AND NOT is_missing(x) AND NOT regexp_full_match(x, '{NATIVE}')
    AND (regexp_full_match(trim(x), '{PATTERNS[Mark.POINT]}')
        OR regexp_full_match(trim(x), '{PATTERNS[Mark.COMMA]}'));
"""
FUNCTIONS = {Mark.POINT: "number_with_point", Mark.COMMA: "number_with_comma"}


class Column(NamedTuple):
    """A column of numbers as text."""

    title: str
    """The file's name."""
    low: float
    high: float
    """What its values can be, in the unit of the file."""


def find_marks(
    con: duckdb.DuckDBPyConnection, columns: Mapping[str, Column], given: Mark | None, file: str
) -> dict[str, Mark]:
    """The mark of each text column of `source`, by our name.

    A column whose numbers could be read by both, such as 1.075 for 1075, has the mark by which its
    values can be, else that of the others. Raises `WrongInput`, with the option that decides, if
    they tell none.
    """
    if given:
        return dict.fromkeys(columns, given)
    fitting = {name: _fit(con, name, column) for name, column in columns.items()}
    told = {marks[0] for marks in fitting.values() if len(marks) == 1}
    usual = next(iter(told)) if len(told) == 1 else Mark.POINT
    for name, marks in fitting.items():
        if len(marks) > 1 and len(told) != 1:
            marked = f"""SELECT max(trim("{name}")) FROM source WHERE is_marked("{name}")"""  # noqa: S608
            [(example,)] = con.execute(marked).fetchall()
            other = example.replace(".", "").replace(",", "")
            raise WrongInput(
                f"{file}: column {columns[name].title!r}: {example!r} could be"
                f" {example.replace(',', '.')} or {other}: choose with --decimal . or --decimal ,"
            )
    return {name: marks[0] if len(marks) == 1 else usual for name, marks in fitting.items()}


def write_native(number: float) -> str:
    """A number as a text that is read as this number, whatever the marks are."""
    return f"{Decimal(repr(number)):f}e0"


def show(text: str) -> str:
    """A field as a person would type it."""
    return text.removesuffix("e0") if re.fullmatch(NATIVE, text) else text


def describe(marks: Mapping[str, Mark], columns: Mapping[str, Column]) -> str:
    """A line on the columns with a decimal comma; empty without any."""
    commas = [columns[name].title for name, mark in marks.items() if mark is Mark.COMMA]
    return f"numbers with a decimal comma: {', '.join(commas)}" if commas else ""


def _fit(con: duckdb.DuckDBPyConnection, name: str, column: Column) -> Sequence[Mark]:
    """The marks by which all numbers of a column can be read; none if it has no marks."""
    counts = ", ".join(
        f"count(*) FILTER (regexp_full_match(x, '{pattern}'))" for pattern in PATTERNS.values()
    )
    for limit in (f" LIMIT {SAMPLE}", ""):
        marked = f"""
            SELECT trim("{name}") AS x FROM (SELECT * FROM source{limit})
            WHERE is_marked("{name}")
        """  # noqa: S608
        [(total, *fits)] = con.execute(f"SELECT count(*), {counts} FROM ({marked})").fetchall()  # noqa: S608
        found = [mark for mark, count in zip(PATTERNS, fits, strict=True) if count == total > 0]
        if len(found) == 1:
            return found
        if total and not found:  # some are of the other kind: they are reported
            return [max(zip(fits, PATTERNS, strict=True), key=lambda pair: pair[0])[1]]
    return _narrow(con, name, column, found) if len(found) > 1 else found


def _narrow(
    con: duckdb.DuckDBPyConnection, name: str, column: Column, marks: Sequence[Mark]
) -> Sequence[Mark]:
    """Of several marks the one by which most values can be; all, if that tells none."""
    bounds = f"'{column.low}'::DOUBLE AND '{column.high}'::DOUBLE"
    can_be = ", ".join(
        f'2 * count_if({FUNCTIONS[mark]}("{name}") BETWEEN {bounds}) > count(*)' for mark in marks
    )
    query = f'SELECT {can_be} FROM source WHERE is_marked("{name}")'  # noqa: S608
    [fits] = con.execute(query).fetchall()
    narrowed = [mark for mark, fit in zip(marks, fits, strict=True) if fit]
    return narrowed if len(narrowed) == 1 else marks
