"""What is done of each date: Fonte's days, Alvo's ledger and the archive, side by side."""

from collections.abc import Iterable
from dataclasses import asdict, dataclass
from datetime import UTC, date, datetime, time, timedelta
from enum import StrEnum
from pathlib import Path
from typing import Any

from sqlalchemy import RowMapping

from etl_lib.alvo import last_loads
from etl_lib.config import Settings
from etl_lib.connections import connected
from etl_lib.extract import fetch_days


class State(StrEnum):
    """What a date's last load and last attempt say of it."""

    LOADED = "loaded"
    STALE = "stale"
    """Readings changed at the source since the load."""
    FAILED = "failed"
    """The last attempt failed, be it after its load, so that a report is wanting."""
    MISSING = "missing"
    """Never loaded."""


@dataclass(frozen=True)
class DateStatus:
    """What is known of one UTC day."""

    date: date
    state: State
    readings: int
    """What Fonte has now."""
    coverage: float | None
    """Of the last load, 0 to 1."""
    columns: list[str]
    """Of the last load."""
    loaded: datetime | None
    report: Path | None
    """The page of the last load, where the archive has it."""

    def record(self) -> dict[str, Any]:
        """The status as JSON takes it: dates and times as ISO 8601 text, UTC."""
        return asdict(self) | {
            "date": self.date.isoformat(),
            "loaded": self.loaded and self.loaded.isoformat(),
            "report": self.report and str(self.report),
        }

    def is_current(self, columns: Iterable[str]) -> bool:
        """Whether a load of these columns would change nothing."""
        return self.state is State.LOADED and set(self.columns) == set(columns)


def read_status(
    settings: Settings, home: Path, first: date | None = None, last: date | None = None
) -> dict[date, DateStatus]:
    """The status of each UTC day from `first` to `last`, both included, that anyone knows of.

    A question to Fonte and one to Alvo, however many days there are.
    """
    start = datetime.combine(first, time(), UTC) if first else None
    end = datetime.combine(last + timedelta(days=1), time(), UTC) if last else None
    with connected(settings) as (fonte, alvo):
        days = fetch_days(fonte, start, end)
        loads = last_loads(alvo)
    known = {day for day in days.keys() | loads.keys() if _is_within(day, first, last)}
    found = {}
    for day in sorted(known):
        load = loads.get(day)
        source = days.get(day)
        fingerprint = source.fingerprint if source else ""
        is_current = load is not None and load["fingerprint"] == fingerprint
        found[day] = DateStatus(
            day,
            _find_state(home / "runs" / day.isoformat(), load, is_current),
            readings=source.readings if source else 0,
            coverage=load["coverage"] if load else None,
            columns=load["columns"] if load else [],
            loaded=load["finished"] if load else None,
            report=_find_report(home / "runs", load["notebook"] if load else None),
        )
    return found


def _find_state(folder: Path, load: RowMapping | None, is_current: bool) -> State:
    was_cut = _was_cut(folder, load["notebook"] if load else None)
    if is_current and not was_cut:
        return State.LOADED
    # The names begin with the start of the run: the last of them is the last attempt
    attempts = sorted(path.name for path in folder.glob("[!.]*.ipynb"))
    if was_cut or (attempts and attempts[-1].endswith(".failed.ipynb")):
        return State.FAILED
    return State.STALE if load else State.MISSING


def _was_cut(folder: Path, notebook: str | None) -> bool:
    """Whether a notebook loaded its date and did not come to its end."""
    stem = Path(notebook or "").stem
    return (folder / f"{stem}.failed.ipynb").exists() or (
        folder / f".{stem}.partial.ipynb"
    ).exists()


def _find_report(archive: Path, notebook: str | None) -> Path | None:
    if notebook is None:
        return None
    report = (archive / notebook).with_suffix(".html")
    return report if report.is_file() else None


def _is_within(day: date, first: date | None, last: date | None) -> bool:
    return (first is None or day >= first) and (last is None or day <= last)
