"""What the index shows of each period that has a report."""

import shlex
from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import date
from pathlib import PurePath
from typing import Any

from etl_lib.analysis import words
from etl_lib.analysis.period_summary import PeriodSummary
from etl_lib.archive.attempts import Attempt
from etl_lib.archive.rows import group_newest_first
from etl_lib.archive.status import DayStatus
from etl_lib.parameters import OWN, Span


@dataclass(frozen=True)
class PeriodRow:
    """What the page shows of one period and its turbines, which has at least one attempt."""

    last: Attempt
    """The last attempt that succeeded, or the last one if none did."""
    others: Sequence[Attempt]
    """The other attempts, newest first."""
    error: str | None
    """Why the newest attempt failed; None if it succeeded."""
    is_stale: bool

    @property
    def state(self) -> str:
        """In one word."""
        return "failed" if self.error else "stale" if self.is_stale else "current"

    @property
    def summary(self) -> PeriodSummary | None:
        """The numbers."""
        return self.last.period

    @property
    def name(self) -> str:
        """`May 2024`, `2024`, or the first and the last day."""
        return str(Span(self.last.start, self.last.end))

    @property
    def command(self) -> str:
        """The command that makes the report anew."""
        words = ["etl", "report", str(self.last.start), str(self.last.end)]
        words += ["--turbines", *self.last.turbines] if self.last.turbines else []
        words += ["--reference", self.last.reference] if self.last.reference else []
        return shlex.join(words)

    @property
    def chosen(self) -> str:
        """What sets it apart from the report of all turbines and the fleet's curve, or empty."""
        of = f"of {words.listing(self.last.turbines)}" if self.last.turbines else ""
        curve = self.last.reference
        beside = f"beside the curve in {PurePath(curve).name}" if curve else ""
        beside = "each beside its own curve" if curve == OWN else beside
        return ", ".join(filter(None, [of, beside]))


def make_periods(
    attempts: Iterable[Attempt], statuses: Mapping[date, DayStatus]
) -> list[PeriodRow]:
    """Make one row per period and turbines: the latest end, the longest, and all of them first."""
    rows = []
    for tried in group_newest_first(attempts, _key).values():
        last = next((attempt for attempt in tried if attempt.period), tried[0])
        others = [other for other in tried if other is not last]
        is_stale = last.period is not None and _is_stale(last.period, statuses)
        rows.append(PeriodRow(last, others, tried[0].error, is_stale))
    rows.sort(key=lambda row: (row.last.start, row.last.turbines or []))
    return sorted(rows, key=lambda row: row.last.end, reverse=True)


def _is_stale(period: PeriodSummary, statuses: Mapping[date, DayStatus]) -> bool:
    """Whether days were loaded or forgotten, or exclusions made or undone, since the report."""
    # A day that was forgotten has a last load, of which Alvo holds nothing
    days = {
        day: status
        for day, status in statuses.items()
        if period.start <= day <= period.end and status.loaded
    }
    counts = Counter(turbine for status in days.values() for turbine in status.turbines)
    exclusions = {
        each.id: each
        for status in days.values()
        for each in status.exclusions
        if each.turbine in period.turbines
    }
    return (
        {day: status.run for day, status in days.items()} != period.runs
        or any(counts[turbine] != number for turbine, number in period.loaded.items())
        or not exclusions.keys() >= {*period.exclusions}
        or any(each.created > period.started for each in exclusions.values())
    )


def _key(attempt: Attempt) -> tuple[Any, ...]:
    """What tells a report from others; of all turbines, however many there were."""
    return attempt.start, attempt.end, tuple(attempt.turbines or ()), attempt.reference
