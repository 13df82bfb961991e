"""One date to one executed notebook in the archive."""

import logging
from contextlib import suppress
from dataclasses import dataclass, field
from datetime import date, timedelta
from pathlib import Path
from tempfile import TemporaryDirectory
from threading import Event
from uuid import uuid4

import nbformat
import papermill
from nbformat.v4 import new_notebook
from papermill.exceptions import PapermillExecutionError

from etl_lib import errors
from etl_lib.analysis.summary import Summary
from etl_lib.archive.notebooks import read_summary
from etl_lib.archive.store import (
    FAILED_SUFFIX,
    NOTEBOOK_SUFFIX,
    PAGE_SUFFIX,
    Archive,
    Location,
    marker,
)
from etl_lib.errors import EtlError
from etl_lib.extract.days import find_day
from etl_lib.extract.readings import fetch_readings
from etl_lib.kernels.fork import INLINE
from etl_lib.kernels.limits import USUAL, Limits
from etl_lib.kernels.manager import BATCH_VARIABLE
from etl_lib.load.alvo import create_tables
from etl_lib.load.ledger import has_run, last_loads
from etl_lib.services.connect import connected
from etl_lib.settings import NOTEBOOK_VARIABLE, PIPELINE_NOTEBOOK, Settings

KERNEL = "python3"
"""The kernel of this environment; the notebook may name that of whoever saved it last."""
logging.getLogger("papermill").addHandler(logging.NullHandler())  # the outcome has its messages


@dataclass(frozen=True)
class Outcome:
    """The result of running one date: a loaded one has a report, a failed one an error."""

    date: date
    notebook: Location | None = None
    """The archived notebook, executed to its end or to the cell that failed; None if Fonte or Alvo
    refused before that."""
    report: Location | None = None
    summary: Summary | None = None
    error: str | None = None
    is_transient: bool = False
    """Whether a retry may succeed: Fonte, Alvo or the archive did not answer."""


@dataclass(frozen=True)
class Plan:
    """The options that all dates of a batch share, on every machine that runs them."""

    columns: list[str]
    settings: Settings
    """With every address filled in."""
    home: Path
    """The project's folder, which has the notebook."""
    archive: Archive
    turbines: list[str] | None = None
    """None: all that Fonte has."""
    warm: bool = True
    """Whether kernels are forked from a process that has the imports done."""
    limits: Limits = USUAL
    batch: str = field(default_factory=lambda: uuid4().hex)
    """The name by which the dates are stopped together."""


def run_date(day: date, plan: Plan, stopping: Event | None = None) -> Outcome:
    """Execute the pipeline's notebook for one UTC day, and archive it.

    The outcome holds the error; nothing is raised. The archive gets no file when Fonte or Alvo
    refuses beforehand, or when `stopping` is set and the notebook ends before its load.
    """
    try:
        _check(day, plan)
        name = plan.archive.reserve(day)
        try:
            outcome = _execute(day, plan, name, stopping)
        except BaseException:  # after Ctrl-C only the marker of a loaded day stays
            with suppress(EtlError):  # if Alvo does not answer, the marker stays too
                if not _is_loaded(plan.settings, name + NOTEBOOK_SUFFIX):
                    plan.archive.release(name)
            raise
        plan.archive.release(name)  # a marker left behind means that the report is missing
    except EtlError as refusal:
        return Outcome(day, error=str(refusal), is_transient=refusal.is_transient)
    return outcome


def find_outcome(day: date, plan: Plan, since: int) -> Outcome | None:
    """The outcome of a load after run `since` of the ledger, if its files are complete."""
    with connected(plan.settings) as (_, alvo):
        load = last_loads(alvo, day, day).get(day)
    if load is None or load.notebook is None or load.run_id <= since:
        return None
    if set(load.columns) != set(plan.columns):
        return None
    if not load.is_whole if plan.turbines is None else set(load.turbines) != set(plan.turbines):
        return None
    name, archive = load.notebook.removesuffix(NOTEBOOK_SUFFIX), plan.archive
    if archive.has(marker(name)) or not archive.has(name + PAGE_SUFFIX):
        return None
    notebook = nbformat.reads(archive.read(name + NOTEBOOK_SUFFIX).decode(), as_version=4)
    places = archive.locate(name + NOTEBOOK_SUFFIX), archive.locate(name + PAGE_SUFFIX)
    return Outcome(day, *places, read_summary(notebook))


def _check(day: date, plan: Plan) -> None:
    """Check the day, the turbines, the columns and Alvo before anything is written."""
    with connected(plan.settings) as (fonte, alvo):
        start = find_day(fonte, day.isoformat(), plan.turbines).start
        # For a microsecond of readings Fonte checks the columns, too
        fetch_readings(fonte, start, start + timedelta(microseconds=1), plan.columns)
        create_tables(alvo)


def _execute(day: date, plan: Plan, name: str, stopping: Event | None) -> Outcome:
    """Run papermill, check that the ledger has the load, and archive the notebook."""
    with TemporaryDirectory(prefix="etl-") as folder:
        target = Path(folder) / "notebook.ipynb"
        error, is_transient = _run_papermill(day, plan, name, target)
        text = target.read_text(encoding="utf-8") if target.exists() else ""
    try:
        notebook = nbformat.reads(text, as_version=4) if text else new_notebook()
    except nbformat.reader.NotJSONError:  # cut short by a full disk, which papermill reports
        text, notebook = "", new_notebook()
    summary = read_summary(notebook)
    if error is None:
        try:
            error = _check_outcome(plan.settings, name + NOTEBOOK_SUFFIX, summary)
        except EtlError as silence:  # it is not known whether the day was loaded: keep the notebook
            error, is_transient = str(silence), True
    if error is None:
        from etl_lib.archive.pages import render

        kept = plan.archive.write(name + NOTEBOOK_SUFFIX, text)
        page = plan.archive.write(name + PAGE_SUFFIX, render(notebook, day.isoformat()))
        return Outcome(day, kept, page, summary)
    is_cut = stopping is not None and stopping.is_set()
    if is_cut and not _is_loaded(plan.settings, name + NOTEBOOK_SUFFIX):
        return Outcome(day, error=error)
    failed = plan.archive.write(name + FAILED_SUFFIX, text) if text else None
    return Outcome(day, failed, error=error, is_transient=is_transient)


def _run_papermill(day: date, plan: Plan, name: str, target: Path) -> tuple[str | None, bool]:
    """Run papermill into `target`; return the error in one line or None, and if it may pass."""
    environment = {
        "FONTE_API_URL": plan.settings.fonte_api_url or "",
        "FONTE_API_KEY": plan.settings.fonte_api_key or "",
        "ALVO_DATABASE_URL": plan.settings.alvo_database_url or "",
        NOTEBOOK_VARIABLE: name + NOTEBOOK_SUFFIX,
        BATCH_VARIABLE: plan.batch,
        "MPLBACKEND": INLINE,  # a backend set in the environment would keep the plots out
    }
    chosen = {} if plan.turbines is None else {"turbines": plan.turbines}
    try:
        papermill.execute_notebook(
            (plan.home / PIPELINE_NOTEBOOK).as_uri(),
            target.as_uri(),
            parameters={"date": day.isoformat(), "columns": plan.columns} | chosen,
            engine_name="warm",
            kernel_name=KERNEL,
            # papermill's `cwd` would change the directory of the whole process
            resources={"metadata": {"path": str(plan.home)}},
            progress_bar=False,
            write_once=True,
            environment=environment,
            warm=plan.warm,
            limits=plan.limits,
        )
    except PapermillExecutionError as error:
        # A magic that fails may print its error, and raise one without a message
        message = error.evalue or f"no message, see In [{error.exec_count}] of the notebook"
        is_transient = getattr(getattr(errors, error.ename, None), "is_transient", False)
        return _first_line(error.ename, message), is_transient
    except Exception as error:  # noqa: BLE001  # such as a dead kernel or a full disk
        return _first_line(type(error).__name__, str(error)), False
    return None, False


def _first_line(name: str, message: str) -> str:
    """An error in one line; our own errors need no class name."""
    line = next(iter(message.strip().splitlines()), "")
    return line if hasattr(errors, name) else f"{name}: {line}"


def _check_outcome(settings: Settings, name: str, summary: Summary | None) -> str | None:
    """Check the ledger: after `sys.exit(0)` in a cell papermill reports success."""
    if summary is None:
        return "the notebook ended before its summary, without an error: did it call exit?"
    known = _is_loaded(settings, name)
    return None if known else f"expected {name} in Alvo's ledger, which does not have it"


def _is_loaded(settings: Settings, notebook: str) -> bool:
    with connected(settings) as (_, alvo):
        return has_run(alvo, notebook)
