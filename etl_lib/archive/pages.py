"""Reports: executed notebooks as pages that need no network and no server, the result first.

A notebook runs from its parameters to its summary; its reader wants the summary first. Sections
begin with a heading. The tag `headline` of a heading puts its section on top, and the tag `made`
into the folded part at the end, where the notebook's title and introduction are, too. A notebook
without sections keeps its order.
"""

import ast
from collections.abc import Sequence
from copy import deepcopy
from functools import cache
from html import escape
from pathlib import Path
from threading import Lock

from nbconvert import HTMLExporter, TemplateExporter
from nbconvert.filters import Highlight2HTML
from nbformat import NotebookNode
from nbformat.v4 import new_code_cell, new_notebook

from etl_lib.archive.svg import to_address

TEMPLATES = Path(__file__).parent / "templates"
PARAMETERS = ("parameters", "injected-parameters")
OURS = ("before", "after", "line")
"""Metadata that `arrange` gives to cells: HTML that the template does not escape."""
FOLDED = '<details class="made"><summary>How this page was made</summary>'
_one_at_a_time = Lock()  # an exporter has state


@cache
def exporter() -> HTMLExporter:
    return HTMLExporter(
        template_name="report",
        extra_template_basedirs=[str(TEMPLATES)],
        exclude_input_prompt=True,
        exclude_output_prompt=True,
        filters={
            "highlight_code": Highlight2HTML(pygments_lexer="ipython3"),
            "picture": to_address,
        },
    )


def prepare() -> None:
    """Compile the template, which takes half a second, before the first report needs it."""
    render(new_notebook(), "")


def render(notebook: NotebookNode, title: str, index: str = "../index.html") -> str:
    """Render an executed notebook as a page; `index` is the address of the archive's index."""
    resources = {"metadata": {"name": title}, "index": index}
    with _one_at_a_time:  # without HTMLExporter's own last step, which our template does not need
        page, _ = TemplateExporter.from_notebook_node(exporter(), arrange(notebook), resources)
    return str(page)


def arrange(notebook: NotebookNode) -> NotebookNode:
    """A copy of a notebook in its reader's order, with the HTML around each section.

    That is in the metadata `before` and `after` of cells, whose own are dropped. The code of a
    section is one cell at its end. The cells of parameters become one `line`, of HTML.
    """
    arranged = deepcopy(notebook)
    for cell in arranged.cells:
        for name in OURS:
            cell.metadata.pop(name, None)
    _join_parameters(arranged.cells)
    title, sections = _split(arranged.cells)
    if not sections:
        return arranged
    parts: dict[str, list[list[NotebookNode]]] = {"headline": [], "": [], "made": []}
    for section in sections:
        parts[_tag_of(section)].append(section)
    arranged.cells = []
    for name in ("headline", ""):
        for section in map(_move_code, parts[name]):
            arranged.cells += _wrap(section, f'<section class="{name or "part"}">', "</section>")
    folded = [cell for section in [title, *parts["made"]] for cell in section]
    arranged.cells += _wrap(folded, FOLDED, "</details>")
    return arranged


def _split(cells: Sequence[NotebookNode]) -> tuple[list[NotebookNode], list[list[NotebookNode]]]:
    """The cells before the first section, and those of each section, its heading first."""
    title: list[NotebookNode] = []
    sections: list[list[NotebookNode]] = []
    for cell in cells:
        if cell.cell_type == "markdown" and cell.source.startswith("## "):
            sections.append([])
        (sections[-1] if sections else title).append(cell)
    return title, sections


def _tag_of(section: Sequence[NotebookNode]) -> str:
    tags = section[0].metadata.get("tags", [])
    return next((name for name in ("headline", "made") if name in tags), "")


def _move_code(section: list[NotebookNode]) -> list[NotebookNode]:
    """The section with its code in one cell at the end, after all outputs."""
    code = [each for each in section if each.cell_type == "code" and "line" not in each.metadata]
    if not code:
        return section
    name = f"code-{section[0].get('id', '')[:50]}"  # not a random one: pages would differ
    last = new_code_cell("\n\n".join(cell.source for cell in code), id=name)
    for cell in code:
        cell.metadata["transient"] = {"remove_source": True}
    return [*section, last]


def _wrap(cells: list[NotebookNode], before: str, after: str) -> list[NotebookNode]:
    if cells:
        cells[0].metadata["before"], cells[-1].metadata["after"] = before, after
    return cells


def _join_parameters(cells: list[NotebookNode]) -> None:
    """Put the values of the parameters into one line, where their defaults are.

    A cell with more than assignments stays as it is, since a line would not show all of it.
    """
    code = [cell for cell in cells if cell.cell_type == "code"]
    found = [cell for cell in code if {*PARAMETERS} & {*cell.metadata.get("tags", [])}]
    read = [(cell, values) for cell in found if (values := _read_values(cell.source)) is not None]
    joined: dict[str, str] = {}
    for cell, values in read:
        joined |= values
        cell.metadata["line"] = ""
    if joined:
        line = ", ".join(f"{name} = {value}" for name, value in joined.items())
        read[0][0].metadata["line"] = f'<p class="parameters"><code>{escape(line)}</code></p>'


def _read_values(source: str) -> dict[str, str] | None:
    """The name and the value of each assignment; None if there is anything else."""
    try:
        lines = ast.parse(source).body
    except SyntaxError:  # IPython takes more than Python
        return None
    values = {}
    for line in lines:
        match line:
            case ast.Assign([ast.Name(name)], value):
                values[name] = ast.unparse(value)
            case ast.AnnAssign(ast.Name(name), _, ast.expr() as value):
                values[name] = ast.unparse(value)
            case _:
                return None
    return values
