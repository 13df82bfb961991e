"""Reports: executed notebooks as pages that need no network and no server, with folded code."""

from functools import cache
from pathlib import Path
from threading import Lock
from typing import Any

from nbconvert import HTMLExporter, TemplateExporter
from nbconvert.filters import Highlight2HTML
from nbformat import NotebookNode
from nbformat.v4 import new_notebook

TEMPLATES = Path(__file__).parent / "templates"
_one_at_a_time = Lock()  # an exporter has state


class Exporter(HTMLExporter):
    """nbconvert's exporter without its last step, which our template does not need."""

    def from_notebook_node(
        self, nb: NotebookNode, resources: dict[str, Any] | None = None, **options: Any
    ) -> tuple[Any, Any]:
        return TemplateExporter.from_notebook_node(self, nb, resources, **options)


@cache
def exporter() -> Exporter:
    return Exporter(
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
    with _one_at_a_time:
        page, _ = exporter().from_notebook_node(notebook, {"metadata": {"name": title}})
    return str(page)
