"""One date to one executed notebook in the archive."""

from contextlib import suppress
from dataclasses import dataclass
from datetime import date, timedelta
from threading import Event

import nbformat

from etl_lib.analysis.summary import Summary
from etl_lib.archive.notebooks import read_summary
from etl_lib.archive.store import (
    FAILED_SUFFIX,
    NOTEBOOK_SUFFIX,
    PAGE_SUFFIX,
    Location,
    marker,
)
from etl_lib.errors import EtlError
from etl_lib.extract.days import find_day
from etl_lib.extract.readings import fetch_readings
from etl_lib.load.alvo import create_tables
from etl_lib.load.ledger import has_run, last_loads
from etl_lib.runs.notebook import Plan, execute
from etl_lib.services.connect import connected
from etl_lib.settings import PIPELINE_NOTEBOOK, Settings


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
    silent: str = ""
    """The service for whose silence the date was not tried."""


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
    chosen = {} if plan.turbines is None else {"turbines": plan.turbines}
    parameters = {"date": day.isoformat(), "columns": plan.columns} | chosen
    text, notebook, error, is_transient = execute(PIPELINE_NOTEBOOK, parameters, plan, name)
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


def _check_outcome(settings: Settings, name: str, summary: Summary | None) -> str | None:
    """Check the ledger: after `sys.exit(0)` in a cell papermill reports success."""
    if summary is None:
        return "the notebook ended before its summary, without an error: did it call exit?"
    known = _is_loaded(settings, name)
    return None if known else f"expected {name} in Alvo's ledger, which does not have it"


def _is_loaded(settings: Settings, notebook: str) -> bool:
    with connected(settings) as (_, alvo):
        return has_run(alvo, notebook)
