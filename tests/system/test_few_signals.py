"""Fontes that hold little: the day's page, `explore.ipynb` and Dagster without a traceback."""

from collections.abc import Callable, Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import dagster as dg
import nbclient
import nbformat
import pytest
from helpers import drop_database, execute, serve

from etl_lib.cli import main as cli
from etl_lib.orchestration import definitions as orchestration
from etl_lib.orchestration.checks import MEANINGS
from fonteapi.__main__ import main as fonteapi
from fonteapi.settings import Settings

pytestmark = [
    pytest.mark.filterwarnings("ignore:.*is deprecated:DeprecationWarning"),
    pytest.mark.filterwarnings("ignore::dagster.BetaWarning"),
]
DAY = "2024-05-20"
CASES = {
    "ten minutes": (10, ["power", "wind_speed"]),
    "wind": (1, ["wind_speed"]),
    "power": (1, ["power"]),
    "temperature": (1, ["ambient_temperature"]),
}


@pytest.fixture(params=list(CASES))
def case(request: pytest.FixtureRequest) -> tuple[int, list[str]]:
    """The minutes between two readings, and the signals."""
    return CASES[request.param]


@pytest.fixture
def fonte(
    case: tuple[int, list[str]],
    new_database: Callable[[], str],
    alvo_url: str,
    project: Path,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> Iterator[str]:
    """The address of a Fonte with two days of one of the cases, which the environment names."""
    minutes, signals = case
    url = new_database()
    monkeypatch.setenv("FONTE_DATABASE_URL", url)
    start = datetime(2024, 5, 20, tzinfo=UTC)
    stamps = [start + timedelta(minutes=minute) for minute in range(0, 2880, minutes)]
    lines = [",".join(["timestamp", *signals])]
    lines += [
        ",".join([stamp.isoformat(), *(f"{5 + place % 7 + n}" for n in range(len(signals)))])
        for place, stamp in enumerate(stamps)
    ]
    (tmp_path / "own.csv").write_text("\n".join(lines))
    assert fonteapi(["load", str(tmp_path / "own.csv")]) == 0
    monkeypatch.setenv("FONTE_API_URL", serve(Settings(database_url=url)))
    monkeypatch.setenv("ALVO_DATABASE_URL", alvo_url)
    yield url
    drop_database(url)


def explore(project: Path) -> str:
    """All that `explore.ipynb` prints and shows."""
    folder = project / "notebooks"
    notebook = nbformat.read(folder / "explore.ipynb", as_version=4)
    client = nbclient.NotebookClient(
        notebook, timeout=120, kernel_name="python3", resources={"metadata": {"path": str(folder)}}
    )
    client.execute()
    outputs = [output for cell in notebook.cells for output in cell.get("outputs", [])]
    return "\n".join(f"{output.get('text', '')} {output.get('data', '')}" for output in outputs)


def materialize(tmp_path: Path, columns: list[str]) -> dict[str, Any]:
    """Materialize the day in Dagster; returns what each check found."""
    config = {"ops": {"statistics": {"config": {"columns": " ".join(columns), "jobs": 1}}}}
    with dg.DagsterInstance.local_temp(str(tmp_path)) as instance:
        result = orchestration.defs.resolve_job_def("load_days").execute_in_process(
            run_config=config, instance=instance, partition_key=DAY, raise_on_error=False
        )
        assert result.success
        return {
            found.check_name: dict(found.metadata) for found in result.get_asset_check_evaluations()
        }


def shown(project: Path) -> str:
    """The day's newest page."""
    return max((project / "runs" / DAY).glob("*.html")).read_text(encoding="utf-8")


def test_own_signals(fonte: str, case: Any, project: Path, tmp_path: Path, capsys: Any) -> None:
    """Loaded with the signals that Fonte has, the day and all pages are complete."""
    _, signals = case
    assert cli.main(["run", DAY, "--columns", *signals]) == 0
    first = capsys.readouterr().out.splitlines()[0]
    assert first.startswith(f"{DAY}  loaded: ")
    assert first.endswith(", coverage 100.0%")
    assert materialize(tmp_path, signals) == {name: {} for name in MEANINGS}
    assert "Alvo holds **1 days**" in explore(project)


def test_signals_that_fonte_lacks(fonte: str, case: Any, project: Path, capsys: Any) -> None:
    """The default signals are refused in a line that names those of Fonte, and the option."""
    _, signals = case
    absent = [name for name in ("wind_speed", "power") if name not in signals]
    assert cli.main(["run", DAY]) == (1 if absent else 0)
    if absent:
        (line,) = capsys.readouterr().out.splitlines()
        told = "; ".join(f"columns: expected {signals[0]!r}, got {name!r}" for name in absent)
        option = "name the signals to load by --columns, or in papermill by -p columns"
        assert line == f"{DAY}  failed: {told}: {option}"
        assert list((project / "runs").iterdir()) == []


def test_signals_without_readings(
    fonte: str, case: Any, project: Path, tmp_path: Path, capsys: Any
) -> None:
    """A signal that has no reading of the day is named: in the line, on the page, in Dagster."""
    _, signals = case
    for name in ("power", "wind_speed"):
        execute(fonte, f"ALTER TABLE data ADD COLUMN IF NOT EXISTS {name} float8")
    absent = [name for name in ("wind_speed", "power") if name not in signals]
    told = f"no readings of {', '.join(absent)}"
    assert cli.main(["run", DAY]) == 0
    first = capsys.readouterr().out.splitlines()[0]
    found = materialize(tmp_path, ["wind_speed", "power"])
    assert found["read_back_equal"] == found["plausible_ranges"] == {}
    assert explore(project)
    assert cli.main(["status", "--check", DAY]) == 0
    if not absent:
        assert "no readings" not in first + shown(project)
        return
    named = " and ".join(name.replace("_", " ") for name in absent)
    assert f"There are no readings of {named} on this day." in shown(project)
    assert told in found["coverage"][DAY].value
    if len(absent) == 1:
        count = 864 if "power" in signals else 720  # with a state where there is power
        assert first.endswith(f", {count} statistics out, coverage 50.0%; {told}")
        return
    assert first == f"{DAY}  {told}"
    capsys.readouterr()
    assert cli.main(["status", DAY]) == 0
    assert capsys.readouterr().out.splitlines()[-1] == f"            {told}"
    assert cli.main(["run", DAY, DAY, "--force"]) == 0
    assert cli.main(["run", DAY, "2024-05-21"]) == 0
    assert "1 without readings, 1 skipped" in capsys.readouterr().out
    page = (project / "runs" / "index.html").read_text(encoding="utf-8")
    assert "no wind_speed, no power" in page
