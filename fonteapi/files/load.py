"""Loads the tables of a user's files into Fonte, all of them or none."""

from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from enum import StrEnum
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import NamedTuple

import duckdb

from fonteapi import table as fonte_table
from fonteapi.catalogue import Signal
from fonteapi.database import FAILURES, open_fonte
from fonteapi.files import possible, stamps
from fonteapi.files.columns import Columns, find_columns, find_tags, make_source
from fonteapi.files.errors import LoadError, WrongInput
from fonteapi.files.layout import find_layout
from fonteapi.files.rules import KEYS, Rules
from fonteapi.files.sources import Form, Source, find_sources
from fonteapi.files.tables import Table, open_parquet
from fonteapi.files.turbines import (
    find_candidates,
    find_turbine,
    refuse_mixed_files,
    refuse_mixture,
    refuse_unnamed,
)
from fonteapi.files.units import find_conversions
from fonteapi.files.values import read_values, set_rules
from fonteapi.settings import Settings
from pgarrow.errors import first_line

MEMORY = "256MB"
"""What DuckDB holds of the files; the rest is on disk."""
SUMMARY = """
    SELECT count(*), strftime(min(timestamp), '%Y-%m-%dT%H:%M:%SZ'),
        strftime(max(timestamp), '%Y-%m-%dT%H:%M:%SZ'), list_sort(list(DISTINCT turbine))
    FROM loaded
"""
MOST_NAMED = 3
"""The number of turbines that a report names."""


class Replace(StrEnum):
    """Which readings the files replace."""

    NONE = "none"
    TURBINES = "those of their turbines"
    ALL = "all"


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
    turbine: str | None = None
    notes: list[str] = field(default_factory=list)


def load_files(
    words: Sequence[str], rules: Rules, settings: Settings, replace: Replace = Replace.NONE
) -> str:
    """Check files, then append their readings to Fonte, in one transaction.

    `words` name files, folders, patterns, archives, or - for standard input. `replace` first
    deletes what Fonte holds, of the files' turbines or of every one. Returns a report. Raises
    `WrongInput` if a file as a whole or the rules do not fit, and `LoadError` with the bad rows,
    or if Fonte does not take the readings: it is then unchanged.
    """
    with TemporaryDirectory(prefix="etl-load-") as folder, open_duckdb(Path(folder)) as con:
        set_rules(con, rules)
        sources = find_sources(words, Path(folder), rules.sheet)
        found = [Understood(source) for source in sources]
        for each in found:
            understand(con, each, rules, settings)
            con.execute("INSERT INTO loaded BY NAME FROM readings")
        summary, notes = check_together(con, found, rules, settings)
        turbines = {Replace.NONE: (), Replace.TURBINES: summary.turbines, Replace.ALL: None}
        signals = signals_of(found)
        before, deleted, held = _write(con, signals, settings, turbines[replace])
    report = _describe(found, summary)
    counts = {"instead of": deleted, "beside": before - deleted}
    if before:
        others = [f"{verb} {number:,}" for verb, number in counts.items() if number]
        report += f", {' and '.join(others)} that Fonte held"
    if absent := [name for name in held if name not in signals]:
        report += f"\nnot in the file, left empty: {', '.join(absent)}"
    ignored = dict.fromkeys(name for each in found if each.columns for name in each.columns.ignored)
    if ignored:
        report += f"\nignored: {', '.join(ignored)}"
    return "\n".join([report, *notes])


@contextmanager
def open_duckdb(folder: Path) -> Iterator[duckdb.DuckDBPyConnection]:
    """A DuckDB that puts on disk, in `folder`, what does not fit into memory."""
    with duckdb.connect() as con:
        con.execute(f"SET memory_limit = '{MEMORY}'")
        con.execute(f"SET temp_directory = '{folder}'")
        con.execute("CREATE TEMP TABLE loaded (turbine VARCHAR, timestamp TIMESTAMPTZ)")
        yield con


def understand(
    con: duckdb.DuckDBPyConnection, found: Understood, rules: Rules, settings: Settings
) -> None:
    """Read a file into DuckDB's table `readings`, and add its signals to the table `loaded`.

    Raises `WrongInput` or `LoadError`; `found` has what is known until then.
    """
    signals = settings.catalogue.signals
    table = found.table = open_table(con, found.source, rules, signals)
    columns = found.columns = find_columns(table, rules, signals)
    found.turbine = find_turbine(table, columns, rules) or settings.turbine
    table.read(con, [*columns.positions, *find_candidates(columns)])
    columns = found.columns = find_tags(con, table, columns, rules, signals)
    refuse_unnamed(con, table, columns, rules)
    make_source(con, columns)
    columns = found.columns = _without_words(con, columns, rules, signals)
    below = table.layout.below if table.layout else ()
    conversions, notes = find_conversions(columns, below, rules, signals)
    found.notes += notes
    found.notes += read_values(con, table, columns, rules, conversions, found.turbine)
    stamps.refuse_dates(con, table.name)
    found.notes += refuse_mixture(con, table, columns)
    if columns.narrow:
        _merge(con, "readings", columns.signals)
    for name in columns.signals:
        con.execute(f'ALTER TABLE loaded ADD COLUMN IF NOT EXISTS "{name}" DOUBLE')


def open_table(
    con: duckdb.DuckDBPyConnection, source: Source, rules: Rules, signals: Mapping[str, Signal]
) -> Table:
    """Find the table in a file."""
    if source.form is Form.PARQUET:
        return open_parquet(con, source)
    keys = {name for name, ours in rules.rename.items() if ours in KEYS[:3]} | {*KEYS[:3]}
    layout = find_layout(
        source.path,
        source.name,
        {*rules.rename, *KEYS, *signals},
        keys.__contains__,
        rules.names,
        rules.header_row,
    )
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
    last = ", ".join(f'last("{name}" ORDER BY rowid) AS "{name}"' for name in signals)
    con.execute(f"""
        CREATE OR REPLACE TEMP TABLE {table} AS
        SELECT turbine, timestamp, {last} FROM {table} GROUP BY ALL ORDER BY min(rowid)
    """)  # noqa: S608


def check_together(
    con: duckdb.DuckDBPyConnection, found: Sequence[Understood], rules: Rules, settings: Settings
) -> tuple[Summary, list[str]]:
    """Check what the files have together, in `loaded`; returns a summary, and lines on it."""
    columns = [each.columns for each in found if each.columns]
    names = [each.source.name for each in found]
    for name in rules.rename:
        if all(name in each.unused for each in columns):
            raise WrongInput(
                f"--rename: {_list(names)} has no column {name!r}; it has {columns[0].list_names()}"
            )
    signals = signals_of(found)
    for name in (rules.scale.keys() | rules.units.keys()) - set(signals):
        option = "--unit-scale" if name in rules.scale else "--unit"
        raise WrongInput(f"{option}: {_list(names)} has no {name}")
    if len(found) > 1:
        refuse_mixed_files(con, names, signals)
    if len({frozenset(each.signals) for each in columns}) > 1:  # a file a signal
        _merge(con, "loaded", signals)
    told = {name: each.interval for name, each in settings.catalogue.turbines.items()}
    notes = [note for each in found for note in each.notes if note]
    if rules.label_end:
        notes.append(stamps.shift_labels(con, told))
    summary = Summary(*con.execute(SUMMARY).fetchall()[0])
    if not summary.readings:
        raise LoadError(
            f"{_list(names)}: expected readings below the names of the columns, got none"
        )
    notes += possible.drop_impossible(
        con, {name: settings.catalogue.signals[name] for name in signals}
    )
    return summary, list(dict.fromkeys(notes))


def signals_of(found: Sequence[Understood]) -> list[str]:
    """The signals that the files have."""
    return list(
        dict.fromkeys(name for each in found if each.columns for name in each.columns.signals)
    )


def _list(names: Sequence[str]) -> str:
    return names[0] if len(names) == 1 else f"{names[0]} and {len(names) - 1} more"


def _describe(found: Sequence[Understood], summary: Summary) -> str:
    turbines = summary.turbines
    few = ", ".join(turbines) if len(turbines) <= MOST_NAMED else f"{len(turbines)} turbines"
    readings = "1 reading" if summary.readings == 1 else f"{summary.readings:,} readings"
    names = [each.source.name for each in found]
    where = names[0] if len(names) == 1 else f"{len(names)} files"
    return f"loaded {readings} of {few} from {where}: {summary.first} to {summary.last}"


def _write(
    con: duckdb.DuckDBPyConnection,
    signals: Sequence[str],
    settings: Settings,
    replaced: Sequence[str] | None,
) -> tuple[int, int, Mapping[str, Signal]]:
    """Move DuckDB's `loaded` into Fonte.

    Returns how many it held before, how many of them were deleted, and its signals.
    """
    fonte = open_fonte(settings)
    try:
        fonte_table.create_table(fonte, signals)
        readings = con.table("loaded").to_arrow_reader()
        counts = fonte_table.load_readings(fonte.engine, readings, replaced)
        return *counts, fonte.describe().signals
    except FAILURES as error:
        raise LoadError(f"Fonte did not take the readings: {first_line(error)}") from None
    finally:
        fonte.engine.dispose()
