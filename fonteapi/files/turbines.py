"""Refuses files whose readings would be mixed: those of several turbines under one name."""

import re
from collections.abc import Sequence
from pathlib import Path
from shlex import quote
from typing import NamedTuple

import duckdb

from fonteapi.catalogue import TURBINE_NAME
from fonteapi.files import stamps
from fonteapi.files.columns import Columns
from fonteapi.files.errors import WrongInput
from fonteapi.files.rules import Rules
from fonteapi.files.tables import Table

COLUMN = re.compile(
    r"(wind[ _-]?)?(turbine|wtg|wt|wec|asset|machine)s?([ _.-]?(name|id|no|nr|number|code|label))?",
    re.IGNORECASE,
)
"""Names of columns that tell turbines apart."""
MOST = 1000
"""A column of more names than this does not tell turbines apart."""
SHOWN = 4


def find_turbine(table: Table, columns: Columns, rules: Rules) -> str | None:
    """The turbine of a file that has no column of them, by `--turbine` or by a pattern.

    The pattern is looked for in the file's name, and in the lines above its names.

    Raises `WrongInput` if the file names its turbines, too, or has another name.
    """
    pattern = rules.turbine_from_name
    if columns.names_turbines and (rules.turbine or pattern):
        option = "--turbine" if rules.turbine else "--turbine-from-name"
        where = "the names of its columns"
        if "turbine" in columns.keys:
            where = repr(columns.titles["turbine"])
        raise WrongInput(f"{option}: {table.name} names its turbines in {where}")
    if pattern is None:
        return rules.turbine
    above = table.layout.above if table.layout else ()
    for text in (Path(table.name).name, *above):
        if found := pattern.search(text):
            turbine = "_".join(" ".join(filter(None, found.groups())).split())
            if re.fullmatch(TURBINE_NAME, turbine):
                return turbine
    raise WrongInput(
        f"--turbine-from-name {pattern.pattern!r}: expected a turbine in the file's name, or in a"
        f" line above its names, got none in {table.name}; name it: --turbine NAME"
    )


def find_candidates(columns: Columns) -> list[int]:
    """The positions of columns that are named as one of turbines and that nobody named."""
    if columns.names_turbines:
        return []
    used = {*columns.positions}
    return [
        place
        for place, title in enumerate(columns.header)
        if COLUMN.fullmatch(title) and place not in used
    ]


def refuse_unnamed(
    con: duckdb.DuckDBPyConnection, table: Table, columns: Columns, rules: Rules
) -> None:
    """Refuse a column of `raw` that is named as one of turbines and that nobody named.

    If it has one turbine, `--turbine` may name it instead.
    """
    for place in find_candidates(columns):
        names = _names(con, place)
        if names and not (len(names) == 1 and (rules.turbine or rules.turbine_from_name)):
            raise WrongInput(_describe(table, table.header[place], names))


def refuse_mixture(con: duckdb.DuckDBPyConnection, table: Table, columns: Columns) -> list[str]:
    """Refuse a file whose readings repeat most timestamps: with other values, or for a column's.

    Of equal timestamps of a turbine Fonte counts the last reading only. A feed that repeats
    readings repeats their values, and a correction is an exception: returns a line on those.
    """
    total, repeated, mixed, first = count_mixed(con, "readings", columns.signals)
    if 2 * repeated <= total:
        return [
            f"{_times(mixed)} repeated with other values, the first {first}: the last counts"
        ] * bool(mixed)
    used = {*columns.positions}
    others = [place for place in range(len(table.header)) if place not in used]
    telling: dict[str, list[str]] = {}
    if others and not columns.names_turbines:
        table.read(con, [*columns.positions, *others])
        for place in others:
            names = _names(con, place)
            if 1 < len(names) <= MOST and _tells_apart(con, columns, place):
                telling[table.header[place]] = names
    if telling:  # a signal may tell rows apart, too, but has more values than there are turbines
        column = min(telling, key=lambda column: len(telling[column]))
        raise WrongInput(_describe(table, column, telling[column]))
    if 2 * mixed <= total:
        return []
    raise WrongInput(
        f"{table.name}: expected one reading for each timestamp, got several different ones for"
        f" {mixed:,} of {total:,}. If a column tells several turbines apart, name it:"
        f" --rename ITS=turbine. Its other columns: {', '.join(columns.ignored) or 'none'}"
    )


def refuse_mixed_files(
    con: duckdb.DuckDBPyConnection, names: Sequence[str], signals: Sequence[str]
) -> None:
    """Refuse several files whose readings, in `loaded`, are of one turbine and contradict."""
    total, _, mixed, _ = count_mixed(con, "loaded", signals)
    if 2 * mixed > total:
        raise WrongInput(
            f"{names[0]} and {len(names) - 1} more: expected one reading for each timestamp of a"
            f" turbine, got several different ones for {mixed:,} of {total:,}. If each file has a"
            " turbine of its own: --turbine-from-name 'Turbine_(\\w+)' finds it in the file's name"
        )


class Repeats(NamedTuple):
    """How the timestamps of a table of readings repeat."""

    total: int
    repeated: int
    mixed: int
    """Those that are repeated with other values."""
    first: str
    """The first of the mixed ones."""


def count_mixed(con: duckdb.DuckDBPyConnection, table: str, signals: Sequence[str]) -> Repeats:
    """Count the timestamps of a table of readings by how they repeat."""
    differs = " OR ".join(f'max("{name}") > min("{name}")' for name in signals)
    query = f"""
        SELECT count(*), count(*) FILTER (repeats > 1), count(*) FILTER (differs),
            coalesce(strftime(min(timestamp) FILTER (differs), '%Y-%m-%dT%H:%M:%SZ'), '')
        FROM (
            SELECT timestamp, count(*) AS repeats, {differs} AS differs
            FROM {table} GROUP BY timestamp, turbine
        )
    """  # noqa: S608
    return Repeats(*con.execute(query).fetchall()[0])


def _times(count: int) -> str:
    return "1 timestamp is" if count == 1 else f"{count:,} timestamps are"


def _describe(table: Table, column: str, names: Sequence[str]) -> str:
    rename = f"--rename {quote(f'{column}=turbine')}"
    if len(names) == 1:
        return (
            f"{table.name}: the file has one turbine in {column!r}, {names[0]}: {rename},"
            " or --turbine with another name"
        )
    shown = ", ".join(names[:SHOWN]) + " …" * (len(names) > SHOWN)
    return f"{table.name}: the file has {len(names)} turbines in {column!r} ({shown}): {rename}"


def _names(con: duckdb.DuckDBPyConnection, place: int) -> list[str]:
    """The names in a column of `raw`, if it can have names."""
    query = f"""
        SELECT DISTINCT trim(c{place}::VARCHAR) AS name FROM raw
        WHERE name <> '' AND typeof(c{place}) NOT IN ('DOUBLE', 'FLOAT') LIMIT {MOST + 1}
    """  # noqa: S608
    return sorted(name for (name,) in con.execute(query).fetchall())


def _tells_apart(con: duckdb.DuckDBPyConnection, columns: Columns, place: int) -> bool:
    """Whether no turbine repeats a timestamp."""
    keys = {name: f"c{position}" for name, position in columns.keys.items()}
    text = stamps.text_of(keys)
    for name, column in keys.items():
        text = text.replace(f'"{name}"', column)
    query = f"SELECT count(*) = count(DISTINCT ({text}, c{place})) FROM raw"  # noqa: S608
    [(is_told,)] = con.execute(query).fetchall()
    return bool(is_told)
