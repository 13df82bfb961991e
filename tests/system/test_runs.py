"""One date to one archived notebook: real kernels, a real archive, real trouble."""

import asyncio
import multiprocessing
import os
import re
import shutil
import signal
from collections.abc import Callable
from concurrent.futures import ProcessPoolExecutor, ThreadPoolExecutor
from datetime import UTC, date, datetime, timedelta
from pathlib import Path
from typing import Any

import nbformat
import papermill
import pyarrow as pa
import pytest
from helpers import execute, insert_cell, wait_for_loads

from etl_lib.archive.notebooks import read_summary
from etl_lib.archive.status import State, read_status
from etl_lib.archive.store import open_archive
from etl_lib.errors import AlvoError
from etl_lib.kernels.limits import Limits
from etl_lib.kernels.manager import Provisioner
from etl_lib.runs import date as runs
from etl_lib.runs import notebook as notebook_runs
from etl_lib.runs.batch import run_dates
from etl_lib.runs.date import Outcome, run_date
from etl_lib.runs.notebook import Plan
from etl_lib.runs.pools import threads
from etl_lib.settings import Settings

DAY = date(2024, 5, 21)
SECRET = "s3cr3t-word"
Run = Callable[..., Outcome]


@pytest.fixture
def run(project: Path, settings: Settings) -> Run:
    """Runs the project's notebook for a day, against the seeded Fonte and an empty Alvo."""

    def run(
        settings: Settings = settings, columns: tuple[str, ...] = ("power",), **options: Any
    ) -> Outcome:
        archive = open_archive(project / "runs")
        return run_date(DAY, Plan(list(columns), settings, project, archive, **options))

    return run


def archived(project: Path) -> list[str]:
    """Every file of the archive, hidden ones too, without their stamps."""
    files = [path for path in (project / "runs").rglob("*") if path.is_file()]
    return sorted(f"{path.parent.name}/*{path.name[path.name.index('Z') + 1 :]}" for path in files)


def everything_written(project: Path) -> str:
    return "".join(p.read_text() for p in (project / "runs").rglob("*") if p.is_file())


def test_date(run: Run, project: Path, alvo_url: str) -> None:
    """A date is loaded, and archived with its report."""
    outcome = run(columns=("power", "wind_speed"))
    assert outcome.error is None
    assert archived(project) == ["2024-05-21/*.html", "2024-05-21/*.ipynb"]
    assert outcome.summary is not None
    assert outcome.summary.statistics == 144 * (2 * 5 + 1)
    assert outcome.summary.coverage == 1.0
    (row,) = execute(alvo_url, "SELECT * FROM run")
    assert row.notebook == outcome.notebook.relative_to(project / "runs").as_posix()
    assert (row.id, row.columns) == (outcome.summary.run_id, ["power", "wind_speed"])
    notebook = nbformat.read(outcome.notebook, as_version=4)
    nbformat.validate(notebook)
    assert read_summary(notebook) == outcome.summary


def test_self_contained_report(run: Run) -> None:
    """The report shows the day and needs no other file."""
    outcome = run(columns=("power", "wind_speed"))
    assert outcome.report is not None
    page = outcome.report.read_text()
    assert "<title>2024-05-21 · " in page
    assert "time_bucket" in page
    assert page.count('src="data:image/svg+xml,') == 6
    assert 'src="http' not in page
    assert "<script" not in page
    assert "<link" not in page
    assert len(page) < 1_000_000


def test_a_second_run_overwrites_nothing(run: Run, project: Path, alvo_url: str) -> None:
    first = run().notebook.read_bytes(), run().notebook
    assert len(archived(project)) == 4
    assert first[0] in [path.read_bytes() for path in first[1].parent.glob("*.ipynb")]
    assert execute(alvo_url, "SELECT count(*) FROM run")[0][0] == 2
    assert execute(alvo_url, "SELECT count(*) FROM data")[0][0] == 144 * 5


def test_two_runs(project: Path, settings: Settings, alvo_url: str) -> None:
    """Two runs at once in one folder do not affect each other."""
    days = [date(2024, 5, 21), date(2024, 5, 22)]
    plan = Plan(["power"], settings, project, open_archive(project / "runs"))
    with ProcessPoolExecutor(2, multiprocessing.get_context("spawn")) as pool:
        outcomes = [pool.submit(run_date, day, plan) for day in days]
        assert [future.result().error for future in outcomes] == [None, None]
    loaded = execute(alvo_url, "SELECT date FROM run ORDER BY date")
    assert [row.date for row in loaded] == days
    assert sorted(path.name for path in project.iterdir()) == ["notebooks", "runs"]


def test_working_directory(
    project: Path, settings: Settings, alvo_url: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The working directory does not matter, even when it is gone."""
    plan = Plan(["power"], settings, project, open_archive(project / "runs"))
    days = [date(2024, 5, 21), date(2024, 5, 22)]
    left = project.parent / "left"
    left.mkdir()
    monkeypatch.chdir(left)
    with threads(2) as pool, ThreadPoolExecutor(1) as caller:
        outcomes = caller.submit(lambda: list(run_dates(pool, days, plan)))
        wait_for_loads(alvo_url, 2)
        monkeypatch.chdir(project)
        left.rmdir()
        assert [outcome.error for outcome in outcomes.result()] == [None, None]
    assert Path.cwd() == project


def test_folder_name(project: Path, settings: Settings) -> None:
    """The project's folder may have any name."""
    home = project.parent / "Wind {2024} 100 % #ä"
    shutil.copytree(project, home)
    outcome = run_date(DAY, Plan(["power"], settings, home, open_archive(home / "runs")))
    assert outcome.error is None
    assert archived(home) == ["2024-05-21/*.html", "2024-05-21/*.ipynb"]


WIND = """
    SELECT
        count(*) FILTER (WHERE statistic = 'mean'),
        min(value) FILTER (WHERE statistic = 'min'),
        max(value) FILTER (WHERE statistic = 'max'),
        sum(value) FILTER (WHERE statistic = 'count')
    FROM statistics WHERE signal = 'wind_speed'
"""
FLAGS = (
    "SELECT timestamp, value FROM statistics WHERE signal = 'wind_speed' AND statistic = 'flags'"
)


@pytest.mark.parametrize("count", [1, 1440], ids=["a minute", "a day"])
@pytest.mark.parametrize("sentinel", [-7999.0, 9999.0, 3.4e38])
def test_sentinels(
    run: Run,
    fonte_api: str,
    put_readings: Callable[[pa.Table], None],
    alvo_url: str,
    sentinel: float,
    count: int,
) -> None:
    """They are missing in the statistics, counted, told in one line, and flagged on the page."""
    stamps = [datetime(2024, 5, 21, tzinfo=UTC) + timedelta(minutes=n) for n in range(1440)]
    winds = [sentinel if n < count else 7.0 + n % 5 for n in range(1440)]
    put_readings(pa.table({"timestamp": stamps, "wind_speed": winds, "power": [100.0] * 1440}))
    settings = Settings(fonte_api_url=fonte_api, alvo_database_url=alvo_url)
    outcome = run(settings, columns=("wind_speed", "power"))
    assert outcome.error is None
    assert outcome.summary
    assert f"; impossible, and left out: {count:,} of wind_speed" in outcome.summary.line
    assert outcome.summary.line.count("\n") == 0
    assert (outcome.summary.impossible, outcome.summary.suspects) == ([count], ["T1"])
    assert outcome.summary.quality["wind_speed"].implausible == count
    [[rows, low, high, counted]] = execute(alvo_url, WIND)
    assert (rows, counted) == (144 if count == 1 else 0, 1440 - count or None)
    assert (low, high) == ((7, 11) if count == 1 else (None, None))
    flags = execute(alvo_url, FLAGS)
    assert {int(value) & 1 for _, value in flags} == {1}
    assert len(flags) == (count + 9) // 10
    page = outcome.report.read_text()
    assert f"T1's wind speed was impossible {'at 00:00' if count == 1 else 'from 00:00'}" in page
    assert "The statistics leave out the impossible values." in page


def test_impossible_values_are_kept(
    project: Path, fonte_api: str, put_readings: Callable[[pa.Table], None], alvo_url: str
) -> None:
    """With `keep_impossible` the statistics are those of the readings as they are."""
    stamps = [datetime(2024, 5, 21, tzinfo=UTC) + timedelta(minutes=n) for n in range(20)]
    winds = [9999.0] + [7.0] * 19
    put_readings(pa.table({"timestamp": stamps, "wind_speed": winds}))
    addresses = {"FONTE_API_URL": fonte_api, "ALVO_DATABASE_URL": alvo_url}
    parameters = {"date": "2024-05-21", "columns": "wind_speed", "keep_impossible": True}
    executed = papermill.execute_notebook(
        str(project / "notebooks" / "etl.ipynb"),
        None,
        parameters=parameters,
        engine_name="warm",
        environment=addresses,
        cwd=str(project),
        progress_bar=False,
    )
    means = "SELECT value FROM statistics WHERE statistic = 'mean' AND signal = 'wind_speed'"
    found = [value for (value,) in execute(alvo_url, f"{means} ORDER BY timestamp")]
    assert found == pytest.approx([(9999 + 9 * 7) / 10, 7])
    assert "The statistics keep the impossible values." in str(executed)
    assert execute(alvo_url, "SELECT impossible FROM run") == [([1],)]


def test_failing_cell(run: Run, project: Path, alvo_url: str) -> None:
    """A failing cell is an error in one line, and its traceback is archived."""
    insert_cell(project, "load_day(", "1 / 0  # injected")
    outcome = run()
    assert outcome.error == "ZeroDivisionError: division by zero"
    assert outcome.report is outcome.summary is None
    assert archived(project) == ["2024-05-21/*.failed.ipynb"]
    assert "1 / 0  # injected" in outcome.notebook.read_text()
    assert execute(alvo_url, "SELECT count(*) FROM data")[0][0] == 0
    assert execute(alvo_url, "SELECT count(*) FROM run")[0][0] == 0


@pytest.mark.parametrize(
    ("day", "columns", "error"),
    [
        (DAY, ("power", "rain"), r"columns: expected 'wind_speed', .*got 'rain'"),
        (
            date(2019, 1, 1),
            ("power",),
            "Fonte has no 2019-01-01. Fonte has 2024-05-20 to 2024-05-2",
        ),
    ],
)
def test_absent_day(
    project: Path, settings: Settings, day: date, columns: tuple[str, ...], error: str
) -> None:
    """A day or column that Fonte lacks is refused, and nothing is written."""
    outcome = run_date(day, Plan(list(columns), settings, project, open_archive(project / "runs")))
    assert outcome.error is not None
    assert re.search(error, outcome.error)
    assert outcome.notebook is None
    assert list((project / "runs").iterdir()) == []


def test_early_exit(run: Run, project: Path) -> None:
    """A notebook that exits early has failed."""
    insert_cell(project, "load_day(", "import sys\n\nsys.exit(0)")
    outcome = run()
    assert outcome.error is not None
    assert "ended before its summary" in outcome.error
    assert archived(project) == ["2024-05-21/*.failed.ipynb"]


def test_unknown_to_ledger(run: Run, project: Path) -> None:
    """A summary without a row in the ledger is a failure."""
    insert_cell(
        project,
        "summarize(",
        "with alvo.begin() as connection:\n    connection.exec_driver_sql('DELETE FROM run')",
    )
    outcome = run()
    assert outcome.error is not None
    assert re.fullmatch(r"expected 2024-05-21/.* in Alvo's ledger, which does .*", outcome.error)
    assert archived(project) == ["2024-05-21/*.failed.ipynb"]


def test_no_kernel(run: Run, project: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A kernel that does not start is a failure."""
    monkeypatch.setattr(notebook_runs, "KERNEL", "absent")
    assert run().error == "NoSuchKernel: No such kernel named absent"
    assert archived(project) == ["2024-05-21/*.failed.ipynb"]


def test_unreadable_notebook(run: Run, project: Path) -> None:
    """A notebook that cannot be read is a failure without a file."""
    (project / "notebooks" / "etl.ipynb").write_text("{")
    outcome = run()
    assert outcome.error is not None
    assert outcome.notebook is None
    assert archived(project) == []


def test_a_killed_kernel_is_a_failure(run: Run, project: Path) -> None:
    insert_cell(project, "load_day(", f"import os\n\nos.kill(os.getpid(), {int(signal.SIGKILL)})")
    outcome = run()
    assert outcome.error is not None
    assert "Kernel died" in outcome.error
    assert archived(project) == ["2024-05-21/*.failed.ipynb"]


def test_fonte_down(run: Run, project: Path, settings: Settings, alvo_url: str) -> None:
    """A Fonte that is down is an error in one line, and nothing is written."""
    outcome = run(settings.model_copy(update={"fonte_api_url": "http://127.0.0.1:1"}))
    assert outcome.error is not None
    assert outcome.error.startswith("the Fonte API at http://127.0.0.1:1 does not answer")
    assert list((project / "runs").iterdir()) == []
    assert execute(alvo_url, "SELECT FROM information_schema.tables WHERE table_name='run'") == []


def test_alvo_down(run: Run, project: Path, settings: Settings) -> None:
    """An Alvo that is down is one line without its password, and nothing is written."""
    address = f"postgresql://etl:{SECRET}@127.0.0.1:1/Alvo"
    outcome = run(settings.model_copy(update={"alvo_database_url": address}))
    assert outcome.error is not None
    assert outcome.error.startswith("Alvo at postgresql://etl:***@127.0.0.1:1/Alvo: ")
    assert list((project / "runs").iterdir()) == []


def test_no_password_archived(run: Run, project: Path, settings: Settings, alvo_url: str) -> None:
    """An Alvo that fails in the notebook leaves no password in the archive."""
    address = f"postgresql://etl:{SECRET}@127.0.0.1:1/Alvo"
    backwards = f"alvo = etl_lib.load.alvo.open_alvo({address[::-1]!r}[::-1])"
    insert_cell(project, "load_day(", f"alvo.dispose()\n{backwards}")
    outcome = run()
    assert outcome.error is not None
    assert outcome.error.startswith("Alvo at postgresql://etl:***@")
    assert archived(project) == ["2024-05-21/*.failed.ipynb"]
    assert SECRET not in everything_written(project) + outcome.error


def test_an_interrupted_run_leaves_no_file(
    run: Run, project: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def interrupt(*_: object, **__: object) -> None:
        raise KeyboardInterrupt

    monkeypatch.setattr(runs, "_execute", interrupt)
    with pytest.raises(KeyboardInterrupt):
        run()
    assert archived(project) == []


def test_interrupted_after_load(
    run: Run, project: Path, settings: Settings, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A run that is interrupted after its load is run again."""

    def interrupt(*_: object) -> None:
        raise KeyboardInterrupt

    monkeypatch.setattr(runs, "_check_outcome", interrupt)
    with pytest.raises(KeyboardInterrupt):
        run()
    assert archived(project) == ["2024-05-21/*.partial.ipynb"]
    assert read_status(settings, open_archive(project / "runs"))[DAY].state is State.FAILED


def test_interrupt_without_alvo(run: Run, project: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """An interrupt stays one when Alvo does not answer."""

    def interrupt(*_: object, **__: object) -> None:
        raise KeyboardInterrupt

    def fail(*_: object) -> None:
        raise AlvoError("Alvo does not answer: injected")

    monkeypatch.setattr(runs, "_execute", interrupt)
    monkeypatch.setattr(runs, "has_run", fail)
    with pytest.raises(KeyboardInterrupt):
        run()
    assert archived(project) == ["2024-05-21/*.partial.ipynb"]


def test_alvo_gone_after_load(
    run: Run, project: Path, settings: Settings, monkeypatch: pytest.MonkeyPatch
) -> None:
    """An Alvo that is gone after the load is a failure that keeps its notebook."""

    def fail(*_: object) -> None:
        raise AlvoError("Alvo does not answer: injected")

    with monkeypatch.context() as patched:
        patched.setattr(runs, "has_run", fail)
        outcome = run()
    assert (outcome.error, outcome.is_transient) == ("Alvo does not answer: injected", True)
    assert archived(project) == ["2024-05-21/*.failed.ipynb"]
    assert read_status(settings, open_archive(project / "runs"))[DAY].state is State.FAILED


@pytest.mark.parametrize(
    ("magic", "error"),
    [
        ("%nosuchmagic", "CellExecutionError: no message, see In [9] of the notebook"),
        ("!exit 7", "the notebook ended before its summary, without an error: did it call exit?"),
    ],
)
def test_silent_magic(run: Run, project: Path, alvo_url: str, magic: str, error: str) -> None:
    """A magic that fails silently in place of the load is a failure."""
    path = project / "notebooks" / "etl.ipynb"
    notebook = nbformat.read(path, as_version=4)
    place = next(i for i, cell in enumerate(notebook.cells) if "load_day(" in cell.source)
    notebook.cells[place].source = magic
    notebook.cells = [cell for cell in notebook.cells if "etl_lib.summarize(" not in cell.source]
    nbformat.write(notebook, path)
    assert run().error == error
    assert execute(alvo_url, "SELECT count(*) FROM run") == [(0,)]
    assert archived(project) == ["2024-05-21/*.failed.ipynb"]


def test_other_json(run: Run, project: Path, alvo_url: str) -> None:
    """Other JSON after the summary is not taken for it."""
    path = project / "notebooks" / "etl.ipynb"
    notebook = nbformat.read(path, as_version=4)
    for shown in ('{"coverage": "all"}', "[1, 2]"):
        cell = f"from IPython.display import JSON\n\ndisplay(JSON({shown}))"
        notebook.cells.append(nbformat.v4.new_code_cell(cell))
    nbformat.write(notebook, path)
    outcome = run()
    assert outcome.error is None
    assert outcome.summary
    assert outcome.summary.date == date(2024, 5, 21)
    assert execute(alvo_url, "SELECT count(*) FROM run") == [(1,)]


@pytest.mark.parametrize("warm", [True, False])
def test_backend_in_environment(run: Run, monkeypatch: pytest.MonkeyPatch, warm: bool) -> None:
    """A report has its plots whatever backend the environment names."""
    monkeypatch.setenv("MPLBACKEND", "Agg")
    outcome = run(columns=("wind_speed", "power"), warm=warm)
    assert outcome.notebook
    assert Path(outcome.notebook).read_text().count('"image/svg+xml"') == 6


def test_environment(run: Run, monkeypatch: pytest.MonkeyPatch, project: Path) -> None:
    """A run leaves the environment as it was."""
    monkeypatch.setenv("FONTE_API_URL", "http://mine")
    insert_cell(project, "import etl_lib", "1 / 0")
    before = dict(os.environ)
    run()
    assert dict(os.environ) == before


@pytest.mark.parametrize("warm", [True, False])
@pytest.mark.parametrize(
    ("limits", "words"),
    [
        (Limits(notebook=3), "3 s for the notebook (--timeout)"),
        (Limits(cell=2), "600 s for the notebook (--timeout) and 2 s for a cell (--cell-timeout)"),
        (Limits(notebook=None, cell=2), "2 s for a cell (--cell-timeout)"),
    ],
    ids=["notebook", "cell", "cell alone"],
)
def test_cell_limit(
    run: Run, project: Path, alvo_url: str, limits: Limits, words: str, warm: bool
) -> None:
    """A cell that is cut at a time limit says so."""
    # Before any other cell, which a busy machine may take long for
    insert_cell(project, "date = None", "import time\n\ntime.sleep(100)")
    outcome = run(limits=limits, warm=warm)
    assert outcome.error == f"CellTimeoutError: cut at the limit of {words}"
    assert outcome.notebook
    notebook = nbformat.read(outcome.notebook, as_version=4)
    (cut,) = [cell for cell in notebook.cells if "time.sleep" in cell.source]
    assert cut.metadata.papermill.exception
    assert cut.outputs[-1].evalue == f"cut at the limit of {words}"
    assert execute(alvo_url, "SELECT count(*) FROM run")[0][0] == 0
    assert archived(project) == ["2024-05-21/*.failed.ipynb"]


def test_late_output(run: Run, project: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Output of a kernel that is being ended does not hide the limit."""
    kill = Provisioner.kill

    async def kill_late(*arguments: Any, **options: Any) -> None:
        await asyncio.sleep(1)  # since it was interrupted
        await kill(*arguments, **options)

    monkeypatch.setattr(Provisioner, "kill", kill_late)
    insert_cell(project, "date = None", "import time\n\nprint('begun')\ntime.sleep(100)")
    outcome = run(limits=Limits(cell=2))
    assert outcome.error == (
        "CellTimeoutError: cut at the limit of 600 s for the notebook (--timeout)"
        " and 2 s for a cell (--cell-timeout)"
    )
    assert outcome.notebook
    notebook = nbformat.read(outcome.notebook, as_version=4)
    (cut,) = [cell for cell in notebook.cells if "time.sleep" in cell.source]
    assert [output.get("text", output.get("ename")) for output in cut.outputs] == [
        "begun\n",
        "CellTimeoutError",
    ]


def test_notebook_limit(run: Run, project: Path) -> None:
    """A notebook's limit covers all its cells together."""
    for _ in range(20):
        insert_cell(project, "load_day(", "import time\n\ntime.sleep(1)")
    outcome = run(limits=Limits(notebook=8, cell=5))
    assert "8 s for the notebook" in str(outcome.error)
    assert outcome.notebook
    cells = nbformat.read(outcome.notebook, as_version=4).cells
    begun = [c for c in cells if "sleep" in c.source and c.metadata.papermill["start_time"]]
    assert 1 < len(begun) < 20
