"""An executed notebook as a page to read: no network, no server, code folded."""

from functools import cache
from pathlib import Path

from nbconvert import HTMLExporter
from nbformat import NotebookNode

TEMPLATES = Path(__file__).parent / "templates"


@cache
def exporter() -> HTMLExporter:
    """What turns notebooks into pages, with the template of `templates/report`."""
    return HTMLExporter(
        template_name="report",
        extra_template_basedirs=[str(TEMPLATES)],
        exclude_input_prompt=True,
        exclude_output_prompt=True,
    )


def write_report(archived: Path, notebook: NotebookNode) -> Path:
    """Write the page of an archived notebook beside it, whole or not at all."""
    date = archived.parent.name
    html, _ = exporter().from_notebook_node(notebook, {"metadata": {"name": date}})
    report = archived.with_suffix(".html")
    partial = report.with_name(f".{report.name}.partial")
    partial.write_text(html, encoding="utf-8")
    partial.rename(report)
    return report
