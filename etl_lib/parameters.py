"""Dates, periods, times, columns, turbines, curves: as people and papermill write them."""

import re
from calendar import month_name, monthrange
from collections.abc import Iterable
from dataclasses import dataclass
from datetime import UTC, date, datetime, timedelta

from etl_lib.errors import IN_LAB, ParameterError

ISO_DATE = re.compile(r"\d{4}-\d{2}-\d{2}", re.ASCII)
ISO_MONTH = re.compile(r"\d{4}(-(0[1-9]|1[0-2]))?", re.ASCII)
FIRST_YEAR, LAST_YEAR = "1900", "2199"
"""Of a period: the years before it are of the calendar, too."""
FLEET, OWN = "fleet", "own"
CURVES = (FLEET, OWN)
"""The references of a period that are made of readings."""
ISO_TIME = re.compile(
    r"\d{4}-\d{2}-\d{2}(T([01]\d|2[0-3]):\d{2}(:\d{2})?(Z|[+-]\d{2}:\d{2})?)?", re.ASCII
)

SET_DATE = (
    'set `date` in the cell Parameters above: date = "2024-05-20"'
    if IN_LAB
    else "give one with -p date YYYY-MM-DD"
)


def parse_date(value: object) -> date:
    """The UTC day that `value` names, as `YYYY-MM-DD` text.

    papermill turns `20240520` into a number, and YAML may convert a date: only this one form is
    accepted, so that no other day is loaded by mistake. Raises `ParameterError` for anything
    else, including None.
    """
    if isinstance(value, str) and ISO_DATE.fullmatch(value):
        try:
            day = date.fromisoformat(value)
            day + timedelta(days=1)  # the day ends where the next begins
            return day
        except (ValueError, OverflowError) as error:
            raise ParameterError(
                f"date: expected a day of the calendar, got {value!r}: {error}"
            ) from None
    if value is None:
        raise ParameterError(f"date: expected a day, got none: {SET_DATE}")
    kind = "" if isinstance(value, str) else f" ({type(value).__name__})"
    raise ParameterError(f"date: expected YYYY-MM-DD, got {value!r}{kind}")


@dataclass(frozen=True)
class Span:
    """UTC days from `first` to `last`, both included."""

    first: date
    last: date

    def __str__(self) -> str:
        """`2024`, `May 2024`, `2024-05-20`, or `2024-05-01 to 2024-05-07`."""
        if self == _months(self.first.year, 1, 12):
            return str(self.first.year)
        if self == _months(self.first.year, self.first.month):
            return f"{month_name[self.first.month]} {self.first.year}"
        return str(self.first) if self.days == 1 else f"{self.first} to {self.last}"

    @property
    def days(self) -> int:
        """How many days there are."""
        return (self.last - self.first).days + 1

    @property
    def start(self) -> datetime:
        """The first instant."""
        return datetime(self.first.year, self.first.month, self.first.day, tzinfo=UTC)

    @property
    def end(self) -> datetime:
        """The first instant after it."""
        return self.start + timedelta(days=self.days)

    @property
    def before(self) -> "Span":
        """The span before: of whole months as many months, of other days as many days."""
        following = self.last + timedelta(days=1)
        if self.first.day == following.day == 1:
            count = 12 * (following.year - self.first.year) + following.month - self.first.month
            year, month = divmod(12 * self.first.year + self.first.month - 1 - count, 12)
            return Span(date(year, month + 1, 1), self.first - timedelta(days=1))
        return Span(self.first - timedelta(days=self.days), self.first - timedelta(days=1))

    @property
    def year_before(self) -> "Span":
        """The same days of the year before; 29 February counts as the day before it."""
        if self.first.day == 1 and (self.last + timedelta(days=1)).day == 1:
            year, month = self.last.year - 1, self.last.month
            last = date(year, month, monthrange(year, month)[1])
            return Span(self.first.replace(year=self.first.year - 1), last)
        return Span(_a_year_before(self.first), _a_year_before(self.last))


def _a_year_before(day: date) -> date:
    is_leap_day = (day.month, day.day) == (2, 29)
    return day.replace(year=day.year - 1, day=28 if is_leap_day else day.day)


def _months(year: int, first: int, last: int | None = None) -> Span:
    last = last or first
    return Span(date(year, first, 1), date(year, last, monthrange(year, last)[1]))


def parse_span(start: object, end: object = None) -> Span:
    """The UTC days from `start` to `end`, both included, as text.

    Each is a day, `2024-05-20`, a month, `2024-05`, or a year, `2024`; without an end, the days of
    `start` alone. Raises `ParameterError` for anything else, and for an end before the start.
    """
    first = _parse_part("start", start)
    last = first if end is None else _parse_part("end", end)
    if last.last < first.first:
        raise ParameterError(f"end: expected {first.first} or later, got {end}")
    return Span(first.first, last.last)


def _parse_part(name: str, value: object) -> Span:
    if isinstance(value, str) and FIRST_YEAR <= value[:4] <= LAST_YEAR:
        if ISO_MONTH.fullmatch(value):
            year, month = int(value[:4]), value[5:]
            return _months(year, int(month)) if month else _months(year, 1, 12)
        if ISO_DATE.fullmatch(value):
            day = parse_date(value)
            return Span(day, day)
    got = "none" if value is None else repr(value)
    kind = "" if value is None or isinstance(value, str) else f" ({type(value).__name__})"
    expected = "a day, month or year from 1900 on, as text: 2024-05-20, 2024-05 or 2024"
    raise ParameterError(f"{name}: expected {expected}; got {got}{kind}")


def parse_time(text: str) -> datetime:
    """The time, UTC, that `text` names: `YYYY-MM-DD`, its midnight, or `YYYY-MM-DDTHH:MM[:SS]`.

    A time may have an offset, `Z` or `+02:00`; without one it is UTC. Raises `ParameterError` for
    anything else.
    """
    if not ISO_TIME.fullmatch(text):
        expected = "YYYY-MM-DD or YYYY-MM-DDTHH:MM[:SS], with or without an offset"
        raise ParameterError(f"time: expected {expected}; got {text!r}")
    try:
        found = datetime.fromisoformat(text)
        return found.astimezone(UTC) if found.tzinfo else found.replace(tzinfo=UTC)
    except (ValueError, OverflowError) as error:
        message = f"time: expected a time of the calendar, got {text!r}: {error}"
        raise ParameterError(message) from None


def parse_columns(value: str | Iterable[str], parameter: str = "columns") -> list[str]:
    """Signal names from a list, or from words separated by spaces or commas; each once.

    Fonte checks whether it has them. Raises `ParameterError` for a list without a name; the
    message begins with the name of the parameter.
    """
    if names := _parse_names(parameter, "signals", value):
        return names
    raise ParameterError(f"{parameter}: expected at least one name of a signal, got {value!r}")


def parse_turbines(value: str | Iterable[str] | None) -> list[str] | None:
    """Names of turbines, in the same forms; None for none, which means every turbine.

    Raises `ParameterError` for a number: as text it may have had other digits, such as `01`.
    """
    return None if value is None else _parse_names("turbines", "turbines", value) or None


def _parse_names(parameter: str, meaning: str, value: object) -> list[str]:
    words = [value] if isinstance(value, str) else value
    if not isinstance(words, Iterable) or not all(isinstance(word, str) for word in words):
        kind = "" if isinstance(words, Iterable) else f" ({type(value).__name__})"
        kind += ", which papermill takes as text after -r instead of -p" if kind else ""
        raise ParameterError(f"{parameter}: expected names of {meaning}, got {value!r}{kind}")
    names = [name for word in words for name in re.split(r"[\s,]+", word) if name]
    return list(dict.fromkeys(names))
