"""What the benchmarks share: taking turns, medians, rows of the table, services of their own."""

import os
import re
import shutil
import subprocess
import sys
import tempfile
import threading
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from pathlib import Path
from statistics import median
from typing import NamedTuple

import psutil

ROOT = Path(__file__).parent.parent
MEGABYTE = 1_000_000


class Row(NamedTuple):
    """One line of the table: ours beside an alternative that was measured in the same run."""

    what: str
    ours: str
    beside: str
    ratio: float
    aim: float | None = None

    def __str__(self) -> str:
        aim = "" if self.aim is None else f"{self.aim:g}"
        return f"| {self.what} | {self.ours} | {self.beside} | {self.ratio:.2f} | {aim} |"


HEAD = "| what | ours | beside | ratio | at most |\n| --- | --- | --- | --- | --- |"


def compare(
    what: str,
    ours: str,
    ways: Mapping[str, Callable[[], object]],
    repeats: int,
    aim: float | None,
    floors: Sequence[str] = (),
    slow: Sequence[str] = (),
) -> list[Row]:
    """Take turns between the ways; a row for our way beside each other one.

    The times are medians, and the ratio is the median of each turn's: a machine's speed changes
    by the minute, and what is measured one after the other meets the same. The row beside the
    fastest other way has the aim; `floors` do less than ours and have none. `slow` ways, many
    times ours, are run once.
    """
    times: dict[str, list[float]] = {name: [] for name in ways}
    for turn in range(repeats):
        for name, way in ways.items():
            if turn == 0 or name not in slow:
                times[name].append(seconds(way))
    medians = {name: median(found) for name, found in times.items()}
    others = sorted(set(ways) - {ours}, key=lambda name: medians[name])
    rival = next(name for name in others if name not in floors)
    return [
        Row(
            what,
            f"{medians[ours]:.3g} s",
            f"{name}: {medians[name]:.3g} s",
            median(mine / other for mine, other in zip(times[ours], times[name], strict=False)),
            aim if name == rival else None,
        )
        for name in others
    ]


def seconds(work: Callable[[], object]) -> float:
    """How long the work takes."""
    start = time.perf_counter()
    work()
    return time.perf_counter() - start


@contextmanager
def project() -> Iterator[Path]:
    """A project of its own with its services up; their addresses are in the environment."""
    with tempfile.TemporaryDirectory() as folder:
        home = Path(folder)
        shutil.copytree(ROOT / "notebooks", home / "notebooks")
        (home / "runs").mkdir()
        period = {"FONTE_START_DATE": "2024-01-01", "FONTE_DAYS": "366", "FONTE_SEED": "1"}
        os.environ |= {"ETL_HOME": str(home), "FONTE_START_DATE": "2024-01-01"}
        command = [sys.executable, "-m", "etl_lib.cli", "serve"]
        with subprocess.Popen(
            command, env=os.environ | period, stdout=subprocess.PIPE, text=True
        ) as services:
            assert services.stdout
            try:
                for _ in range(3):
                    name, value = re.findall(r"export (\w+)='(.*)'", services.stdout.readline())[0]
                    os.environ[name] = value
                yield home
            finally:
                services.terminate()


@contextmanager
def peak_memory(process: psutil.Process) -> Iterator[list[int]]:
    """The resident memory of a process, bytes, every five milliseconds."""
    samples = [process.memory_info().rss]
    done = threading.Event()

    def watch() -> None:
        while not done.wait(0.005):
            samples.append(process.memory_info().rss)

    thread = threading.Thread(target=watch)
    thread.start()
    try:
        yield samples
    finally:
        done.set()
        thread.join()
