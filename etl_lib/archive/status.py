"""The state of each date, from Fonte's days, Alvo's ledger and the archive."""

from collections import defaultdict
from collections.abc import Iterable, Mapping
from datetime import UTC, date, datetime, time, timedelta
from enum import StrEnum

from pydantic import BaseModel, ConfigDict, Field

from etl_lib.archive.looks import look
from etl_lib.archive.store import (
    FAILED_SUFFIX,
    NOTEBOOK_SUFFIX,
    PAGE_SUFFIX,
    Archive,
    Location,
    marker,
)
from etl_lib.extract.days import Day, fetch_days
from etl_lib.extract.turbines import fetch_turbines, find_span
from etl_lib.load.exclusions import list_exclusions
from etl_lib.load.ledger import TurbineLoad, forgotten_dates, last_loads, loaded_turbines
from etl_lib.load.records import Exclusion, IsoDatetime, LoadedDay, describe_suspects
from etl_lib.parameters import Span
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
    FORGOTTEN = "forgotten"
    """All turbines that were loaded were deleted from Alvo, and Fonte has no readings either."""


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
    statistics: int | None = None
    """What the last load wrote; 0 if none of its signals had a reading."""
    turbines: list[str] = []
    """Those that were loaded, by the last load or another one."""
    lacking: list[str] = []
    """Turbines with readings of the day that were not loaded."""
    is_whole: bool = Field(default=True, exclude=True)
    """Whether a load was of all turbines that Fonte had: further ones make the day stale."""
    signals: dict[str, frozenset[str]] = Field(default={}, exclude=True)
    """The signals that were last loaded of each turbine."""
    suspects: list[str] = []
    """Turbines whose readings need a look, by the last load of each."""
    suspicion: str = Field(default="", exclude=True)
    """The same with the counts of their flags, as text."""
    loaded: IsoDatetime | None = None
    """End of the last load, UTC."""
    report: Location | None = None
    """The page of the last load, if the archive has it."""
    fingerprint: str = ""
    """Fonte's fingerprint of the day now; empty without readings."""
    run: int | None = None
    """The last load's id in the ledger; also if its turbines were forgotten since."""
    exclusions: tuple[Exclusion, ...] = Field(default=(), exclude=True)
    """Those that touch the day."""

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

    With a bound, Fonte is asked for each of these days; without any, all days count, of which
    older ones are as an earlier `look` found them. A loaded day before Fonte's first day or after
    its last counts as loaded, since it cannot be loaded again.
    """
    start = datetime.combine(first, time(), UTC) if first else None
    end = datetime.combine(last + timedelta(days=1), time(), UTC) if last else None
    with connected(settings) as (fonte, alvo):
        asked_at = datetime.now(UTC)
        days = fetch_days(fonte, start, end) if start or end else look(fonte, archive)
        kept = find_span(fetch_turbines(fonte))
        loads, loaded = last_loads(alvo), loaded_turbines(alvo)
        forgotten, exclusions = forgotten_dates(alvo), list_exclusions(alvo)
        found = days.keys() | loads.keys() | forgotten.keys()
        known = {day for day in found if (first or day) <= day <= (last or day)}
    names = archive.names().keys()
    archived = defaultdict(list)
    for name in sorted(names):  # by their start
        archived[name.partition("/")[0]].append(name)
    statuses = {}
    for day in sorted(known):
        source, load = days.get(day) or Day(day, 0, {}, asked_at), loads.get(day)
        status = _compare(source, load, loaded.get(day, {}))
        is_gone = kept is not None and not kept.first <= day <= kept.last
        run = ((load and load.notebook) or "").removesuffix(NOTEBOOK_SUFFIX)
        state = _state_of(archived[str(day)], run, status.state, is_gone)
        page = run + PAGE_SUFFIX
        update = {
            "state": State.FORGOTTEN if day in forgotten and not source.readings else state,
            "report": archive.locate(page) if page in names else None,
            "run": load.run_id if load else forgotten.get(day),
            "exclusions": tuple(each for each in exclusions if each.touches(day)),
        }
        statuses[day] = status.model_copy(update=update)
    return statuses


def find_known(settings: Settings) -> Span | None:
    """From the first to the last UTC day that Fonte or Alvo knows; None if they know none."""
    with connected(settings) as (fonte, alvo):
        kept = find_span(fetch_turbines(fonte))
        known = [*last_loads(alvo), *forgotten_dates(alvo)]
    known += [kept.first, kept.last] if kept else []
    return Span(min(known), max(known)) if known else None


def _compare(source: Day, load: LoadedDay | None, turbines: Mapping[str, TurbineLoad]) -> DayStatus:
    """A date by its readings, its last load, and the last load of each of its turbines."""
    lacking = sorted(source.fingerprints.keys() - turbines.keys())
    is_whole = any(each.is_whole for each in turbines.values())
    is_changed = bool(lacking and is_whole) or any(
        source.fingerprint(turbine, each.columns) != each.fingerprint
        for turbine, each in turbines.items()
    )
    suspects = [
        (turbine, each.impossible, each.flagged)
        for turbine, each in sorted(turbines.items())
        if each.is_suspect
    ]
    reached = State.STALE if is_changed else State.LOADED
    return DayStatus(
        date=source.date,
        state=reached if load else State.MISSING,
        readings=source.readings,
        coverage=load.coverage if load else None,
        columns=load.columns if load else [],
        statistics=load.statistics if load else None,
        turbines=sorted(turbines),
        lacking=lacking,
        is_whole=is_whole,
        signals={turbine: each.columns for turbine, each in turbines.items()},
        suspects=[name for name, _, _ in suspects],
        suspicion=describe_suspects(suspects),
        loaded=load.finished if load else None,
        fingerprint=source.version,
    )


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


def _state_of(names: list[str], run: str, reached: State, is_gone: bool) -> State:
    """Decide by the day's files, oldest first, and by the last load's run, empty if unknown.

    `reached` is what Fonte and the ledger alone tell. A day that is gone from Fonte stays loaded.
    """
    reached = State.LOADED if reached is State.STALE and is_gone else reached
    # The notebook loaded the date and ended before its last cell
    was_cut = run != "" and (run + FAILED_SUFFIX in names or marker(run) in names)
    if reached is State.LOADED and not was_cut:
        return reached
    attempts = [name for name in names if name.endswith(NOTEBOOK_SUFFIX) and "/." not in name]
    if was_cut or (attempts and attempts[-1].endswith(FAILED_SUFFIX)):
        return State.FAILED
    return reached
