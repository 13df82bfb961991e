"""How a file writes numbers: which mark stands before decimals, and which between thousands."""

from collections.abc import Mapping, Sequence
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


PATTERNS = {
    Mark.POINT: r"[+-]?(\d+|[1-9]\d{0,2}(,\d{3})+)?(\.\d*)?([eE][+-]?\d+)?",
    Mark.COMMA: r"[+-]?(\d+|[1-9]\d{0,2}(\.\d{3})+)?(,\d*)?([eE][+-]?\d+)?",
}
MACROS = f"""
CREATE TEMP MACRO number_with_point(x) AS
    CASE WHEN NOT contains(x, ',') THEN TRY_CAST(x AS DOUBLE)
    WHEN regexp_full_match(trim(x), '{PATTERNS[Mark.POINT]}')
        THEN TRY_CAST(replace(x, ',', '') AS DOUBLE) END;

CREATE TEMP MACRO number_with_comma(x) AS
    CASE WHEN NOT (contains(x, ',') OR contains(x, '.')) THEN TRY_CAST(x AS DOUBLE)
    WHEN regexp_full_match(trim(x), '{PATTERNS[Mark.COMMA]}')
        THEN TRY_CAST(replace(replace(x, '.', ''), ',', '.') AS DOUBLE) END;
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
            marked = f"""SELECT max(trim("{name}")) FROM source WHERE contains("{name}", '.')
                OR contains("{name}", ',')"""  # noqa: S608
            [(example,)] = con.execute(marked).fetchall()
            other = example.replace(".", "").replace(",", "")
            raise WrongInput(
                f"{file}: column {columns[name].title!r}: {example!r} could be"
                f" {example.replace(',', '.')} or {other}: choose with --decimal . or --decimal ,"
            )
    return {name: marks[0] if len(marks) == 1 else usual for name, marks in fitting.items()}


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
            WHERE regexp_matches("{name}", '[.,]') AND NOT is_missing("{name}")
        """  # noqa: S608
        [(total, *fits)] = con.execute(f"SELECT count(*), {counts} FROM ({marked})").fetchall()  # noqa: S608
        found = [mark for mark, count in zip(PATTERNS, fits, strict=True) if count == total > 0]
        if len(found) == 1:
            return found
        if total and not found:  # some are no numbers: they are reported as such
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
    marked = f"""regexp_matches("{name}", '[.,]') AND NOT is_missing("{name}")"""
    [fits] = con.execute(f"SELECT {can_be} FROM source WHERE {marked}").fetchall()  # noqa: S608
    narrowed = [mark for mark, fit in zip(marks, fits, strict=True) if fit]
    return narrowed if len(narrowed) == 1 else marks
