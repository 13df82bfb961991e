"""A run of Dagster: its days executed by their notebook, checked and described."""

from collections.abc import Iterator, Mapping, Sequence
from contextlib import closing
from datetime import date
from itertools import chain
from typing import TYPE_CHECKING, NamedTuple, NoReturn

import dagster as dg
import httpx2
from sqlalchemy import Engine

from etl_lib.analysis.summary import Summary
from etl_lib.archive.index import write_index
from etl_lib.archive.status import read_status
from etl_lib.archive.store import Archive, project_archive
from etl_lib.errors import AlvoError, EtlError
from etl_lib.extract.days import find_day
from etl_lib.extract.readings import fetch_before, fetch_readings
from etl_lib.load.ledger import read_units
from etl_lib.load.reading import verify_load
from etl_lib.orchestration.checks import LOW_COVERAGE, MEANINGS, CheckedDay, judge
from etl_lib.orchestration.describe import describe, find_location
from etl_lib.orchestration.requests import PASSING
from etl_lib.orchestration.status import make_settings
from etl_lib.parameters import parse_columns, parse_turbines
from etl_lib.runs.batch import run_dates
from etl_lib.runs.date import find_outcome
from etl_lib.runs.notebook import Plan
from etl_lib.runs.pools import threads
from etl_lib.services.connect import Connections, connected
from etl_lib.settings import find_home
from etl_lib.transform.statistics import compute_statistics, to_frame

if TYPE_CHECKING:
    from etl_lib.orchestration.definitions import Options

RETRIES = 3
FIRST_WAIT_SECONDS = 10
"""The wait before the first retry; each further wait is twice as long."""


class Problem(NamedTuple):
    """Why a day failed, or the run apart from its days."""

    reason: str
    is_transient: bool


def materialize(
    context: dg.AssetExecutionContext, options: "Options", addresses: Mapping[str, str]
) -> Iterator[dg.MaterializeResult[None] | dg.AssetCheckResult]:
    """Run the days of `context`; yield their checks and, if all are loaded, their materialization.

    If some fail, the others are materialized all the same; then the run is retried or fails.
    """
    earlier = _find_materialized(context)
    loaded: list[CheckedDay] = []
    problems: list[Problem] = []
    try:
        plan = _make_plan(options, addresses)
        for found in _run_days(context, plan, options.jobs, earlier):
            if isinstance(found, CheckedDay):
                loaded.append(found)
            else:
                problems.append(found)
        write_index(plan.archive, read_status(plan.settings, plan.archive))
    except EtlError as error:
        problems.append(Problem(str(error), error.is_transient))
    checks = [judge(name, loaded) for name in MEANINGS] if loaded else []
    if problems:
        for day in [day for day in loaded if day.date not in earlier]:
            event = dg.AssetMaterialization(
                "statistics", partition=str(day.date), metadata=day.metadata
            )
            context.log_event(event)
        yield from checks
        fail(problems, context)
    for day in loaded:
        context.add_asset_metadata(day.metadata, partition_key=str(day.date))
    yield dg.MaterializeResult(check_results=checks)


def _make_plan(options: "Options", addresses: Mapping[str, str]) -> Plan:
    settings = make_settings(addresses)
    columns, turbines = parse_columns(options.columns), parse_turbines(options.turbines)
    return Plan(columns, settings, find_home(), project_archive(settings), turbines=turbines)


def _run_days(
    context: dg.AssetExecutionContext, plan: Plan, jobs: int, earlier: Sequence[date]
) -> Iterator[CheckedDay | Problem]:
    """Run each day, except those loaded `earlier`; check the loaded ones, as they come."""
    known = [outcome for day in earlier if (outcome := find_outcome(day, plan, since=0))]
    days = {date.fromisoformat(key) for key in context.partition_keys}
    rest = sorted(days - {outcome.date for outcome in known})
    with (
        threads(jobs) as pool,
        connected(plan.settings) as services,
        closing(run_dates(pool, rest, plan)) as outcomes,
    ):
        for outcome in chain(known, outcomes):
            told = outcome.summary.line if outcome.summary else outcome.error
            context.log.info(f"{outcome.date}: {told}")
            if outcome.summary is None:
                yield Problem(f"{outcome.date}: {outcome.error}", outcome.is_transient)
                continue
            try:
                yield _check(outcome.summary, plan.archive, services, context)
            except EtlError as error:  # the day is loaded; a retry only checks it again
                yield Problem(f"{outcome.date}: {error}", is_transient=True)


def fail(problems: Sequence[Problem], context: dg.AssetExecutionContext) -> NoReturn:
    """Fail the run, or retry it if that may help: a retry policy would retry terminated runs."""
    failure = dg.Failure("; ".join(sorted(problem.reason for problem in problems)))
    if context.retry_number < RETRIES and any(problem.is_transient for problem in problems):
        wait = FIRST_WAIT_SECONDS * 2**context.retry_number
        raise dg.RetryRequested(RETRIES, wait) from failure
    if all(problem.is_transient for problem in problems):
        context.instance.add_run_tags(context.run_id, {PASSING: "true"})
    raise failure


def _find_materialized(context: dg.AssetExecutionContext) -> list[date]:
    """The days that an earlier attempt of this run has materialized."""
    if not context.retry_number:
        return []
    records = context.instance.get_records_for_run(
        context.run_id, of_type=dg.DagsterEventType.ASSET_MATERIALIZATION
    ).records
    return [date.fromisoformat(record.partition_key) for record in records if record.partition_key]


def _check(
    summary: Summary, archive: Archive, services: Connections, context: dg.AssetExecutionContext
) -> CheckedDay:
    """Check and describe a loaded day; raises `EtlError` if a service does not answer."""
    fonte, alvo = services
    findings = {
        "read_back_equal": compare(summary, fonte, alvo),
        "coverage": _describe_coverage(summary),
        "plausible_ranges": _count_implausible(summary),
        "trusted_readings": summary.suspicion,
    }
    metadata = describe(summary, archive, read_units(alvo), find_location(context))
    return CheckedDay(summary.date, summary.coverage, metadata, findings)


def compare(summary: Summary, fonte: httpx2.Client, alvo: Engine) -> str:
    """Compare Alvo with the day recomputed from Fonte's readings; empty if they are equal."""
    day = find_day(fonte, summary.date.isoformat(), summary.turbines)
    readings = fetch_readings(fonte, day.start, day.end, summary.columns, day.turbines)
    before, keep = fetch_before(fonte, day, readings), summary.keeps_impossible
    statistics = compute_statistics(readings, before=before, keep_impossible=keep)
    try:
        verify_load(alvo, day, to_frame(statistics))
    except AlvoError as error:
        return str(error)
    return ""


def _describe_coverage(summary: Summary) -> str:
    """The coverage of the day and of each of several turbines where it is low; absent signals."""
    found = {"": summary.coverage} if summary.coverage < LOW_COVERAGE else {}
    if len(summary.by_turbine) > 1:
        shares = {f"{name} ": day.coverage for name, day in summary.by_turbine.items()}
        found |= {name: share for name, share in shares.items() if share < LOW_COVERAGE}
    shares_of_all = ", ".join(f"{name}{share:.1%}" for name, share in found.items())
    absent = f"no readings of {', '.join(summary.absent)}" if summary.absent else ""
    return "; ".join(filter(None, [shares_of_all, absent]))


def _count_implausible(summary: Summary) -> str:
    counts = {signal: found.implausible for signal, found in summary.quality.items()}
    return ", ".join(f"{signal}: {count:,} readings" for signal, count in counts.items() if count)
