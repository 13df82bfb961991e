"""Executed notebooks read back: summary, error and first plot."""

from base64 import b64encode
from collections.abc import Iterator, Mapping
from typing import Any

from etl_lib.analysis.period_summary import PeriodSummary
from etl_lib.analysis.summary import Summary

Notebook = Mapping[str, Any]
"""The JSON of a notebook file, or nbformat's node of it."""


def read_summary(notebook: Notebook) -> Summary | None:
    """Return the last output that is a summary; None without one."""
    return next(filter(None, map(Summary.read, _bundles(notebook))), None)


def read_period_summary(notebook: Notebook) -> PeriodSummary | None:
    """Return the last output that is the summary of a period; None without one."""
    return next(filter(None, map(PeriodSummary.read, _bundles(notebook))), None)


def read_error(notebook: Notebook) -> str | None:
    """Return the first error of any cell, in one line."""
    for output in _outputs(notebook):
        if "ename" in output:
            return f"{output['ename']}: {output['evalue']}".splitlines()[0]
    return None


def read_plot(notebook: Notebook) -> str | None:
    """Return the first plot as a `data:` URL, which needs no other file; None without a plot."""
    for output in _outputs(notebook):
        if svg := output.get("data", {}).get("image/svg+xml"):
            return f"data:image/svg+xml;base64,{b64encode(''.join(svg).encode()).decode()}"
    return None


def _bundles(notebook: Notebook) -> Iterator[dict[str, Any]]:
    """The data of each output, the last one first."""
    return (output.get("data", {}) for output in reversed([*_outputs(notebook)]))


def _outputs(notebook: Notebook) -> Iterator[dict[str, Any]]:
    return (output for cell in notebook["cells"] for output in cell.get("outputs", []))
