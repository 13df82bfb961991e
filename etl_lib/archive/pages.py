"""An executed notebook as a page to read: no network, no server, code folded."""

from functools import cache
from pathlib import Path
from threading import Lock
from typing import Any

from nbconvert import HTMLExporter, TemplateExporter
from nbconvert.filters import Highlight2HTML
from nbformat import NotebookNode
from nbformat.v4 import new_notebook

TEMPLATES = Path(__file__).parent / "templates"
_one_at_a_time = Lock()  # an exporter keeps what it works on


class Exporter(HTMLExporter):
    """nbconvert's without its last step, which looks through the page for what ours has not."""

    def from_notebook_node(
        self, nb: NotebookNode, resources: dict[str, Any] | None = None, **options: Any
    ) -> tuple[Any, Any]:
        """The page, and what nbconvert knows of it."""
        return TemplateExporter.from_notebook_node(self, nb, resources, **options)


@cache
def exporter() -> Exporter:
    """What turns notebooks into pages, with the template of `templates/report`."""
    return Exporter(
        template_name="report",
        extra_template_basedirs=[str(TEMPLATES)],
        exclude_input_prompt=True,
        exclude_output_prompt=True,
        filters={"highlight_code": Highlight2HTML(pygments_lexer="ipython3")},
    )


def prepare() -> None:
    """Compile the template, half a second that the first report then need not wait for."""
    with _one_at_a_time:
        exporter().from_notebook_node(new_notebook())


def render(notebook: NotebookNode, title: str) -> str:
    """The page of an executed notebook."""
    with _one_at_a_time:
        page, _ = exporter().from_notebook_node(notebook, {"metadata": {"name": title}})
    return str(page)
