"""The report of a month: made by its notebook, described, and requested anew when it is stale."""

from collections import defaultdict
from collections.abc import Mapping
from datetime import UTC, datetime, timedelta
from typing import Any

import dagster as dg

from etl_lib.analysis.headline import write_headline
from etl_lib.analysis.period_summary import PeriodSummary
from etl_lib.archive.attempts import read_attempts
from etl_lib.archive.index import write_index
from etl_lib.archive.periods import make_periods
from etl_lib.archive.status import read_status
from etl_lib.archive.store import Archive, project_archive
from etl_lib.errors import EtlError
from etl_lib.kernels.limits import USUAL
from etl_lib.orchestration.days import Problem, fail
from etl_lib.orchestration.describe import describe_files, describe_numbers, find_location
from etl_lib.orchestration.status import make_settings
from etl_lib.parameters import parse_span
from etl_lib.runs.notebook import Plan
from etl_lib.runs.period import run_period
from etl_lib.settings import find_home

QUIET = timedelta(seconds=USUAL.notebook)
"""A month whose last load is younger may get another one, which would make its report stale."""


def materialize_month(
    context: dg.AssetExecutionContext, addresses: Mapping[str, str]
) -> dg.MaterializeResult[None]:
    """Make the report of the month that is the partition, `2024-05`, and write the index.

    Raises `dg.Failure`, in one line, for a month of which Alvo holds nothing and for a failed
    notebook; `dg.RetryRequested` when Fonte, Alvo or the archive did not answer.
    """
    month = context.partition_key
    try:
        settings = make_settings(addresses)
        plan = Plan([], settings, find_home(), project_archive(settings))
        outcome = run_period(parse_span(month), plan)
        write_index(plan.archive, read_status(settings, plan.archive))
    except EtlError as error:
        fail([Problem(str(error), error.is_transient)], context)
    if outcome.summary is None:
        fail([Problem(f"{month}: {outcome.error}", outcome.is_transient)], context)
    context.log.info(f"{month}: {outcome.summary.line}")
    location = find_location(context)
    metadata = describe_month(outcome.summary, plan.archive, outcome.name, location)
    return dg.MaterializeResult(metadata=metadata)


def describe_month(
    summary: PeriodSummary, archive: Archive, name: str, location: str | None = None
) -> dict[str, Any]:
    """The metadata of a materialization, in the order in which Dagster shows it.

    `name` is that of the archived files, without a suffix; `location` as of `describe`.
    """
    return {
        "findings": dg.MetadataValue.md(write_headline([], summary.findings).strip()),
        **describe_numbers(
            {
                "energy, kWh": (summary.energy, 1),
                "lost energy, kWh": (summary.lost_energy, 1),
                "wind, m/s": (summary.mean_wind_speed, 2),
                "coverage": (summary.coverage, 4),
                "capacity factor": (summary.capacity_factor, 4),
            }
        ),
        **describe_files(archive, name, f"{summary.start} to {summary.end}", location),
        "turbines": len(summary.turbines),
        "days loaded": summary.days,
    }


def find_wanted_months(addresses: Mapping[str, str]) -> dict[str, str]:
    """The months, `2024-05`, whose report is missing or stale, each by a key.

    The key is new with every change. A month waits for ten minutes after its last load. One of
    which Alvo holds nothing is not wanted.
    """
    settings = make_settings(addresses)
    archive = project_archive(settings)
    statuses = read_status(settings, archive)
    attempts = read_attempts(archive, archive.names())
    rows = make_periods([each for each in attempts if each.is_period], statuses)
    reports = {(row.last.start, row.last.end): row for row in rows if not row.chosen}
    months: dict[str, list[tuple[datetime, int]]] = defaultdict(list)
    for day, status in statuses.items():
        if status.loaded and status.run:
            months[f"{day:%Y-%m}"].append((status.loaded, status.run))
    found = {}
    for month, loads in months.items():
        span = parse_span(month)
        report = reports.get((span.first, span.last))
        last = report.last.started.isoformat() if report and report.summary else "none"
        is_current = report and report.summary and not report.is_stale
        if not is_current and max(loads)[0] < datetime.now(UTC) - QUIET:
            newest = max(run for _, run in loads)
            found[f"{month}:{last}:{len(loads)}:{newest}"] = month
    return found
