"""How fast and how lean the API streams a year of one turbine, beside a bare COPY.

Both read the same query over the same connection settings: `COPY … (FORMAT binary)` into memory
by psycopg2 is what PostgreSQL alone needs; the API adds ADBC, Arrow and HTTP. The API runs in a
process of its own, so that its memory is its own.
"""

import io
import os
import subprocess
import sys
import tempfile
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from statistics import median

import httpx2
import psutil
import psycopg2
import pyarrow as pa

from etl_lib import local

ROWS = 365 * 1440
START, END = "2024-01-01T00:00:00Z", "2025-01-01T00:00:00Z"
ARROW = "application/vnd.apache.arrow.stream"
COPY = f"""
    COPY (SELECT timestamp, wind_speed, power, ambient_temperature FROM data
          WHERE timestamp >= '{START}' AND timestamp < '{END}' ORDER BY timestamp, id)
    TO STDOUT (FORMAT binary)
"""
REPEATS = 7
MEGABYTE = 1_000_000


def main() -> None:
    """Fill a Fonte with a year, then take turns between both ways and print the ratio."""
    with tempfile.TemporaryDirectory() as home:
        database_url = local.start_database(Path(home), "Fonte")
        with start_api(database_url, port=8765) as api:
            wait_until_up("http://127.0.0.1:8765/health")
            compare(database_url, "http://127.0.0.1:8765/data", psutil.Process(api.pid))
            api.terminate()
        local.stop_database(Path(home))


def start_api(database_url: str, port: int) -> subprocess.Popen[bytes]:
    """`uvicorn fonteapi.main:app` over a Fonte that it fills with a year."""
    period = {"FONTE_START_DATE": START[:10], "FONTE_DAYS": "365", "FONTE_SEED": "1"}
    return subprocess.Popen(
        [
            sys.executable,
            "-m",
            "uvicorn",
            "fonteapi.main:app",
            f"--port={port}",
            "--log-level=warning",
        ],
        env=os.environ | period | {"FONTE_DATABASE_URL": database_url},
    )


def wait_until_up(url: str) -> None:
    """Ask until there is an answer."""
    while True:
        try:
            httpx2.get(url, timeout=60).raise_for_status()
        except httpx2.TransportError:
            time.sleep(0.1)
        else:
            return


def compare(database_url: str, url: str, api: psutil.Process) -> None:
    """Print the time of both ways, their ratio, and how much the API's memory grew."""
    query = {"start_timestamp": START, "end_timestamp": END}
    httpx2.get(url, params=query | {"end_timestamp": "2024-01-02"}, headers={"accept": ARROW})
    copies, streams = [], []
    with (
        psycopg2.connect(database_url) as connection,
        httpx2.Client(timeout=60) as client,
        watch_memory(api) as memory,
    ):
        for _ in range(REPEATS):
            copies.append(seconds(lambda: copy(connection)))
            streams.append(seconds(lambda: stream(client, url, query)))
    connection.close()
    print(f"{ROWS:,} readings × 3 signals, median of {REPEATS}")
    print(f"  COPY (FORMAT binary)       {median(copies):.3f} s")
    print(f"  API, Arrow over HTTP       {median(streams):.3f} s")
    print(f"  ratio                      {median(streams) / median(copies):.2f}   (aim: at most 2)")
    growth = (max(memory) - memory[0]) / MEGABYTE
    print(f"  growth of the API's memory {growth:.0f} MB (aim: under 100)")


@contextmanager
def watch_memory(process: psutil.Process) -> Iterator[list[int]]:
    """The resident memory of a process, bytes, every five milliseconds."""
    samples = [process.memory_info().rss]
    done = threading.Event()

    def watch() -> None:
        while not done.wait(0.005):
            samples.append(process.memory_info().rss)

    thread = threading.Thread(target=watch)
    thread.start()
    yield samples
    done.set()
    thread.join()


def copy(connection: "psycopg2.extensions.connection") -> None:
    """The bare COPY, into memory."""
    sink = io.BytesIO()
    with connection.cursor() as cursor:
        cursor.copy_expert(COPY, sink)
    assert sink.tell() > ROWS * 40


def stream(client: httpx2.Client, url: str, query: dict[str, str]) -> None:
    """The same over the API, to an Arrow table."""
    answer = client.get(url, params=query, headers={"accept": ARROW})
    assert pa.ipc.open_stream(answer.content).read_all().num_rows == ROWS


def seconds(work: Callable[[], None]) -> float:
    """How long the work takes."""
    start = time.perf_counter()
    work()
    return time.perf_counter() - start


if __name__ == "__main__":
    main()
