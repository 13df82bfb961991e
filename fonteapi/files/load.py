"""Loads the readings of a user's files into Fonte, all of them or none."""

from collections.abc import Iterator, Mapping, Sequence
from contextlib import ExitStack
from enum import StrEnum
from pathlib import Path
from shlex import quote

import duckdb
import pyarrow as pa
from tqdm import tqdm

from fonteapi import table
from fonteapi.catalogue import Signal
from fonteapi.database import FAILURES, open_fonte
from fonteapi.files.bad_rows import write_bad
from fonteapi.files.errors import LoadError, WrongInput
from fonteapi.files.held import compare_held
from fonteapi.files.rules import Rules
from fonteapi.files.turbines import is_implied
from fonteapi.files.understand import (
    MOST_NAMED,
    Understood,
    check_together,
    describe,
    open_files,
    signals_of,
    understand,
)
from fonteapi.settings import Settings
from pgarrow.errors import first_line

SHOWN_TURBINES = 20
"""The most turbines that a report lists."""

SHOWN_VALUES = 5
"""The most values of a column that a message lists."""


class Replace(StrEnum):
    """Which readings the files replace."""

    NONE = "none"
    TURBINES = "those of their turbines"
    ALL = "all"


def load_files(
    words: Sequence[str], rules: Rules, settings: Settings, replace: Replace = Replace.NONE
) -> str:
    """Check files, then append their readings to Fonte, in place of simulated ones.

    `words` name files, folders, patterns, archives, or - for standard input; all are loaded in one
    transaction. `replace` also deletes what else Fonte holds, of the files' turbines or of every
    one. Returns a report. Raises `WrongInput` if a file as a whole or the rules do not fit, and
    `LoadError` with the bad rows, or if Fonte does not take the readings: it is then unchanged.
    """
    with open_files(words, rules) as (con, found):
        read_files(con, found, words, rules, settings)
        summary, notes = check_together(con, found, rules, settings)
        turbines = {Replace.NONE: (), Replace.TURBINES: summary.turbines, Replace.ALL: None}
        signals = signals_of(found)
        is_new = replace is Replace.NONE and any(
            is_implied(each.columns, rules) for each in found if each.columns
        )
        with ExitStack() as drafts:  # a folder that takes no file is reported before the load
            for each in found:
                if each.table and each.columns and each.table.bad:
                    path = drafts.enter_context(write_bad(con, each.table, each.columns))
                    notes.append(f"bad rows written to {path}")
            replaced = turbines[replace]
            counts, held, note = _write(con, signals, rules, settings, replaced, is_new=is_new)
    report = describe(found, summary) + _describe_others(counts)
    if absent := [name for name in held if name not in signals]:
        report += f"\nnot in the file, left empty: {', '.join(absent)}"
    ignored = dict.fromkeys(name for each in found if each.columns for name in each.columns.ignored)
    if ignored:
        report += f"\nignored: {', '.join(ignored)}"
    return "\n".join(
        [report, *list_turbines(found, summary.turbines), *notes, *filter(None, [note])]
    )


def list_turbines(found: Sequence[Understood], turbines: Sequence[str]) -> list[str]:
    """A line on the turbines that a pattern found in names, which it may have got wrong."""
    if len(turbines) <= MOST_NAMED or not any(
        each.columns and each.columns.turbines for each in found
    ):
        return []
    more = f" and {len(turbines) - SHOWN_TURBINES} more" if len(turbines) > SHOWN_TURBINES else ""
    return [f"turbines: {', '.join(turbines[:SHOWN_TURBINES])}{more}"]


def read_files(
    con: duckdb.DuckDBPyConnection,
    found: Sequence[Understood],
    words: Sequence[str],
    rules: Rules,
    settings: Settings,
) -> None:
    """Read files into DuckDB's table `loaded`, with a progress bar on a terminal.

    Raises `WrongInput` or `LoadError` as `understand` does. If the file is one of a folder, an
    archive or a pattern, and is not a table, the line shows how to choose the others.
    """
    named = {str(Path(word)) for word in words}
    for each in tqdm(found, "reading", unit=" files", disable=None, leave=False):
        try:
            understand(con, each, rules, settings)
        except WrongInput as error:
            name = each.source.name
            if each.columns or name in named or len(found) == 1:
                raise
            others = quote(str(Path(name).parent / "PATTERN"))
            raise WrongInput(f"{error}; to leave {name} out, name the others: {others}") from None
    if rules.where and con.execute("SELECT count(*) FROM loaded").fetchall() == [(0,)]:
        raise LoadError(_describe_where(con, found[-1]))


def _describe_where(con: duckdb.DuckDBPyConnection, found: Understood) -> str:
    """Why `--where` left no reading of a file, which `raw` has: its values are others."""
    assert found.columns
    parts = []
    for place, wanted in found.columns.where.items():
        query = f"SELECT DISTINCT trim(c{place}::VARCHAR) AS value FROM raw ORDER BY value LIMIT 6"  # noqa: S608
        values = [repr(value or "") for (value,) in con.execute(query).fetchall()]
        few = ", ".join(values[:SHOWN_VALUES]) + " …" * (len(values) > SHOWN_VALUES)
        title = found.columns.header[place]
        parts.append(f"{' or '.join(map(repr, wanted))} in {title!r}, which has {few or 'no rows'}")
    return f"--where: {found.source.name} has no reading with {' and with '.join(parts)}"


def _describe_others(counts: table.Counts) -> str:
    """What became of the readings that Fonte held before the file's; empty without any."""
    kept = counts.before - counts.simulated - counts.deleted
    parts = {"instead of": counts.deleted, "beside": kept}
    others = " and ".join(f"{verb} {number:,}" for verb, number in parts.items() if number)
    simulated = f", instead of {counts.simulated:,} simulated ones" if counts.simulated else ""
    return simulated + (f", {others} that Fonte held" if others else "")


def _write(
    con: duckdb.DuckDBPyConnection,
    signals: Sequence[str],
    rules: Rules,
    settings: Settings,
    replaced: Sequence[str] | None,
    *,
    is_new: bool,
) -> tuple[table.Counts, Mapping[str, Signal], str]:
    """Move DuckDB's `loaded` into Fonte.

    If `is_new`, readings that contradict those of Fonte are refused. Returns how many it held, its
    signals, and a line on readings that correct others.
    """
    fonte = open_fonte(settings)
    try:
        note = "" if replaced != () else compare_held(con, fonte, signals, is_new=is_new)
        table.create_table(fonte, signals)
        counts = table.load_readings(fonte.engine, _show_progress(con), replaced)
        table.mark_on_change(fonte, rules.on_change)
        return counts, fonte.describe().signals, note
    except FAILURES as error:
        raise LoadError(f"Fonte did not take the readings: {first_line(error)}") from None
    finally:
        fonte.engine.dispose()


def _show_progress(con: duckdb.DuckDBPyConnection) -> pa.RecordBatchReader:
    """The readings of `loaded`, with a bar on a terminal."""
    [(total,)] = con.execute("SELECT count(*) FROM loaded").fetchall()
    reader = con.table("loaded").to_arrow_reader()

    def count() -> Iterator[pa.RecordBatch]:
        with tqdm(None, "writing", total, unit=" readings", disable=None, leave=False) as bar:
            for batch in reader:
                yield batch
                bar.update(batch.num_rows)

    return pa.RecordBatchReader.from_batches(reader.schema, count())
