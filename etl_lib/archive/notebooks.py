"""Executed notebooks read back: summary, error, duration and first plot."""

import json
from base64 import b64encode
from collections.abc import Iterator, Mapping
from datetime import UTC, date, datetime
from typing import Annotated, Any

from pydantic import AfterValidator, BaseModel, ConfigDict

from etl_lib.analysis.period_summary import PeriodSummary
from etl_lib.analysis.summary import Summary
from etl_lib.errors import ParameterError
from etl_lib.parameters import parse_date

Notebook = Mapping[str, Any]
"""The JSON of a notebook file, or nbformat's node of it."""


def _as_utc(time: datetime) -> datetime:
    return time if time.tzinfo else time.replace(tzinfo=UTC)  # an old papermill gives no offset


class Attempt(BaseModel):
    """One execution of the pipeline's notebook for a UTC day."""

    model_config = ConfigDict(frozen=True)

    date: date
    notebook: str
    """The file's path below the archive."""
    started: Annotated[datetime, AfterValidator(_as_utc)]
    seconds: float | None
    summary: Summary | None
    """None if the notebook failed."""
    error: str | None


def read_attempt(content: bytes, name: str) -> Attempt | None:
    """Read an executed pipeline notebook; None for any other file."""
    try:
        notebook = json.loads(content)
        summary = read_summary(notebook)
        # Only papermill records the run; after JupyterLab the summary has date and start
        run = notebook["metadata"].get("papermill", {})
        day = summary.date if summary else parse_date(run["parameters"]["date"])
        started: Any = run.get("start_time") or (summary.started if summary else None)
        error = read_error(notebook) or (None if summary else "it ended before its summary")
        return Attempt(
            date=day,
            notebook=name,
            started=started,
            seconds=run.get("duration"),
            summary=None if error else summary,
            error=error,
        )
    except (ValueError, LookupError, TypeError, AttributeError, ParameterError):
        return None


def read_summary(notebook: Notebook) -> Summary | None:
    """Return the last output that is a summary; None without one."""
    found = (Summary.read(output.get("data", {})) for output in reversed([*_outputs(notebook)]))
    return next(filter(None, found), None)


def read_period(notebook: Notebook) -> PeriodSummary | None:
    """Return the last output that is the summary of a period; None without one."""
    outputs = reversed([*_outputs(notebook)])
    return next(filter(None, (PeriodSummary.read(each.get("data", {})) for each in outputs)), None)


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


def _outputs(notebook: Notebook) -> Iterator[dict[str, Any]]:
    return (output for cell in notebook["cells"] for output in cell.get("outputs", []))
