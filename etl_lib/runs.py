"""One date to one executed notebook in the archive.

`runs/<date>/<UTC start>.ipynb` with its `.html` beside it; what failed ends in `.failed.ipynb`.
A notebook is written under a temporary name and renamed when it is whole; nothing is overwritten.
"""

import logging
from dataclasses import dataclass
from datetime import UTC, date, datetime, timedelta
from pathlib import Path
from threading import Event
from typing import Any

import nbformat
import papermill
from nbformat import NotebookNode
from papermill.engines import papermill_engines
from papermill.exceptions import PapermillExecutionError

from etl_lib import errors
from etl_lib.alvo import create_tables, has_run
from etl_lib.config import MARKER, NOTEBOOK_VARIABLE, Settings
from etl_lib.connections import connected
from etl_lib.engine import WarmEngine
from etl_lib.errors import EtlError
from etl_lib.extract import fetch_readings, find_day

KERNEL = "python3"
"""The kernel of this environment, whatever the notebook was last saved with."""
papermill_engines.register(ENGINE := "warm", WarmEngine)
logging.getLogger("papermill").addHandler(logging.NullHandler())  # our outcome says it


@dataclass(frozen=True)
class Outcome:
    """What became of one date."""

    date: date
    notebook: Path | None = None
    """The archived notebook, executed to its end or to the cell that failed; None when Fonte or
    Alvo refused beforehand."""
    report: Path | None = None
    """Its HTML, of a date that was loaded."""
    summary: dict[str, Any] | None = None
    """As the notebook's last cell tells it to programs, of a date that was loaded."""
    error: str | None = None
    """Why it failed, in one line."""


def run_date(
    day: date,
    columns: list[str],
    settings: Settings,
    home: Path,
    *,
    warm: bool = True,
    stopping: Event | None = None,
) -> Outcome:
    """Execute the pipeline's notebook for one UTC day and archive it.

    `settings` has every address filled in. `warm=False` takes an ordinary kernel. Whatever goes
    wrong is told in the outcome, not raised; what cannot be (a day or column that Fonte does not
    have, a service that is down), and what is cut before its load while `stopping` is set, leaves
    nothing behind.
    """
    try:
        _check(day, columns, settings)
    except EtlError as refusal:
        return Outcome(day, error=str(refusal))
    target = _reserve(home / "runs" / day.isoformat())
    name = _archived(target, ".ipynb").relative_to(home / "runs").as_posix()
    environment = {
        "FONTE_API_URL": settings.fonte_api_url or "",
        "ALVO_DATABASE_URL": settings.alvo_database_url or "",
        NOTEBOOK_VARIABLE: name,
    }
    parameters = {"date": day.isoformat(), "columns": columns}
    try:
        error = _execute(home, target, parameters, environment=environment, warm=warm)
    except BaseException:  # Ctrl-C: leave no half a notebook behind
        target.unlink()
        raise
    if error is None:
        notebook = nbformat.read(target, as_version=4)
        summary = find_summary(notebook)
        error = _check_outcome(settings, name, summary)
    if error and stopping and stopping.is_set() and not _is_loaded(settings, name):
        target.unlink()
        return Outcome(day, error=error)
    if error is not None:
        return Outcome(day, _archive_failed(target), error=error)
    from etl_lib.reports import write_report

    archived = _archive(target, ".ipynb")
    return Outcome(day, archived, write_report(archived, notebook), summary)


def find_summary(notebook: NotebookNode) -> dict[str, Any] | None:
    """The JSON of the last output that has one, None when the notebook did not come that far."""
    for cell in reversed(notebook.cells):
        for output in cell.get("outputs", []):
            if "application/json" in output.get("data", {}):
                return dict(output["data"]["application/json"])
    return None


def _check(day: date, columns: list[str], settings: Settings) -> None:
    """Ask both ends before anything is written; raises `EtlError`."""
    with connected(settings) as (fonte, alvo):
        start = find_day(fonte, day.isoformat()).start
        fetch_readings(fonte, start, start + timedelta(microseconds=1), columns)
        create_tables(alvo)


def _execute(home: Path, target: Path, parameters: dict[str, Any], **kernel: Any) -> str | None:
    """Run papermill into `target`; returns why it failed, in one line, or None."""
    try:
        papermill.execute_notebook(
            home / MARKER,
            target,
            parameters=parameters,
            engine_name=ENGINE,
            kernel_name=KERNEL,
            # Not papermill's `cwd`, which is the whole process's
            resources={"metadata": {"path": str(home)}},
            progress_bar=False,
            write_once=True,
            **kernel,
        )
    except PapermillExecutionError as error:
        return _first_line(error.ename, error.evalue)
    except Exception as error:  # noqa: BLE001  # a dead kernel, a full disk: the outcome tells
        return _first_line(type(error).__name__, str(error))
    return None


def _first_line(name: str, message: str) -> str:
    """An error in one line; those that we raise say enough without their names."""
    line = next(iter(message.strip().splitlines()), "")
    return line if hasattr(errors, name) else f"{name}: {line}"


def _check_outcome(settings: Settings, name: str, summary: dict[str, Any] | None) -> str | None:
    """A notebook that ended early, by `sys.exit(0)` say, looks well: only the ledger knows."""
    if summary is None:
        return "the notebook ended before its summary, without an error: did it call exit?"
    known = _is_loaded(settings, name)
    return None if known else f"expected {name} in Alvo's ledger, which does not have it"


def _is_loaded(settings: Settings, name: str) -> bool:
    with connected(settings) as (_, alvo):
        return has_run(alvo, name)


def _reserve(folder: Path) -> Path:
    """A temporary file in `folder`, named by the start, that nobody else has."""
    folder.mkdir(parents=True, exist_ok=True)
    while True:
        stamp = datetime.now(UTC).strftime("%Y%m%dT%H%M%S.%fZ")
        target = folder / f".{stamp}.partial.ipynb"
        try:
            target.touch(exist_ok=False)
        except FileExistsError:
            continue
        return target


def _archive(partial: Path, suffix: str) -> Path:
    """Give the finished file its name; fails rather than overwrite."""
    target = _archived(partial, suffix)
    target.hardlink_to(partial)
    partial.unlink()
    return target


def _archive_failed(partial: Path) -> Path | None:
    """Keep what was executed of a notebook that failed, unless that is nothing at all."""
    if partial.stat().st_size:
        return _archive(partial, ".failed.ipynb")
    partial.unlink()
    return None


def _archived(partial: Path, suffix: str) -> Path:
    return partial.with_name(partial.name.removeprefix(".").removesuffix(".partial.ipynb") + suffix)
