"""Days run for Dagster, and what it is told of them: facts and findings as plain values.

It knows nothing of Dagster itself: `orchestration` has these called where they are fast.
"""

import json
import os
from collections.abc import Iterator, Sequence
from datetime import UTC, date, datetime, timedelta
from typing import Any

import httpx2
from sqlalchemy import Engine

from etl_lib.analysis.summary import Summary
from etl_lib.archive import pages as reports
from etl_lib.archive.index import write_index
from etl_lib.archive.notebooks import read_attempt, read_plot
from etl_lib.archive.status import DayStatus, State, read_status
from etl_lib.archive.store import NOTEBOOK_SUFFIX, PAGE_SUFFIX, Archive, project_archive
from etl_lib.errors import AlvoError, EtlError
from etl_lib.extract.days import find_day
from etl_lib.extract.readings import fetch_readings
from etl_lib.kernels import fork as forks
from etl_lib.kernels.limits import USUAL
from etl_lib.load.day import verify_load
from etl_lib.load.ledger import read_units
from etl_lib.orchestration.calls import answer_calls
from etl_lib.parameters import parse_columns
from etl_lib.runs import PRELOAD
from etl_lib.runs.batch import run_dates
from etl_lib.runs.date import Outcome, Plan, find_outcome
from etl_lib.runs.pools import threads
from etl_lib.services.connect import connected
from etl_lib.services.embedded import start_missing
from etl_lib.settings import Settings, find_home, read_settings
from etl_lib.transform.statistics import STATISTICS, compute_statistics, to_frame

LOW = 0.9
"""Coverage below which a day is remarked upon."""


def serve_runs() -> None:
    """Do once, in this process, what each run that it starts would do for itself.

    That is to import, and to start what has no address: the environment hands it on.
    """
    settings = make_settings({})
    os.environ["FONTE_API_URL"] = settings.fonte_api_url or ""
    os.environ["ALVO_DATABASE_URL"] = settings.alvo_database_url or ""
    if forks.can_fork():
        forks.prepare(PRELOAD)
    reports.prepare()
    answer_calls()


def run_days(
    days: Sequence[date],
    loaded: Sequence[date],
    columns: str,
    jobs: int,
    addresses: dict[str, str],
    batch: str,
) -> Iterator[dict[str, Any]]:
    """Run each day; what became of it, as it comes.

    Days that were `loaded` by this batch before are told of and not run again. Of each day: its
    `date`, and either `facts` and `findings` or an `error` that `is_transient` or not.
    """
    settings = make_settings(addresses)
    archive = project_archive(settings)
    plan = Plan(parse_columns(columns), settings, find_home(), archive, batch=batch)
    with threads(jobs) as pool, connected(settings) as (fonte, alvo):
        before = [find_outcome(day, plan, since=0) for day in loaded]
        known = {outcome.date: outcome for outcome in before if outcome}
        for outcome in known.values():
            yield _tell(outcome, archive, fonte, alvo)
        missing = [day for day in days if day not in known]
        for outcome in run_dates(pool, missing, plan):
            yield _tell(outcome, archive, fonte, alvo)
    write_index(archive, read_status(settings, archive))


def find_wanted(addresses: dict[str, str]) -> dict[str, DayStatus]:
    """The days that are missing, stale or failed, each by a key that no other change of it has."""
    settings = make_settings(addresses)
    recently = datetime.now(UTC) - timedelta(seconds=USUAL.notebook or 0)
    return {  # a change back to what was is another one, by the load in between
        f"{day}:{status.fingerprint}:{status.run}": status
        for day, status in read_status(settings, project_archive(settings)).items()
        if status.state is not State.LOADED
        # While its notebook, which has loaded it, still draws, a day looks failed
        if not (status.state is State.FAILED and status.loaded and status.loaded > recently)
    }


def make_settings(addresses: dict[str, str]) -> Settings:
    """The settings with these addresses, and what has none started on this machine."""
    given = {name: address for name, address in addresses.items() if address}
    return start_missing(read_settings().model_copy(update=given))


def _tell(outcome: Outcome, archive: Archive, fonte: httpx2.Client, alvo: Engine) -> dict[str, Any]:
    told: dict[str, Any] = {"date": str(outcome.date)}
    if outcome.summary is None:
        return told | {"error": outcome.error, "is_transient": outcome.is_transient}
    try:
        facts = _describe(outcome.summary, archive, alvo)
        findings = _check(outcome.summary, fonte, alvo)
    except EtlError as error:  # it is loaded; to load it once more changes nothing
        return told | {"error": str(error), "is_transient": True}
    return told | {"facts": facts, "findings": findings}


def _describe(summary: Summary, archive: Archive, alvo: Engine) -> dict[str, Any]:
    notebook = summary.notebook or ""
    content = archive.read(notebook)
    attempt = read_attempt(content, notebook)
    units = read_units(alvo)
    return {
        "picture": read_plot(json.loads(content)),
        "report": str(archive.locate(notebook.removesuffix(NOTEBOOK_SUFFIX) + PAGE_SUFFIX)),
        "notebook": str(archive.locate(notebook)),
        "readings": summary.readings,
        "statistics": summary.statistics,
        "coverage": summary.coverage,
        "changes": summary.changes,
        "seconds": attempt.seconds if attempt else None,
        "schema": [
            (f"{column}_{statistic}", "double precision", units[f"{column}_{statistic}"])
            for column in summary.columns
            for statistic in STATISTICS
            if f"{column}_{statistic}" in units
        ],
    }


def _check(summary: Summary, fonte: httpx2.Client, alvo: Engine) -> dict[str, str]:
    """What is wrong with a loaded day, by the name of the check that finds it."""
    found = {
        "read_back_equal": _compare(summary, fonte, alvo),
        "coverage": f"{summary.coverage:.1%}" if summary.coverage < LOW else "",
        "plausible_ranges": _count_implausible(summary),
    }
    return {check: finding for check, finding in found.items() if finding}


def _compare(summary: Summary, fonte: httpx2.Client, alvo: Engine) -> str:
    """Compute the day anew from Fonte's readings, and compare."""
    day = find_day(fonte, summary.date.isoformat())
    readings = fetch_readings(fonte, day.start, day.end, summary.columns)
    try:
        verify_load(alvo, day, to_frame(compute_statistics(readings)))
    except AlvoError as error:
        return str(error)
    return ""


def _count_implausible(summary: Summary) -> str:
    counts = {signal: found.implausible for signal, found in summary.quality.items()}
    return ", ".join(f"{signal}: {count:,} readings" for signal, count in counts.items() if count)
