"""Months as Dagster's partitions: their reports, made and requested anew."""

import json
from collections.abc import Iterator
from dataclasses import replace
from datetime import UTC, date, datetime, timedelta
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import dagster as dg
import nbformat
import pytest
from dagster._core.execution.plan import active
from helpers import DAY, execute, make_statistics, put_period
from sqlalchemy import Engine

from etl_lib.archive.notebooks import read_period_summary
from etl_lib.cli import main as cli
from etl_lib.load.day import load_day
from etl_lib.load.forget import forget_turbines
from etl_lib.orchestration import definitions as orchestration
from etl_lib.settings import PERIOD_NOTEBOOK

pytestmark = [
    pytest.mark.usefixtures("services", "project"),
    pytest.mark.filterwarnings("ignore:.*is deprecated:DeprecationWarning"),  # Dagster's, of itself
    pytest.mark.filterwarnings("ignore::dagster.BetaWarning"),
]
MAY = "2024-05"
AWAY = "postgresql://etl@127.0.0.1:1/Alvo"


@pytest.fixture
def instance(tmp_path: Path) -> Iterator[dg.DagsterInstance]:
    with dg.DagsterInstance.local_temp(str(tmp_path)) as instance:
        yield instance


def run(instance: dg.DagsterInstance, month: str = MAY) -> dg.ExecuteInProcessResult:
    job = orchestration.defs.resolve_job_def("report_months")
    return job.execute_in_process(instance=instance, partition_key=month, raise_on_error=False)


def failure(result: dg.ExecuteInProcessResult) -> str:
    """Why a run failed."""
    assert not result.success
    (failed,) = [event for event in result.all_events if event.is_step_failure]
    return str(failed.step_failure_data.user_failure_data.description)


def asked(instance: dg.DagsterInstance, cursor: str | None = None) -> dg.SensorResult:
    services = {"services": orchestration.Services()}
    context = dg.build_sensor_context(instance, cursor=cursor, resources=services)
    return orchestration.changed_months(context)


def months(result: dg.SensorResult) -> list[str | None]:
    return [request.partition_key for request in result.run_requests or []]


def load(alvo: Engine, day: date, scale: float = 1) -> None:
    """A day of one turbine in Alvo."""
    found = replace(DAY, date=day)
    load_day(alvo, found, make_statistics(found, scale=scale), readings=1440)


def settle(alvo_url: str) -> None:
    """Let eleven minutes pass after the last load."""
    execute(alvo_url, "UPDATE run SET finished = least(finished, now() - interval '11 minutes')")


def test_report_of_a_month(alvo_url: str, project: Path, instance: dg.DagsterInstance) -> None:
    """A month's materialization has its numbers and findings, its page, and a row in the index."""
    assert cli.main(["run", "2024-05-20", "2024-05-21"]) == 0
    assert run(instance).success
    (record,) = instance.fetch_materializations(dg.AssetKey("reports"), limit=9).records
    assert record.partition_key == MAY
    facts = {name: each.value for name, each in record.asset_materialization.metadata.items()}
    query = (
        "SELECT avg(value) FILTER (WHERE signal = 'power'),"
        " avg(value) FILTER (WHERE signal = 'wind_speed') FROM statistics WHERE statistic = 'mean'"
    )
    ((power, wind),) = execute(alvo_url, query)
    assert facts["energy, kWh"] == pytest.approx(power * 48, abs=0.06)
    assert facts["wind, m/s"] == pytest.approx(wind, abs=0.006)
    assert facts["coverage"] == pytest.approx(2 / 31, abs=1e-4)
    assert facts["findings"].startswith("Missing or wrong:\n\n- 29 days are not loaded: ")
    assert facts["plot"].startswith("![2024-05-01 to 2024-05-31](data:image/svg+xml;base64,")
    assert (facts["turbines"], facts["days loaded"]) == (1, 2)
    text = Path(facts["notebook"]).read_text()
    summary = read_period_summary(json.loads(text))
    assert summary is not None
    assert summary.capacity_factor is not None
    assert facts["capacity factor"] == pytest.approx(summary.capacity_factor, abs=1e-4)
    assert facts["lost energy, kWh"] == pytest.approx(summary.lost_energy, abs=0.06)
    page = Path(facts["report"])
    assert page.read_text().startswith("<!DOCTYPE html>")
    index = (project / "runs" / "index.html").read_text()
    assert f'href="periods/2024-05-01_2024-05-31/{page.name}"' in index


def test_month_without_days(alvo: Engine, project: Path, instance: dg.DagsterInstance) -> None:
    """A month of which Alvo holds nothing fails in one line, and nothing is archived."""
    load(alvo, DAY.date)
    reason = "Alvo holds nothing of June 2024: load it with `etl run 2024-06-01 2024-06-30`"
    assert failure(run(instance, "2024-06")) == reason
    assert not (project / "runs" / "periods").exists()


def test_failed_notebook(alvo: Engine, project: Path, instance: dg.DagsterInstance) -> None:
    """A notebook that fails ends the run with its error in one line, and is archived as failed."""
    load(alvo, DAY.date)
    path = project / PERIOD_NOTEBOOK
    notebook = nbformat.read(path, as_version=4)
    notebook.cells.append(nbformat.v4.new_code_cell("1 / 0"))
    nbformat.write(notebook, path)
    assert failure(run(instance)) == "2024-05: ZeroDivisionError: division by zero"
    assert instance.fetch_materializations(dg.AssetKey("reports"), limit=9).records == []
    (failed,) = (project / "runs" / "periods").rglob("*.ipynb")
    assert failed.name.endswith(".failed.ipynb")
    assert "division by zero" in (project / "runs" / "index.html").read_text()


def test_retry(
    alvo: Engine, alvo_url: str, instance: dg.DagsterInstance, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A month is tried again when Alvo did not answer."""
    load(alvo, DAY.date)
    waited = []

    def sleep(seconds: float) -> None:
        waited.append(seconds)
        monkeypatch.setenv("ALVO_DATABASE_URL", alvo_url)

    begun = datetime.now(UTC).timestamp() // 1
    clock = SimpleNamespace(time=lambda: begun + sum(waited), sleep=sleep)
    monkeypatch.setattr(active, "time", clock)
    monkeypatch.setenv("ALVO_DATABASE_URL", AWAY)
    assert run(instance).success
    assert waited == [10]


def test_days_of_a_month() -> None:
    """A month depends on its days, and the first one on those from Fonte's first on."""
    mapping = orchestration.reports.get_partition_mapping(dg.AssetKey("statistics"))
    assert mapping is not None

    def days(month: str) -> list[str]:
        found = mapping.get_upstream_mapped_partitions_result_for_partitions(
            orchestration.MONTHS.subset_with_partition_keys([month]),
            orchestration.MONTHS,
            orchestration.DAYS,
        )
        assert list(found.required_but_nonexistent_subset.get_partition_keys()) == []
        return sorted(found.partitions_subset.get_partition_keys())

    assert days(MAY) == [f"2024-05-{day}" for day in range(20, 32)]
    assert days("2024-06") == [f"2024-06-{day:02}" for day in range(1, 31)]


def test_partitions() -> None:
    """A month is a partition from that of Fonte's first day on, once it has ended."""
    keys = orchestration.MONTHS.get_partition_keys
    assert keys(current_time=datetime(2024, 7, 31, 23, tzinfo=UTC)) == [MAY, "2024-06"]
    assert keys(current_time=datetime(2024, 8, 1, tzinfo=UTC)) == [MAY, "2024-06", "2024-07"]


def test_sensor(alvo: Engine, alvo_url: str, project: Path, instance: dg.DagsterInstance) -> None:
    """A month is requested when its report is missing or stale, once per change."""
    assert orchestration.changed_months.default_status is dg.DefaultSensorStatus.STOPPED
    assert months(asked(instance)) == []
    load(alvo, DAY.date)
    assert months(asked(instance)) == []  # another day may follow
    settle(alvo_url)
    first = asked(instance)
    assert months(first) == [MAY]
    assert months(asked(instance, first.cursor)) == []
    assert run(instance).success
    done = asked(instance, first.cursor)
    assert (months(done), done.cursor) == ([], "")
    load(alvo, DAY.date, scale=2)
    load(alvo, DAY.date + timedelta(days=1))
    assert months(asked(instance, done.cursor)) == []
    settle(alvo_url)
    changed = asked(instance, done.cursor)
    assert months(changed) == [MAY]
    assert months(asked(instance, changed.cursor)) == []
    forget_turbines(alvo, ["T1"])
    assert months(asked(instance, changed.cursor)) == []


def test_other_months(alvo: Engine, alvo_url: str, instance: dg.DagsterInstance) -> None:
    """Months before Fonte's first one, and the one that has not ended, are not requested."""
    today = datetime.now(UTC).date()
    for day in (date(2023, 1, 1), DAY.date, today):
        load(alvo, day)
    settle(alvo_url)
    assert months(asked(instance)) == [MAY]


def test_reports_that_are_not_the_month_s(
    alvo: Engine, alvo_url: str, project: Path, instance: dg.DagsterInstance
) -> None:
    """A report of some turbines, of other days, or a failed one is not that of the month."""
    load(alvo, DAY.date)
    settle(alvo_url)
    ((run_id,),) = execute(alvo_url, "SELECT id FROM run")
    shown: dict[str, Any] = {"runs": {str(DAY.date): run_id}}
    put_period(project, "a.ipynb", "2024-05-01", "2024-05-31", is_whole=False, **shown)
    put_period(project, "b.ipynb", "2024-05-01", "2024-05-30", **shown)
    put_period(project, "c.failed.ipynb", "2024-05-01", "2024-05-31", error="no answer")
    assert months(asked(instance)) == [MAY]
    put_period(project, "d.ipynb", "2024-05-01", "2024-05-31", **shown)
    assert months(asked(instance)) == []
