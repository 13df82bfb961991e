"""Dagster's definitions: the assets, their jobs, the schedule and the sensors.

Each run is a process of its own. It first starts the imports of its kernels, in another process,
and then imports the modules that do its work. Both take two seconds.
"""

import os
from collections.abc import Iterator
from typing import TYPE_CHECKING, Any

import dagster as dg

from etl_lib.kernels import fork
from etl_lib.orchestration.checks import MEANINGS
from etl_lib.orchestration.requests import choose
from etl_lib.runs import PRELOAD

if TYPE_CHECKING:
    from etl_lib.archive.status import DayStatus

FIRST = os.environ.get("FONTE_START_DATE") or "2024-05-20"
DAYS = dg.DailyPartitionsDefinition(start_date=FIRST)
"""Every UTC day from Fonte's first on; a day is added when it has ended."""
MONTHS = dg.MonthlyPartitionsDefinition(start_date=FIRST[:7], fmt="%Y-%m")
"""Every month of these days; a month is added when it has ended."""
DAYS_PER_RUN = 10
"""Of a backfill: enough to pay for the start of a run's process, few enough to show progress."""
REPORTS_PER_TICK = 50
"""Of loaded days: each is read from its notebook."""


class Services(dg.ConfigurableResource[Any]):
    """The Fonte API and Alvo. One without an address has it in `.env`, or is started here."""

    fonte_api_url: str = ""
    alvo_database_url: str = ""


class Options(dg.Config):
    """The options of a run, as of `etl run`."""

    columns: str = "wind_speed power"
    turbines: str = ""
    """Without names, all that Fonte has."""
    jobs: int = os.cpu_count() or 1


@dg.observable_source_asset(
    partitions_def=DAYS,
    group_name="turbine",
    description="Fonte's readings, behind its API. The version of a day is its"
    " fingerprint, which changes when any value of the day does.",
    automation_condition=dg.AutomationCondition.on_cron("*/15 * * * *"),
)
def readings(context: dg.OpExecutionContext, services: Services) -> dg.DataVersionsByPartition:
    """Ask Fonte for its days and for the time of its last reading."""
    from etl_lib.orchestration.status import find_days

    days = find_days(services.model_dump())
    if days:
        last = dg.MetadataValue.timestamp(days[max(days)].last)
        metadata: dict[str, Any] = {"dagster/last_updated_timestamp": last, "days": len(days)}
        context.log_event(dg.AssetObservation("readings", metadata=metadata))
    known = set(DAYS.get_partition_keys())
    return dg.DataVersionsByPartition(
        {str(day): found.version for day, found in days.items() if str(day) in known}
    )


@dg.asset(
    deps=[readings],
    partitions_def=DAYS,
    group_name="turbine",
    kinds={"jupyter", "duckdb", "postgres"},
    description="Ten-minute statistics in Alvo, loaded by notebooks/etl.ipynb. Its executed page"
    " is the day's report.",
    check_specs=[
        dg.AssetCheckSpec(name, asset="statistics", description=meaning)
        for name, meaning in MEANINGS.items()
    ],
    backfill_policy=dg.BackfillPolicy.multi_run(DAYS_PER_RUN),
)
def statistics(
    context: dg.AssetExecutionContext, config: Options, services: Services
) -> Iterator[dg.MaterializeResult[None] | dg.AssetCheckResult]:
    """Run the notebook of each day. A loaded day stays loaded, whatever happens to the others."""
    fork.prepare(PRELOAD)
    from etl_lib.orchestration.days import materialize

    yield from materialize(context, config, services.model_dump())


@dg.asset(
    deps=[
        dg.AssetDep(
            statistics,  # whose first day may lie within a month
            partition_mapping=dg.TimeWindowPartitionMapping(
                allow_nonexistent_upstream_partitions=True
            ),
        )
    ],
    partitions_def=MONTHS,
    group_name="turbine",
    kinds={"jupyter"},
    description="The page of a month, made by notebooks/period.ipynb from what Alvo holds of it.",
)
def reports(context: dg.AssetExecutionContext, services: Services) -> dg.MaterializeResult[None]:
    """Run the notebook of periods for the month."""
    fork.prepare(PRELOAD)
    from etl_lib.orchestration.periods import materialize_month

    return materialize_month(context, services.model_dump())


day_job = dg.define_asset_job("load_days", selection=[statistics])
month_job = dg.define_asset_job("report_months", selection=[reports])
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
    description="Requests each missing, stale or failed day, once per change.",
)
def changed_days(context: dg.SensorEvaluationContext, services: Services) -> dg.SensorResult:
    """Request the days that need a run, as they were loaded last."""
    from etl_lib.orchestration.status import find_wanted

    wanted = {
        key: day
        for key, day in find_wanted(services.model_dump()).items()
        if DAYS.has_partition_key(str(day.date))
    }
    keys, cursor = choose(wanted, context)
    requests = [_request(key, wanted[name]) for key, name in keys.items()]
    return dg.SensorResult(requests, cursor=cursor)


@dg.sensor(
    job=month_job,
    minimum_interval_seconds=60,
    description="Requests the report of each month that has ended, if it is missing or stale, once"
    " per change, ten minutes after the month's last load.",
)
def changed_months(context: dg.SensorEvaluationContext, services: Services) -> dg.SensorResult:
    """Request the months that need a report."""
    from etl_lib.orchestration.periods import find_wanted_months

    wanted = {
        key: month
        for key, month in find_wanted_months(services.model_dump()).items()
        if MONTHS.has_partition_key(month)
    }
    keys, cursor = choose(wanted, context)
    requests = [dg.RunRequest(key, partition_key=wanted[name]) for key, name in keys.items()]
    return dg.SensorResult(requests, cursor=cursor)


@dg.sensor(
    minimum_interval_seconds=15,
    default_status=dg.DefaultSensorStatus.RUNNING,
    description="Shows the days that etl and papermill loaded as materialized. It starts no run.",
)
def loaded_days(context: dg.SensorEvaluationContext, services: Services) -> dg.SensorResult:
    """Report each load of Alvo's ledger that no run of Dagster made, once."""
    from etl_lib.errors import EtlError
    from etl_lib.orchestration.loaded import find_loaded

    after = int(context.cursor or 0)
    try:
        found, last = find_loaded(
            context.instance, services.model_dump(), after, limit=REPORTS_PER_TICK
        )
    except EtlError as error:
        return dg.SensorResult(skip_reason=str(error), cursor=str(after))
    events = [event for event in found if DAYS.has_partition_key(event.partition or "")]
    return dg.SensorResult(asset_events=events, cursor=str(last))


def _request(key: str, day: "DayStatus") -> dg.RunRequest:
    """A run of a day, with the columns of its last load and, if some were chosen, its turbines."""
    chosen = {"columns": day.columns, "turbines": [] if day.is_whole else day.turbines}
    given = {name: " ".join(names) for name, names in chosen.items() if names}
    config = {"ops": {"statistics": {"config": given}}}
    return dg.RunRequest(key, config, partition_key=str(day.date))


def _address(variable: str) -> str:
    """The variable, so that Dagster shows its name and not its value; empty if it is not set."""
    return dg.EnvVar(variable) if os.environ.get(variable) else ""


defs = dg.Definitions(
    assets=[readings, statistics, reports],
    jobs=[day_job, month_job],
    schedules=[daily],
    sensors=[changed_days, changed_months, loaded_days],
    resources={
        "services": Services(
            fonte_api_url=_address("FONTE_API_URL"),
            alvo_database_url=_address("ALVO_DATABASE_URL"),
        )
    },
    executor=dg.in_process_executor,  # a run is a process already: one more would cost seconds
)
