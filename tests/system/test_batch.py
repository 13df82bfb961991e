"""Many dates at once, in real processes, some of which are killed."""

import os
import re
import shutil
import signal
import subprocess
import tempfile
import time
from datetime import date
from pathlib import Path

import nbformat
import psutil
import pytest
from helpers import (
    DAYS,
    ETL,
    SOME,
    archived_files,
    assert_completed,
    execute,
    rows_by_date,
    run_range,
    wait_for_loads,
)
from nbformat.v4 import new_code_cell

pytestmark = pytest.mark.usefixtures("services", "project")
ARCHIVED = re.compile(r"\d{8}T\d{6}\.\d{6}Z(\.failed)?\.(ipynb|html)")


@pytest.mark.parametrize("end", [signal.SIGKILL, signal.SIGTERM, signal.SIGINT])
def test_interrupted_range(
    alvo_url: str, project: Path, end: signal.Signals, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The next call completes a range that was interrupted."""
    folder = Path(tempfile.mkdtemp())  # short, as addresses of sockets must be
    monkeypatch.setenv("TMPDIR", str(folder))
    with subprocess.Popen(
        [*ETL, "run", SOME[0], SOME[-1], "--columns=power", "--jobs=2"],
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
        process_group=0,
    ) as broken:
        wait_for_loads(alvo_url, 3)  # one of which is archived: two are run at a time
        children = psutil.Process(broken.pid).children(recursive=True)
        if end is signal.SIGINT:  # to all of its group, as a terminal does it
            os.killpg(broken.pid, end)
        else:
            broken.send_signal(end)
        _, err = broken.communicate(timeout=60)
    _, alive = psutil.wait_procs(children, timeout=30)
    assert alive == []
    if end is not signal.SIGKILL:
        assert broken.returncode == 130
        assert err.splitlines() == ["etl run: interrupted; what was loaded stays loaded"]
        assert list(folder.iterdir()) == []
        known = {"index.html", ".index.json", ".days.json"}
        assert not [
            n for n in archived_files(project) if not ARCHIVED.fullmatch(n) and n not in known
        ]
        reports = [path.name for path in (project / "runs").glob("*/*.html")]
        index = (project / "runs" / "index.html").read_text()
        assert reports
        assert [name for name in reports if name not in index] == []

    before = rows_by_date(alvo_url)
    assert set(before.values()) == {720}  # wholly there, or wholly absent
    assert_completed(alvo_url, project, SOME)
    shutil.rmtree(folder)


def test_early_ctrl_c() -> None:
    """Ctrl-C during the imports is one line."""
    with subprocess.Popen(
        [*ETL, "run", *DAYS[:2]],
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
        process_group=0,
    ) as broken:
        runner = psutil.Process(broken.pid)
        while not any(child.cpu_times().user > 0.2 for child in runner.children()):
            time.sleep(0.01)
        os.killpg(broken.pid, signal.SIGINT)
        said, err = broken.communicate(timeout=60)
    assert (said, err) == ("", "etl run: interrupted; what was loaded stays loaded\n")
    assert broken.returncode in (130, -signal.SIGINT)  # a shell reports this as 130, too


def test_killed_kernel(alvo_url: str, project: Path) -> None:
    """A killed kernel fails its date, the only one that the next call runs."""
    with subprocess.Popen(
        [*ETL, "run", SOME[0], SOME[-1], "--columns=power", "--jobs=2"],
        stdout=subprocess.PIPE,
        text=True,
    ) as running:
        wait_for_loads(alvo_url, 1)
        started = psutil.Process(running.pid).children(recursive=True)
        kernels = [process for process in started if process.ppid() != running.pid]
        max(kernels, key=psutil.Process.create_time).kill()
        said, _ = running.communicate(timeout=120)
    assert running.returncode == 1
    assert "5 loaded, 1 failed" in said
    assert said.splitlines()[-2].endswith("DeadKernelError: Kernel died")
    assert set(rows_by_date(alvo_url).values()) == {720}
    assert_completed(alvo_url, project, SOME)


FAILURES = {
    "2024-05-21": ("1 / 0", "ZeroDivisionError: division by zero"),
    "2024-05-22": ("import sys\n\nsys.exit(0)", "the notebook ended before its summary"),
    "2024-05-24": ("import os\n\nos.kill(os.getpid(), 9)", "DeadKernelError: Kernel died"),
    "2024-05-26": ("sql['quantity'] = 'SELECT nonsense FROM readings'", "BinderException: "),
    "2024-05-28": ("fonte.close()\netl_lib.fetch_days(fonte)", "RuntimeError: "),
}
"""What a cell before the load does on some dates, and what is said of them."""


def test_five_failures(alvo_url: str, project: Path) -> None:
    """Five dates fail for five reasons; the other five are loaded."""
    path = project / "notebooks" / "etl.ipynb"
    notebook = nbformat.read(path, as_version=4)
    place = next(i for i, c in enumerate(notebook.cells) if "compute_statistics(" in c.source)
    cells = [
        new_code_cell(f"if date == {day!r}:\n    exec({FAILURES[day][0]!r})") for day in FAILURES
    ]
    notebook.cells[place:place] = cells
    nbformat.write(notebook, path)

    ended = run_range(DAYS[0], DAYS[9])
    assert ended.returncode == 1
    assert ended.stderr == ""
    lines = ended.stdout.splitlines()
    start = lines.index("5 loaded, 5 failed")
    reasons = dict(line.strip().split("  ", 1) for line in lines[start + 1 : start + 6])
    assert sorted(reasons) == sorted(FAILURES)
    for day, (_, message) in FAILURES.items():
        assert reasons[day].startswith(message)
        (failed,) = (project / "runs" / day).glob("*.failed.ipynb")
        nbformat.validate(nbformat.read(failed, as_version=4))
        assert message.split(":")[0] in failed.read_text() or "SystemExit" in failed.read_text()
        assert not list((project / "runs" / day).glob("*.html"))
    good = sorted(set(DAYS) - set(FAILURES))
    assert rows_by_date(alvo_url) == dict.fromkeys(good, 720)
    for day in good:
        assert len(list((project / "runs" / day).glob("*.html"))) == 1


def test_failed_date(alvo_url: str, project: Path) -> None:
    """A failed date does not stop the others."""
    path = project / "notebooks" / "etl.ipynb"
    notebook = nbformat.read(path, as_version=4)
    place = next(i for i, cell in enumerate(notebook.cells) if "load_day(" in cell.source)
    fail = nbformat.v4.new_code_cell('if date == "2024-05-21":\n    1 / 0')
    notebook.cells.insert(place, fail)
    nbformat.write(notebook, path)

    ended = run_range(DAYS[0], DAYS[2], "--jobs=2")
    assert ended.returncode == 1
    assert sorted(rows_by_date(alvo_url)) == [DAYS[0], DAYS[2]]
    assert ended.stdout.splitlines()[-3:-1] == [
        "2 loaded, 1 failed",
        "  2024-05-21  ZeroDivisionError: division by zero",
    ]
    assert run_range(DAYS[0], DAYS[2], "--failed").stdout.count("failed: ZeroDivisionError") == 1


def test_corrected_reading(
    fonte_api: str, fonte_url: str, alvo_url: str, project: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A corrected reading reruns its date alone, and the page shows what changed."""
    execute(
        fonte_url,
        "INSERT INTO data (timestamp, power) SELECT t, extract(minute FROM t) FROM"
        " generate_series('2024-05-20'::timestamptz, '2024-05-22 23:59', '1 minute') AS t",
    )
    monkeypatch.setenv("FONTE_API_URL", fonte_api)
    assert run_range(DAYS[0], DAYS[2]).returncode == 0
    execute(fonte_url, "UPDATE data SET power = 999 WHERE timestamp = '2024-05-21T12:34Z'")

    ended = run_range(DAYS[0], DAYS[2])
    assert ended.stdout.splitlines()[-2] == "1 loaded, 2 skipped"
    last = execute(alvo_url, "SELECT date, added, changed, removed FROM run ORDER BY id")[-1]
    assert tuple(last) == (date(2024, 5, 21), 0, 3, 0)  # mean, max and std of one bucket
    newest = max((project / "runs" / "2024-05-21").glob("*.html"))
    page = newest.read_text(encoding="utf-8")
    assert re.search(r"0 added, 3 changed, 0 removed; at most power_(max|std) by \d+ kW", page)


def test_jobs_below_one_are_refused() -> None:
    ended = run_range("2024-05-20", "--jobs=0")
    assert ended.returncode == 2
    assert ended.stderr == "etl run: --jobs: expected 1 or more, got 0; see etl run --help\n"
