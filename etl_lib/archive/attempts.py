"""The executed notebooks of the archive, in what the index shows of each; a cache keeps that."""

import json
from collections.abc import Mapping
from contextlib import suppress
from dataclasses import dataclass
from datetime import UTC, date, datetime
from typing import Annotated, Any, Literal

from pydantic import AfterValidator, BaseModel, ConfigDict, TypeAdapter, ValidationError

from etl_lib.analysis.period_summary import PeriodSummary
from etl_lib.analysis.summary import Outline, Summary, TurbineDay
from etl_lib.archive.notebooks import Notebook, read_error, read_period_summary, read_summary
from etl_lib.archive.store import NOTEBOOK_SUFFIX, Archive
from etl_lib.errors import ParameterError
from etl_lib.load.records import NAMED
from etl_lib.parameters import FLEET, parse_date, parse_turbines

CACHE = ".index.json"
"""The attempts that were read before. Without it every notebook is read again."""


def _as_utc(time: datetime) -> datetime:
    return time if time.tzinfo else time.replace(tzinfo=UTC)  # an old papermill gives no offset


class Lowest(BaseModel):
    """The turbine that did least."""

    model_config = ConfigDict(frozen=True)

    turbine: str
    capacity_factor: float | None
    """0 to 1, over all hours of the day; None if the energies were compared."""
    energy: float
    """kWh"""


class DayFacts(BaseModel):
    """What the index shows of a loaded day: its summary without the fifty turbines."""

    model_config = ConfigDict(frozen=True)

    turbines: int
    energy: float | None
    """kWh"""
    capacity_factor: float | None
    """0 to 1, over all hours of the day."""
    rated_power: float | None
    """kW, of all turbines; None if one is not known."""
    mean_wind_speed: float | None
    """m/s"""
    coverage: float
    absent: list[str]
    lowest: Lowest | None
    """None of a single turbine."""
    suspects: int
    suspicion: str
    """As `LoadedDay.suspicion`."""
    tests: str
    """What the tests found in the readings of the suspects, as text."""
    outline: Outline | None


class Attempt(BaseModel):
    """One execution of the notebook of a UTC day, or of that of a period."""

    model_config = ConfigDict(frozen=True)

    notebook: str
    """The file's path below the archive."""
    is_period: bool
    start: date
    end: date
    """The last day, inclusive; the start of a day's attempt."""
    turbines: list[str] | None = None
    """The turbines of a period, in order, where they are not all; else None."""
    reference: str | None = None
    """What a period is compared with, where that is not the fleet's curve; else None."""
    started: Annotated[datetime, AfterValidator(_as_utc)]
    seconds: float | None = None
    facts: DayFacts | None = None
    """None of a period, and if the notebook failed."""
    period: PeriodSummary | None = None
    """None of a day, and if the notebook failed."""
    error: str | None


@dataclass(frozen=True)
class CachedFile:
    """A file of the archive as it was last read; other notebooks have no attempt."""

    stamp: tuple[int, int]
    """Its time of change (nanoseconds) and its size."""
    attempt: Attempt | None


@dataclass(frozen=True)
class Cache:
    """The content of the cache; a new version makes older ones invalid."""

    version: Literal[4]
    files: dict[str, CachedFile]


_cache = TypeAdapter(Cache)


def read_attempts(archive: Archive, names: Mapping[str, Any]) -> list[Attempt]:
    """Read every executed notebook among `names`; the cache has those that stayed."""
    known: dict[str, CachedFile] = {}
    if CACHE in names:
        with suppress(ValidationError):  # an incomplete or older cache is made again
            known = _cache.validate_json(archive.read(CACHE)).files
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
        archive.write(CACHE, _cache.dump_json(Cache(4, found)).decode())
    return [cached.attempt for cached in found.values() if cached.attempt]


def read_attempt(content: bytes, name: str) -> Attempt | None:
    """Read an executed notebook of a day or a period; None for any other file."""
    try:
        return _read_attempt(json.loads(content), name)
    except (ValueError, LookupError, TypeError, AttributeError, ParameterError):
        return None


def _read_attempt(notebook: Notebook, name: str) -> Attempt:
    day, period = read_summary(notebook), read_period_summary(notebook)
    # Only papermill records the run; after JupyterLab the summary has dates and start
    run = notebook["metadata"].get("papermill", {})
    given = run.get("parameters", {})
    if day:
        start = end = day.date
    elif period:
        start, end = period.start, period.end
    elif "date" in given:
        start = end = parse_date(given["date"])
    else:
        start, end = parse_date(given["start"]), parse_date(given["end"])
    summary = day or period
    error = read_error(notebook) or (None if summary else "it ended before its summary")
    started: Any = run.get("start_time") or (summary.started if summary else None)
    return Attempt(
        notebook=name,
        is_period=not day if summary else "date" not in given,
        start=start,
        end=end,
        turbines=_choose_turbines(period, given),
        reference=None if (curve := given.get("reference")) in (None, FLEET) else str(curve),
        started=started,
        seconds=run.get("duration"),
        facts=reduce_summary(day) if day and not error else None,
        period=None if error else period,
        error=error,
    )


def _choose_turbines(period: PeriodSummary | None, given: Mapping[str, Any]) -> list[str] | None:
    """The turbines of a period, as its notebook found them, else as the run chose them."""
    if period:
        return None if period.is_whole else sorted(period.turbines)
    chosen = None if "date" in given else parse_turbines(given.get("turbines"))
    return None if chosen is None else sorted(chosen)


def reduce_summary(summary: Summary) -> DayFacts:
    """Reduce a day's summary to what the index shows."""
    rated = [day.rated_power for day in summary.by_turbine.values()]
    known = [power for power in rated if power is not None]
    return DayFacts(
        turbines=len(summary.turbines) or 1,  # notebooks of version 0.1 name none
        energy=summary.energy,
        capacity_factor=summary.calendar_capacity_factor,
        rated_power=sum(known) if rated and len(known) == len(rated) else None,
        mean_wind_speed=summary.mean_wind_speed,
        coverage=summary.coverage,
        absent=summary.absent,
        lowest=_find_lowest(summary.by_turbine) if len(summary.by_turbine) > 1 else None,
        suspects=len(summary.suspects),
        suspicion=summary.suspicion,
        tests="; ".join(
            f"{turbine} {signal}: {', '.join(f'{count:,} {test}' for test, count in tests.items())}"
            for turbine in summary.suspects[:NAMED]
            for signal, tests in summary.tests.get(turbine, {}).items()
        ),
        outline=summary.outline,
    )


def _find_lowest(turbines: Mapping[str, TurbineDay]) -> Lowest | None:
    """Find the turbine that did least, by energy unless all capacity factors are known."""
    days = {name: day for name, day in turbines.items() if day.energy is not None}
    factors = {name: day.calendar_capacity_factor for name, day in days.items()}
    known = {name: factor for name, factor in factors.items() if factor is not None}
    energies = {name: day.energy or 0.0 for name, day in days.items()}
    if not days:
        return None
    if len(known) == len(days):
        name = min(known, key=known.__getitem__)
        return Lowest(turbine=name, capacity_factor=known[name], energy=energies[name])
    name = min(energies, key=energies.__getitem__)
    return Lowest(turbine=name, capacity_factor=None, energy=energies[name])
