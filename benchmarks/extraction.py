"""How fast and how lean the API streams a year of one turbine, beside a bare COPY.

Both read the same query over the same connection settings: `COPY … (FORMAT binary)` into memory
by psycopg2 is what PostgreSQL alone needs; the API adds ADBC, Arrow and HTTP. The API runs in a
process of its own, so that its memory is its own.
"""

import io
import json
import os
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

import httpx2
import psutil
import psycopg2
import pyarrow as pa
from sqlalchemy import text

from benchmarks.measure import MEGABYTE, Row, compare, peak_memory
from etl_lib.services import postgresql
from pgarrow.sessions import open_engine

ROWS = 365 * 1440
START, DAY, YEAR = "2024-01-01T00:00:00Z", "2024-01-02T00:00:00Z", "2024-12-31T00:00:00Z"
HEADERS = {"accept": "application/vnd.apache.arrow.stream", "accept-encoding": "identity"}
QUERY = f"""
    SELECT timestamp, wind_speed, power, wind_direction, ambient_temperature FROM data
    WHERE timestamp >= '{START}' AND timestamp < '{YEAR}' ORDER BY timestamp, id
"""
PORT = 8765


def main() -> list[Row]:
    """Fill a Fonte with a year, then measure time and memory."""
    with tempfile.TemporaryDirectory() as home:
        url = postgresql.start_database(Path(home), "Fonte")
        with running_api(url) as api, httpx2.Client(timeout=60) as client:
            rows = [*memory(client, api), *time_of_a_year(client, url)]
        postgresql.stop_database(Path(home))
    return rows


def memory(client: httpx2.Client, api: psutil.Process) -> list[Row]:
    """The API's peak while it answers with a year beside that of a day."""
    stream(client, DAY)
    with peak_memory(api) as of_a_day:
        stream(client, DAY)
    with peak_memory(api) as of_a_year:
        stream(client, YEAR)
    year, day = max(of_a_year) / MEGABYTE, max(of_a_day) / MEGABYTE
    return [
        Row(
            "peak memory of the API",
            f"a year: {year:.0f} MB",
            f"a day: {day:.0f} MB",
            year / day,
            1.3,
        )
    ]


def time_of_a_year(client: httpx2.Client, url: str) -> list[Row]:
    """A year over HTTP as Arrow, beside the bare COPY and beside rows, dicts and JSON."""
    what = f"{ROWS:,} readings × 3 signals over HTTP"
    with psycopg2.connect(url) as connection:
        ways: dict[str, Callable[[], object]] = {
            "Arrow": lambda: stream(client, YEAR),
            "COPY (FORMAT binary)": lambda: copy(connection),
            "rows, dicts, JSON (no HTTP)": lambda: as_json(url),
        }
        rows = compare(what, "Arrow", ways, repeats=7, aim=1.5, slow=[*ways][2:])
    connection.close()
    return rows


def stream(client: httpx2.Client, end: str) -> None:
    """From the API to an Arrow table."""
    query = {"start_timestamp": START, "end_timestamp": end}
    answer = client.get(f"http://127.0.0.1:{PORT}/data", params=query, headers=HEADERS)
    rows = pa.ipc.open_stream(answer.content).read_all().num_rows
    assert rows == (ROWS if end == YEAR else 1440)


def copy(connection: "psycopg2.extensions.connection") -> None:
    """The bare COPY, into memory."""
    sink = io.BytesIO()
    with connection.cursor() as cursor:
        cursor.copy_expert(f"COPY ({QUERY}) TO STDOUT (FORMAT binary)", sink)
    assert sink.tell() > ROWS * 40


def as_json(url: str) -> None:
    """What a plain API does, but for HTTP: a dict a row, and their JSON."""
    engine = open_engine(url)
    with engine.connect() as connection:
        rows = [dict(row) for row in connection.execute(text(QUERY)).mappings()]
    assert len(json.loads(json.dumps(rows, default=str))) == ROWS
    engine.dispose()


@contextmanager
def running_api(url: str) -> Iterator[psutil.Process]:
    """`uvicorn fonteapi.main:app` over a Fonte that it fills with a year."""
    command = ["uvicorn", "fonteapi.main:app", f"--port={PORT}", "--log-level=warning"]
    period = {"FONTE_START_DATE": START[:10], "FONTE_DAYS": "365", "FONTE_SEED": "1"}
    environment = os.environ | period | {"FONTE_DATABASE_URL": url}
    with subprocess.Popen([sys.executable, "-m", *command], env=environment) as api:
        try:
            wait_until_up(f"http://127.0.0.1:{PORT}/health")
            yield psutil.Process(api.pid)
        finally:
            api.terminate()


def wait_until_up(url: str) -> None:
    """Ask until there is an answer."""
    while True:
        try:
            httpx2.get(url, timeout=60).raise_for_status()
        except httpx2.TransportError:
            time.sleep(0.1)
        else:
            return


if __name__ == "__main__":
    print(*main(), sep="\n")
