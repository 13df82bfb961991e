"""Dagster: each UTC day as a partition of an asset. `dagster dev -m etl_lib.orchestration`

A partition, or a range of them, is run as by `etl run`: the same notebook into the same archive.
Needs the extra `dagster`.
"""

import os
import sys
import warnings
from collections.abc import Iterator, Mapping
from contextlib import closing
from datetime import date
from multiprocessing import parent_process
from pathlib import Path
from typing import Any, NoReturn
from urllib.parse import urlencode

import dagster as dg

from etl_lib.errors import EtlError
from etl_lib.orchestration.calls import call

# What is in beta is told at every start, to people who did not choose it
warnings.filterwarnings("ignore", category=dg.BetaWarning)

FIRST = os.environ.get("FONTE_START_DATE") or "2024-05-20"
DAYS = dg.DailyPartitionsDefinition(start_date=FIRST)
"""Every UTC day from Fonte's first on; a day appears when it has ended."""
DAYS_A_RUN = 10
"""Of a backfill: enough to pay for the start of a run's process, few enough to see it move."""
REQUESTS_A_TICK = 50
"""Of the sensor: what changed all at once is asked for step by step."""
RETRIES = 3
FIRST_WAIT_SECONDS = 10
"""Before a retry; before each further one twice as long."""
CHECKS = {
    "read_back_equal": "Alvo holds what Fonte's readings give when they are computed again.",
    "coverage": "At least 90 % of the expected readings came. An error: fewer than 50 %.",
    "plausible_ranges": "No reading lies outside the range that its signal can have.",
}
HALF = 0.5
"""Coverage below which a day is an error."""
Told = Mapping[str, Any]
"""What `materialization.run_days` tells of a day."""


class Services(dg.ConfigurableResource[Any]):
    """The Fonte API and Alvo. What has no address is taken from `.env`, or started here."""

    fonte_api_url: str = ""
    alvo_database_url: str = ""


class Request(dg.Config):
    """What a run may choose, as `etl run` does."""

    columns: str = "wind_speed power"
    jobs: int = os.cpu_count() or 1


@dg.observable_source_asset(
    partitions_def=DAYS,
    group_name="turbine",
    description="Fonte's readings, one a minute, behind its API. A day's version is its"
    " fingerprint, which changes when any value of the day does.",
    automation_condition=dg.AutomationCondition.on_cron("*/15 * * * *"),
)
def readings(context: dg.OpExecutionContext, services: Services) -> dg.DataVersionsByPartition:
    """Ask Fonte what it has of each day, and when its last reading was."""
    from etl_lib.extract.days import fetch_days
    from etl_lib.orchestration.days import make_settings
    from etl_lib.services.connect import connected

    with connected(make_settings(services.model_dump())) as (fonte, _):
        days = fetch_days(fonte)
    if days:
        last = dg.MetadataValue.timestamp(days[max(days)].last)
        facts: dict[str, Any] = {"dagster/last_updated_timestamp": last, "days": len(days)}
        context.log_event(dg.AssetObservation("readings", metadata=facts))
    known = set(DAYS.get_partition_keys())
    return dg.DataVersionsByPartition(
        {str(day): found.fingerprint for day, found in days.items() if str(day) in known}
    )


@dg.asset(
    deps=[readings],
    partitions_def=DAYS,
    group_name="turbine",
    kinds={"jupyter", "duckdb", "postgres"},
    description="Ten-minute statistics in Alvo, loaded by notebooks/etl.ipynb: its executed page"
    " is the day's report.",
    check_specs=[
        dg.AssetCheckSpec(name, asset="statistics", description=meaning)
        for name, meaning in CHECKS.items()
    ],
    backfill_policy=dg.BackfillPolicy.multi_run(DAYS_A_RUN),
)
def statistics(
    context: dg.AssetExecutionContext, config: Request, services: Services
) -> Iterator[dg.MaterializeResult[None] | dg.AssetCheckResult]:
    """Run the notebook of each day; those that were loaded stand, whatever others become."""
    days = [date.fromisoformat(key) for key in context.partition_keys]
    batch = f"{context.run_id} {context.retry_number}"
    arguments = (_find_loaded(context), config.columns, config.jobs, services.model_dump(), batch)
    run_days = call(
        "etl_lib.orchestration.days:run_days",
        *(days, *arguments),
        on_break=("etl_lib.runs.batch:break_off", batch),
    )
    loaded: list[Told] = []
    failed: list[Told] = []
    try:
        with closing(run_days):
            for day in run_days:
                context.log.info(f"{day['date']}: {day.get('error') or 'loaded'}")
                (failed if "error" in day else loaded).append(day)
    except EtlError as error:
        told = {"error": str(error), "is_transient": error.is_transient}
        failed.append({"date": "before any day"} | told)
    checks = [_judge(name, loaded) for name in CHECKS] if loaded else []
    if failed:
        known = {str(day) for day in _find_loaded(context)}
        for day in [day for day in loaded if day["date"] not in known]:
            facts = _describe(day, context)
            context.log_event(
                dg.AssetMaterialization("statistics", partition=day["date"], metadata=facts)
            )
        yield from checks
        _fail(failed, context)
    for day in loaded:
        context.add_asset_metadata(_describe(day, context), partition_key=day["date"])
    yield dg.MaterializeResult(check_results=checks)


def _fail(failed: list[Told], context: dg.AssetExecutionContext) -> NoReturn:
    """Fail the run, or retry it where the cause may pass; a policy would retry terminated ones."""
    failure = dg.Failure("; ".join(sorted(f"{day['date']}: {day['error']}" for day in failed)))
    if context.retry_number < RETRIES and any(day["is_transient"] for day in failed):
        wait = FIRST_WAIT_SECONDS * 2**context.retry_number
        raise dg.RetryRequested(RETRIES, wait) from failure
    raise failure


def _find_loaded(context: dg.AssetExecutionContext) -> list[date]:
    """The days that an earlier attempt of this very run has materialized."""
    if not context.retry_number:
        return []
    records = context.instance.get_records_for_run(
        context.run_id, of_type=dg.DagsterEventType.ASSET_MATERIALIZATION
    ).records
    return [date.fromisoformat(record.partition_key) for record in records if record.partition_key]


def _describe(day: Told, context: dg.AssetExecutionContext) -> dict[str, Any]:
    """The metadata of a day's materialization."""
    facts = day["facts"]
    told: dict[str, Any] = {
        "report": dg.MetadataValue.path(facts["report"]),
        "notebook": dg.MetadataValue.notebook(facts["notebook"]),
    }
    if facts["picture"]:
        told["picture"] = dg.MetadataValue.md(f"![{day['date']}]({facts['picture']})")
    origin = context.run.remote_job_origin
    if origin and Path(facts["notebook"]).is_relative_to(Path.cwd()):  # as Dagster shows it
        location = origin.location_name
        query = urlencode({"path": facts["notebook"], "repoLocName": location})
        told["notebook, rendered"] = dg.MetadataValue.url(f"/notebook?{query}")
    columns = [dg.TableColumn(*item) for item in facts["schema"]]
    return told | {
        "readings": facts["readings"],
        "statistics": facts["statistics"],
        "coverage": facts["coverage"],
        "changes in Alvo": facts["changes"],
        "duration, seconds": facts["seconds"],
        "dagster/column_schema": dg.TableSchema(columns=columns),
    }


def _judge(check: str, days: list[Told]) -> dg.AssetCheckResult:
    """A check over all of the days; what it found is told by day."""
    found = {day["date"]: day["findings"][check] for day in days if check in day["findings"]}
    is_wrong = check == "read_back_equal" or (
        check == "coverage" and any(day["facts"]["coverage"] < HALF for day in days)
    )
    severity = dg.AssetCheckSeverity.ERROR if is_wrong else dg.AssetCheckSeverity.WARN
    return dg.AssetCheckResult(
        check_name=check, passed=not found, severity=severity, metadata=found
    )


day_job = dg.define_asset_job("load_days", selection=[statistics])
daily = dg.build_schedule_from_partitioned_job(
    day_job,
    name="yesterday",
    hour_of_day=0,
    minute_of_hour=15,
    description="Loads yesterday, a quarter of an hour after it has ended.",
)


@dg.sensor(
    job=day_job,
    minimum_interval_seconds=60,
    description="Requests each day that is missing, stale or failed, once a change.",
)
def changed_days(context: dg.SensorEvaluationContext, services: Services) -> dg.SensorResult:
    """Ask Fonte, Alvo and the archive once each."""
    from etl_lib.orchestration.days import find_wanted

    found = find_wanted(services.model_dump())
    wanted = {key: day for key, day in found.items() if DAYS.has_partition_key(str(day.date))}
    asked = wanted.keys() & set((context.cursor or "").split())
    new = [key for key in wanted if key not in asked][:REQUESTS_A_TICK]
    requests = [_request(key, wanted[key]) for key in new]
    return dg.SensorResult(requests, cursor=" ".join([*asked, *new]))


def _request(key: str, day: Any) -> dg.RunRequest:
    """A run of a `DayStatus`, with the columns that the day was loaded with, if it ever was."""
    chosen = {"columns": " ".join(day.columns)} if day.columns else {}
    config = {"ops": {"statistics": {"config": chosen}}}
    return dg.RunRequest(key, config, partition_key=str(day.date))


def _address(variable: str) -> str:
    """The variable, so that Dagster shows its name and not its value; empty when it is not set."""
    return dg.EnvVar(variable) if os.environ.get(variable) else ""


defs = dg.Definitions(
    assets=[readings, statistics],
    jobs=[day_job],
    schedules=[daily],
    sensors=[changed_days],
    resources={
        "services": Services(
            fonte_api_url=_address("FONTE_API_URL"),
            alvo_database_url=_address("ALVO_DATABASE_URL"),
        )
    },
    executor=dg.in_process_executor,  # a run is a process already: one more would cost seconds
)

if "grpc" in sys.argv and not parent_process():  # Dagster's code server, which starts the runs
    from etl_lib.orchestration.days import serve_runs

    serve_runs()
