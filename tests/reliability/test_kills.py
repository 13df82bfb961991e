"""Processes killed at random moments of a range: each date is there whole, or not at all.

Whole is a date with every turbine of a farm.
"""

import json
import random
import shutil
import subprocess
import time
from collections import Counter
from collections.abc import Callable, Iterator
from contextlib import nullcontext, suppress
from pathlib import Path
from subprocess import PIPE, STDOUT

import psutil
import pytest
from helpers import ETL, execute, open_cluster, postmaster, start_worker

DAYS = [f"2024-05-{day}" for day in range(20, 23)]
TURBINES = 3
HELD = """
    SELECT (timestamp AT TIME ZONE 'UTC')::date::text AS date,
        count(DISTINCT turbine) AS turbines,
        md5(string_agg(concat(turbine, name, timestamp, value), ' '
            ORDER BY turbine, name, timestamp)) AS content
    FROM data JOIN signal ON signal.id = signal_id GROUP BY 1 ORDER BY 1
"""
"""Of each date how many turbines Alvo has, and what of them."""
LEDGER = "SELECT DISTINCT date::text FROM run ORDER BY 1"
EMPTY = "TRUNCATE data, run"
"""Makes Alvo what it was before the range, but for its signals."""


@pytest.fixture
def alvo(project: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[str]:
    """The address of the embedded Alvo; `etl serve` uses it beside us, and lives on."""
    monkeypatch.setenv("FONTE_SEED", "7")
    monkeypatch.setenv("FONTE_DAYS", str(len(DAYS)))
    monkeypatch.setenv("FONTE_TURBINES", str(TURBINES))
    with subprocess.Popen([*ETL, "serve"], stdout=subprocess.PIPE, text=True) as server:
        assert server.stdout
        lines = [server.stdout.readline() for _ in range(3)]
        (address,) = [line.split("'")[1] for line in lines if "ALVO_DATABASE_URL" in line]
        yield address
        server.terminate()


def etl(*arguments: str) -> subprocess.CompletedProcess[str]:
    command = [*ETL, *arguments]
    return subprocess.run(command, capture_output=True, text=True, timeout=120, check=False)


def held_dates(alvo: str) -> dict[str, tuple[int, str]]:
    return {day: (turbines, content) for day, turbines, content in execute(alvo, HELD)}


WORKER = "a worker of Dask"
KINDS = [
    "the runner",
    "a kernel",
    WORKER,
    "the process that kernels are forked from",
    "the server",
    "a session of the server",
]
Workers = list[subprocess.Popen[bytes]]


def find_victim(
    kind: str, runner: psutil.Process, project: Path, workers: Workers
) -> psutil.Process | None:
    """One of the processes that may be killed at this moment, None when there is none."""
    children, server = runner.children(recursive=True), postmaster(project)
    if kind == "the runner":
        found = [runner]
    elif kind == "a kernel":
        found = [child for child in children if child.ppid() != runner.pid]
    elif kind == WORKER:
        found = [psutil.Process(worker.pid) for worker in workers]
        found = [worker for worker in found if worker.children()]  # which has begun
    elif kind == "the process that kernels are forked from":
        found = [child for child in runner.children() if child.children()]
    elif kind == "the server":
        found = [server]
    else:
        found = [session for session in server.children() if "[local]" in session.cmdline()[0]]
    return random.choice(found) if found else None


def kill_at_random(
    kind: str,
    runner: psutil.Popen,
    project: Path,
    workers: Workers,
    within: float,
    started: list[psutil.Process],
) -> bool:
    """Kill one of that kind at a moment within those seconds; whether there was one to kill.

    Puts what the runner, or the worker that was killed, has started until then into `started`.
    """
    time.sleep(random.uniform(0, within))
    while runner.poll() is None:
        with suppress(psutil.NoSuchProcess, IndexError):  # ended while it was looked at
            if victim := find_victim(kind, runner, project, workers):
                started.extend(runner.children(recursive=True))
                if victim.pid in [worker.pid for worker in workers]:
                    started.extend(victim.children(recursive=True))
                victim.kill()
                return True
        time.sleep(0.01)
    return False


@pytest.mark.soak
def test_any_process_killed(
    alvo: str, project: Path, tmp_path: Path, soak: bool, print_later: Callable[[str], None]
) -> None:
    """Whichever process is killed, dates are whole or absent, and a plain run completes them."""
    # In small two kinds: test_batch, test_cluster and test_outages kill the others. Where the
    # range has ended before one could be killed, the next one is of that kind again.
    days, kinds = (DAYS, KINDS * 34) if soak else (DAYS[:2], KINDS[3:5])
    run = ["run", days[0], days[-1], "--columns=power"]
    assert etl(*run).returncode == 0  # fills Fonte, too
    begun = time.monotonic()
    assert etl(*run, "--force").returncode == 0
    took = time.monotonic() - begun
    whole = held_dates(alvo)
    assert [(day, turbines) for day, (turbines, _) in whole.items()] == [
        (day, TURBINES) for day in days
    ]
    killed, moments, absent = Counter[str](), 0, 0
    with open_cluster(tmp_path) if soak else nullcontext(("", [])) as (scheduler, workers):
        while (turn := killed.total()) < len(kinds):
            kind, moments = kinds[turn], moments + 1
            is_new = turn // len(KINDS) % 2 == 0 if soak else turn % 2 == 0
            if is_new:
                execute(alvo, EMPTY)
                shutil.rmtree(project / "runs")
            command = [*ETL, *run, *([] if is_new else ["--force"])]
            command += [f"--scheduler={scheduler}"] if kind == WORKER else []
            started: list[psutil.Process] = []
            with psutil.Popen(command, stdout=PIPE, stderr=STDOUT, text=True) as runner:
                killed[kind] += kill_at_random(kind, runner, project, workers, took, started)
                said, _ = runner.communicate(timeout=120)
            _, alive = psutil.wait_procs(started, timeout=30)
            assert alive == []
            assert "Traceback" not in said, said
            for lost in [worker for worker in workers if worker.poll() is not None]:
                workers.remove(lost)
                workers.append(start_worker(scheduler, tmp_path))

            looked = etl("status", "--json")
            assert looked.returncode == 0, looked.stderr
            states = {day["date"]: day["state"] for day in json.loads(looked.stdout)}
            held = held_dates(alvo)
            assert held == {day: whole[day] for day in (held if is_new else days)}
            assert [day for (day,) in execute(alvo, LEDGER)] == list(held)
            assert {day for day in days if states[day] == "loaded"} <= set(held)
            absent += len(days) - len(held)

            completed = etl(*run)
            assert completed.returncode == 0, completed.stdout + completed.stderr
            assert "Traceback" not in completed.stderr
            assert held_dates(alvo) == whole
            assert all(list((project / "runs" / day).glob("*.html")) for day in days)
    print_later(
        f"{killed.total()} killed ({', '.join(f'{n} × {k}' for k, n in killed.items())})"
        f" at {moments} moments: {absent} dates absent then, none in part, all there after a"
        " plain run"
    )
