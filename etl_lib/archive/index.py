"""`runs/index.html`: every executed notebook of the archive on one page that opens from disk."""

import json
from collections import Counter, defaultdict
from collections.abc import Iterable, Mapping, Sequence
from contextlib import suppress
from dataclasses import asdict, dataclass
from datetime import date
from itertools import groupby
from pathlib import Path
from typing import Any

from jinja2 import Environment, FileSystemLoader

from etl_lib.archive.status import DateStatus
from etl_lib.archive.store import SUFFIX, Archive, Place
from etl_lib.errors import ParameterError
from etl_lib.parameters import parse_date

TEMPLATES = Path(__file__).parent / "templates"
CACHE = ".index.json"
"""What is known of the archive's notebooks; made anew when it is gone."""
UNFOLDED = 60
"""The newest years are open when the page opens, until so many dates are shown."""
PICTURE = (108, 24)
"""Width and height of the small picture of a day, pixels."""


@dataclass(frozen=True)
class Attempt:
    """One executed ETL notebook."""

    date: str
    notebook: str
    """Its path below the archive."""
    started: str
    """ISO 8601, UTC."""
    seconds: float | None
    summary: dict[str, Any] | None = None
    """As its last cell tells it to programs; None when it failed."""
    error: str | None = None
    """Why it failed, in one line."""


@dataclass(frozen=True)
class Row:
    """What the page shows of one date."""

    date: str
    state: str
    last: Attempt | None
    """The last attempt that loaded the date, else the last one."""
    others: Sequence[Attempt]
    """The other attempts, the newest first."""
    error: str | None = None
    """Why the newest attempt failed, of a date that stands as failed."""

    @property
    def facts(self) -> dict[str, Any]:
        """The summary of the last attempt that loaded the date."""
        return (self.last.summary if self.last else None) or {}

    @property
    def picture(self) -> str:
        """The day's outline as the path of an SVG."""
        outline = self.facts.get("outline")
        return draw(outline["values"]) if outline else ""

    @property
    def place(self) -> str:
        """Where the date stands in the grid of its month: its week, and its weekday from Monday."""
        day = date.fromisoformat(self.date)
        return f"{(day.day + day.replace(day=1).weekday() - 1) // 7 + 1} / {day.isoweekday()}"


@dataclass(frozen=True)
class Year:
    """A year of the calendar."""

    name: str
    months: Sequence[tuple[str, Sequence[Row]]]
    states: Counter[str]
    """How many dates are in which state."""
    is_open: bool
    """Whether the year is unfolded when the page opens."""


def write_index(archive: Archive, statuses: Mapping[date, DateStatus]) -> Place:
    """Write the page, whole or not at all; dates and states from `statuses` and the archive."""
    names = archive.names()
    rows = make_rows(read_attempts(archive, names), statuses)
    environment = Environment(loader=FileSystemLoader(TEMPLATES), autoescape=True)
    page = environment.get_template("index.html.j2").render(
        rows=rows[::-1],
        years=make_calendar(rows),
        states=Counter(row.state for row in rows),
        size=PICTURE,
        exists=names.__contains__,
    )
    return archive.write("index.html", page)


def read_attempts(archive: Archive, names: Mapping[str, Any]) -> list[Attempt]:
    """Every executed ETL notebook among `names`, whoever ran it; each file is read once."""
    known: dict[str, Any] = {}
    if CACHE in names:
        with suppress(ValueError, TypeError):  # cut short: what it held is found again
            known = dict(json.loads(archive.read(CACHE)))
    found = {}
    for name, file in sorted(names.items()):
        if not name.endswith(SUFFIX) or any(part.startswith(".") for part in name.split("/")):
            continue  # another file, unfinished, or JupyterLab's own copy
        stamp = [file.mtime_ns, file.size]
        entry = known.get(name)
        if entry is None or entry["stamp"] != stamp:
            attempt = read_attempt(archive.read(name), name)
            entry = {"stamp": stamp, "attempt": attempt and asdict(attempt)}
        found[name] = entry
    if found != known:
        archive.write(CACHE, json.dumps(found))
    return [Attempt(**entry["attempt"]) for entry in found.values() if entry["attempt"]]


def read_attempt(content: bytes, name: str) -> Attempt | None:
    """What an executed ETL notebook says of itself; None for any other file."""
    try:
        notebook = json.loads(content)
        told = notebook["metadata"].get("papermill", {})
        summary = find_summary(notebook)
        # JupyterLab and nbconvert leave no word on the run: the summary has its date
        day = parse_date(summary["date"] if summary else told.get("parameters", {}).get("date"))
        outputs = [output for output in outputs_of(notebook) if "ename" in output]
        errors = [f"{output['ename']}: {output['evalue']}" for output in outputs]
    except (ValueError, LookupError, TypeError, AttributeError, ParameterError):
        return None
    error = None if summary and not errors else [*errors, "it ended before its summary"][0]
    return Attempt(
        str(day),
        name,
        started=str(told.get("start_time") or (summary or {}).get("started", "")),
        seconds=told.get("duration"),
        summary=None if error else summary,
        error=error and error.splitlines()[0],
    )


def find_summary(notebook: Mapping[str, Any]) -> dict[str, Any] | None:
    """What the pipeline's last cell tells programs; None when the notebook did not get there."""
    shown = (output.get("data", {}).get("application/json") for output in outputs_of(notebook))
    return next(filter(_is_summary, reversed(list(shown))), None)


def outputs_of(notebook: Mapping[str, Any]) -> list[Any]:
    """The outputs of every cell, in order."""
    return [output for cell in notebook["cells"] for output in cell.get("outputs", [])]


def _is_summary(shown: Any) -> bool:
    """Whether this has what a `Summary` has, and in its form: a notebook may show other JSON."""
    if not isinstance(shown, dict) or "date" not in shown:
        return False
    numbers = [shown.get(name) for name in ("coverage", "readings", "statistics")]
    quantities = (shown.get("energy", ""), shown.get("mean_wind_speed", ""))
    return all(isinstance(number, int | float) for number in numbers) and all(
        isinstance(quantity, int | float | None) for quantity in quantities
    )


def make_rows(attempts: Iterable[Attempt], statuses: Mapping[date, DateStatus]) -> list[Row]:
    """One row for each date that has a status or an attempt, in order."""
    by_date: dict[str, list[Attempt]] = defaultdict(list)
    for attempt in sorted(attempts, key=lambda attempt: attempt.started, reverse=True):
        by_date[attempt.date].append(attempt)
    states = {day.isoformat(): str(status.state) for day, status in statuses.items()}
    rows = []
    for day in sorted(by_date.keys() | states.keys()):
        tried = by_date[day]
        last = next((a for a in tried if a.summary), tried[0] if tried else None)
        state = states.get(day) or ("loaded" if last and last.summary else "failed")
        error = tried[0].error if tried and state == "failed" else None
        rows.append(Row(day, state, last, [a for a in tried if a is not last], error))
    return rows


def make_calendar(rows: Iterable[Row]) -> list[Year]:
    """The years of the rows, which are in order; the newest year first, its months in order."""
    found = {
        year: [(month, list(days)) for month, days in groupby(members, lambda row: row.date[:7])]
        for year, members in groupby(rows, lambda row: row.date[:4])
    }
    years, shown = [], 0
    for name in sorted(found, reverse=True):
        states = Counter(row.state for _, days in found[name] for row in days)
        years.append(Year(name, found[name], states, is_open=shown < UNFOLDED))
        shown += states.total()
    return years


def draw(values: Sequence[float | None]) -> str:
    """A line through the values as the path of an SVG of the size `PICTURE`; gaps stay gaps."""
    numbers = [value for value in values if value is not None]
    if not numbers:
        return ""
    low, high = min(0, *numbers), max(numbers)
    width, height = PICTURE
    path, pen = [], "M"
    for step, value in enumerate(values):
        if value is None:
            pen = "M"
            continue
        x = width * step / max(1, len(values) - 1)
        y = height - 1 - (height - 2) * (value - low) / ((high - low) or 1)
        path.append(f"{pen}{x:.1f} {y:.1f}" + ("h0" if pen == "M" else ""))  # alone: a dot
        pen = "L"
    return "".join(path)
