"""The instructions of docs/operations.md, carried out."""

import os
import re
import subprocess
from datetime import date
from pathlib import Path
from typing import Any

import pytest
from helpers import BIN, ROOT, execute

from etl_lib.archive.status import State, read_status
from etl_lib.archive.store import open_archive
from etl_lib.cli import main as cli
from etl_lib.runs.date import run_date
from etl_lib.runs.notebook import Plan
from etl_lib.settings import Settings

DAY = date(2024, 5, 21)
PAGE = (ROOT / "docs" / "operations.md").read_text(encoding="utf-8")


def everything(alvo_url: str) -> list[Any]:
    """All values and ledger rows of an Alvo."""
    values = "SELECT * FROM data ORDER BY signal_id, timestamp"
    return [*execute(alvo_url, values), *execute(alvo_url, "SELECT * FROM run")]


def test_backup_restores_alvo(
    settings: Settings,
    project: Path,
    alvo_url: str,
    seeded_fonte_url: str,
) -> None:
    """The commands of the page save both databases and bring back lost rows."""
    archive = open_archive(project / "runs")
    assert run_date(DAY, Plan(["power"], settings, project, archive)).error is None
    whole = everything(alvo_url)
    save_fonte, save_alvo, restore = re.findall(r"^\$ (pg_.+)$", PAGE, re.MULTILINE)
    environment = os.environ | {
        "PATH": f"{BIN}:{os.environ['PATH']}",
        "FONTE_DATABASE_URL": seeded_fonte_url,
        "ALVO_DATABASE_URL": alvo_url,
    }
    for command in (save_fonte, save_alvo):
        subprocess.run(command, shell=True, env=environment, check=True)
    execute(alvo_url, "DELETE FROM data")
    execute(alvo_url, "UPDATE run SET coverage = 0")
    subprocess.run(restore, shell=True, env=environment, check=True)
    assert everything(alvo_url) == whole
    assert (project / "fonte.dump").stat().st_size > 100_000
    assert read_status(settings, archive)[DAY].state is State.LOADED


def test_dropped_tables_return(
    settings: Settings,
    project: Path,
    alvo_url: str,
) -> None:
    """After the tables of Alvo are dropped, a run makes and fills them with the same rows."""
    archive = open_archive(project / "runs")
    assert run_date(DAY, Plan(["power"], settings, project, archive)).error is None
    held = execute(alvo_url, "SELECT * FROM data ORDER BY timestamp, signal_id")
    execute(alvo_url, "DROP TABLE data, signal, run CASCADE")
    assert read_status(settings, archive)[DAY].state is State.MISSING
    assert run_date(DAY, Plan(["power"], settings, project, archive)).error is None
    assert execute(alvo_url, "SELECT * FROM data ORDER BY timestamp, signal_id") == held


def test_monitor_queries(
    settings: Settings,
    project: Path,
    alvo_url: str,
) -> None:
    """The page's queries for a monitor report the age of the newest load and thin days."""
    plan = Plan(["power"], settings, project, open_archive(project / "runs"))
    assert run_date(DAY, plan).error is None
    execute(alvo_url, "UPDATE run SET coverage = 0.5")
    block = re.search(r"```sql\n(.*?)```", PAGE, re.DOTALL)
    assert block
    age, thin = [execute(alvo_url, line) for line in block[1].splitlines()]
    assert age[0][0].total_seconds() < 600
    assert thin == [(date(2024, 5, 21), 0.5)]


def test_check_reports_unreachable_services(
    project: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    """`etl status --check` exits with 1 and one line when a service does not answer."""
    monkeypatch.setenv("FONTE_API_URL", "http://127.0.0.1:1")
    monkeypatch.setenv("ALVO_DATABASE_URL", "postgresql://127.0.0.1:1/Alvo")
    assert cli.main(["status", "--check"]) == 1
    said = capsys.readouterr()
    assert said.out == ""
    assert said.err.startswith("etl status: the Fonte API at http://127.0.0.1:1 does not answer")
    assert said.err.count("\n") == 1
