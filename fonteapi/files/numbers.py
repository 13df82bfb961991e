"""How a file writes numbers: which mark stands before decimals, and which between thousands."""

from collections.abc import Mapping, Sequence
from enum import StrEnum

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


def find_marks(
    con: duckdb.DuckDBPyConnection,
    names: Mapping[str, str],
    given: Mark | None,
    file: str,
    delimiter: str | None = None,
) -> dict[str, Mark]:
    """The mark of each text column of `source`; `names` has the file's name of each.

    A column whose numbers could be read by both, such as 1.075 for 1075, has the mark of the
    others; between commas a point stands before decimals, since where the comma does, files have
    another delimiter. Raises `WrongInput`, with the option that decides, if they tell none.
    """
    if given:
        return dict.fromkeys(names, given)
    fitting = {name: _fit(con, name) for name in names}
    told = {marks[0] for marks in fitting.values() if len(marks) == 1}
    usual = next(iter(told)) if len(told) == 1 else Mark.POINT
    found = {name: marks[0] if len(marks) == 1 else usual for name, marks in fitting.items()}
    for name, marks in fitting.items():
        if len(marks) > 1 and len(told) != 1:
            example = _find_example(con, name)
            if "," in example or delimiter != ",":
                whole = example.replace(".", "").replace(",", "")
                raise WrongInput(
                    f"{file}: column {names[name]!r}: {example!r} could be"
                    f" {example.replace(',', '.')} or {whole}: choose with --decimal . or"
                    " --decimal ,"
                )
    return found


def _find_example(con: duckdb.DuckDBPyConnection, name: str) -> str:
    """A number of a column with a mark in it, one with a comma if there is one."""
    query = f"""
        SELECT trim("{name}") FROM source WHERE regexp_matches("{name}", '[.,]')
        ORDER BY contains("{name}", ',') DESC, 1 DESC LIMIT 1
    """  # noqa: S608
    [(example,)] = con.execute(query).fetchall()
    return str(example)


def describe(marks: Mapping[str, Mark], names: Mapping[str, str]) -> str:
    """A line on the columns with a decimal comma; empty without any."""
    commas = [names[name] for name, mark in marks.items() if mark is Mark.COMMA]
    return f"numbers with a decimal comma: {', '.join(commas)}" if commas else ""


def _fit(con: duckdb.DuckDBPyConnection, name: str) -> Sequence[Mark]:
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
    return found
