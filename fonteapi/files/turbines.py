"""Refuses files whose readings would be mixed: those of several turbines under one name."""

import re
from collections.abc import Sequence
from pathlib import Path
from shlex import quote
from typing import NamedTuple

import duckdb

from fonteapi.catalogue import TURBINE_NAME
from fonteapi.files import forms
from fonteapi.files.columns import Columns
from fonteapi.files.errors import WrongInput
from fonteapi.files.queries import differs
from fonteapi.files.rules import Rules
from fonteapi.files.tables import Table
from fonteapi.files.units import find_unit_column

COLUMN = re.compile(
    r"(wind[ _-]?)?(turbine|wtg|wt|wec|asset|machine)s?([ _.-]?(name|id|no|nr|number|code|label))?",
    re.IGNORECASE,
)
"""Names of columns that tell turbines apart."""
STATION = re.compile(
    r"(station|site|plant|location|mast|logger|device)s?([ _.-]?(name|id|no|nr|number|code))?",
    re.IGNORECASE,
)
"""Names of columns that tell turbines apart if they have several names."""
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
        return rules.turbine or _find_where(table, rules)
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


def _find_where(table: Table, rules: Rules) -> str | None:
    """The turbine of the rows that `--where` takes from a column of turbines."""
    for title, values in rules.where.items():
        if COLUMN.fullmatch(title):
            name = "_".join(values[0].split())
            if len(values) > 1 or not re.fullmatch(TURBINE_NAME, name):
                raise WrongInput(
                    f"--where: {table.name} has turbines in {title!r}:"
                    f" --rename {quote(f'{title}=turbine')}, or --turbine with a name"
                )
            return name
    return None


def find_candidates(columns: Columns) -> list[int]:
    """The positions of columns that are named as one of turbines and that nobody named."""
    if columns.names_turbines:
        return []
    used = {*columns.positions}
    return [
        place
        for place, title in enumerate(columns.header)
        if (COLUMN.fullmatch(title) or STATION.fullmatch(title)) and place not in used
    ]


def refuse_unnamed(
    con: duckdb.DuckDBPyConnection, table: Table, columns: Columns, rules: Rules
) -> None:
    """Refuse a column of `raw` that is named as one of turbines and that nobody named.

    If it has one turbine, `--turbine` may name it instead. One of stations matters with several.
    """
    for place in find_candidates(columns):
        names, title = _names(con, place), table.header[place]
        is_sure = bool(COLUMN.fullmatch(title))
        if len(names) > 1 and (is_sure or is_implied(columns, rules)):
            raise WrongInput(_describe(table, title, names))
        if names and is_sure and is_implied(columns, rules):
            raise WrongInput(_describe(table, title, names))


def is_implied(columns: Columns, rules: Rules) -> bool:
    """Whether nobody named the turbine of a file: neither the file nor an option."""
    return not (columns.names_turbines or rules.turbine or rules.turbine_from_name)


def refuse_mixture(
    con: duckdb.DuckDBPyConnection, table: Table, columns: Columns, rules: Rules
) -> list[str]:
    """Refuse a file whose readings repeat timestamps, if a column tells them apart, or for most.

    Of equal timestamps of a turbine Fonte counts the last reading only. A feed that repeats
    readings repeats their values, and a correction is an exception: returns a line on those.
    """
    found = count_mixed(con, "readings", columns.signals)
    is_most = 2 * found.mixed > found.total
    is_often = 2 * found.repeated > found.total and not columns.narrow  # there each tag has a row
    if (found.mixed or is_often) and is_implied(columns, rules):
        _refuse_telling_column(con, table, columns, MOST if is_often else 2 * found.repeats)
    if is_most:
        raise WrongInput(
            f"{table.name}: expected one reading for each timestamp, got several different ones for"
            f" {found.mixed:,} of {found.total:,}. If a column tells several turbines apart, name"
            f" it: --rename ITS=turbine. Its other columns: {', '.join(columns.ignored) or 'none'}"
        )
    return _describe_mixed(found)


def _refuse_telling_column(
    con: duckdb.DuckDBPyConnection, table: Table, columns: Columns, most: int
) -> None:
    """Refuse a column of at most so many names, none of which repeats a timestamp."""
    used = {*columns.positions, *find_unit_column(columns)}
    others = [place for place in range(len(table.header)) if place not in used]
    telling: dict[str, list[str]] = {}
    table.read(con, [*columns.positions, *others])
    for place in others:
        names = _names(con, place)
        if 1 < len(names) <= most and _tells_apart(con, columns, place):
            telling[table.header[place]] = names
    if telling:  # a signal may tell rows apart, too, but has more values than there are turbines
        column = min(telling, key=lambda column: len(telling[column]))
        raise WrongInput(
            f"{_describe(table, column, telling[column])}; if they are one turbine: --turbine NAME"
        )


def _describe_mixed(found: "Repeats") -> list[str]:
    if not found.mixed:
        return []
    times = "1 timestamp is" if found.mixed == 1 else f"{found.mixed:,} timestamps are"
    return [f"{times} repeated with other values, the first {found.first}: the last counts"]


def refuse_mixed_files(
    con: duckdb.DuckDBPyConnection, names: Sequence[str], signals: Sequence[str], *, implied: bool
) -> list[str]:
    """Refuse several files whose readings, in `loaded`, contradict where they meet.

    If the turbine is not `implied`, returns a line on those.
    """
    found = count_mixed(con, "loaded", signals)
    if implied and 2 * found.mixed > found.repeated:
        raise WrongInput(
            f"{names[0]} and {len(names) - 1} more: expected one reading for each timestamp of a"
            f" turbine, got several different ones for {found.mixed:,} of {found.repeated:,}. If"
            " each file has a turbine of its own: --turbine-from-name 'Turbine_(\\w+)' finds it in"
            " the file's name; if the last one corrects the others: --turbine NAME"
        )
    return _describe_mixed(found)


class Repeats(NamedTuple):
    """How the timestamps of a table of readings repeat."""

    total: int
    repeated: int
    mixed: int
    """Those that are repeated with other values."""
    repeats: int
    """How often one is there at most."""
    first: str
    """The first of the mixed ones."""


def count_mixed(con: duckdb.DuckDBPyConnection, table: str, signals: Sequence[str]) -> Repeats:
    """Count the timestamps of a table of readings by how they repeat."""
    query = f"""
        SELECT count(*), count(*) FILTER (repeats > 1), count(*) FILTER (differs),
            coalesce(max(repeats), 0),
            coalesce(strftime(min(timestamp) FILTER (differs), '%Y-%m-%dT%H:%M:%SZ'), '')
        FROM (
            SELECT timestamp, count(*) AS repeats, {differs(signals)} AS differs
            FROM {table} GROUP BY timestamp, turbine
        )
    """  # noqa: S608
    return Repeats(*con.execute(query).fetchall()[0])


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
    text = forms.text_of(keys)
    for name, column in keys.items():
        text = text.replace(f'"{name}"', column)
    query = f"SELECT count(*) = count(DISTINCT ({text}, c{place})) FROM raw"  # noqa: S608
    [(is_told,)] = con.execute(query).fetchall()
    return bool(is_told)
