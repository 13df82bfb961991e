"""Fonte's days as they were last asked for: the newest at each look, the others in turn.

A fingerprint reads every reading of its day, so a look at ten years of a farm would take minutes.
Each look asks for some 300,000 readings instead, however many there are; a file of the archive has
what the looks before it found.
"""

from bisect import bisect_left
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import UTC, date, datetime, time, timedelta
from typing import Literal

import httpx2
from pydantic import TypeAdapter, ValidationError

from etl_lib.archive.store import Archive
from etl_lib.extract import client
from etl_lib.extract.days import Day, fetch_days
from etl_lib.extract.turbines import fetch_turbines, find_span
from etl_lib.parameters import Span

FILE = ".days.json"
"""What was found. Without it every day is asked for again."""
NEWEST, SWEPT = 200_000, 100_000
"""A look asks for the days of so many of the newest readings, and of so many older ones."""
PART = timedelta(days=92)
"""A first look asks for so many days at a time."""


@dataclass(frozen=True)
class Seen:
    """The content of the file; a new version makes older ones invalid."""

    version: Literal[1]
    source: str
    """The API's address; of one on this machine its host alone, since the embedded API has another
    port each time."""
    turbines: dict[str, datetime]
    """The first reading of each; where another turbine or another first reading is found, a
    different source, or older readings, are behind the address."""
    following: date | None
    """Where the next look goes on with the older days."""
    days: dict[date, Day]


_seen = TypeAdapter(Seen)
Part = tuple[date, date]
"""The first day, and the day after the last one."""


def look(fonte: httpx2.Client, archive: Archive) -> dict[date, Day]:
    """Every UTC day that has readings, in order; older ones as some earlier look found them.

    A change of an older day is found when its turn comes: of `n` readings after `n / SWEPT` looks.
    Raises `FonteError` as `fetch_days`, `ArchiveError` if the archive refuses the file.
    """
    turbines, url = fetch_turbines(fonte), fonte.base_url
    source = url.host if url.host in client.LOOPBACK else client.shown_url(url)
    firsts = {name: each.first for name, each in turbines.items()}
    seen = _read(archive)
    if seen is None or (seen.source, seen.turbines) != (source, firsts):
        days, parts, following = {}, [*_divide(span)] if (span := find_span(turbines)) else [], None
    else:
        days, (parts, following) = dict(seen.days), _choose([*seen.days.values()], seen.following)
    for first, end in parts:
        kept = {day: each for day, each in days.items() if not first <= day < end}
        days = kept | fetch_days(fonte, _midnight(first), _midnight(end))
    days = dict(sorted(days.items()))
    archive.write(FILE, _seen.dump_json(Seen(1, source, firsts, following, days)))
    return days


def _read(archive: Archive) -> Seen | None:
    if not archive.has(FILE):
        return None
    try:
        return _seen.validate_json(archive.read(FILE))
    except ValidationError:  # incomplete, or of another version
        return None


def _midnight(day: date) -> datetime | None:
    """The first instant of a day; None, which is no bound, at the ends of time."""
    return None if day in (date.min, date.max) else datetime.combine(day, time(), UTC)


def _divide(span: Span) -> Iterator[Part]:
    """All days that have readings, in parts."""
    first = span.first
    while first <= span.last:
        yield first, first + PART
        first += PART


def _choose(days: Sequence[Day], following: date | None) -> tuple[list[Part], date | None]:
    """The days to ask for, and where the next look goes on; `days` are in order."""
    if not days:
        return [(date.min, date.max)], None
    newest = len(days) - _count(days[::-1], NEWEST)
    dates = [day.date for day in days]
    parts = [(dates[newest], date.max)]
    if not newest:
        return parts, None
    begin = bisect_left(dates[:newest], following or date.min) % newest
    end = begin + _count(days[begin:newest], SWEPT)
    return [(dates[begin], dates[end]), *parts], dates[end] if end < newest else None


def _count(days: Sequence[Day], readings: int) -> int:
    """How many of the days have so many readings together; one at least."""
    total = 0
    for number, day in enumerate(days, 1):
        total += day.readings
        if total >= readings:
            return number
    return len(days)
