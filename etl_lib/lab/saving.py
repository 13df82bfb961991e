"""The project's notebooks, saved without what a run leaves in them."""

import re
from collections.abc import Mapping, MutableMapping
from pathlib import Path
from typing import Any, Protocol

from etl_lib.project import FILES

A_DATE = re.compile(r"""^(date|start|end) = (["'])\d{4}(-\d{2}){,2}\2[ \t]*$""", re.MULTILINE)
"""A date, or an end of a period, that is set to a day, a month or a year and nothing else."""
OF_A_VIEW = {
    *("ExecuteTime", "execution", "collapsed", "scrolled", "trusted"),
    *("jupyter", "jp-MarkdownHeadingCollapsed"),
}
"""The metadata of cells that JupyterLab writes when people run or fold them."""


class Contents(Protocol):
    """Jupyter's contents manager, as far as the hook uses it."""

    root_dir: str


def strip_run(
    model: MutableMapping[str, Any], path: str, contents_manager: Contents, **_: object
) -> None:
    """Strip a notebook of the project before it is saved; a hook of Jupyter's server.

    What goes is of one run: outputs, counts, times, what is folded, the version of Python, and
    the dates that parameters name, since a saved date would be a default. All other edits stay.
    Notebooks of other names, and copies in other folders, are saved as they are.
    """
    if model["type"] != "notebook" or not _is_project_s(Path(contents_manager.root_dir, path)):
        return
    notebook = model["content"]
    for cell in notebook["cells"]:
        cell["metadata"] = _without(cell["metadata"], OF_A_VIEW)
        if cell["cell_type"] == "code":
            cell |= {"outputs": [], "execution_count": None}
        if "parameters" in cell["metadata"].get("tags", ()):
            cell["source"] = A_DATE.sub(r"\1 = None", "".join(cell["source"]))
    metadata = _without(notebook["metadata"], {"widgets", "signature"})
    notebook["metadata"] = metadata | {"language_info": {"name": "python"}}


def _is_project_s(path: Path) -> bool:
    """Whether this is one of the notebooks that come with the project."""
    return path.parent.name == "notebooks" and (FILES / "notebooks" / path.name).exists()


def _without(metadata: Mapping[str, Any], names: set[str]) -> dict[str, Any]:
    return {name: value for name, value in metadata.items() if name not in names}
