"""Refuses files whose readings would be mixed: those of several turbines under one name."""

import re
from collections.abc import Collection, Mapping
from shlex import quote

import duckdb
import pyarrow as pa
import pyarrow.compute as pc

from fonteapi.files import stamps
from fonteapi.files.rules import Rules
from fonteapi.files.tables import File, WrongInput, open_file

COLUMN = re.compile(
    r"(wind[ _-]?)?(turbine|wtg|wt|wec|asset|machine)s?([ _.-]?(name|id|no|nr|number|code|label))?",
    re.IGNORECASE,
)
"""Names of columns that tell turbines apart."""
MOST = 1000
"""A column of more names than this does not tell turbines apart."""
SHOWN = 4


def refuse_unnamed(file: File, rules: Rules, signals: Collection[str]) -> None:
    """Refuse a column that is named as one of turbines and that nobody named.

    If it has one turbine, `--turbine` may name it instead.
    """
    if "turbine" in file.columns:
        if rules.turbine:
            column = file.header[file.columns["turbine"]]
            raise WrongInput(f"--turbine: {file.path} names its turbines in {column!r}")
        return
    for column in filter(COLUMN.fullmatch, file.ignored):
        names = _names(_read_with(file, rules.rename, column, signals))
        if names and not (len(names) == 1 and rules.turbine):
            raise WrongInput(_describe(file, column, names))


def refuse_mixture(
    con: duckdb.DuckDBPyConnection, file: File, rules: Rules, signals: Collection[str]
) -> None:
    """Refuse a file whose readings repeat most timestamps with other values.

    Of equal timestamps of a turbine Fonte counts the last reading only. A feed that repeats
    readings repeats their values, and a correction is an exception.
    """
    differs = " OR ".join(f'max("{name}") > min("{name}")' for name in file.signals)
    stamps = f"SELECT {differs} AS differs FROM readings GROUP BY timestamp, turbine"  # noqa: S608
    found = con.execute(f"SELECT count(*), count(*) FILTER (differs) FROM ({stamps})")  # noqa: S608
    total, mixed = found.fetchall()[0]
    if 2 * mixed <= total:
        return
    telling = {}
    for column in file.ignored if "turbine" not in file.columns else ():
        rows = _read_with(file, rules.rename, column, signals)
        names = _names(rows)
        if 1 < len(names) <= MOST and _tells_apart(con, rows):
            telling[column] = names
    if telling:  # a signal may tell rows apart, too, but has more values than there are turbines
        column = min(telling, key=lambda column: len(telling[column]))
        raise WrongInput(_describe(file, column, telling[column]))
    raise WrongInput(
        f"{file.path}: expected one reading for each timestamp, got several different ones for"
        f" {mixed:,} of {total:,}. If a column tells several turbines apart, name it:"
        f" --rename ITS=turbine. Its other columns: {', '.join(file.ignored) or 'none'}"
    )


def _describe(file: File, column: str, names: list[str]) -> str:
    rename = f"--rename {quote(f'{column}=turbine')}"
    if len(names) == 1:
        return (
            f"{file.path}: the file has one turbine in {column!r}, {names[0]}: {rename},"
            " or --turbine with another name"
        )
    shown = ", ".join(names[:SHOWN]) + " …" * (len(names) > SHOWN)
    return f"{file.path}: the file has {len(names)} turbines in {column!r} ({shown}): {rename}"


def _read_with(
    file: File, rename: Mapping[str, str], column: str, signals: Collection[str]
) -> pa.Table | None:
    """The file's rows with a column as `turbine`; None if it cannot be one."""
    try:
        return open_file(file.path, {**rename, column: "turbine"}, signals).rows
    except WrongInput:  # such as numbers with decimals in Parquet, or two columns of that name
        return None


def _names(rows: pa.Table | None) -> list[str]:
    if rows is None:
        return []
    names = {str(name).strip() for name in pc.unique(rows["turbine"]).drop_null().to_pylist()}
    return sorted(names - {""})


def _tells_apart(con: duckdb.DuckDBPyConnection, rows: pa.Table) -> bool:
    """Whether no turbine repeats a timestamp."""
    con.register("candidate", rows)
    stamp = stamps.text_of(rows.column_names)
    query = f"SELECT count(*) = count(DISTINCT ({stamp}, turbine)) FROM candidate"  # noqa: S608
    found = con.execute(query)
    return bool(found.fetchall()[0][0])
