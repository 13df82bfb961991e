"""Processes killed at random moments of a range: each date is there whole, or not at all."""

import json
import random
import shutil
import subprocess
import time
from collections import Counter
from collections.abc import Callable, Iterator
from contextlib import suppress
from pathlib import Path
from subprocess import PIPE, STDOUT

import psutil
import pytest
from conftest import execute
from test_cli import ETL
from test_local import postmaster

DAYS = [f"2024-05-{day}" for day in (20, 21)]
RUN = ["run", DAYS[0], DAYS[-1], "--columns=power"]
HELD = """
    SELECT (timestamp AT TIME ZONE 'UTC')::date::text AS date,
        md5(string_agg(concat(name, timestamp, value), ' ' ORDER BY name, timestamp)) AS content
    FROM data JOIN signal ON signal.id = signal_id GROUP BY 1 ORDER BY 1
"""
LEDGER = "SELECT DISTINCT date::text FROM run ORDER BY 1"
EMPTY = "TRUNCATE data, run"
"""Makes Alvo what it was before the range, but for its signals."""


@pytest.fixture
def alvo(project: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[str]:
    """The address of the embedded Alvo; `etl serve` uses it beside us, and lives on."""
    monkeypatch.setenv("FONTE_SEED", "7")
    with subprocess.Popen([*ETL, "serve"], stdout=subprocess.PIPE, text=True) as server:
        assert server.stdout
        lines = [server.stdout.readline() for _ in range(3)]
        (address,) = [line.split("'")[1] for line in lines if "ALVO_DATABASE_URL" in line]
        yield address
        server.terminate()


def etl(*arguments: str) -> subprocess.CompletedProcess[str]:
    command = [*ETL, *arguments]
    return subprocess.run(command, capture_output=True, text=True, timeout=120, check=False)


def find_victim(kind: str, runner: psutil.Process, project: Path) -> psutil.Process | None:
    """One of the processes that may be killed at this moment, None when there is none."""
    children, server = runner.children(recursive=True), postmaster(project)
    if kind == "the runner":
        found = [runner]
    elif kind == "the process that kernels are forked from":
        found = [child for child in runner.children() if child.children()]
    elif kind == "a kernel":
        found = [child for child in children if child.ppid() != runner.pid]
    elif kind == "the server":
        found = [server]
    else:
        found = [session for session in server.children() if "[local]" in session.cmdline()[0]]
    return random.choice(found) if found else None


KINDS = [
    "the runner",
    "a kernel",
    "the process that kernels are forked from",
    "the server",
    "a session of the server",
]


def kill_at_random(
    kind: str,
    runner: psutil.Popen,
    project: Path,
    within: float,
    started: list[psutil.Process],
) -> bool:
    """Kill one of that kind at a moment within those seconds; whether there was one to kill.

    Puts what the runner has started until then into `started`.
    """
    time.sleep(random.uniform(0, within))
    while runner.poll() is None:
        with suppress(psutil.NoSuchProcess, IndexError):  # ended while it was looked at
            if victim := find_victim(kind, runner, project):
                started.extend(runner.children(recursive=True))
                victim.kill()
                return True
        time.sleep(0.01)
    return False


@pytest.mark.soak
def test_whatever_is_killed_dates_are_whole_or_absent_and_a_plain_run_completes_them(
    alvo: str, project: Path, soak: bool, tell: Callable[[str], None]
) -> None:
    assert etl(*RUN).returncode == 0  # fills Fonte, too
    begun = time.monotonic()
    assert etl(*RUN, "--force").returncode == 0
    took = time.monotonic() - begun
    whole = dict(map(tuple, execute(alvo, HELD)))
    assert list(whole) == DAYS
    killed, absent = Counter[str](), 0
    for turn, kind in enumerate(KINDS * 40 if soak else KINDS[2:]):  # test_batch kills the others
        is_new = turn % 2 == 0
        if is_new:
            execute(alvo, EMPTY)
            shutil.rmtree(project / "runs")
        command = [*ETL, *RUN, *([] if is_new else ["--force"])]
        started: list[psutil.Process] = []
        with psutil.Popen(command, stdout=PIPE, stderr=STDOUT, text=True) as runner:
            killed[kind] += kill_at_random(kind, runner, project, took, started)
            said, _ = runner.communicate(timeout=120)
        _, alive = psutil.wait_procs(started, timeout=30)
        assert alive == []
        assert "Traceback" not in said

        looked = etl("status", "--json")
        assert looked.returncode == 0, looked.stderr
        states = {day["date"]: day["state"] for day in json.loads(looked.stdout)}
        held = dict(map(tuple, execute(alvo, HELD)))
        assert held == {day: whole[day] for day in (held if is_new else DAYS)}
        assert [day for (day,) in execute(alvo, LEDGER)] == list(held)
        assert {day for day in DAYS if states[day] == "loaded"} <= set(held)
        absent += len(DAYS) - len(held)

        completed = etl(*RUN)
        assert completed.returncode == 0, completed.stdout + completed.stderr
        assert "Traceback" not in completed.stderr
        assert dict(map(tuple, execute(alvo, HELD))) == whole
        assert all(list((project / "runs" / day).glob("*.html")) for day in DAYS)
    assert killed.total() > 0
    tell(
        f"{sum(killed.values())} killed ({', '.join(f'{n} × {k}' for k, n in killed.items())}):"
        f" {absent} dates absent then, none in part, all there after a plain run"
    )
