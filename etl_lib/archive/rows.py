"""What the index shows of each day, month and period."""

from calendar import monthrange
from collections import defaultdict
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import date
from itertools import groupby
from typing import TypeVar

from etl_lib.archive.attempts import Attempt, DayFacts
from etl_lib.archive.status import DayStatus, State

T = TypeVar("T")
NAMED = 2
"""The most suspects that a row names."""


@dataclass(frozen=True)
class Row:
    """What the page shows of one date."""

    status: DayStatus
    last: Attempt | None
    """The last attempt that loaded the date, or the last one if none did."""
    others: Sequence[Attempt]
    """The other attempts, newest first."""
    error: str | None = None
    """Why the newest attempt of a failed date failed."""

    @property
    def date(self) -> date:
        """The UTC day."""
        return self.status.date

    @property
    def state(self) -> State:
        """The state of the day."""
        return self.status.state

    @property
    def facts(self) -> DayFacts | None:
        """The numbers of the last attempt that loaded the date."""
        return self.last.facts if self.last else None

    @property
    def loaded(self) -> int:
        """The number of turbines that are loaded; 0 if none is."""
        return len(self.status.turbines) or (self.facts.turbines if self.facts else 0)

    @property
    def turbines(self) -> int:
        """The number of turbines that are loaded or have readings."""
        return self.loaded + len(self.status.lacking)

    @property
    def is_part(self) -> bool:
        """Whether the last report has some of the loaded turbines only: its energy is theirs."""
        return self.facts is not None and self.facts.turbines < self.loaded

    @property
    def is_counted(self) -> bool:
        """Whether the date's numbers are part of its month's totals."""
        gone = self.state in (State.MISSING, State.FORGOTTEN)
        return self.facts is not None and not self.is_part and not gone

    @property
    def suspects(self) -> list[str]:
        """The readings that need a look, by turbine: `T3: 376 flagged`; two and a rest."""
        facts = self.facts.suspicion if self.facts else ""
        found = self.status.suspicion if self.status.turbines else facts
        told = [each.replace(" (", ": ").rstrip(")") for each in found.split(", ") if each]
        return told[:NAMED] + [f"and {self.suspected - NAMED} more"] * (len(told) > NAMED)

    @property
    def suspected(self) -> int:
        """The number of turbines whose readings need a look."""
        if self.status.turbines:
            return len(self.status.suspects)
        return self.facts.suspects if self.facts else 0

    @property
    def cell(self) -> str:
        """The date's place in the grid of its month: a row per week, a column per weekday."""
        first = self.date.replace(day=1)
        return f"{(self.date.day + first.weekday() - 1) // 7 + 1} / {self.date.isoweekday()}"


@dataclass(frozen=True)
class Month:
    """A month's days, and its totals over those that count."""

    rows: Sequence[Row]
    """In order of their dates."""

    @property
    def first(self) -> date:
        """The month's first day."""
        return self.rows[0].date.replace(day=1)

    @property
    def days(self) -> int:
        """The days that the month has."""
        return monthrange(self.first.year, self.first.month)[1]

    @property
    def counted(self) -> list[DayFacts]:
        """The days that the totals are of."""
        return [row.facts for row in self.rows if row.facts and row.is_counted]

    @property
    def energy(self) -> float | None:
        """The sum, kWh; None if no day has one."""
        found = [day.energy for day in self.counted if day.energy is not None]
        return sum(found) if found else None

    @property
    def capacity_factor(self) -> float | None:
        """The mean of the days, each by its rated power; None if a day with energy has none."""
        days = [day for day in self.counted if day.energy is not None]
        found = [
            (day.capacity_factor, day.rated_power)
            for day in days
            if day.capacity_factor is not None and day.rated_power
        ]
        if len(found) < len(days):
            return None
        rated = sum(power for _, power in found)
        return sum(factor * power for factor, power in found) / rated if found else None

    @property
    def mean_wind_speed(self) -> float | None:
        """The mean of the days, m/s."""
        found = [day.mean_wind_speed for day in self.counted if day.mean_wind_speed is not None]
        return sum(found) / len(found) if found else None

    @property
    def coverage(self) -> float | None:
        """The mean of the days, 0 to 1."""
        found = [day.coverage for day in self.counted]
        return sum(found) / len(found) if found else None


def make_rows(attempts: Iterable[Attempt], statuses: Mapping[date, DayStatus]) -> list[Row]:
    """Make one row per date that has a status or an attempt, in order."""
    by_date = group_newest_first(attempts, lambda attempt: attempt.start)
    rows = []
    for day in sorted(by_date.keys() | statuses.keys()):
        tried = by_date.get(day, [])
        last = next((attempt for attempt in tried if attempt.facts), tried[0] if tried else None)
        reached = State.LOADED if last and last.facts else State.FAILED
        status = statuses.get(day) or DayStatus(date=day, state=reached, readings=0)
        error = tried[0].error if tried and status.state is State.FAILED else None
        rows.append(Row(status, last, [other for other in tried if other is not last], error))
    return rows


def make_months(rows: Iterable[Row]) -> list[Month]:
    """Group rows, which are in order, by month."""
    months = groupby(rows, lambda row: (row.date.year, row.date.month))
    return [Month(list(days)) for _, days in months]


def group_newest_first(
    attempts: Iterable[Attempt], key: Callable[[Attempt], T]
) -> dict[T, list[Attempt]]:
    """Group attempts by a key, each group newest first."""
    groups: dict[T, list[Attempt]] = defaultdict(list)
    for attempt in sorted(attempts, key=lambda attempt: attempt.started, reverse=True):
        groups[key(attempt)].append(attempt)
    return groups
