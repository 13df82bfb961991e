"""Reads files into DuckDB, and checks them: all that happens before Fonte is written."""

import re
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import NamedTuple

import duckdb

from fonteapi.catalogue import Signal
from fonteapi.files import possible, stamps
from fonteapi.files.columns import Columns, find_columns, list_names
from fonteapi.files.errors import LoadError, WrongInput
from fonteapi.files.layout import find_layout
from fonteapi.files.queries import latest
from fonteapi.files.rules import Rules
from fonteapi.files.shapes import find_tags, make_source
from fonteapi.files.sources import Form, Source, find_sources
from fonteapi.files.tables import Table, open_parquet
from fonteapi.files.turbines import (
    find_candidates,
    find_turbine,
    is_implied,
    refuse_mixed_files,
    refuse_mixture,
    refuse_unnamed,
)
from fonteapi.files.units import find_conversions, find_unit_column, read_written
from fonteapi.files.values import read_values, set_rules
from fonteapi.settings import Settings

MEMORY = "160MB"
"""What DuckDB holds of the files; the rest is on disk."""
SUMMARY = """
    SELECT count(*), strftime(min(timestamp), '%Y-%m-%dT%H:%M:%SZ'),
        strftime(max(timestamp), '%Y-%m-%dT%H:%M:%SZ'), list_sort(list(DISTINCT turbine))
    FROM loaded
"""
LABEL_END = re.compile("time ?stamps indicate the end", re.IGNORECASE)
"""A line of Windographer above its names."""
MOST_NAMED = 3
"""The number of turbines that a report names."""


class Summary(NamedTuple):
    """What was read of the files."""

    readings: int
    first: str
    last: str
    turbines: list[str]


@dataclass
class Understood:
    """How a file is read, as far as that is known."""

    source: Source
    table: Table | None = None
    columns: Columns | None = None
    is_read: bool = False
    """Whether its readings could be read."""
    notes: list[str] = field(default_factory=list)


@contextmanager
def open_files(
    words: Sequence[str], rules: Rules
) -> Iterator[tuple[duckdb.DuckDBPyConnection, list[Understood]]]:
    """The files that `words` name, unpacked, and a DuckDB to read them, for a `with` block.

    It puts on disk what does not fit into `MEMORY`. Raises `WrongInput` as `find_sources` does.
    """
    with TemporaryDirectory(prefix="etl-load-") as folder, duckdb.connect() as con:
        con.execute(f"SET memory_limit = '{MEMORY}'; SET temp_directory = '{folder}'")
        con.execute("CREATE TEMP TABLE loaded (turbine VARCHAR, timestamp TIMESTAMPTZ)")
        set_rules(con, rules)
        sources = find_sources(words, Path(folder), rules.sheet)
        yield con, [Understood(source) for source in sources]


def understand(
    con: duckdb.DuckDBPyConnection, found: Understood, rules: Rules, settings: Settings
) -> None:
    """Read a file, and append its readings to DuckDB's table `loaded`.

    Raises `WrongInput` or `LoadError`; `found` has what is known until then.
    """
    signals = settings.catalogue.columns
    table = found.table = open_table(con, found.source, rules, signals)
    columns = found.columns = find_columns(table, rules, signals)
    turbine = find_turbine(table, columns, rules) or settings.turbine
    table.read(con, [*columns.positions, *find_candidates(columns), *find_unit_column(columns)])
    columns = found.columns = find_tags(con, table, columns, rules, signals)
    refuse_unnamed(con, table, columns, rules)
    make_source(con, columns)
    columns = found.columns = _without_words(con, columns, rules, signals)
    below = table.layout.below if table.layout else ()
    conversions, notes = find_conversions(
        columns, read_written(con, columns, below), rules, signals
    )
    found.notes += notes
    found.notes += read_values(con, table, columns, rules, conversions, turbine, signals)
    found.notes += possible.report_sentinels(con, conversions, signals)
    found.notes += stamps.turn_to_utc(con, table, columns, rules)
    found.notes += refuse_mixture(con, table, columns, rules)
    if columns.narrow:
        _merge(con, "readings", columns.signals)
    above = table.layout.above if table.layout else ()
    label_end = any(map(LABEL_END.search, above)) if rules.label_end is None else rules.label_end
    if label_end:
        told = {name: each.interval for name, each in settings.catalogue.turbines.items()}
        found.notes.append(stamps.shift_labels(con, table.name, told))
    found.is_read = True
    for name in columns.signals:
        con.execute(f'ALTER TABLE loaded ADD COLUMN IF NOT EXISTS "{name}" DOUBLE')
    con.execute("INSERT INTO loaded BY NAME FROM readings")


def open_table(
    con: duckdb.DuckDBPyConnection, source: Source, rules: Rules, signals: Mapping[str, Signal]
) -> Table:
    """Find the table in a file."""
    if source.form is Form.PARQUET:
        return open_parquet(con, source)
    layout = find_layout(source.path, source.name, rules, signals)
    return Table(source, layout.header, layout)


def _without_words(
    con: duckdb.DuckDBPyConnection, columns: Columns, rules: Rules, signals: Mapping[str, Signal]
) -> Columns:
    """The columns without states that are words, such as `Running`, unless somebody named them.

    Alvo has codes. A column that is called `status` by chance must not stop the others.
    """
    for name in columns.signals:
        if signals[name].kind == "state" and name not in rules.rename.values():
            query = f'SELECT count(TRY_CAST("{name}" AS DOUBLE)) FROM source'  # noqa: S608
            if con.execute(query).fetchall() == [(0,)] and len(columns.signals) > 1:
                columns = columns.without(name)
                make_source(con, columns)
    return columns


def _merge(con: duckdb.DuckDBPyConnection, table: str, signals: Sequence[str]) -> None:
    """Make one reading of those that a table has at a timestamp, each of some signals."""
    con.execute(f"""
        CREATE OR REPLACE TEMP TABLE {table} AS
        SELECT turbine, timestamp, {latest(signals, "rowid")}
        FROM {table} GROUP BY ALL ORDER BY min(rowid)
    """)  # noqa: S608


def check_together(
    con: duckdb.DuckDBPyConnection, found: Sequence[Understood], rules: Rules, settings: Settings
) -> tuple[Summary, list[str]]:
    """Check what the files have together, in `loaded`; returns a summary, and lines on it."""
    columns = [each.columns for each in found if each.columns]
    names = [each.source.name for each in found]
    for name in rules.rename.keys() - set(rules.optional):
        if all(name in each.unused for each in columns):
            raise WrongInput(
                f"--rename: {_list(names)} has no column {name!r}; it has"
                f" {list_names(columns[0].header)}"
            )
    signals = signals_of(found)
    for option, named in (
        ("--unit-scale", rules.scale),
        ("--unit", rules.units),
        ("--on-change", rules.on_change),
    ):
        for name in named:
            if name not in signals:
                raise WrongInput(f"{option}: {_list(names)} has no {name}")
    notes = [note for each in found for note in each.notes if note]
    if len(found) > 1:
        implied = any(is_implied(each, rules) for each in columns)
        notes += refuse_mixed_files(con, names, signals, implied=implied)
    if len({frozenset(each.signals) for each in columns}) > 1:  # a file a signal
        _merge(con, "loaded", signals)
    summary = Summary(*con.execute(SUMMARY).fetchall()[0])
    if not summary.readings:
        raise LoadError(
            f"{_list(names)}: expected readings below the names of the columns, got none"
        )
    notes += possible.report_impossible(
        con, {name: settings.catalogue.columns[name] for name in signals}
    )
    return summary, list(dict.fromkeys(notes))


def signals_of(found: Sequence[Understood]) -> list[str]:
    """The signals that the files have."""
    return list(
        dict.fromkeys(name for each in found if each.columns for name in each.columns.signals)
    )


def _list(names: Sequence[str]) -> str:
    return names[0] if len(names) == 1 else f"{names[0]} and {len(names) - 1} more"


def describe(found: Sequence[Understood], summary: Summary, verb: str = "loaded") -> str:
    """A line on what was read of files."""
    turbines = summary.turbines
    few = ", ".join(turbines) if len(turbines) <= MOST_NAMED else f"{len(turbines)} turbines"
    readings = "1 reading" if summary.readings == 1 else f"{summary.readings:,} readings"
    names = [each.source.name for each in found]
    where = names[0] if len(names) == 1 else f"{len(names)} files"
    return f"{verb} {readings} of {few} from {where}: {summary.first} to {summary.last}"
