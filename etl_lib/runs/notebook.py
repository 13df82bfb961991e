"""One execution of a notebook by papermill's engine `warm`, at the addresses of a plan."""

import logging
from dataclasses import dataclass, field
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any, NamedTuple
from uuid import uuid4

import nbformat
import papermill
from nbformat import NotebookNode
from nbformat.v4 import new_notebook
from papermill.exceptions import PapermillExecutionError

from etl_lib import errors
from etl_lib.archive.store import NOTEBOOK_SUFFIX, Archive
from etl_lib.kernels.fork import INLINE
from etl_lib.kernels.limits import USUAL, Limits
from etl_lib.kernels.manager import BATCH_VARIABLE
from etl_lib.settings import NOTEBOOK_VARIABLE, Settings

KERNEL = "python3"
"""The kernel of this environment; the notebook may name that of whoever saved it last."""
logging.getLogger("papermill").addHandler(logging.NullHandler())  # the outcome has its messages


@dataclass(frozen=True)
class Plan:
    """The options that all dates of a batch share, on every machine that runs them."""

    columns: list[str]
    settings: Settings
    """With every address filled in."""
    home: Path
    """The project's folder, which has the notebook."""
    archive: Archive
    turbines: list[str] | None = None
    """None: all that Fonte has."""
    warm: bool = True
    """Whether kernels are forked from a process that has the imports done."""
    limits: Limits = USUAL
    batch: str = field(default_factory=lambda: uuid4().hex)
    """The name by which the dates are stopped together."""


class Executed(NamedTuple):
    """What papermill left of a notebook."""

    text: str
    """The content of the file; empty if the file is missing or incomplete."""
    notebook: NotebookNode
    error: str | None
    """In one line; None if the notebook ran to its end."""
    is_transient: bool


def execute(path: Path, parameters: dict[str, Any], plan: Plan, name: str) -> Executed:
    """Execute the notebook at `path` below the plan's home; it is to be archived as `name`."""
    with TemporaryDirectory(prefix="etl-") as folder:
        target = Path(folder) / "notebook.ipynb"
        error, is_transient = _run_papermill(path, parameters, plan, name, target)
        text = target.read_text(encoding="utf-8") if target.exists() else ""
    try:
        notebook = nbformat.reads(text, as_version=4) if text else new_notebook()
    except nbformat.reader.NotJSONError:  # cut short by a full disk, which papermill reports
        text, notebook = "", new_notebook()
    return Executed(text, notebook, error, is_transient)


def _run_papermill(
    path: Path, parameters: dict[str, Any], plan: Plan, name: str, target: Path
) -> tuple[str | None, bool]:
    """Run papermill into `target`; return the error in one line or None, and if it may pass."""
    environment = {
        "FONTE_API_URL": plan.settings.fonte_api_url or "",
        "FONTE_API_KEY": plan.settings.fonte_api_key or "",
        "ALVO_DATABASE_URL": plan.settings.alvo_database_url or "",
        NOTEBOOK_VARIABLE: name + NOTEBOOK_SUFFIX,
        BATCH_VARIABLE: plan.batch,
        "MPLBACKEND": INLINE,  # a backend set in the environment would keep the plots out
    }
    try:
        papermill.execute_notebook(
            (plan.home / path).as_uri(),
            target.as_uri(),
            parameters=parameters,
            engine_name="warm",
            kernel_name=KERNEL,
            # papermill's `cwd` would change the directory of the whole process
            resources={"metadata": {"path": str(plan.home)}},
            progress_bar=False,
            write_once=True,
            environment=environment,
            warm=plan.warm,
            limits=plan.limits,
        )
    except PapermillExecutionError as error:
        # A magic that fails may print its error, and raise one without a message
        message = error.evalue or f"no message, see In [{error.exec_count}] of the notebook"
        is_transient = getattr(getattr(errors, error.ename, None), "is_transient", False)
        return _first_line(error.ename, message), is_transient
    except Exception as error:  # noqa: BLE001  # such as a dead kernel or a full disk
        return _first_line(type(error).__name__, str(error)), False
    return None, False


def _first_line(name: str, message: str) -> str:
    """An error in one line; our own errors need no class name."""
    line = next(iter(message.strip().splitlines()), "")
    return line if hasattr(errors, name) else f"{name}: {line}"
