"""Files with a column for each turbine, or a row for each value, as one row a reading."""

from collections.abc import Collection, Sequence
from dataclasses import replace

import duckdb

from fonteapi.files.columns import Columns, Place, find_place, list_names
from fonteapi.files.errors import WrongInput
from fonteapi.files.rules import KEYS, Rules
from fonteapi.files.tables import RAW, Table


def find_tags(
    con: duckdb.DuckDBPyConnection,
    table: Table,
    columns: Columns,
    rules: Rules,
    known: Collection[str],
) -> Columns:
    """The columns of a narrow file with its tags, which `raw` has."""
    if not columns.narrow:
        return columns
    query = f"SELECT DISTINCT trim(c{columns.narrow[0]}::VARCHAR) AS tag FROM {RAW} ORDER BY tag"  # noqa: S608
    found = [tag for (tag,) in con.execute(query).fetchall() if tag]
    places = {tag: find_place(tag, rules, known) for tag in found}
    tags = {tag: place for tag, place in places.items() if place and place.signal not in KEYS}
    if not tags:
        title = columns.header[columns.narrow[0]]
        raise WrongInput(
            f"{table.name} has no signal among its tags in {title!r}; it has {list_names(found)}."
            " Rename a tag: --rename 'Its tag=wind_speed'"
        )
    seen: dict[Place, str] = {}
    for tag, place in tags.items():
        if place in seen:
            raise WrongInput(
                f"{table.name}: expected one tag for {place.signal}, got {seen[place]!r} and"
                f" {tag!r}"
            )
        seen[place] = tag
    others = [tag for tag in found if tag not in tags]
    unused = [name for name in columns.unused if name not in tags]
    return replace(columns, tags=tags, other_tags=others, unused=unused)


def make_source(con: duckdb.DuckDBPyConnection, columns: Columns) -> None:
    """Make DuckDB's view `source` of `raw`: `number`, our columns, and a row for each reading."""
    keys = [f'c{position} AS "{name}"' for name, position in columns.keys.items()]
    where = " AND ".join(
        f"coalesce(as_typed(c{position}), '') IN ({', '.join(map(_text, values))})"
        for position, values in columns.where.items()
    )
    rows = f"FROM {RAW} WHERE {where or 'true'}"
    if columns.narrow:
        parts = [_select_tags(columns, keys, rows)]
    else:
        turbines: list[str | None] = [*columns.turbines] or [None]
        parts = [_select_columns(columns, turbine, keys, rows) for turbine in turbines]
    con.execute(f"CREATE OR REPLACE TEMP VIEW source AS {' UNION ALL '.join(parts)}")


def _select_columns(columns: Columns, turbine: str | None, keys: Sequence[str], rows: str) -> str:
    """The rows of one turbine of a wide file; those of every turbine in any other file."""
    chosen = {
        place.signal: f"c{position}"
        for position, place in columns.places.items()
        if place.turbine in (None, turbine)
    }
    values = [f'{chosen.get(name, "NULL")} AS "{name}"' for name in columns.signals]
    names = [f"{_text(turbine)} AS turbine"] if turbine else []
    return f"SELECT number, {', '.join([*keys, *names, *values])} {rows}"


def _select_tags(columns: Columns, keys: Sequence[str], rows: str) -> str:
    assert columns.narrow
    tag, value = (f"c{position}" for position in columns.narrow)
    tag = f"trim({tag}::VARCHAR)"
    values = []
    for signal in columns.signals:
        own = [name for name, place in columns.tags.items() if place.signal == signal]
        values.append(
            f'CASE WHEN {tag} IN ({", ".join(map(_text, own))}) THEN {value} END AS "{signal}"'
        )
    cases = [
        f"WHEN {_text(name)} THEN {_text(place.turbine)}"
        for name, place in columns.tags.items()
        if place.turbine
    ]
    names = [f"CASE {tag} {' '.join(cases)} END AS turbine"] if cases else []
    known = ", ".join(map(_text, columns.tags))
    return f"SELECT number, {', '.join([*keys, *names, *values])} {rows} AND {tag} IN ({known})"


def _text(value: str) -> str:
    """A text as SQL."""
    return "'{}'".format(value.replace("'", "''"))
