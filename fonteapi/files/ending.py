"""The end of a text: whether its last value may be cut off."""

from collections.abc import Sequence

import duckdb

from fonteapi.files.errors import WrongInput
from fonteapi.files.tables import RAW, Table

ENOUGH = 10
"""As many other values tell that a value is shorter than usual."""


def describe_ending(con: duckdb.DuckDBPyConnection, table: Table, positions: Sequence[int]) -> str:
    """A line on a last value that may be cut off; empty if it is whole.

    A text without a line break at its end may be the beginning of a longer one. Its last value is
    whole if it has as many decimals as all others. Raises `WrongInput` if all others are longer.
    """
    last = table.layout.width - 1 if table.layout else None
    if last not in positions or _ends_with_a_break(table):
        return ""
    query = f"""
        SELECT any_value(value) FILTER (is_last), count(*),
            min(length(value)) FILTER (NOT is_last AND value <> ''),
            min(decimals) = max(decimals) AND min(decimals) > 0
        FROM (
            SELECT coalesce(trim(c{last}), '') AS value,
                rowid = max(rowid) OVER () AS is_last,
                length(regexp_extract(value, '[.,](\\d+)$', 1)) AS decimals
            FROM {RAW}
        )
    """  # noqa: S608
    [(value, rows, shortest, is_whole)] = con.execute(query).fetchall()
    if not rows or is_whole:
        return ""
    line = f"no line break after the last value, {value!r}, which may be cut off"
    if value and rows > ENOUGH and len(value) < shortest:
        raise WrongInput(
            f"{table.name}: {line}, since all others are longer; if the file is whole, end it with"
            " a line break"
        )
    return line


def _ends_with_a_break(table: Table) -> bool:
    with table.source.path.open("rb") as file:
        if not file.seek(0, 2):
            return True
        file.seek(-1, 2)
        return file.read() in b'\r\n"'
