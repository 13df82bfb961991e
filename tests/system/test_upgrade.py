"""A project of version 0.1, from dumps of its databases, under the present version."""

import json
import subprocess
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
from helpers import BIN, DATA, execute, serve
from sqlalchemy import Engine

from etl_lib.analysis.summary import MIME_TYPE
from etl_lib.cli import main as cli
from etl_lib.errors import AlvoError
from etl_lib.load import alvo as alvo_database
from etl_lib.load.ledger import last_loads
from etl_lib.load.reading import read_statistics
from fonteapi.settings import Settings

DUMPS = DATA / "version_0_1"
SUMMARY = json.loads((DUMPS / "summary.json").read_text(encoding="utf-8"))
HELD = "SELECT signal_id, timestamp, value FROM data ORDER BY 1, 2"
COLUMNS = """
    SELECT table_name, column_name FROM information_schema.columns
    WHERE table_schema = 'public' ORDER BY 1, 2
"""


def restore(url: str, dump: str) -> None:
    subprocess.run(
        [BIN / "psql", "--quiet", "--set=ON_ERROR_STOP=1", f"--file={DUMPS / dump}", url],
        check=True,
        stdout=subprocess.DEVNULL,
    )


@pytest.fixture
def old_alvo(alvo: Engine, alvo_url: str) -> Iterator[Engine]:
    """An Alvo that version 0.1 loaded with one date."""
    restore(alvo_url, "alvo.sql")
    yield alvo


@pytest.fixture
def old_project(
    old_alvo: Engine,
    alvo_url: str,
    new_database: Callable[[], str],
    project: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> Path:
    """A project of version 0.1 with one loaded date, its report and its readings."""
    fonte_url = new_database()
    restore(fonte_url, "fonte.sql")
    notebook = project / "runs" / SUMMARY["notebook"]
    notebook.parent.mkdir()
    cells = [{"cell_type": "code", "outputs": [{"data": {MIME_TYPE: SUMMARY}}]}]
    notebook.write_text(json.dumps({"metadata": {}, "cells": cells}))
    notebook.with_suffix(".html").write_text("the report")
    monkeypatch.setenv("FONTE_API_URL", serve(Settings(database_url=fonte_url)))
    monkeypatch.setenv("ALVO_DATABASE_URL", alvo_url)
    return project


def test_upgrade(old_project: Path, alvo: Engine, alvo_url: str, capsys: Any) -> None:
    """The date is stale once; its next load changes no statistic, and its old report stays."""
    before = execute(alvo_url, HELD)
    assert cli.main(["status"]) == 0
    (line,) = capsys.readouterr().out.splitlines()[1:]
    assert line.split()[:2] == ["2024-05-20", "stale"]
    assert line.endswith(SUMMARY["notebook"].replace(".ipynb", ".html"))

    assert cli.main(["run", "2024-05-20", "--columns", "power"]) == 0
    assert "loaded: 1,440 readings in, 720 statistics out" in capsys.readouterr().out
    load = last_loads(alvo).popitem()[1]
    assert load.changes == "0 added, 0 changed, 0 removed"
    assert load.turbines == ["T1"]
    assert execute(alvo_url, HELD) == before
    assert cli.main(["status", "--check"]) == 0
    index = (old_project / "runs" / "index.html").read_text(encoding="utf-8")
    assert index.count(".ipynb") >= 2
    assert SUMMARY["notebook"] in index


def test_names_and_units_stay(old_alvo: Engine, alvo_url: str) -> None:
    """What the readers of version 0.1 use is as it was."""
    query = (
        "SELECT name, unit, timestamp, value FROM data JOIN signal ON id = signal_id ORDER BY 1, 3"
    )
    before = execute(alvo_url, query)
    ledger = "SELECT id, date, columns, readings, statistics, coverage, notebook FROM run"
    loads = execute(alvo_url, ledger)
    frame = read_statistics(old_alvo)
    assert execute(alvo_url, query) == before
    assert execute(alvo_url, ledger) == loads
    assert list(frame.index.unique("turbine")) == ["T1"]
    assert len(frame) == 144


def test_interrupted_migration(
    old_alvo: Engine, alvo_url: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A migration that breaks off leaves the tables of version 0.1, and can begin again."""
    before = execute(alvo_url, COLUMNS)
    with monkeypatch.context() as broken:
        broken.setattr(alvo_database, "STATISTICS_VIEW", "SELECT broken")
        with pytest.raises(AlvoError, match="broken"):
            alvo_database.create_tables(old_alvo)
    assert execute(alvo_url, COLUMNS) == before
    alvo_database.create_tables(old_alvo)
    assert len(read_statistics(old_alvo)) == 144
