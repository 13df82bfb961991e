"""Many at once: the API under 64 clients, and loads that are in each other's way."""

import os
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from threading import Event, Thread

import httpx2
import numpy as np
import psutil
import pytest
from helpers import ETL, SESSIONS, execute, rows_by_date, wait_for

pytestmark = pytest.mark.usefixtures("services", "project")
CLIENTS = 64
DAY = "/data?start_timestamp=2024-05-20&end_timestamp=2024-05-21"
HOUR = "/data?start_timestamp=2024-05-20&end_timestamp=2024-05-20T01:00"
MIX = [
    (DAY, "application/vnd.apache.arrow.stream"),
    (HOUR, "application/json"),
    (HOUR, "text/csv"),
    ("/days?start_timestamp=2024-05-20&end_timestamp=2024-05-21", "*/*"),
    ("/data/1", "*/*"),
    ("/health", "*/*"),
]


@pytest.fixture
def served(seeded_fonte_url: str) -> Iterator[tuple[str, psutil.Process]]:
    """The API as people run it, in a process of its own: its address and the process."""
    command = [sys.executable, "-m", "uvicorn", "fonteapi.main:app", "--port=0"]
    environment = os.environ | {"FONTE_DATABASE_URL": seeded_fonte_url}
    pipe = {"stderr": subprocess.PIPE, "text": True}
    command += ["--no-access-log"]
    with subprocess.Popen(command, env=environment, **pipe) as api:
        assert api.stderr
        line = next(line for line in api.stderr if "running on" in line)
        rest: list[str] = []
        Thread(target=lambda: rest.extend(api.stderr or []), daemon=True).start()
        yield line.split("running on ")[1].split()[0], psutil.Process(api.pid)
        api.terminate()
        api.wait(timeout=30)
    assert not [line for line in rest if "ERROR" in line or "WARNING" in line], "".join(rest)


def ask(url: str, place: int, end: float) -> list[float]:
    """Ask in turn until the end; how long each answer took."""
    took = []
    with httpx2.Client(base_url=url, timeout=60) as client:
        while time.monotonic() < end:
            route, form = MIX[(place + len(took)) % len(MIX)]
            begun = time.perf_counter()
            answer = client.get(route, headers={"accept": form})
            took.append(time.perf_counter() - begun)
            assert answer.status_code == 200, answer.text[:200]
    return took


@pytest.mark.soak
def test_sixty_four_clients(
    served: tuple[str, psutil.Process],
    seeded_fonte_url: str,
    soak: bool,
    print_later: Callable[[str], None],
) -> None:
    """64 clients are answered without an error, and memory does not grow."""
    url, process = served
    seconds = 60 if soak else 2

    def crowd(seconds: float) -> np.ndarray:
        end = time.monotonic() + seconds
        with ThreadPoolExecutor(CLIENTS) as pool:
            asked = [pool.submit(ask, url, place, end) for place in range(CLIENTS)]
            return np.concatenate([one.result() for one in asked])

    crowd(seconds)  # what is imported and connected once
    memory, files = process.memory_info().rss, process.num_fds()
    [(sessions,)] = execute(seeded_fonte_url, SESSIONS)
    took = crowd(seconds)
    grown = process.memory_info().rss / memory
    print_later(
        f"{CLIENTS} clients for {seconds} s: {len(took) / seconds:.0f} requests a second,"
        f" p99 {np.quantile(took, 0.99):.2f} s, no error, memory × {grown:.2f}"
    )
    assert grown < 1.25
    assert process.num_fds() <= files + CLIENTS  # a closed connection is seen a moment later
    wait_for(lambda: execute(seeded_fonte_url, SESSIONS)[0][0] <= sessions + 10)  # so is its end


def start(*arguments: str) -> subprocess.Popen[str]:
    pipes = {"stdout": subprocess.PIPE, "stderr": subprocess.STDOUT, "text": True}
    return subprocess.Popen([*ETL, "run", *arguments], **pipes)


def finish(running: list[subprocess.Popen[str]]) -> None:
    for one in running:
        said, _ = one.communicate(timeout=300)
        assert one.returncode == 0, said


DUPLICATES = (
    "SELECT count(*) FROM (SELECT 1 FROM signal GROUP BY name HAVING count(*) > 1) AS twice"
)


@pytest.mark.soak
def test_same_date_at_once(
    alvo_url: str,
    soak: bool,
) -> None:
    """Many processes that load one date at once leave one load's rows."""
    count = 8 if soak else 3
    finish([start("2024-05-20", "--force", "--columns=power") for _ in range(count)])
    assert rows_by_date(alvo_url) == {"2024-05-20": 720}
    runs = execute(alvo_url, "SELECT added, changed, removed FROM run ORDER BY id")
    assert runs == [(720, 0, 0)] + [(0, 0, 0)] * (count - 1)
    assert execute(alvo_url, DUPLICATES) == [(0,)]


@pytest.mark.soak
def test_overlapping_ranges(
    alvo_url: str,
    seeded_api: str,
    soak: bool,
) -> None:
    """Overlapping ranges at once end as if run one after the other."""
    stop = Event()

    def read(place: int) -> None:
        while not stop.is_set():
            ask(seeded_api, place, time.monotonic() + 1)

    pool = ThreadPoolExecutor(32 if soak else 4)
    readers = [pool.submit(read, place) for place in range(pool._max_workers)]
    finish(
        [
            start("2024-05-20", "2024-05-21", "--columns=power", "--force"),
            start("2024-05-21", "2024-05-22", "--columns=wind_speed", "--force"),
        ]
    )
    stop.set()
    pool.shutdown()
    assert [reader.exception() for reader in readers] == [None] * len(readers)
    assert rows_by_date(alvo_url) == {
        "2024-05-20": 720,
        "2024-05-21": 1440,
        "2024-05-22": 720,
    }
    assert execute(alvo_url, DUPLICATES) == [(0,)]
