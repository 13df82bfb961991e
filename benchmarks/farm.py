"""A farm's day beside one turbine's: the notebook executed by warm kernels, with its report.

Each has its own Fonte and API, since an answer about a day covers all that a Fonte holds.
"""

import os
import shutil
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager, suppress
from datetime import date
from functools import partial
from pathlib import Path
from statistics import median
from typing import NamedTuple

import numpy as np
import psutil
import pyarrow as pa

from benchmarks.extraction import wait_until_up
from benchmarks.measure import MEGABYTE, ROOT, Row, compare
from etl_lib.archive.store import open_archive
from etl_lib.runs.batch import run_dates
from etl_lib.runs.notebook import Plan
from etl_lib.runs.pools import threads
from etl_lib.services import postgresql
from etl_lib.settings import Settings
from fonteapi import database, table
from fonteapi.catalogue import read_catalogue
from fonteapi.farm import name_turbines, simulate_farm
from fonteapi.simulate import SIMULATED_SIGNALS
from pgarrow.sessions import open_engine

DAY = date(2024, 5, 21)
TURBINES = 50
FURTHER = (
    "reactive_power",
    "rotor_speed",
    "generator_speed",
    "generator_temperature",
    "gearbox_temperature",
    "nacelle_temperature",
)
"""Signals beside the simulated ones; ten in all."""
PORTS = (8766, 8767)
FARM, ONE = "a farm's day", "one turbine × 2 signals"
WHAT = f"a farm's day, {TURBINES} turbines × {len(SIMULATED_SIGNALS) + len(FURTHER)} signals"


class Peaks(NamedTuple):
    """Peak memory of a run, megabytes."""

    tree: float
    """Of the command and all its processes; what several share counts once."""
    kernel: float


def main() -> list[Row]:
    """Time and memory of both days, taking turns."""
    with tempfile.TemporaryDirectory() as folder, ExitStack() as stack:
        home = Path(folder)
        shutil.copytree(ROOT / "notebooks", home / "notebooks")
        (home / "runs").mkdir()
        stack.callback(postgresql.stop_database, home)
        names = [*SIMULATED_SIGNALS, *FURTHER]
        plans = {
            FARM: stack.enter_context(served(home, PORTS[0], TURBINES, names)),
            ONE: stack.enter_context(served(home, PORTS[1], 1, ["wind_speed", "power"])),
        }
        return [*times(plans), *memory(plans)]


def times(plans: dict[str, Plan]) -> list[Row]:
    """How long a date takes; before that each runs once, and warms what there is to warm."""
    with threads(1) as pool:

        def run(plan: Plan) -> None:
            [outcome] = run_dates(pool, [DAY], plan)
            assert outcome.error is None, outcome.error
            assert outcome.summary
            assert outcome.summary.statistics >= expected(plan)  # more where readings are flagged

        ways = {name: partial(run, plan) for name, plan in plans.items()}
        for way in ways.values():
            way()
        return compare(WHAT, FARM, ways, repeats=5, aim=6)


def expected(plan: Plan) -> int:
    """The statistics of a complete day."""
    turbines = TURBINES if len(plan.columns) > 2 else 1
    return turbines * 144 * (5 * len(plan.columns) + 1)  # and the state


def memory(plans: dict[str, Plan]) -> list[Row]:
    """Peak memory of `etl run`, medians of three."""
    peaks = {name: Peaks(*map(median, zip(*(peak(plan) for _ in range(3)), strict=True)))
             for name, plan in plans.items()}  # fmt: skip
    rows = []
    for what, farm, one in zip(("etl run", "its kernel"), peaks[FARM], peaks[ONE], strict=True):
        texts = f"{farm:.0f} MB", f"{ONE}: {one:.0f} MB"
        rows.append(Row(f"{WHAT}: peak memory of {what}", *texts, farm / one, 1.5))
    return rows


def peak(plan: Plan) -> Peaks:
    """Run the date by `etl run`, and look at its processes until it ends."""
    columns, highest = ["--columns", *plan.columns], Peaks(0, 0)
    command = [sys.executable, "-m", "etl_lib.cli", "run", str(DAY), "--force", *columns]
    addresses = {
        "ETL_HOME": str(plan.home),
        "FONTE_API_URL": plan.settings.fonte_api_url or "",
        "ALVO_DATABASE_URL": plan.settings.alvo_database_url or "",
    }
    quiet = {"stdout": subprocess.DEVNULL, "env": os.environ | addresses}
    with psutil.Popen(command, **quiet) as runner:
        while runner.poll() is None:
            highest = Peaks(*map(max, highest, look(runner)))
            time.sleep(0.05)
    assert runner.returncode == 0
    return Peaks(highest.tree / MEGABYTE, highest.kernel / MEGABYTE)


def look(runner: psutil.Process) -> Peaks:
    """The memory at this moment, bytes."""
    tree = kernel = 0
    with suppress(psutil.NoSuchProcess):
        for process in (runner, *runner.children(recursive=True)):
            with suppress(psutil.NoSuchProcess, psutil.AccessDenied):
                tree += process.memory_full_info().pss
                if process.pid != runner.pid and process.ppid() != runner.pid:
                    kernel = max(kernel, process.memory_info().rss)
    return Peaks(tree, kernel)


@contextmanager
def served(home: Path, port: int, turbines: int, columns: list[str]) -> Iterator[Plan]:
    """The plan of a day of so many turbines, with a Fonte and an Alvo of their own."""
    fonte = postgresql.start_database.__wrapped__(home, f"Fonte{turbines}")
    alvo = postgresql.start_database.__wrapped__(home, f"Alvo{turbines}")
    fill(fonte, turbines, columns)
    command = ["uvicorn", "fonteapi.main:app", f"--port={port}", "--log-level=warning"]
    environment = os.environ | {"FONTE_DATABASE_URL": fonte}
    with subprocess.Popen([sys.executable, "-m", *command], env=environment) as api:
        try:
            url = f"http://127.0.0.1:{port}"
            wait_until_up(f"{url}/health")
            settings = Settings(fonte_api_url=url, alvo_database_url=alvo)
            yield Plan(columns, settings, home, open_archive(home / "runs"))
        finally:
            api.terminate()


def fill(url: str, turbines: int, columns: list[str]) -> None:
    """One day; the signals that are not simulated follow the power, with noise, plausibly."""
    random = np.random.default_rng(1)
    names = name_turbines(turbines, "T1")
    readings = simulate_farm(DAY, 1, names, seed=1).read_all().drop_columns("simulated")
    power = readings["power"].to_numpy()
    further = [name for name in FURTHER if name in columns]
    for place, name in enumerate(further):
        values = 20 + power / (100 * (place + 2)) + random.normal(size=len(power))
        readings = readings.append_column(name, pa.array(values))
    engine = open_engine(url)
    fonte = database.Fonte(engine, read_catalogue())
    table.create_table(fonte, [*SIMULATED_SIGNALS, *further])
    with database.bulk_cursor(engine) as cursor:
        table.append(cursor, readings)
    engine.dispose()


if __name__ == "__main__":
    print(*main(), sep="\n")
