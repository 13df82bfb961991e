"""What is done of each date: Fonte's days, Alvo's ledger and the archive, side by side."""

from collections import defaultdict
from collections.abc import Iterable
from dataclasses import asdict, dataclass
from datetime import UTC, date, datetime, time, timedelta
from enum import StrEnum
from typing import Any

from etl_lib.archive.store import FAILED, PAGE, SUFFIX, Archive, Place, marker
from etl_lib.extract.days import fetch_days
from etl_lib.load.ledger import last_loads
from etl_lib.services.connect import connected
from etl_lib.settings import Settings

NAMED = 5
"""Days of a state that a line names."""


class State(StrEnum):
    """What a date's last load and last attempt say of it."""

    LOADED = "loaded"
    STALE = "stale"
    """Readings changed at the source since the load."""
    FAILED = "failed"
    """The last attempt failed, perhaps after it had loaded the day: then its report is missing."""
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
    report: Place | None
    """The page of the last load, where the archive has it."""
    fingerprint: str = ""
    """Fonte's of the day now; empty when it has no readings."""
    run: int | None = None
    """The ledger's id of the last load."""

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
    settings: Settings, archive: Archive, first: date | None = None, last: date | None = None
) -> dict[date, DateStatus]:
    """The status of each UTC day from `first` to `last`, both included, that anyone knows of.

    One request each to Fonte, Alvo and the archive, however many days there are; a second one to
    Fonte where it lacks a day that is loaded. A loaded day from before Fonte's first day, or after
    its last, counts as loaded: there is nothing to load it from.
    """
    start = datetime.combine(first, time(), UTC) if first else None
    end = datetime.combine(last + timedelta(days=1), time(), UTC) if last else None
    with connected(settings) as (fonte, alvo):
        days = fetch_days(fonte, start, end)
        loads = last_loads(alvo)
        known = {day for day in days.keys() | loads.keys() if _is_within(day, first, last)}
        kept = days if known <= days.keys() else fetch_days(fonte)
    archived = archive.names().keys()
    attempts = defaultdict(list)
    for file in sorted(archived):  # by their start
        attempts[file.partition("/")[0]].append(file)
    found = {}
    for day in sorted(known):
        load = loads.get(day)
        source = days.get(day)
        fingerprint = source.fingerprint if source else ""
        is_gone = bool(kept) and not min(kept) <= day <= max(kept)
        is_current = load is not None and (is_gone or load.fingerprint == fingerprint)
        name = ((load.notebook if load else None) or "").removesuffix(SUFFIX)
        found[day] = DateStatus(
            day,
            _find_state(attempts[day.isoformat()], name, is_current, bool(load)),
            readings=source.readings if source else 0,
            fingerprint=fingerprint,
            coverage=load.coverage if load else None,
            columns=load.columns if load else [],
            run=load.run_id if load else None,
            loaded=load.finished if load else None,
            report=archive.locate(name + PAGE) if name and name + PAGE in archived else None,
        )
    return found


def describe_wanting(days: Iterable[DateStatus], max_age: float | None = None) -> str:
    """What needs a person, in one line: days that have ended and are not loaded as they are.

    Also that the newest load is older than `max_age` days. Empty when nothing does.
    """
    now, days = datetime.now(UTC), list(days)
    if not days:
        return "no such day is known"
    ended = [day for day in days if day.date < now.date()]
    found = {
        state: [str(day.date) for day in ended if day.state is state]
        for state in (State.FAILED, State.STALE, State.MISSING)
    }
    wanting = [
        f"{len(dates)} {state}: {', '.join(dates[:NAMED])}{' …' * (len(dates) > NAMED)}"
        for state, dates in found.items()
        if dates
    ]
    newest = _find_newest(ended)
    if max_age is not None and (newest is None or now - newest > timedelta(days=max_age)):
        wanting.append(f"no load for {max_age:g} days")
    return "; ".join(wanting)


def describe_newest(days: Iterable[DateStatus]) -> str:
    """When the last load was, UTC, and how long ago."""
    newest = _find_newest(days)
    if newest is None:
        return "nothing was ever loaded"
    hours = (datetime.now(UTC) - newest) / timedelta(hours=1)
    return f"the newest load is of {newest:%Y-%m-%d %H:%M} UTC, {hours:.1f} hours ago"


def _find_newest(days: Iterable[DateStatus]) -> datetime | None:
    return max((day.loaded for day in days if day.loaded), default=None)


def _find_state(names: list[str], run: str, is_current: bool, is_loaded: bool) -> State:
    """From the day's files, oldest first, and the run of its last load; empty: not known."""
    # A notebook that loaded its date and did not come to its end
    was_cut = run != "" and (run + FAILED in names or marker(run) in names)
    if is_current and not was_cut:
        return State.LOADED
    attempts = [name for name in names if name.endswith(SUFFIX) and "/." not in name]
    if was_cut or (attempts and attempts[-1].endswith(FAILED)):
        return State.FAILED
    return State.STALE if is_loaded else State.MISSING


def _is_within(day: date, first: date | None, last: date | None) -> bool:
    return (first is None or day >= first) and (last is None or day <= last)
