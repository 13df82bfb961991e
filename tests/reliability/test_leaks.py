"""A long range: what its process holds at the end is what it held at the beginning."""

import subprocess
from collections.abc import Callable
from datetime import date, timedelta
from pathlib import Path

import psutil
import pytest
from helpers import ETL, SESSIONS, execute, serve

from fonteapi.settings import Settings

START = date(2024, 5, 20)


@pytest.mark.soak
def test_no_leak(
    new_database: Callable[[], str],
    alvo_url: str,
    project: Path,
    monkeypatch: pytest.MonkeyPatch,
    soak: bool,
    print_later: Callable[[str], None],
) -> None:
    """Memory, open files and sessions do not grow with the number of dates."""
    days, jobs = (300, 2) if soak else (9, 1)
    api = serve(Settings(database_url=new_database(), start_date=START, days=days))
    monkeypatch.setenv("FONTE_API_URL", api)
    monkeypatch.setenv("ALVO_DATABASE_URL", alvo_url)
    last_day = START + timedelta(days=days - 1)
    command = [*ETL, "run", str(START), str(last_day), "--columns=power", f"--jobs={jobs}"]
    held = []
    with subprocess.Popen(command, stdout=subprocess.PIPE, text=True) as running:
        runner = psutil.Process(running.pid)
        for line in running.stdout or ():
            if "  loaded: " in line:
                processes = [runner, *runner.children()]
                memory = sum(process.memory_info().rss for process in processes)
                files = sum(process.num_fds() for process in processes)
                [(sessions,)] = execute(alvo_url, SESSIONS)  # last: the runner may be about to end
                held.append((memory, files, len(processes), sessions))
    assert running.returncode == 0
    assert len(held) == days
    third = days // 3
    # The least of each: what no date that is being run holds
    first, last = (
        [min(values) for values in zip(*part, strict=True)]
        for part in (held[2 : third + 2], held[-third:])
    )
    print_later(
        f"{days} dates in one process: memory {first[0] / 1e6:.0f} → {last[0] / 1e6:.0f} MB,"
        f" open files {first[1]} → {last[1]}, sessions {first[3]} → {last[3]}"
    )
    assert last[0] < 1.1 * first[0]
    assert all(now <= then + 1 for now, then in zip(last[1:], first[1:], strict=True))
