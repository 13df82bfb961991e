"""The state of each date, from Fonte's days, Alvo's ledger and the archive."""

from collections import defaultdict
from collections.abc import Iterable
from datetime import UTC, date, datetime, time, timedelta
from enum import StrEnum

from pydantic import BaseModel, ConfigDict, Field

from etl_lib.archive.store import (
    FAILED_SUFFIX,
    NOTEBOOK_SUFFIX,
    PAGE_SUFFIX,
    Archive,
    Location,
    marker,
)
from etl_lib.extract.days import Day, fetch_days
from etl_lib.load.ledger import last_loads, loaded_turbines
from etl_lib.load.records import IsoDatetime
from etl_lib.services.connect import connected
from etl_lib.settings import Settings

NAMED = 5
"""The number of days per state that one line names."""


class State(StrEnum):
    """The state of a date, by its last load and its last attempt."""

    LOADED = "loaded"
    STALE = "stale"
    """Readings changed at the source since the load."""
    FAILED = "failed"
    """The last attempt failed. If that was after the load, the report is missing."""
    MISSING = "missing"


class DayStatus(BaseModel):
    """The state of one UTC day, and its last load."""

    model_config = ConfigDict(frozen=True)

    date: date
    state: State
    readings: int
    """What Fonte has now."""
    coverage: float | None = None
    """Coverage of the last load, 0 to 1."""
    columns: list[str] = []
    """Signals of the last load."""
    turbines: list[str] = []
    """Those that were loaded, by the last load or another one."""
    lacking: list[str] = []
    """Turbines with readings of the day that were not loaded."""
    is_whole: bool = Field(default=True, exclude=True)
    """Whether a load was of all turbines that Fonte had: further ones make the day stale."""
    signals: dict[str, frozenset[str]] = Field(default={}, exclude=True)
    """The signals that were last loaded of each turbine."""
    loaded: IsoDatetime | None = None
    """End of the last load, UTC."""
    report: Location | None = None
    """The page of the last load, if the archive has it."""
    fingerprint: str = ""
    """Fonte's fingerprint of the day now; empty without readings."""
    run: int | None = None
    """The last load's id in the ledger."""

    def is_current(self, columns: Iterable[str], turbines: Iterable[str] | None = None) -> bool:
        """Whether a load of these columns and turbines, None being all, would change nothing."""
        wanted = set(self.turbines + self.lacking if turbines is None else turbines)
        return self.state is State.LOADED and all(
            self.signals.get(turbine) == frozenset(columns) for turbine in wanted
        )


def read_status(
    settings: Settings, archive: Archive, first: date | None = None, last: date | None = None
) -> dict[date, DayStatus]:
    """The status of each known UTC day from `first` to `last`, both included.

    Fonte, Alvo and the archive get one request each, however many days there are; Fonte gets a
    second one if it lacks a loaded day. A loaded day before Fonte's first day or after its last
    counts as loaded, since it cannot be loaded again.
    """
    start = datetime.combine(first, time(), UTC) if first else None
    end = datetime.combine(last + timedelta(days=1), time(), UTC) if last else None
    with connected(settings) as (fonte, alvo):
        asked_at = datetime.now(UTC)
        days = fetch_days(fonte, start, end)
        loads, loaded = last_loads(alvo), loaded_turbines(alvo)
        found = days.keys() | loads.keys()
        known = {day for day in found if (first or day) <= day <= (last or day)}
        kept = days if known <= days.keys() else fetch_days(fonte)
    archived = archive.names().keys()
    attempts = defaultdict(list)
    for name in sorted(archived):  # by their start
        attempts[name.partition("/")[0]].append(name)
    statuses = {}
    for day in sorted(known):
        load, turbines = loads.get(day), loaded.get(day, {})
        source = days.get(day) or Day(day, 0, {}, asked_at)
        is_gone = bool(kept) and not min(kept) <= day <= max(kept)
        lacking = sorted(source.fingerprints.keys() - turbines.keys())
        is_whole = any(each.is_whole for each in turbines.values())
        is_changed = bool(lacking and is_whole) or any(
            source.fingerprint(turbine, each.columns) != each.fingerprint
            for turbine, each in turbines.items()
        )
        is_stale = load is not None and not is_gone and is_changed
        run = ((load and load.notebook) or "").removesuffix(NOTEBOOK_SUFFIX)
        statuses[day] = DayStatus(
            date=day,
            state=_state_of(attempts[str(day)], run, load is not None, is_stale),
            readings=source.readings,
            coverage=load.coverage if load else None,
            columns=load.columns if load else [],
            turbines=sorted(turbines),
            lacking=lacking,
            is_whole=is_whole,
            signals={turbine: each.columns for turbine, each in turbines.items()},
            loaded=load.finished if load else None,
            report=archive.locate(run + PAGE_SUFFIX) if run + PAGE_SUFFIX in archived else None,
            fingerprint=source.version,
            run=load.run_id if load else None,
        )
    return statuses


def describe_wanting(days: Iterable[DayStatus], max_age: float | None = None) -> str:
    """Describe in one line what needs attention; empty if nothing does.

    That is each past day that is not loaded as Fonte has it, and a newest load that is older than
    `max_age` days.
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
    newest = _newest_load(ended)
    if max_age is not None and (newest is None or now - newest > timedelta(days=max_age)):
        wanting.append(f"no load for {max_age:g} days")
    return "; ".join(wanting)


def describe_newest(days: Iterable[DayStatus]) -> str:
    """Describe when the last load was, UTC, and how long ago."""
    newest = _newest_load(days)
    if newest is None:
        return "nothing was ever loaded"
    hours = (datetime.now(UTC) - newest) / timedelta(hours=1)
    return f"the newest load was at {newest:%Y-%m-%d %H:%M} UTC, {hours:.1f} hours ago"


def _newest_load(days: Iterable[DayStatus]) -> datetime | None:
    return max((day.loaded for day in days if day.loaded), default=None)


def _state_of(names: list[str], run: str, is_loaded: bool, is_stale: bool) -> State:
    """Decide by the day's files, oldest first, and by the last load's run, empty if unknown."""
    # The notebook loaded the date and ended before its last cell
    was_cut = run != "" and (run + FAILED_SUFFIX in names or marker(run) in names)
    if is_loaded and not is_stale and not was_cut:
        return State.LOADED
    attempts = [name for name in names if name.endswith(NOTEBOOK_SUFFIX) and "/." not in name]
    if was_cut or (attempts and attempts[-1].endswith(FAILED_SUFFIX)):
        return State.FAILED
    return State.STALE if is_loaded else State.MISSING
