"""Days as Dagster's partitions: asked for by schedule and sensor, run here and elsewhere."""

import os
import re
import signal
import subprocess
import sys
import time
from base64 import b64encode
from collections.abc import Callable, Iterator
from contextlib import suppress
from dataclasses import replace
from datetime import UTC, date, datetime, timedelta
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import dagster as dg
import psutil
import pyarrow as pa
import pytest
from dagster._core.execution.plan import active
from helpers import (
    DAY,
    ROOT,
    archived_files,
    execute,
    make_statistics,
    wait_for,
    wait_for_loads,
)
from sqlalchemy import Engine

from etl_lib.analysis.summary import Outline
from etl_lib.archive.store import open_archive
from etl_lib.cli import main as cli
from etl_lib.load.day import load_day
from etl_lib.load.forget import forget_turbines
from etl_lib.orchestration import definitions as orchestration
from etl_lib.orchestration.checks import CheckedDay, judge
from etl_lib.orchestration.days import compare
from etl_lib.orchestration.describe import draw
from etl_lib.orchestration.requests import RUN_KEY
from etl_lib.runs.date import find_outcome
from etl_lib.runs.notebook import Plan
from etl_lib.services.connect import connected
from etl_lib.settings import Settings

pytestmark = [
    pytest.mark.usefixtures("services", "project"),
    # Dagster's, of itself
    pytest.mark.filterwarnings("ignore:.*is deprecated:DeprecationWarning"),
    pytest.mark.filterwarnings("ignore::dagster.BetaWarning"),
]
DAYS = [f"2024-05-{day}" for day in range(20, 30)]
POWER = {"ops": {"statistics": {"config": {"columns": "power", "jobs": 2}}}}
FIRST_TAG = "dagster/asset_partition_range_start"
MEAN = "SELECT avg(value) FROM statistics WHERE statistic = 'mean' AND signal"
SHOWN_AT_ONCE = 1000
"""Characters of Markdown that Dagster shows without a click."""
LAST_TAG = "dagster/asset_partition_range_end"


@pytest.fixture
def changing(
    fonte_api: str, services: str, put_readings: Callable[[pa.Table], None], monkeypatch: Any
) -> Callable[[date], None]:
    """A Fonte with an hour on each of three days; puts one more reading into a day."""
    monkeypatch.setenv("FONTE_API_URL", fonte_api)
    starts = [datetime(2024, 5, day, tzinfo=UTC) for day in (20, 21, 22)]
    stamps = [start + timedelta(minutes=minute) for start in starts for minute in range(60)]
    put_readings(pa.table({"timestamp": stamps, "power": [float(s.minute) for s in stamps]}))
    more = iter(range(61, 1000))

    def change(day: date) -> None:
        stamp = datetime(day.year, day.month, day.day, tzinfo=UTC) + timedelta(minutes=next(more))
        put_readings(pa.table({"timestamp": [stamp], "power": [7.0]}))

    return change


@pytest.fixture
def instance(tmp_path: Path) -> Iterator[dg.DagsterInstance]:
    """A Dagster of the test's own, which other processes reach too."""
    with dg.DagsterInstance.local_temp(str(tmp_path)) as instance:
        yield instance


def load_days() -> dg.JobDefinition:
    """The job as other processes find it."""
    return orchestration.defs.resolve_job_def("load_days")


def load_days_in_processes() -> dg.JobDefinition:
    """The same, each step in a process of its own."""
    job = dg.define_asset_job("load_days", selection=[orchestration.statistics])
    assets = [orchestration.readings, orchestration.statistics]
    definitions = dg.Definitions(
        assets=assets,
        jobs=[job],
        resources=orchestration.defs.resources,
        executor=dg.multiprocess_executor,
    )
    return definitions.resolve_job_def("load_days")


def period(first: str, last: str) -> dict[str, str]:
    """The tags of a run of these days and those between them."""
    return {FIRST_TAG: first, LAST_TAG: last}


def run(instance: dg.DagsterInstance, day: str) -> dg.ExecuteInProcessResult:
    return load_days().execute_in_process(
        run_config=POWER, instance=instance, partition_key=day, raise_on_error=False
    )


def materialized(instance: dg.DagsterInstance) -> dict[str, dict[str, Any]]:
    """The metadata of each partition's materializations."""
    records = instance.fetch_materializations(dg.AssetKey("statistics"), limit=1000).records
    assert len({record.partition_key for record in records}) == len(records)
    return {
        record.partition_key: {
            name: value.value for name, value in record.asset_materialization.metadata.items()
        }
        for record in records
    }


def tick(instance: dg.DagsterInstance, cursor: str | None = None) -> dg.SensorResult:
    context = dg.build_sensor_context(
        instance, cursor=cursor, resources={"services": orchestration.Services()}
    )
    return orchestration.changed_days(context)


def asked(result: dg.SensorResult) -> list[str | None]:
    return [request.partition_key for request in result.run_requests or []]


# Who asks for days


def test_partitions() -> None:
    """A day is a partition once it has ended."""
    now = datetime(2024, 5, 25, 12, tzinfo=UTC)
    keys = orchestration.DAYS.get_partition_keys(current_time=now)
    assert (keys[0], keys[-1]) == ("2024-05-20", "2024-05-24")


def test_first_partition() -> None:
    """The first partition is Fonte's first day."""
    command = (
        "from etl_lib.orchestration.definitions import DAYS; print(DAYS.get_first_partition_key())"
    )
    said = subprocess.run(
        [sys.executable, "-c", command],
        env={"FONTE_START_DATE": "2023-01-02"},
        capture_output=True,
        text=True,
        check=True,
    )
    assert said.stdout.strip() == "2023-01-02"


def test_the_schedule_asks_for_yesterday() -> None:
    at = datetime(2024, 5, 25, 0, 15, tzinfo=UTC)
    schedule = orchestration.defs.resolve_schedule_def("yesterday")
    assert schedule.cron_schedule == "15 0 * * *"
    found = schedule.evaluate_tick(dg.build_schedule_context(scheduled_execution_time=at))
    assert [request.partition_key for request in found.run_requests] == ["2024-05-24"]


def test_sensor(changing: Callable[[date], None], instance: dg.DagsterInstance) -> None:
    """The sensor requests only the changed day, once per change."""
    first = tick(instance)
    assert asked(first) == DAYS[:3]
    assert asked(tick(instance, first.cursor)) == []
    for day in DAYS[:3]:
        assert run(instance, day).success
    loaded = tick(instance, first.cursor)
    assert asked(loaded) == []
    changing(date(2024, 5, 21))
    changed = tick(instance, loaded.cursor)
    assert asked(changed) == ["2024-05-21"]
    assert asked(tick(instance, changed.cursor)) == []
    changing(date(2024, 5, 21))  # once more, before it was loaded
    assert asked(again := tick(instance, changed.cursor)) == ["2024-05-21"]
    assert run(instance, "2024-05-21").success
    assert asked(last := tick(instance, again.cursor)) == []
    assert last.cursor == ""


def test_sensor_after_forget(
    changing: Callable[[date], None], instance: dg.DagsterInstance, alvo: Engine, fonte_url: str
) -> None:
    """A forgotten day is requested again, as long as Fonte has readings of it."""
    assert run(instance, DAYS[0]).success
    cursor = tick(instance).cursor
    forget_turbines(alvo, ["T1"])
    assert asked(tick(instance, cursor)) == [DAYS[0]]
    execute(fonte_url, "DELETE FROM data WHERE timestamp < '2024-05-21'")
    assert asked(tick(instance, cursor)) == []


def test_sensor_columns(changing: Callable[[date], None], instance: dg.DagsterInstance) -> None:
    """The sensor requests a day with the columns of its last load."""
    assert run(instance, DAYS[0]).success
    changing(date(2024, 5, 20))
    chosen = {r.partition_key: r.run_config for r in tick(instance).run_requests or []}
    assert chosen[DAYS[0]] == {"ops": {"statistics": {"config": {"columns": "power"}}}}
    assert chosen[DAYS[1]] == {"ops": {"statistics": {"config": {}}}}


def test_turbines(
    changing: Callable[[date], None],
    instance: dg.DagsterInstance,
    put_readings: Callable[[pa.Table], None],
) -> None:
    """A run may choose turbines; the sensor then asks for these, and else for all."""
    stamps = [datetime(2024, 5, 20, 12, minute, tzinfo=UTC) for minute in range(60)]
    both = pa.table({"timestamp": stamps, "turbine": ["T2"] * 60, "power": [5.0] * 60})
    put_readings(both)
    chosen = {"ops": {"statistics": {"config": {"columns": "power", "turbines": "T2", "jobs": 1}}}}
    job = load_days()
    assert job.execute_in_process(chosen, instance=instance, partition_key=DAYS[0]).success
    assert run(instance, DAYS[1]).success
    changing(date(2024, 5, 20))  # of T1, which was not chosen
    assert asked(tick(instance)) == [DAYS[2]]
    put_readings(both.slice(0, 1))
    changing(date(2024, 5, 21))
    requests = {r.partition_key: r.run_config for r in tick(instance).run_requests or []}
    given = {"columns": "power", "turbines": "T2"}
    assert requests[DAYS[0]] == {"ops": {"statistics": {"config": given}}}
    assert requests[DAYS[1]] == {"ops": {"statistics": {"config": {"columns": "power"}}}}
    records = [r.data for r in materialized(instance)[DAYS[0]]["turbines"].records]
    assert [(record["turbine"], record["readings"]) for record in records] == [("T2", 60)]


def test_low_coverage_of_a_turbine(
    changing: Callable[[date], None],
    instance: dg.DagsterInstance,
    put_readings: Callable[[pa.Table], None],
) -> None:
    """The check of coverage names each turbine that is low."""
    stamps = [datetime(2024, 5, 20, tzinfo=UTC) + timedelta(minutes=m) for m in range(1440)]
    put_readings(pa.table({"timestamp": stamps, "turbine": ["T2"] * 1440, "power": [5.0] * 1440}))
    result = run(instance, DAYS[0])
    found = {each.check_name: each for each in result.get_asset_check_evaluations()}
    assert not found["coverage"].passed
    (finding,) = found["coverage"].metadata.values()
    assert finding.value == "52.1%, T1 4.2%"


def test_running_notebook(
    changing: Callable[[date], None], project: Path, alvo_url: str, instance: dg.DagsterInstance
) -> None:
    """A day whose notebook is still running is not requested."""
    assert run(instance, DAYS[0]).success
    (report,) = (project / "runs" / DAYS[0]).glob("*.html")
    report.with_name(f".{report.stem}.partial.ipynb").touch()  # as before it was released
    assert asked(tick(instance)) == DAYS[1:3]
    execute(alvo_url, "UPDATE run SET finished = now() - interval '11 minutes'")
    assert asked(tick(instance)) == DAYS[:3]


def test_many_changes(
    changing: Callable[[date], None], instance: dg.DagsterInstance, monkeypatch: Any
) -> None:
    """Many changes are requested in several ticks."""
    monkeypatch.setattr("etl_lib.orchestration.requests.REQUESTS_PER_TICK", 2)
    first = tick(instance)
    assert asked(first) == DAYS[:2]
    assert asked(tick(instance, first.cursor)) == DAYS[2:3]


def test_data_versions(changing: Callable[[date], None], instance: dg.DagsterInstance) -> None:
    """Fonte's fingerprints are the data versions of the source's partitions."""

    def observe() -> dict[str, Any]:
        job = orchestration.defs.resolve_implicit_job_def_def_for_assets([dg.AssetKey("readings")])
        alone = [dg.AssetKey("readings")]
        assert job.execute_in_process(instance=instance, asset_selection=alone).success
        records = instance.fetch_observations(dg.AssetKey("readings"), limit=100).records
        newest = records[: len(DAYS[:3]) + 1]
        facts = [r.asset_observation for r in newest if r.partition_key is None]
        last = facts[0].metadata["dagster/last_updated_timestamp"].value
        assert datetime.fromtimestamp(last, UTC) == datetime(2024, 5, 22, 0, 59, tzinfo=UTC)
        return {
            r.partition_key: r.asset_observation.data_version
            for r in newest
            if r.partition_key is not None
        }

    before = observe()
    assert sorted(before) == DAYS[:3]
    changing(date(2024, 5, 21))
    after = observe()
    assert {day for day in after if after[day] != before[day]} == {"2024-05-21"}


# What was loaded without Dagster


def report(instance: dg.DagsterInstance, cursor: str | None = None) -> dg.SensorResult:
    """A tick of the sensor, whose events are stored as Dagster's daemon does."""
    context = dg.build_sensor_context(
        instance, cursor=cursor, resources={"services": orchestration.Services()}
    )
    result = orchestration.loaded_days(context)
    for event in result.asset_events:
        assert isinstance(event, dg.AssetMaterialization)
        instance.report_runless_asset_event(event)
    return result


def reported(result: dg.SensorResult) -> list[str | None]:
    return [event.partition for event in result.asset_events]


def test_loaded_days(alvo_url: str, instance: dg.DagsterInstance) -> None:
    """Days that etl loaded are reported once per load, with their facts; Dagster's own are not."""
    assert run(instance, DAYS[0]).success
    assert cli.main(["run", DAYS[1], DAYS[2]]) == 0
    first = report(instance)
    assert sorted(reported(first)) == DAYS[1:3]
    assert reported(report(instance, first.cursor)) == []
    assert reported(report(instance)) == []  # what Dagster knows needs no cursor
    facts = materialized(instance)[DAYS[1]]
    assert list(facts)[:4] == ["picture", "energy, kWh", "wind, m/s", "coverage"]
    ((wind,),) = execute(alvo_url, f"{MEAN} = 'wind_speed' AND timestamp::date = '{DAYS[1]}'")
    assert facts["wind, m/s"] == pytest.approx(wind, abs=0.006)
    assert cli.main(["run", DAYS[1], "--force"]) == 0
    assert reported(report(instance, first.cursor)) == [DAYS[1]]


def test_loaded_by_a_notebook_elsewhere(alvo: Engine, instance: dg.DagsterInstance) -> None:
    """A day whose notebook is not archived has what the ledger has; others are no partitions."""
    load_day(alvo, DAY, make_statistics(), readings=1440)
    before = replace(DAY, date=date(2023, 1, 1))
    load_day(alvo, before, make_statistics(before), readings=1440)
    assert reported(report(instance)) == [DAYS[0]]
    facts = materialized(instance)[DAYS[0]]
    assert (facts["coverage"], facts["readings"], facts["statistics"]) == (1, 1440, 720)
    assert "picture" not in facts


def test_loaded_days_wait(
    alvo_url: str, project: Path, instance: dg.DagsterInstance, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Nothing is reported while a run or a notebook is at work, or Alvo is away."""
    assert cli.main(["run", DAYS[0]]) == 0
    ((name,),) = execute(alvo_url, "SELECT notebook FROM run")
    notebook = project / "runs" / name
    notebook.rename(project / "elsewhere.ipynb")
    assert reported(report(instance)) == []
    (project / "elsewhere.ipynb").rename(notebook)
    at_work = instance.create_run_for_job(load_days(), status=dg.DagsterRunStatus.STARTED)
    assert reported(report(instance)) == []
    instance.delete_run(at_work.run_id)
    with monkeypatch.context() as away:
        away.setenv("ALVO_DATABASE_URL", "postgresql://etl:s3cr3t@127.0.0.1:1/Alvo")
        result = report(instance, "0")
    assert (result.cursor, result.asset_events) == ("0", [])
    assert "Alvo at postgresql://etl:***@127.0.0.1:1/Alvo" in str(result.skip_reason)
    assert reported(report(instance, "0")) == [DAYS[0]]


def test_many_loaded_days(
    alvo: Engine, instance: dg.DagsterInstance, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Many days are reported in several ticks."""
    monkeypatch.setattr(orchestration, "REPORTS_PER_TICK", 2)
    for number in range(3):
        day = replace(DAY, date=DAY.date + timedelta(days=number))
        load_day(alvo, day, make_statistics(day), readings=1440)
    first = report(instance)
    assert reported(first) == DAYS[:2]
    assert reported(report(instance, first.cursor)) == DAYS[2:3]


def test_picture() -> None:
    """A day's picture is small enough to be shown at once, and gaps are grey."""
    values = [None if n in (10, 11, 40) else 1000.0 * (n % 37) for n in range(72)]
    image = draw(Outline(signal="power", values=values), 0, 36_000)
    assert len(b64encode(image.encode())) < SHOWN_AT_ONCE - 100
    paths = re.findall(r' d="([^"]+)"', image)
    assert paths[1] == "M10 0h1v60h-1M11 0h1v60h-1M40 0h1v60h-1"
    tops = [int(top) for top in re.findall(r"V(\d+)h1", paths[0])]
    heights = [value for value in values if value is not None]
    assert tops == [min(59, round(60 - 60 * height / 36_000)) for height in heights]


# What becomes of them


@pytest.mark.parametrize(
    ("job", "days"), [(load_days, DAYS), (load_days_in_processes, DAYS[:2])], ids=["ten", "two"]
)
def test_backfill(
    alvo_url: str,
    project: Path,
    instance: dg.DagsterInstance,
    job: Callable[[], dg.JobDefinition],
    days: list[str],
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """A backfill materializes each day's partition with its metadata."""
    monkeypatch.chdir(ROOT / "tests" / "system")  # where the other process finds the job
    tags = period(days[0], days[-1])
    with dg.execute_job(
        dg.reconstructable(job), instance, run_config=POWER, tags=tags, raise_on_error=True
    ) as result:
        assert result.success
        assert [check.passed for check in result.get_asset_check_evaluations()] == [True] * 4
    ledger = {row.day: row for row in execute(alvo_url, "SELECT *, date::text AS day FROM run")}
    found = materialized(instance)
    assert sorted(found) == sorted(ledger) == days
    for day, facts in found.items():
        assert facts["readings"] == ledger[day].readings == 1440
        assert facts["statistics"] == ledger[day].statistics == 720
        assert facts["coverage"] == 1
        assert facts["changes in Alvo"] == "720 added, 0 changed, 0 removed"
        assert 0 < facts["duration, seconds"] < 300
        assert facts["notebook"] == str(project / "runs" / ledger[day].notebook)
        assert Path(facts["report"]).read_text().startswith("<!DOCTYPE html>")
        assert facts["plot"].startswith(f"![{day}](data:image/svg+xml;base64,")
        assert facts["picture"].startswith(f"![{day}](data:image/svg+xml;base64,")
        assert re.search(
            r"\n\npower: [-\d.]+ to [\d,.]+ kW  \n00:00 to 24:00 UTC$", facts["picture"]
        )
        assert len(facts["picture"]) < SHOWN_AT_ONCE
        assert list(facts)[:3] == ["picture", "energy, kWh", "coverage"]
        ((power,),) = execute(alvo_url, f"{MEAN} = 'power' AND timestamp::date = '{day}'")
        assert facts["energy, kWh"] == pytest.approx(power * 24, abs=0.06)
        columns = facts["dagster/column_schema"].columns
        assert [(column.name, column.description) for column in columns] == [
            ("power_mean", "kW"),
            ("power_min", "kW"),
            ("power_max", "kW"),
            ("power_std", "kW"),
            ("power_count", "1"),
            ("power_flags", "1"),
        ]
    assert (project / "runs" / "index.html").exists()


def test_a_failing_day_fails_alone(instance: dg.DagsterInstance) -> None:
    tags = period("2024-05-28", "2024-05-31")  # Fonte ends with the 29th
    result = load_days().execute_in_process(
        run_config=POWER, instance=instance, tags=tags, raise_on_error=False
    )
    assert not result.success
    assert sorted(found := materialized(instance)) == ["2024-05-28", "2024-05-29"]
    assert found["2024-05-29"]["readings"] == 1440
    (failure,) = [event for event in result.all_events if event.is_step_failure]
    reason = failure.step_failure_data.user_failure_data.description
    missing = re.findall(r"(2024-05-\d\d): date: Fonte has no \1", reason)
    assert missing == ["2024-05-30", "2024-05-31"]
    assert "2024-05-28:" not in reason
    assert not any(event.is_step_up_for_retry for event in result.all_events)


def test_retry(
    alvo_url: str, instance: dg.DagsterInstance, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A transient failure is retried, and loaded days are not run again."""
    assert run(instance, DAYS[0]).success  # makes the tables
    execute(
        alvo_url,
        "CREATE FUNCTION refuse() RETURNS trigger AS 'BEGIN RAISE ''full''; END' LANGUAGE plpgsql",
    )
    execute(
        alvo_url,
        "CREATE TRIGGER refuse BEFORE INSERT ON run FOR EACH ROW"
        " WHEN (NEW.date = '2024-05-22') EXECUTE FUNCTION refuse()",
    )
    waited = []

    def sleep(seconds: float) -> None:
        waited.append(seconds)
        execute(alvo_url, "DROP TRIGGER IF EXISTS refuse ON run")

    begun = time.time() // 1  # the clock stands while the notebooks take their time
    clock = SimpleNamespace(time=lambda: begun + sum(waited), sleep=sleep)
    monkeypatch.setattr(active, "time", clock)
    tags = period("2024-05-21", "2024-05-23")
    result = load_days().execute_in_process(run_config=POWER, instance=instance, tags=tags)
    assert result.success
    assert waited == [10]
    assert sorted(set(materialized_days(instance))) == DAYS[:4]
    loads = execute(alvo_url, "SELECT date::text, count(*) FROM run GROUP BY 1 ORDER BY 1")
    assert list(map(tuple, loads)) == [(day, 1) for day in DAYS[:4]]


def test_passing_failure(
    changing: Callable[[date], None],
    instance: dg.DagsterInstance,
    alvo_url: str,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """A day that failed for a passing reason is requested again; one that fails for good is not."""
    clock = SimpleNamespace(time=time.time, sleep=lambda _: None)
    monkeypatch.setattr(active, "time", clock)
    assert run(instance, DAYS[0]).success  # makes the tables
    cursor = (first := tick(instance)).cursor
    keys = {request.partition_key: request.run_key for request in first.run_requests or []}
    execute(
        alvo_url,
        "CREATE FUNCTION refuse() RETURNS trigger AS 'BEGIN RAISE ''full''; END' LANGUAGE plpgsql",
    )
    execute(alvo_url, "CREATE TRIGGER refuse BEFORE INSERT ON run EXECUTE FUNCTION refuse()")
    unknown = {"ops": {"statistics": {"config": {"columns": "rain"}}}}
    for day, config in ((DAYS[1], POWER), (DAYS[2], unknown)):
        tags = period(day, day) | {RUN_KEY: str(keys[day])}
        assert (
            not load_days()
            .execute_in_process(
                run_config=config, instance=instance, tags=tags, raise_on_error=False
            )
            .success
        )
    again = tick(instance, cursor)
    assert [(r.partition_key, r.run_key) for r in again.run_requests or []] == [
        (DAYS[1], f"{keys[DAYS[1]]} 2")
    ]
    execute(alvo_url, "DROP TRIGGER refuse ON run")
    assert run(instance, DAYS[1]).success
    assert asked(tick(instance, again.cursor)) == []


def materialized_days(instance: dg.DagsterInstance) -> list[str | None]:
    records = instance.fetch_materializations(dg.AssetKey("statistics"), limit=1000).records
    return [record.partition_key for record in records]


def test_failed_checks(
    changing: Callable[[date], None], put_readings: Any, instance: dg.DagsterInstance
) -> None:
    """Checks report low coverage and implausible readings."""
    stamp = datetime(2024, 5, 20, 5, tzinfo=UTC)
    put_readings(pa.table({"timestamp": [stamp], "power": [1e6]}))
    result = run(instance, DAYS[0])
    assert result.success
    found = {check.check_name: check for check in result.get_asset_check_evaluations()}
    assert found["read_back_equal"].passed
    assert not found["coverage"].passed
    assert found["coverage"].severity is dg.AssetCheckSeverity.ERROR  # 61 of 1,440
    assert found["coverage"].metadata["2024-05-20"].value == "4.2%"
    assert not found["plausible_ranges"].passed
    assert found["plausible_ranges"].severity is dg.AssetCheckSeverity.WARN
    assert found["plausible_ranges"].metadata["2024-05-20"].value == "power: 1 readings"
    assert found["trusted_readings"].severity is dg.AssetCheckSeverity.WARN
    told = found["trusted_readings"].metadata["2024-05-20"].value
    assert told == "T1 (1 impossible)"


def test_checks_beside_failure(
    changing: Callable[[date], None], instance: dg.DagsterInstance
) -> None:
    """Checks are reported even when another day fails."""
    tags = period("2024-05-20", "2024-05-23")  # Fonte ends with the 22nd
    result = load_days().execute_in_process(
        run_config=POWER, instance=instance, tags=tags, raise_on_error=False
    )
    assert not result.success
    checks = {check.check_name: check for check in result.get_asset_check_evaluations()}
    assert checks["read_back_equal"].passed
    assert not checks["coverage"].passed


@pytest.mark.parametrize(
    ("coverage", "severity"),
    [(0.89, dg.AssetCheckSeverity.WARN), (0.49, dg.AssetCheckSeverity.ERROR)],
)
def test_coverage_severity(coverage: float, severity: dg.AssetCheckSeverity) -> None:
    """Low coverage is a warning, very low coverage an error."""
    day = CheckedDay(date(2024, 5, 20), coverage, {}, {"coverage": f"{coverage:.1%}"})
    result = judge("coverage", [day])
    assert (result.passed, result.severity) == (False, severity)


def test_changed_value(
    alvo_url: str, seeded_api: str, project: Path, instance: dg.DagsterInstance
) -> None:
    """A value in Alvo that the readings do not give is found."""
    assert run(instance, DAYS[0]).success
    execute(alvo_url, "UPDATE data SET value = value + 1 WHERE timestamp = '2024-05-20 12:00+0'")
    settings = Settings(fonte_api_url=seeded_api, alvo_database_url=alvo_url)
    plan = Plan(["power"], settings, project, open_archive(project / "runs"))
    outcome = find_outcome(date(2024, 5, 20), plan, since=0)
    assert outcome
    assert outcome.summary
    with connected(settings) as (fonte, engine):
        finding = compare(outcome.summary, fonte, engine)
    assert "2024-05-20" in finding
    day = CheckedDay(date(2024, 5, 20), 1.0, {}, {"read_back_equal": finding})
    judged = judge("read_back_equal", [day])
    assert (judged.passed, judged.severity) == (False, dg.AssetCheckSeverity.ERROR)


def test_hidden_secrets(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """Dagster shows the names of the variables and not their secrets."""
    command = (
        "from dagster._core.remote_representation.external_data import RepositorySnap\n"
        "from dagster._serdes import serialize_value\n"
        "from etl_lib.orchestration.definitions import defs\n"
        "print(serialize_value(RepositorySnap.from_def(defs.get_repository_def())))"
    )
    monkeypatch.setenv("ALVO_DATABASE_URL", "postgresql://etl:m4rk3d@127.0.0.1/Alvo")
    said = subprocess.run(
        [sys.executable, "-W", "ignore", "-c", command], capture_output=True, text=True, check=True
    )
    assert "ALVO_DATABASE_URL" in said.stdout
    assert "m4rk3d" not in said.stdout + said.stderr


def test_addresses_may_be_the_resource_s(
    alvo_url: str, seeded_api: str, instance: dg.DagsterInstance, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("FONTE_API_URL", "http://127.0.0.1:1")
    monkeypatch.setenv("ALVO_DATABASE_URL", "postgresql://nobody@127.0.0.1:1/none")
    services = orchestration.Services(fonte_api_url=seeded_api, alvo_database_url=alvo_url)
    result = dg.materialize(
        [orchestration.statistics],
        partition_key=DAYS[0],
        instance=instance,
        run_config=POWER,
        resources={"services": services},
    )
    assert result.success


@pytest.mark.parametrize("end", [signal.SIGTERM, signal.SIGKILL])
def test_ended_run(alvo_url: str, project: Path, end: signal.Signals) -> None:
    """The days of a run that is ended or killed stop with it."""
    program = (
        "import dagster as dg; from etl_lib.orchestration.definitions import statistics, Services;"
        f"dg.materialize([statistics], tags={period(DAYS[0], DAYS[-1])!r}, run_config={POWER!r},"
        " resources={'services': Services()})"
    )
    running = subprocess.Popen([sys.executable, "-c", program], stderr=subprocess.DEVNULL)
    wait_for_loads(alvo_url, 1)
    running.send_signal(end)
    running.wait(timeout=60)
    wait_for(lambda: not kernels(project))
    loaded = execute(alvo_url, "SELECT count(*) FROM run")[0][0]
    time.sleep(2)  # what still ran would load now
    assert loaded == execute(alvo_url, "SELECT count(*) FROM run")[0][0] < 10
    if end == signal.SIGTERM:
        assert [name for name in archived_files(project) if "partial" in name] == []


def kernels(project: Path) -> list[psutil.Process]:
    """The processes, such as kernels, that work in the project's folder."""
    found = []
    for process in psutil.process_iter():
        with suppress(psutil.Error):
            if process.cwd() == str(project) and process.pid != os.getpid():
                found.append(process)
    return found


def test_quiet_import() -> None:
    """The import prints no warning and starts no thread."""
    command = "import etl_lib.orchestration.definitions, threading; print(threading.active_count())"
    said = subprocess.run(
        [sys.executable, "-c", command], capture_output=True, text=True, check=True, cwd=ROOT
    )
    assert (said.stdout, said.stderr) == ("1\n", "")
