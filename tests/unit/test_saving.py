"""A notebook of the project as JupyterLab saves it."""

from copy import deepcopy
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import nbformat
import pytest
from helpers import ROOT

from etl_lib.lab import strip_run

PARAMETERS = 2
"""The cell of `etl.ipynb` with the parameters."""


def save(content: dict[str, Any], path: str = "notebooks/etl.ipynb") -> dict[str, Any]:
    """What the hook leaves of a notebook."""
    model = {"type": "notebook", "content": deepcopy(content)}
    strip_run(model, path, SimpleNamespace(root_dir="/project"))
    return model["content"]


@pytest.fixture
def committed() -> dict[str, Any]:
    return nbformat.read(ROOT / "notebooks" / "etl.ipynb", as_version=4)


@pytest.fixture
def executed(committed: dict[str, Any]) -> dict[str, Any]:
    """The same notebook after a run in JupyterLab."""
    found = deepcopy(committed)
    for number, cell in enumerate(found["cells"]):
        cell["metadata"] |= {"jupyter": {"source_hidden": True}, "scrolled": True}
        if cell["cell_type"] == "code":
            cell |= {"execution_count": number, "outputs": [{"output_type": "stream"}]}
            cell["metadata"]["execution"] = {"iopub.status.idle": "2024-06-01T00:00:00Z"}
    found["metadata"]["language_info"] = {"name": "python", "version": "3.11.9"}
    found["metadata"]["widgets"] = {}
    return found


@pytest.mark.parametrize("value", ['"2024-05-20"', "'2024-05-20'  "])
def test_a_run_is_not_saved(
    committed: dict[str, Any], executed: dict[str, Any], value: str
) -> None:
    """Outputs, counts, times, folds and the day are not saved; what is left is as committed."""
    cell = executed["cells"][PARAMETERS]
    cell["source"] = cell["source"].replace("date = None", f"date = {value}")
    assert save(executed) == committed


@pytest.mark.parametrize("value", ['"2024-05-20"', '"2024-05"', "'2024'"])
def test_a_period_is_not_saved(value: str) -> None:
    """Nor are the ends of a period; a turbine may have the name of a year."""
    committed = nbformat.read(ROOT / "notebooks" / "period.ipynb", as_version=4)
    executed = deepcopy(committed)
    cell = next(cell for cell in executed["cells"] if "start = None" in cell["source"])
    for name in ("start", "end"):
        cell["source"] = cell["source"].replace(f"{name} = None", f"{name} = {value}")
    assert save(executed, "notebooks/period.ipynb") == committed
    cell["source"] = cell["source"].replace("turbines = None", 'turbines = "2024"')
    saved = save(executed, "notebooks/period.ipynb")
    assert sum('turbines = "2024"' in each["source"] for each in saved["cells"]) == 1


@pytest.mark.parametrize("line", ['date = "2024-05-20" if True else None', 'date = "20240520"'])
def test_edits_are_saved(executed: dict[str, Any], line: str) -> None:
    """Code, prose and other parameters are saved as people wrote them."""
    edits = {PARAMETERS: f'{line}\ncolumns = "power"', 1: "## Mine", 4: 'day = "2024-05-20"'}
    for number, source in edits.items():
        executed["cells"][number]["source"] = source
    saved = save(executed)
    assert {number: saved["cells"][number]["source"] for number in edits} == edits
    assert saved["cells"][PARAMETERS]["metadata"] == {"tags": ["parameters"]}


@pytest.mark.parametrize(
    "path", ["notebooks/mine.ipynb", "runs/etl.ipynb", "etl.ipynb", "notebooks/new/etl.ipynb"]
)
def test_other_notebooks_are_saved_as_they_are(executed: dict[str, Any], path: str) -> None:
    assert save(executed, path) == executed


def test_folder_of_notebooks_as_root(committed: dict[str, Any], executed: dict[str, Any]) -> None:
    """JupyterLab may be started in `notebooks/`, too."""
    model = {"type": "notebook", "content": executed}
    strip_run(model, "etl.ipynb", SimpleNamespace(root_dir=str(Path("/project/notebooks"))))
    assert model["content"] == committed


def test_files_are_saved_as_they_are() -> None:
    model = {"type": "file", "content": "text"}
    strip_run(model, "notebooks/etl.ipynb", SimpleNamespace(root_dir="/project"))
    assert model == {"type": "file", "content": "text"}
