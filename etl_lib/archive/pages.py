"""Reports: executed notebooks as pages that need no network and no server, with folded code."""

from functools import cache
from pathlib import Path
from threading import Lock

from nbconvert import HTMLExporter, TemplateExporter
from nbconvert.filters import Highlight2HTML
from nbformat import NotebookNode
from nbformat.v4 import new_notebook

TEMPLATES = Path(__file__).parent / "templates"
_one_at_a_time = Lock()  # an exporter has state


@cache
def exporter() -> HTMLExporter:
    return HTMLExporter(
        template_name="report",
        extra_template_basedirs=[str(TEMPLATES)],
        exclude_input_prompt=True,
        exclude_output_prompt=True,
        filters={"highlight_code": Highlight2HTML(pygments_lexer="ipython3")},
    )


def prepare() -> None:
    """Compile the template, which takes half a second, before the first report needs it."""
    render(new_notebook(), "")


def render(notebook: NotebookNode, title: str) -> str:
    """Render an executed notebook as a page."""
    resources = {"metadata": {"name": title}}
    with _one_at_a_time:  # without HTMLExporter's own last step, which our template does not need
        page, _ = TemplateExporter.from_notebook_node(exporter(), notebook, resources)
    return str(page)
