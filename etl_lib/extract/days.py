"""The UTC days that Fonte has."""

import operator
from collections.abc import Collection
from dataclasses import dataclass
from datetime import UTC, date, datetime, timedelta

import httpx2

from etl_lib.errors import FonteError, ParameterError
from etl_lib.extract import client
from etl_lib.parameters import parse_date


@dataclass(frozen=True)
class Day:
    """What Fonte has of one UTC day."""

    date: date
    readings: int
    fingerprint: str
    """Changes when any value of the day changes; empty for an empty day."""
    asked_at: datetime
    """When Fonte was asked, UTC."""
    last: datetime | None = None
    """The day's last reading, UTC; None for an empty day."""

    @property
    def start(self) -> datetime:
        """The day's first instant."""
        return datetime(self.date.year, self.date.month, self.date.day, tzinfo=UTC)

    @property
    def end(self) -> datetime:
        """The next day's first instant."""
        return self.start + timedelta(days=1)


def find_day(fonte: httpx2.Client, value: object) -> Day:
    """The UTC day named by `value`, `YYYY-MM-DD`.

    A day without readings between days that have some is found, and empty. Raises
    `ParameterError`, with the period that Fonte has, for an invalid day or one outside of it.
    """
    try:
        wanted = parse_date(value)
    except ParameterError as error:
        raise ParameterError(f"{error}. {describe_period(fetch_days(fonte))}") from None
    day = Day(wanted, 0, "", asked_at=datetime.now(UTC))
    found = fetch_days(fonte, day.start, day.end)
    if wanted in found:
        return found[wanted]
    days = fetch_days(fonte)
    if not days or not min(days) <= wanted <= max(days):
        raise ParameterError(f"date: Fonte has no {wanted}. {describe_period(days)}")
    return day


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
                day["fingerprint"],
                asked_at,
                datetime.fromisoformat(day["last_timestamp"]),
            )
            for day in response.json()
        ]
    except (ValueError, TypeError, KeyError, RecursionError):
        where = client.shown_url(response.url)
        got = response.text[:80]
        raise FonteError(f"expected a list of days from {where}, got {got!r}") from None
    return {day.date: day for day in days}


def describe_period(days: Collection[date]) -> str:
    """One sentence on which days Fonte has."""
    if not days:
        return "Fonte has no readings at all"
    return f"Fonte has {min(days)} to {max(days)}, {len(days)} days with readings"
