"""The UTC days that Fonte has."""

import operator
from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import UTC, date, datetime, timedelta
from hashlib import blake2b
from json import dumps

import httpx2

from etl_lib.errors import FonteError, ParameterError
from etl_lib.extract import client
from etl_lib.extract.turbines import Turbine, fetch_turbines, find_span
from etl_lib.parameters import Span, parse_date


@dataclass(frozen=True)
class Day:
    """What Fonte has of one UTC day, and the turbines that were asked for."""

    date: date
    readings: int
    """Of every turbine."""
    fingerprints: Mapping[str, Mapping[str, str]]
    """By turbine and signal; each changes when any of its readings of the day does, and of a
    counter or state when any of the day before does."""
    asked_at: datetime
    """When Fonte was asked, UTC."""
    last: datetime | None = None
    """The day's last reading, UTC; None for an empty day."""
    turbines: Sequence[str] = ()
    """The turbines asked for, in order, with or without readings."""
    is_whole: bool = True
    """Whether they are all that Fonte has."""
    facts: Mapping[str, Turbine] = field(default_factory=dict)
    """By turbine, of all that Fonte has."""

    @property
    def version(self) -> str:
        """Changes when any reading of the day does; empty without readings."""
        return _digest(dumps(self.fingerprints, sort_keys=True)) if self.fingerprints else ""

    def fingerprint(self, turbine: str, signals: Iterable[str]) -> str:
        """Changes when a reading of these signals of a turbine does; empty without readings."""
        if (found := self.fingerprints.get(turbine)) is None:
            return ""
        return _digest(" ".join(f"{signal}={found.get(signal)}" for signal in sorted(signals)))

    @property
    def start(self) -> datetime:
        """The day's first instant."""
        return datetime(self.date.year, self.date.month, self.date.day, tzinfo=UTC)

    @property
    def end(self) -> datetime:
        """The next day's first instant."""
        return self.start + timedelta(days=1)


def find_day(fonte: httpx2.Client, value: object, turbines: Collection[str] | None = None) -> Day:
    """The UTC day named by `value`, `YYYY-MM-DD`, of `turbines`; None means every one.

    Every one is each whose first reading is not later than the day. A day without readings
    between days that have some is found, and empty. Raises `ParameterError`, with what Fonte has,
    for an invalid day, one outside of its period, and another turbine.
    """
    try:
        wanted = parse_date(value)
    except ParameterError as error:
        raise ParameterError(f"{error}. {_describe(find_span(fetch_turbines(fonte)))}") from None
    day = Day(wanted, 0, {}, asked_at=datetime.now(UTC))
    day = fetch_days(fonte, day.start, day.end).get(wanted, day)
    known = fetch_turbines(fonte)
    span = find_span(known)
    if not day.readings and not (span and span.first <= wanted <= span.last):
        raise ParameterError(f"date: Fonte has no {wanted}. {_describe(span)}")
    present = {name for name, each in known.items() if each.first < day.end}
    present |= day.fingerprints.keys()
    if others := sorted(set(turbines or ()) - known.keys() - present):
        expected = ", ".join(sorted(known)) or "none, since Fonte is empty"
        raise ParameterError(f"turbines: expected some of {expected}; got {', '.join(others)}")
    chosen = present if turbines is None else set(turbines)
    return replace(day, turbines=sorted(chosen), is_whole=present <= chosen, facts=known)


def fetch_days(
    fonte: httpx2.Client, start: datetime | None = None, end: datetime | None = None
) -> dict[date, Day]:
    """The UTC days that have readings in `[start, end)`, in order; without a bound all there are.

    Raises `FonteError` when the API does not answer, or not with days.
    """
    asked_at = datetime.now(UTC)
    response = client.get(fonte, "/days", client.to_query(start, end))
    try:
        days = [
            Day(
                date.fromisoformat(day["date"]),
                operator.index(day["readings"]),
                {turbine: dict(found) for turbine, found in day["fingerprints"].items()},
                asked_at,
                datetime.fromisoformat(day["last_timestamp"]),
            )
            for day in response.json()
        ]
    except (ValueError, TypeError, KeyError, AttributeError, RecursionError):
        where, got = client.shown_url(response.url), response.text[:80]
        raise FonteError(f"expected a list of days from {where}, got {got!r}") from None
    return {day.date: day for day in days}


def _describe(span: Span | None) -> str:
    return f"Fonte has {span.first} to {span.last}" if span else "Fonte has no readings at all"


def _digest(text: str) -> str:
    return blake2b(text.encode(), digest_size=8).hexdigest()
