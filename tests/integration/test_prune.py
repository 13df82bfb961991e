"""`etl prune`: what goes from a real archive, and what Alvo's ledger keeps there."""

import os
from dataclasses import replace
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest
from helpers import DAY, FARM, farm_statistics, make_statistics, put_notebook
from sqlalchemy import Engine

from etl_lib.cli import main as cli
from etl_lib.load.day import load_day
from etl_lib.load.forget import forget_turbines
from etl_lib.load.ledger import named_notebooks, standing_loads
from etl_lib.settings import NOTEBOOK_VARIABLE


def name(day: int) -> str:
    return f"2024-05-20/202406{day:02}T060000.000001Z"


@pytest.fixture
def load(project: Path, services: str, alvo: Engine, monkeypatch: pytest.MonkeyPatch) -> Any:
    """Loads turbines into Alvo as the notebook of a day of June, and puts that into the archive."""

    def load(day: int, *turbines: str) -> str:
        notebook = name(day) + ".ipynb"
        monkeypatch.setenv(NOTEBOOK_VARIABLE, notebook)
        put_notebook(project, notebook)
        (project / "runs" / notebook).with_suffix(".html").write_text("page")
        chosen = replace(FARM, turbines=list(turbines), is_whole=False)
        load_day(alvo, chosen, farm_statistics(day, turbines), readings=1)
        return name(day)

    return load


def archived(project: Path) -> set[str]:
    """The attempts whose notebook or page is in the archive."""
    pages = [path for path in (project / "runs").glob("*/*") if path.is_file()]
    return {str(path.relative_to(project / "runs")).split(".html")[0] for path in pages}


def runs(project: Path) -> set[str]:
    return {each.removesuffix(".ipynb") for each in archived(project)}


def test_superseded_goes(load: Any, project: Path, capsys: Any) -> None:
    """A dry run shows how much goes, the command removes it and writes the index anew."""
    load(1, "A1", "B2")
    last = load(2, "A1", "B2")
    put_notebook(project, name(3) + ".failed.ipynb", error="no")
    put_notebook(project, name(4) + ".failed.ipynb", error="no")
    (project / "runs" / "2024-05-20" / "notes.txt").write_text("mine")
    (project / "runs" / "2024-05-25").mkdir()
    os.utime(project / "runs" / "2024-05-25", (0, 0))
    (project / "runs" / "2024-05-26").mkdir()
    before = archived(project)
    going = [name(1) + ".html", name(1) + ".ipynb", name(3) + ".failed.ipynb"]
    size = sum((project / "runs" / each).stat().st_size for each in going)
    assert cli.main(["prune", "--dry-run"]) == 0
    line = f"remove 2 attempts (3 files, {size:,} bytes) from runs\n"
    assert capsys.readouterr().out == f"would {line}"
    assert archived(project) == before
    assert cli.main(["prune", "--older-than", "9999w"]) == 0
    assert capsys.readouterr().out == "removed 0 attempts (0 files, 0 bytes) from runs\n"
    assert archived(project) == before
    assert cli.main(["prune", "--older-than", "12w"]) == 0
    assert capsys.readouterr().out == (
        f"{line.replace('remove', 'removed', 1)}  all dates runs/index.html\n"
    )
    assert runs(project) == {last, name(4) + ".failed", "2024-05-20/notes.txt"}
    page = (project / "runs" / "index.html").read_text(encoding="utf-8")
    assert last in page
    assert name(1) not in page
    assert not (project / "runs" / "2024-05-25").exists()
    assert (project / "runs" / "2024-05-26").exists()


def test_loads_of_turbines_stay(load: Any, alvo: Engine, project: Path) -> None:
    """A load that is the last one of some turbine or signal stays, however many came after."""
    first = load(1, "A1", "B2")
    load(2, "B2")
    third = load(3, "B2")
    fourth = load(4, "C3")
    assert [each.run_id for each in standing_loads(alvo)] == [1, 3, 4]
    assert [each.run_id for each in standing_loads(alvo, turbines=["B2"])] == [3]
    assert standing_loads(alvo, first=DAY.date.replace(day=21)) == []
    assert cli.main(["prune"]) == 0
    assert runs(project) == {first, third, fourth}
    load_day(alvo, DAY, make_statistics(), readings=1)
    assert [each.run_id for each in standing_loads(alvo)] == [1, 3, 4, 5]


def test_forgotten(load: Any, alvo: Engine, project: Path) -> None:
    """After a turbine is forgotten the last load of the date stays all the same."""
    load(1, "A1")
    last = load(2, "A1")
    forget_turbines(alvo, ["A1"])
    assert standing_loads(alvo) == []
    assert named_notebooks(alvo) == {last + ".ipynb"}
    assert cli.main(["prune"]) == 0
    assert runs(project) == {last}


def test_refused(load: Any, project: Path, monkeypatch: pytest.MonkeyPatch, capsys: Any) -> None:
    """Without Alvo, and with another archive's one, nothing is removed."""
    load(1, "A1")
    load(2, "A1")
    before = archived(project)
    monkeypatch.setattr("etl_lib.cli.prune.named_notebooks", lambda _: {"2024-05-20/other.ipynb"})
    assert cli.main(["prune"]) == 1
    error = capsys.readouterr().err
    assert error.startswith("etl prune: expected an Alvo whose ledger names notebooks of runs")
    assert error.count("\n") == 1
    monkeypatch.undo()
    monkeypatch.setenv("ETL_HOME", str(project))
    monkeypatch.chdir(project)
    monkeypatch.setenv("ALVO_DATABASE_URL", "postgresql://localhost:1/none")
    assert cli.main(["prune"]) == 1
    error = capsys.readouterr().err
    assert error.startswith("etl prune: Alvo at postgresql://localhost:1/none")
    assert error.count("\n") == 1
    assert archived(project) == before


@pytest.mark.parametrize("words", ["--older-than=90", "--older-than=3m", "--keep=0", "--keep=x"])
def test_wrong_arguments(words: str, capsys: Any) -> None:
    """A wrong age or number is refused in one line."""
    assert cli.main(["prune", words]) == 2
    error = capsys.readouterr().err
    assert error.startswith(f"etl prune: {words.partition('=')[0]}: ")
    assert error.count("\n") == 1


def test_running_goes_on(load: Any, project: Path) -> None:
    """The attempt of a run that goes on stays with its marker."""
    load(1, "A1")
    last = load(2, "A1")
    marker = project / "runs" / "2024-05-20" / f".{Path(name(1)).name}.partial.ipynb"
    marker.touch()
    assert cli.main(["prune", "--older-than", "0d"]) == 0
    assert marker.exists()
    assert {name(1), last} <= runs(project)
    marker.unlink()
    assert cli.main(["prune", "--older-than", "0d"]) == 0
    assert runs(project) == {last}


def test_future_stays(load: Any, project: Path) -> None:
    """An attempt of this hour is younger than a day."""
    load(1, "A1")
    load(2, "A1")
    for minute in (1, 2):
        started = f"{datetime.now(UTC):%Y%m%dT%H}{minute:02}00.000000Z"
        put_notebook(project, f"2024-05-20/{started}.failed.ipynb", error="no")
    assert cli.main(["prune", "--older-than", "1d"]) == 0
    assert len([*(project / "runs").rglob("*.failed.ipynb")]) == 2
