"""One date to one executed notebook in the archive.

`runs/<date>/<UTC start>.ipynb` with its `.html` beside it; what failed ends in `.failed.ipynb`.
A notebook is written under a temporary name and renamed when it is whole; nothing is overwritten.
"""

import os
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import UTC, date, datetime, timedelta
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

import nbformat
import papermill
from nbformat import NotebookNode
from papermill.exceptions import PapermillExecutionError
from traitlets.config import Config

from etl_lib import errors
from etl_lib.alvo import create_tables, has_run
from etl_lib.config import MARKER, NOTEBOOK_VARIABLE, Settings
from etl_lib.connections import connected
from etl_lib.errors import EtlError
from etl_lib.extract import fetch_readings, find_day

KERNEL = "python3"
"""The kernel of this environment, whatever the notebook was last saved with."""


@dataclass(frozen=True)
class Outcome:
    """What became of one date."""

    date: date
    notebook: Path | None = None
    """The archived notebook, executed to its end or to the cell that failed; None when Fonte or
    Alvo refused beforehand."""
    report: Path | None = None
    """Its HTML, of a date that was loaded."""
    summary: dict[str, Any] | None = None
    """As the notebook's last cell tells it to programs, of a date that was loaded."""
    error: str | None = None
    """Why it failed, in one line."""


def run_date(day: date, columns: list[str], settings: Settings, home: Path) -> Outcome:
    """Execute the pipeline's notebook for one UTC day and archive it.

    `settings` has every address filled in. Whatever goes wrong is told in the outcome, not
    raised; what cannot be (a day or column that Fonte does not have, a service that is down)
    leaves nothing behind.
    """
    try:
        _check(day, columns, settings)
    except EtlError as refusal:
        return Outcome(day, error=str(refusal))
    target = _reserve(home / "runs" / day.isoformat())
    relative = _archived(target, ".ipynb").relative_to(home / "runs").as_posix()
    parameters = {"date": day.isoformat(), "columns": columns}
    try:
        with _environment(settings, relative), ThreadPoolExecutor(1) as pool:
            pool.submit(_prepare_report)  # half a second, while the kernel works and we wait
            error = _execute(home, target, parameters)
    except BaseException:  # Ctrl-C: leave no half a notebook behind
        target.unlink()
        raise
    if error is None:
        notebook = nbformat.read(target, as_version=4)
        summary = find_summary(notebook)
        error = _check_ledger(settings, summary)
    if error is not None:
        return Outcome(day, _archive_failed(target), error=error)
    from etl_lib.reports import write_report

    archived = _archive(target, ".ipynb")
    return Outcome(day, archived, write_report(archived, notebook), summary)


def find_summary(notebook: NotebookNode) -> dict[str, Any] | None:
    """The JSON of the last output that has one, None when the notebook did not come that far."""
    for cell in reversed(notebook.cells):
        for output in cell.get("outputs", []):
            if "application/json" in output.get("data", {}):
                return dict(output["data"]["application/json"])
    return None


def _check(day: date, columns: list[str], settings: Settings) -> None:
    """Ask both ends before anything is written; raises `EtlError`."""
    with connected(settings) as (fonte, alvo):
        start = find_day(fonte, day.isoformat()).start
        fetch_readings(fonte, start, start + timedelta(microseconds=1), columns)
        create_tables(alvo)


def _prepare_report() -> None:
    from etl_lib.reports import exporter

    exporter().from_notebook_node(nbformat.v4.new_notebook())


def _execute(home: Path, target: Path, parameters: dict[str, Any]) -> str | None:
    """Run papermill into `target`; returns why it failed, in one line, or None."""
    try:
        with _private_transport() as config:
            papermill.execute_notebook(
                home / MARKER,
                target,
                parameters=parameters,
                kernel_name=KERNEL,
                cwd=home,
                progress_bar=False,
                config=config,
            )
    except PapermillExecutionError as error:
        return _first_line(error.ename, error.evalue)
    except Exception as error:  # noqa: BLE001  # a dead kernel, a full disk: the outcome tells
        return _first_line(type(error).__name__, str(error))
    return None


@contextmanager
def _private_transport() -> Iterator[Config]:
    """A kernel that is talked to through sockets in a folder of its own, where there are such.

    Nobody else on the machine can listen in, and no other kernel has the same names.
    """
    client = {
        # What a kernel logs of an interrupt is no news to whoever interrupted it
        "extra_arguments": ["--log-level=CRITICAL"],
        # All that lasts is written when the last cell ends: no farewell is waited for
        "shutdown_kernel": "immediate",
    }
    config = Config({"NotebookClient": client})
    with TemporaryDirectory(prefix="etl-") as folder:
        if os.name != "nt":
            config.KernelManager.update(transport="ipc", ip=f"{folder}/kernel")
        yield config


def _first_line(name: str, message: str) -> str:
    """An error in one line; those that we raise say enough without their names."""
    line = next(iter(message.strip().splitlines()), "")
    return line if hasattr(errors, name) else f"{name}: {line}"


def _check_ledger(settings: Settings, summary: dict[str, Any] | None) -> str | None:
    """A notebook that ended early, by `sys.exit(0)` say, looks well: only the ledger knows."""
    if summary is None:
        return "the notebook ended before its summary, without an error: did it call exit?"
    with connected(settings) as (_, alvo):
        known = has_run(alvo, summary["run_id"])
    return None if known else f"expected run {summary['run_id']} in Alvo's ledger, which has none"


def _reserve(folder: Path) -> Path:
    """A temporary file in `folder`, named by the start, that nobody else has."""
    folder.mkdir(parents=True, exist_ok=True)
    while True:
        stamp = datetime.now(UTC).strftime("%Y%m%dT%H%M%S.%fZ")
        target = folder / f".{stamp}.partial.ipynb"
        try:
            target.touch(exist_ok=False)
        except FileExistsError:
            continue
        return target


@contextmanager
def _environment(settings: Settings, notebook: str) -> Iterator[None]:
    """The addresses and the archive's path where the notebook's kernel inherits them."""
    chosen = {
        "FONTE_API_URL": settings.fonte_api_url or "",
        "ALVO_DATABASE_URL": settings.alvo_database_url or "",
        NOTEBOOK_VARIABLE: notebook,
    }
    before = {name: os.environ.get(name) for name in chosen}
    os.environ.update(chosen)
    try:
        yield
    finally:
        for name, value in before.items():
            os.environ.pop(name)
            if value is not None:
                os.environ[name] = value


def _archive(partial: Path, suffix: str) -> Path:
    """Give the finished file its name; fails rather than overwrite."""
    target = _archived(partial, suffix)
    target.hardlink_to(partial)
    partial.unlink()
    return target


def _archive_failed(partial: Path) -> Path | None:
    """Keep what was executed of a notebook that failed, unless that is nothing at all."""
    if partial.stat().st_size:
        return _archive(partial, ".failed.ipynb")
    partial.unlink()
    return None


def _archived(partial: Path, suffix: str) -> Path:
    return partial.with_name(partial.name.removeprefix(".").removesuffix(".partial.ipynb") + suffix)
