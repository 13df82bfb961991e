"""`index.html`, the page that lists the executed notebooks by date; it opens without a server."""

from collections import Counter, defaultdict
from collections.abc import Iterable, Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass
from datetime import date
from itertools import groupby
from pathlib import Path
from typing import Any

from jinja2 import Environment, FileSystemLoader
from pydantic import TypeAdapter, ValidationError

from etl_lib.analysis.summary import Summary
from etl_lib.archive.notebooks import Attempt, read_attempt
from etl_lib.archive.status import DayStatus, State
from etl_lib.archive.store import NOTEBOOK_SUFFIX, Archive, Location

TEMPLATES = Path(__file__).parent / "templates"
CACHE = ".index.json"
"""The attempts that were read before. Without it every notebook is read again."""
UNFOLDED = 60
"""The newest years are open at first, until so many dates are visible."""
PICTURE = (108, 24)
"""Width and height of the small picture of a day, pixels."""


@dataclass(frozen=True)
class Row:
    """What the page shows of one date."""

    date: date
    state: State
    last: Attempt | None
    """The last attempt that loaded the date, or the last one if none did."""
    others: Sequence[Attempt]
    """The other attempts, newest first."""
    error: str | None = None
    """Why the newest attempt of a failed date failed."""
    loaded: Sequence[str] = ()
    lacking: Sequence[str] = ()
    """Turbines with readings of the date that were not loaded."""

    @property
    def summary(self) -> Summary | None:
        """The summary of the last attempt that loaded the date."""
        return self.last.summary if self.last else None

    @property
    def picture(self) -> str:
        """The day's outline as the path of an SVG."""
        outline = self.summary.outline if self.summary else None
        return draw(outline.values) if outline else ""

    @property
    def cell(self) -> str:
        """The date's place in the grid of its month: a row per week, a column per weekday."""
        first = self.date.replace(day=1)
        return f"{(self.date.day + first.weekday() - 1) // 7 + 1} / {self.date.isoweekday()}"


@dataclass(frozen=True)
class Year:
    """A year of the calendar."""

    name: str
    months: Sequence[tuple[str, Sequence[Row]]]
    states: Counter[State]
    is_open: bool


@dataclass(frozen=True)
class CachedFile:
    """A file of the archive as it was last read."""

    stamp: tuple[int, int]
    """Its time of change (nanoseconds) and its size."""
    attempt: Attempt | None


_cache = TypeAdapter(dict[str, CachedFile])


def write_index(archive: Archive, statuses: Mapping[date, DayStatus]) -> Location:
    """Write the page, whole or not at all; returns where it is."""
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
    """Read every executed pipeline notebook among `names`; the cache has those that stayed."""
    known: dict[str, CachedFile] = {}
    if CACHE in names:
        with suppress(ValidationError):  # an incomplete or older cache is made again
            known = _cache.validate_json(archive.read(CACHE))
    found = {}
    for name, file in sorted(names.items()):
        is_hidden = "/." in f"/{name}"  # markers of runs, JupyterLab's checkpoints
        if is_hidden or not name.endswith(NOTEBOOK_SUFFIX):
            continue
        cached, stamp = known.get(name), (file.mtime_ns, file.size)
        if cached is None or cached.stamp != stamp:
            cached = CachedFile(stamp, read_attempt(archive.read(name), name))
        found[name] = cached
    if found != known:
        archive.write(CACHE, _cache.dump_json(found, by_alias=True).decode())
    return [cached.attempt for cached in found.values() if cached.attempt]


def make_rows(attempts: Iterable[Attempt], statuses: Mapping[date, DayStatus]) -> list[Row]:
    """Make one row per date that has a status or an attempt, in order."""
    by_date: dict[date, list[Attempt]] = defaultdict(list)
    for attempt in sorted(attempts, key=lambda attempt: attempt.started, reverse=True):
        by_date[attempt.date].append(attempt)
    rows = []
    for day in sorted(by_date.keys() | statuses.keys()):
        tried = by_date[day]
        last = next((attempt for attempt in tried if attempt.summary), tried[0] if tried else None)
        reached = State.LOADED if last and last.summary else State.FAILED
        status = statuses.get(day) or DayStatus(date=day, state=reached, readings=0)
        error = tried[0].error if tried and status.state is State.FAILED else None
        others = [other for other in tried if other is not last]
        turbines = status.turbines, status.lacking
        rows.append(Row(day, status.state, last, others, error, *turbines))
    return rows


def make_calendar(rows: Iterable[Row]) -> list[Year]:
    """Group rows, which are in order, by year and month; the newest year comes first."""
    by_year = {year: list(days) for year, days in groupby(rows, lambda row: str(row.date)[:4])}
    years, visible = [], 0
    for name, days in sorted(by_year.items(), reverse=True):
        months = [(month, list(m)) for month, m in groupby(days, lambda row: str(row.date)[:7])]
        states = Counter(row.state for row in days)
        years.append(Year(name, months, states, is_open=visible < UNFOLDED))
        visible += len(days)
    return years


def draw(values: Sequence[float | None]) -> str:
    """Draw a line through the values, as the path of an SVG of size `PICTURE`; gaps stay gaps."""
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
