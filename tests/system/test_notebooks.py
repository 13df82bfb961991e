"""Both notebooks as people run them: papermill's command line, and a Jupyter kernel."""

import re
import subprocess
import sys
from collections.abc import Iterator
from dataclasses import replace
from datetime import timedelta
from pathlib import Path

import nbclient
import nbformat
import pyarrow as pa
import pytest
from helpers import DAY, ETL, ROOT, execute, make_statistics
from nbformat import NotebookNode
from sqlalchemy import Engine

from etl_lib.analysis.days import summarize_days
from etl_lib.analysis.summary import MIME_TYPE
from etl_lib.archive.notebooks import read_summary
from etl_lib.load.day import load_day
from etl_lib.load.exclusions import add_exclusions
from etl_lib.services import postgresql
from etl_lib.transform.statistics import to_frame

PAPERMILL = [sys.executable, "-W", "ignore", "-m", "papermill", "--no-progress-bar"]
BOTH = sorted((ROOT / "notebooks").glob("*.ipynb"))


@pytest.fixture
def nothing_running(project: Path) -> Iterator[Path]:
    """A project with nothing running and no variable set; what it started is stopped."""
    yield project
    postgresql.stop_database(project)


def papermill(*arguments: str) -> subprocess.CompletedProcess[str]:
    command = [*PAPERMILL, "notebooks/etl.ipynb", *arguments]
    return subprocess.run(command, capture_output=True, text=True, timeout=120, check=False)


def outputs(notebook: NotebookNode) -> str:
    """All that the cells printed and showed, as text."""
    shown = []
    for cell in notebook.cells:
        for output in cell.get("outputs", []):
            shown += [output.get("text", ""), *map(str, output.get("data", {}).values())]
    return "\n".join(shown)


def explore(folder: Path) -> NotebookNode:
    """`explore.ipynb`, executed in the folder that JupyterLab starts in."""
    notebook = nbformat.read(folder / "explore.ipynb", as_version=4)
    nbclient.NotebookClient(
        notebook, timeout=120, kernel_name="python3", resources={"metadata": {"path": str(folder)}}
    ).execute()
    return notebook


def test_papermill_alone(nothing_running: Path) -> None:
    """papermill alone loads a day with no service running."""
    ended = papermill("runs/2024-05-21.ipynb", "-p", "date", "2024-05-21")
    assert ended.returncode == 0, ended.stderr
    notebook = nbformat.read(nothing_running / "runs" / "2024-05-21.ipynb", as_version=4)
    summary = read_summary(notebook)
    assert summary is not None
    assert (str(summary.date), summary.readings, summary.statistics) == (
        *("2024-05-21", 1440),
        1584,
    )
    assert summary.columns == ["wind_speed", "power"]
    alvo = postgresql.start_database(nothing_running, "Alvo")
    assert execute(alvo, "SELECT date::text, notebook FROM run") == [("2024-05-21", None)]


@pytest.mark.parametrize(
    ("arguments", "columns"),
    [
        (
            ["-p", "columns", "power wind_speed ambient_temperature"],
            ["power", "wind_speed", "ambient_temperature"],
        ),
        (["-y", "columns: [power]"], ["power"]),
    ],
)
def test_columns(project: Path, services: str, arguments: list[str], columns: list[str]) -> None:
    """papermill takes columns as words or as a list."""
    ended = papermill("runs/x.ipynb", "-p", "date", "2024-05-21", *arguments)
    assert ended.returncode == 0, ended.stderr
    ((loaded,),) = execute(services, "SELECT columns FROM run")
    assert loaded == columns


@pytest.mark.parametrize(
    "arguments",
    [["-p", "dtae", "2024-05-21"], ["-p", "date", "20240521"], ["-p", "date", "2024-05-30"]],
    ids=["misspelt", "a number", "outside"],
)
def test_invalid_date(project: Path, services: str, arguments: list[str]) -> None:
    """Without a date that Fonte has, nothing is loaded and the error names the period."""
    ended = papermill("runs/x.ipynb", *arguments)
    assert ended.returncode != 0
    last = ended.stderr.strip().splitlines()[-1]
    assert "Fonte has 2024-05-20 to 2024-05-29" in last
    assert ("-p date YYYY-MM-DD" in last) == ("dtae" in arguments)
    assert execute(services, "SELECT FROM pg_tables WHERE tablename = 'run'") == []


def test_fonte_down(project: Path, services: str, monkeypatch: pytest.MonkeyPatch) -> None:
    """A Fonte that is down is an error in one line, and nothing is loaded."""
    monkeypatch.setenv("FONTE_API_URL", "http://127.0.0.1:1")
    ended = papermill("runs/x.ipynb", "-p", "date", "2024-05-21")
    assert ended.returncode != 0
    last = ended.stderr.strip().splitlines()[-1]
    assert last.startswith("FonteError: the Fonte API at http://127.0.0.1:1 does not answer")
    assert execute(services, "SELECT FROM pg_tables WHERE tablename = 'run'") == []


@pytest.mark.usefixtures("services")
def test_alvo_down(project: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """An Alvo that is down is an error in one line, without its password."""
    monkeypatch.setenv("ALVO_DATABASE_URL", "postgresql://etl:s3cr3t-word@127.0.0.1:1/Alvo")
    ended = papermill("runs/x.ipynb", "-p", "date", "2024-05-21")
    assert ended.returncode != 0
    last = ended.stderr.strip().splitlines()[-1]
    assert last.startswith("AlvoError: Alvo at postgresql://etl:***@127.0.0.1:1/Alvo: ")
    written = (project / "runs" / "x.ipynb").read_text(encoding="utf-8")
    assert "s3cr3t-word" not in written + ended.stdout + ended.stderr


@pytest.mark.usefixtures("services")
def test_report(project: Path) -> None:
    """The executed notebook has the plots and tables of a report."""
    papermill("runs/x.ipynb", "-p", "date", "2024-05-21")
    notebook = nbformat.read(project / "runs" / "x.ipynb", as_version=4)
    page = outputs(notebook)
    assert "2024-05-21: Fonte has 1,440 readings" in page
    assert "longest gap, minutes" in page
    assert "time_bucket(INTERVAL '10 minutes', timestamp)" in page
    assert "1,584 statistics loaded, 1,584 read back and equal" in page
    assert page.count("<svg") == 6
    last = notebook.cells[-1].outputs[-1].data
    assert set(last) == {MIME_TYPE, "text/markdown", "text/plain"}


def test_explore(project: Path, services: str) -> None:
    """`explore.ipynb` runs in the notebooks' folder."""
    subprocess.run([*ETL, "run", "2024-05-20", "2024-05-21"], check=True)
    page = outputs(explore(project / "notebooks"))
    assert "**2 days**, 2024-05-20 to 2024-05-21, with 100.0%" in page
    assert page.count("<svg") == 11
    assert "The calmest day was" in page
    assert "excluded by people" not in page


def test_explore_excluding(project: Path, alvo: Engine, services: str) -> None:
    """`explore.ipynb` lists what people excluded, and leaves it out."""
    load_day(alvo, DAY, make_statistics(), readings=1440)
    noon = DAY.start + timedelta(hours=12)
    add_exclusions(alvo, "T1", DAY.start, noon, reason="icing", author="me", signals=["power"])
    page = outputs(explore(project / "notebooks"))
    assert "**1 period is excluded by people**" in page
    assert "| T1 | power | 2024-05-20 00:00 | 2024-05-20 12:00 | icing | me |" in page
    assert "kWh** in 12 hours with power readings" in page
    assert "**1 days**, 2024-05-20 to 2024-05-20, with 50.0%" in page


def test_explore_farm(project: Path, alvo: Engine, services: str) -> None:
    """`explore.ipynb` keeps the turbines of a farm apart."""
    farm = replace(DAY, turbines=["A1", "B2"])
    parts = [make_statistics(scale=n) for n in (1, 3)]
    named = [part.set_column(0, part.schema.field(0), [[name] * len(part)])
             for name, part in zip(farm.turbines, parts, strict=True)]  # fmt: skip
    load_day(alvo, farm, pa.concat_tables(named), readings=2880)
    page = outputs(explore(project / "notebooks"))
    energies = [summarize_days(to_frame(part).loc[name])["energy"].item()
                for name, part in zip(farm.turbines, named, strict=True)]  # fmt: skip
    for name, energy in zip(farm.turbines, energies, strict=True):
        assert re.search(rf"<th>{name}</th>\s*<td>1.0</td>\s*<td>{energy:.2f}", page)
    assert f"**{sum(energies):,.0f} kWh** in 24 hours" in page
    assert "complete: every expected reading arrived" in page


def test_explore_empty(nothing_running: Path) -> None:
    """`explore.ipynb` says what to do when Alvo is empty."""
    page = outputs(explore(nothing_running / "notebooks"))
    assert "**Alvo is still empty.** Load a day with `etl run 2024-05-20`" in page


def test_parameters() -> None:
    """The parameters are tagged, and the date has no default."""
    notebook = nbformat.read(ROOT / "notebooks" / "etl.ipynb", as_version=4)
    (cell,) = [c for c in notebook.cells if "parameters" in c.metadata.get("tags", [])]
    values: dict[str, object] = {}
    exec(cell.source, values)
    assert values["date"] is None
    assert values["columns"] == "wind_speed power"
    assert values["turbines"] is None


@pytest.mark.parametrize("path", BOTH, ids=lambda path: path.name)
def test_notebooks_are_prose_with_thin_cells(path: Path) -> None:
    notebook = nbformat.read(path, as_version=4)
    nbformat.validate(notebook)
    kinds = [cell.cell_type for cell in notebook.cells]
    assert kinds.count("markdown") >= kinds.count("code") - 1
    assert notebook.metadata.kernelspec.name == "python3"
    headings = [c.source for c in notebook.cells if c.source.startswith("#")]
    assert headings[0].startswith("# ")
