"""Dates on a Dask cluster: a real scheduler, real workers, some of which are killed."""

import signal
import subprocess
import time
from collections.abc import Iterator
from pathlib import Path

import nbformat
import pytest
from helpers import ETL, Cluster, execute, loads, open_cluster, wait_for_loads

pytestmark = pytest.mark.usefixtures("services", "project")
DAYS = [f"2024-05-{day}" for day in range(20, 26)]


@pytest.fixture
def cluster(tmp_path: Path) -> Iterator[Cluster]:
    """A scheduler's address and three workers of it, which know no address of Fonte or Alvo."""
    with open_cluster(tmp_path) as (address, workers):
        yield address, workers


def run(address: str, last: str = DAYS[-1]) -> subprocess.Popen[str]:
    return subprocess.Popen(
        [*ETL, "run", DAYS[0], last, "--columns=power", f"--scheduler={address}"],
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    )


def assert_whole(alvo_url: str, project: Path) -> None:
    """Each of the dates is loaded and has one report; nothing is left of what was lost."""
    counts = "SELECT (timestamp AT TIME ZONE 'UTC')::date::text, count(*) FROM data GROUP BY 1"
    assert dict(map(tuple, execute(alvo_url, counts))) == dict.fromkeys(DAYS, 720)
    assert sorted(page.parent.name for page in (project / "runs").glob("*/*.html")) == DAYS
    for path in (project / "runs").rglob("[!.]*.ipynb"):
        nbformat.validate(nbformat.read(path, as_version=4))


def test_lost_worker(alvo_url: str, project: Path, cluster: Cluster) -> None:
    """Another worker runs the dates of a lost one, and none is loaded twice."""
    address, workers = cluster
    running = run(address)
    wait_for_loads(alvo_url, 2)
    workers[0].kill()
    said, trouble = running.communicate(timeout=200)
    assert (running.returncode, trouble) == (0, ""), said
    assert f"{len(DAYS)} loaded" in said
    assert sum("  loaded: " in line for line in said.splitlines()) == len(DAYS)
    assert_whole(alvo_url, project)
    # What was loaded, and not yet reported, by the worker that was lost is loaded again
    assert sorted(set(loads(alvo_url))) == DAYS
    assert len(loads(alvo_url)) <= len(DAYS) + 1


def test_ctrl_c(alvo_url: str, project: Path, cluster: Cluster) -> None:
    """Ctrl-C ends the dates on the workers, and the next call completes them."""
    address, _ = cluster
    running = run(address)
    wait_for_loads(alvo_url, 1)
    running.send_signal(signal.SIGINT)
    said, trouble = running.communicate(timeout=60)
    assert running.returncode == 130, said + trouble
    assert trouble == "etl run: interrupted; what was loaded stays loaded\n"
    loaded = loads(alvo_url)
    time.sleep(2)  # what still ran would load now
    assert loads(alvo_url) == loaded
    pages = list((project / "runs").glob("*/*.html"))
    assert len(pages) < len(DAYS)
    assert list((project / "runs").rglob(".*.partial.ipynb")) == []
    completing = run(address)
    said, _ = completing.communicate(timeout=200)
    assert completing.returncode == 0
    assert f"{len(DAYS) - len(pages)} loaded" in said
    assert_whole(alvo_url, project)


@pytest.mark.parametrize(
    ("address", "expected"),
    [("tcp://127.0.0.1:1", "an answer"), ("tls://127.0.0.1:1", "certificates in Dask's settings")],
)
def test_silent_scheduler(project: Path, address: str, expected: str) -> None:
    """A scheduler that does not answer, or cannot be asked, is an error in one line."""
    running = run(address)
    said, trouble = running.communicate(timeout=60)
    assert (running.returncode, said) == (1, "")
    assert trouble.startswith(f"etl run: the Dask scheduler at {address}: expected {expected}")
    assert trouble.count("\n") == 1
    assert list((project / "runs").iterdir()) == []
