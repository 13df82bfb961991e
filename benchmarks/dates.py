"""Dates: `etl run` beside papermill's command line, a warm kernel beside no kernel, many dates."""

import os
import shutil
import subprocess
from collections.abc import Callable
from datetime import date, timedelta
from functools import partial
from pathlib import Path
from statistics import median

import nbformat
import papermill
from papermill.engines import papermill_engines
from sqlalchemy import text

from benchmarks.measure import ROOT, Row, compare, project, seconds
from etl_lib.archive.store import open_archive
from etl_lib.load.alvo import open_alvo
from etl_lib.runs.batch import run_dates
from etl_lib.runs.notebook import Plan
from etl_lib.runs.pools import threads
from etl_lib.settings import Settings, read_settings

FIRST = date(2024, 1, 2)
TEN = [str(FIRST + timedelta(days=n)) for n in range(10)]
MANY = 200


def main() -> list[Row]:
    """All three comparisons, against services that are up."""
    with project() as home:
        return [*ten_dates(home), *one_date(home), *many_dates(home)]


def ten_dates(home: Path) -> list[Row]:
    """Ten dates, each with its executed notebook; ours write the HTML report and the index, too."""
    ten = ("etl_lib.cli", "run", TEN[0], TEN[-1], "--force")
    calls, ours = [], []
    call_papermill(TEN[0], home)  # waits until Fonte is filled
    for days in (TEN[:5], TEN[5:]):  # in turn: a machine's speed changes by the minute
        calls += [seconds(partial(call_papermill, day, home)) for day in days]
        ours.append(seconds(partial(run, *ten)))
    took, beside = median(ours), f"ten calls of papermill: {sum(calls):.3g} s"
    return [Row("ten dates", f"etl run: {took:.3g} s", beside, took / sum(calls), 0.2)]


def call_papermill(day: str, home: Path) -> None:
    """One date as papermill's own command runs it, its kernel cold."""
    notebooks = ("notebooks/etl.ipynb", f"runs/{day}.ipynb")
    run("papermill", *notebooks, "-p", "date", day, home=home)


def one_date(home: Path) -> list[Row]:
    """The same notebook in a kernel that is forked, and in this very process."""
    source, options = home / "notebooks" / "etl.ipynb", {"date": TEN[0]}

    def warm() -> list[list[str]]:
        made = papermill.execute_notebook(
            source,
            home / "warm.ipynb",
            options,
            engine_name="warm",
            progress_bar=False,
            write_once=True,
        )
        return outputs(made)

    def in_process() -> str:
        from ploomber_engine import execute_notebook

        made = execute_notebook(source, home / "in.ipynb", parameters=options, progress_bar=False)
        return outputs(made)

    assert papermill_engines.get_engine("warm")
    assert warm() == in_process()
    ways: dict[str, Callable[[], object]] = {"warm kernel": warm, "ploomber-engine": in_process}
    return compare("one date, warm", "warm kernel", ways, repeats=5, aim=2.0)


def many_dates(home: Path) -> list[Row]:
    """The last ten of many dates beside the first ten: what a date costs does not grow.

    They take turns, five dates after 190 others and five in an archive and an Alvo that are new,
    each twice, so that both meet the machine at the same speed.
    """
    days = [FIRST + timedelta(days=n) for n in range(MANY)]
    used, new = read_settings(), read_settings().model_copy(update={"alvo_database_url": alvo()})
    empty = home / "empty"
    shutil.copytree(home / "notebooks", empty / "notebooks")
    load(days[: MANY - 10], used, home)
    first = last = 0.0
    for start in (0, 5, 0, 5):
        first += seconds(partial(load, days[start:][:5], new, empty)) / 20
        last += seconds(partial(load, days[-10 + start :][:5], used, home)) / 20
    ours, beside = f"last ten: {last:.3g} s a date", f"first ten: {first:.3g} s a date"
    return [Row(f"{MANY} dates", ours, beside, last / first, 1.1)]


def load(days: list[date], settings: Settings, home: Path) -> None:
    """Run the dates, all well."""
    archive = open_archive(home / "runs")
    with threads(2) as pool:
        plan = Plan(["wind_speed", "power"], settings, home, archive)
        for outcome in run_dates(pool, days, plan):
            assert outcome.error is None, outcome.error


def alvo() -> str:
    """The address of a new database beside Alvo's."""
    engine = open_alvo(os.environ["ALVO_DATABASE_URL"])
    with engine.execution_options(isolation_level="AUTOCOMMIT").connect() as connection:
        connection.execute(text('CREATE DATABASE "Empty"'))
    url = engine.url.set(drivername="postgresql", database="Empty")
    return url.render_as_string(hide_password=False)


def run(module: str, *arguments: str, home: Path | None = None) -> None:
    """A command in a process of its own, as people call it: without what is only compared with."""
    command = [ROOT / ".venv" / "bin" / "python", "-m", module, *arguments]
    subprocess.run(command, check=True, capture_output=True, cwd=home)


def outputs(notebook: nbformat.NotebookNode) -> list[list[str]]:
    """What kinds of output the notebook shows, to see that both ways did the same.

    Without plain text: ploomber-engine prints the value of a line that ends in a semicolon.
    """
    bundles = [
        output.get("data", {}) for cell in notebook.cells for output in cell.get("outputs", [])
    ]
    return [sorted(bundle) for bundle in bundles if len(bundle) > 1]


if __name__ == "__main__":
    print(*main(), sep="\n")
