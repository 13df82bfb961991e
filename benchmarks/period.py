"""A period's page: `etl report` of a month of a farm, from Alvo to the page, and its memory."""

import shutil
import subprocess
import sys
import tempfile
import time
from datetime import date, timedelta
from os import environ
from pathlib import Path
from statistics import median

import httpx2
import psutil

from benchmarks.farm import TURBINES, look, served
from benchmarks.measure import MEGABYTE, ROOT, Row
from etl_lib.extract.days import find_day
from etl_lib.extract.readings import fetch_readings
from etl_lib.load.alvo import open_alvo
from etl_lib.load.day import load_day
from etl_lib.runs.notebook import Plan
from etl_lib.services import postgresql
from etl_lib.transform.statistics import compute_statistics
from pgarrow.sessions import open_engine

FIRST = date(2024, 5, 21)
"""The day that Fonte has."""
DAYS = 31
SECONDS, MEMORY = 8.0, 1000.0
"""At most, seconds and megabytes."""
COLUMNS = ["wind_speed", "power", "wind_direction"]
COPY_DAYS = """
    INSERT INTO data
    SELECT
        signal_id,
        timestamp + n * interval '1 day',
        CASE WHEN name LIKE '%%\\_mean' THEN value * (1 + 0.2 * sin(n)) ELSE value END
    FROM data JOIN signal ON id = signal_id, generate_series(1, {last}) AS n
"""
COPY_RUNS = """
    INSERT INTO run ({columns})
    SELECT {values} FROM run, generate_series(1, {last}) AS n
"""


def main() -> list[Row]:
    """The median time of three reports, and the peak memory of all their processes."""
    with tempfile.TemporaryDirectory() as folder:
        home = Path(folder)
        shutil.copytree(ROOT / "notebooks", home / "notebooks")
        (home / "runs").mkdir()
        try:
            with served(home, 8768, TURBINES, COLUMNS) as plan:
                fill(plan)
                found = [report(plan) for _ in range(3)]
        finally:
            postgresql.stop_database(home)
    seconds, peak = (median(values) for values in zip(*found, strict=True))
    what = f"page of {DAYS} days × {TURBINES} turbines"
    return [
        Row(what, f"{seconds:.2f} s", f"{SECONDS:g} s", seconds / SECONDS, 1),
        Row(f"{what}: peak memory", f"{peak:.0f} MB", f"{MEMORY:g} MB", peak / MEMORY, 1),
    ]


def fill(plan: Plan) -> None:
    """Load Fonte's day, and copy it to the days after, of this period and the one before."""
    assert plan.settings.fonte_api_url
    assert plan.settings.alvo_database_url
    alvo = open_alvo(plan.settings.alvo_database_url)
    with httpx2.Client(base_url=plan.settings.fonte_api_url, timeout=60) as fonte:
        day = find_day(fonte, FIRST.isoformat())
        readings = fetch_readings(fonte, day.start, day.end, COLUMNS, day.turbines)
    load_day(alvo, day, compute_statistics(readings), readings=readings.num_rows)
    alvo.dispose()
    engine, last = open_engine(plan.settings.alvo_database_url), 2 * DAYS - 1
    with engine.begin() as connection:
        connection.exec_driver_sql(COPY_DAYS.format(last=last))
        found = connection.exec_driver_sql(
            "SELECT column_name FROM information_schema.columns WHERE table_name = 'run'"
        )
        names = [name for (name,) in found if name != "id"]
        values = ["date + n" if name == "date" else name for name in names]
        columns = {"columns": ", ".join(names), "values": ", ".join(values)}
        connection.exec_driver_sql(COPY_RUNS.format(last=last, **columns))
    with engine.execution_options(isolation_level="AUTOCOMMIT").connect() as connection:
        connection.exec_driver_sql("VACUUM ANALYZE data")
    engine.dispose()


def report(plan: Plan) -> tuple[float, float]:
    """Seconds and peak memory, megabytes, of one `etl report`."""
    start = FIRST + timedelta(days=DAYS)
    command = [sys.executable, "-m", "etl_lib.cli", "report", str(start)]
    command.append(str(start + timedelta(days=DAYS - 1)))
    addresses = {
        "ETL_HOME": str(plan.home),
        "FONTE_API_URL": plan.settings.fonte_api_url or "",
        "ALVO_DATABASE_URL": plan.settings.alvo_database_url or "",
    }
    began, peak = time.perf_counter(), 0.0
    quiet = {"stdout": subprocess.DEVNULL, "env": environ | addresses}
    with psutil.Popen(command, **quiet) as runner:
        while runner.poll() is None:
            peak = max(peak, look(runner).tree)
            time.sleep(0.05)
    assert runner.returncode == 0
    return time.perf_counter() - began, peak / MEGABYTE


if __name__ == "__main__":
    print(*main(), sep="\n")
