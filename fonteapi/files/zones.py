"""Local time as UTC: the hours that clocks repeat are told apart, or refused."""

import re
from collections import defaultdict
from collections.abc import Sequence
from datetime import UTC, datetime, timedelta
from itertools import pairwise
from typing import NamedTuple
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError, available_timezones

import numpy as np
from numpy.typing import NDArray

from fonteapi.files.errors import LoadError, WrongInput

MICROSECONDS = 1_000_000
TZ_NAME = re.compile(r"[A-Z][A-Za-z]+/[A-Z][A-Za-z_/-]+")
UTC_NAME = re.compile(r"\b(UTC|GMT|Zulu)\b(?! ?[+-] ?\d)")
OTHER_ZONE = re.compile(
    r"\blocal|ortszeit|heure locale|hora local"
    r"|\b(CES?T|MES?Z|WES?T|EES?T|BST|IST|JST|SAST|BRT|A[ECW][SD]T|[AECMP][SD]T)\b"
    r"|\b(european|eastern|central|pacific|mountain|standard|daylight|summer) time\b"
    r"|(?<![\d-])[+-]\d{1,2}(:\d\d|\b)",
    re.IGNORECASE,
)
"""Zones that are no names of the tz database, or that do not tell whether they have summer time."""
ABOUT_ZONES = re.compile(
    "time ?zone|zeitzone|fuseau|utc ?offset|times are|timestamps are", re.IGNORECASE
)
"""What a line above the names says of its zone."""
Stamps = NDArray[np.int64]


class Piece(NamedTuple):
    """A time in which a zone keeps its offset from UTC."""

    start: int
    end: int
    """UTC, microseconds."""
    offset: int
    """Microseconds."""


def parse_zone(name: str | None) -> ZoneInfo | None:
    """The time zone of the tz database; raises `WrongInput` for another name."""
    try:
        return ZoneInfo(name) if name else None
    except (ZoneInfoNotFoundError, ValueError, OSError):
        raise WrongInput(
            f"--timezone: expected a name such as Europe/Paris, got {name!r}"
        ) from None


def find_zone(titles: Sequence[str], above: Sequence[str]) -> tuple[ZoneInfo | None, str]:
    """The zone that the titles of timestamps name, or a line `above`; and a line on it.

    None is UTC. Raises `WrongInput` for one that could be several, such as CET or local time.
    """
    lines = [line for line in above if ABOUT_ZONES.search(line)]
    for text in (*titles, *above):
        for name in TZ_NAME.findall(text):
            if name in available_timezones():
                return ZoneInfo(name), f"local time of {name}, as the file says: {text.strip()!r}"
    for text in (*titles, *lines):
        words = re.sub(r"_|(?<=[a-z])(?=[A-Z])", " ", text)  # Local_Time, LocalTime
        if found := OTHER_ZONE.search(words):
            raise WrongInput(
                f"{text.strip()!r} says {found[0].strip()!r} of the zone of its timestamps: choose"
                " it with --timezone, such as --timezone Europe/Paris, or UTC"
            )
        if UTC_NAME.search(words):
            return None, ""
    return None, "timestamps have no offset: read as UTC; --timezone names another zone"


def localize(stamps: Stamps, turbines: Sequence[object], zone: ZoneInfo) -> Stamps:
    """Local times (microseconds, in the order of rows) as UTC.

    An hour that the clocks repeat is told apart by the order of a turbine's rows: each of its
    stamps comes twice, first in the first hour. Raises `LoadError` for other stamps of such an
    hour, and for stamps of an hour that the clocks skip.
    """
    if not len(stamps):
        return stamps
    pieces = find_pieces(stamps, zone)
    found = np.full((len(pieces), len(stamps)), False)
    for is_there, piece in zip(found, pieces, strict=True):
        start, end = piece.start + piece.offset, piece.end + piece.offset
        is_there[:] = (start <= stamps) & (stamps < end)
    count = found.sum(axis=0)
    if (missing := np.flatnonzero(count == 0)).size:
        raise LoadError(
            f"--timezone {zone}: {_show(stamps[missing[0]])} does not exist there, since the clocks"
            f" skip it ({missing.size:,} rows): is the file in UTC, or in standard time all year,"
            f" such as --timezone {_standard(pieces)}?"
        )
    offsets = np.array([piece.offset for piece in pieces])
    first = found.argmax(axis=0)
    utc: Stamps = stamps - offsets[first]
    doubtful = np.flatnonzero(count > 1)
    rows = doubtful[::-1] if stamps[0] > stamps[-1] else doubtful  # some files go back in time
    seen: dict[tuple[object, int], list[int]] = defaultdict(list)
    for row in map(int, rows):
        seen[turbines[row], int(stamps[row])].append(row)
    second = [places[1] for places in seen.values() if len(places) > 1]
    utc[second] = stamps[second] - offsets[first[second] + 1]
    last: dict[object, int] = {}
    for row in map(int, rows):
        is_twice = len(seen[turbines[row], int(stamps[row])]) == 2
        if not is_twice or utc[row] <= last.get(turbines[row], utc[row] - 1):
            raise LoadError(
                f"--timezone {zone}: the clocks repeat {_show(stamps[row])} there, and the file"
                " does not have that hour twice, one after the other: which of both it is cannot"
                " be told; use stamps in UTC or with an offset"
            )
        last[turbines[row]] = int(utc[row])
    return utc


def find_pieces(stamps: Stamps, zone: ZoneInfo) -> list[Piece]:
    """The times of constant offset around the stamps, in order."""
    day = 86_400
    first, last = int(stamps.min()) // MICROSECONDS - 2 * day, int(stamps.max()) // MICROSECONDS
    marks = [*range(first, last + 3 * day, day // 4)]
    starts = [(first, _offset(zone, first))]
    for low, high in pairwise(marks):
        if _offset(zone, low) == _offset(zone, high):
            continue
        while high - low > 1:
            middle = (low + high) // 2
            low, high = (middle, high) if _offset(zone, middle) == starts[-1][1] else (low, middle)
        starts.append((high, _offset(zone, high)))
    ends = [start for start, _ in starts[1:]] + [marks[-1]]
    return [
        Piece(start * MICROSECONDS, end * MICROSECONDS, offset * MICROSECONDS)
        for (start, offset), end in zip(starts, ends, strict=True)
    ]


def _offset(zone: ZoneInfo, second: int) -> int:
    moment = datetime(1970, 1, 1, tzinfo=UTC) + timedelta(seconds=second)
    return round((moment.astimezone(zone).utcoffset() or timedelta()).total_seconds())


def _show(stamp: int) -> str:
    moment = datetime(1970, 1, 1, tzinfo=UTC) + timedelta(microseconds=int(stamp))
    return f"{moment:%Y-%m-%d %H:%M}"


def _standard(pieces: Sequence[Piece]) -> str:
    """The zone without summer time; the names of tz have the sign the other way round."""
    hours = min(piece.offset for piece in pieces) // (3600 * MICROSECONDS)
    return f"Etc/GMT{-hours:+d}"
