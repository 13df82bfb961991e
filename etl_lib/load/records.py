"""The records of a load and of an exclusion. Nothing here opens a connection."""

from collections.abc import Iterable
from datetime import UTC, date, datetime, time, timedelta
from typing import Annotated

from pydantic import BaseModel, ConfigDict, PlainSerializer

NAMED = 5
"""The most suspects that a line names."""
IsoDatetime = Annotated[datetime, PlainSerializer(datetime.isoformat, when_used="json")]
"""A time that JSON holds with its offset, `2024-06-01T12:00:00+00:00`."""


class LoadedDay(BaseModel):
    """One row of the ledger: a UTC day and what a load wrote of it.

    The comments of Alvo's table `run` describe each value.
    """

    model_config = ConfigDict(frozen=True, allow_inf_nan=False)

    run_id: int
    date: date
    started: IsoDatetime
    finished: IsoDatetime
    columns: list[str]
    turbines: list[str] = []
    """Notebooks of version 0.1 name none, and have neither intervals nor fingerprints."""
    is_whole: bool = True
    readings: int
    intervals: list[float] = []
    statistics: int
    coverage: float
    added: int
    changed: int
    removed: int
    largest_change: str | None
    """The largest change relative to the value itself, such as `power_max by 948 kW`."""
    fingerprints: list[str] = []
    impossible: list[int] = []
    """Of each turbine; loads from before readings were flagged have none."""
    flagged: list[int] = []
    suspects: list[str] = []
    """The turbines whose readings need a look."""
    notebook: str | None
    code_version: str

    @property
    def changes(self) -> str:
        """How many of the day's statistics the load changed, and the largest change."""
        counts = f"{self.added:,} added, {self.changed:,} changed, {self.removed:,} removed"
        return f"{counts}; at most {self.largest_change}" if self.largest_change else counts

    @property
    def suspicion(self) -> str:
        """The turbines whose readings need a look, with their counts; empty without any."""
        counts = zip(self.turbines, self.impossible, self.flagged, strict=False)
        return describe_suspects(each for each in counts if each[0] in self.suspects)

    @property
    def is_empty(self) -> bool:
        """Whether none of the signals had a reading, so that the day has no statistics."""
        return self.statistics == 0

    @property
    def nothing(self) -> str:
        """That an empty day has no readings, and of what."""
        return f"no readings of {', '.join(self.columns)}"


class Exclusion(BaseModel):
    """A period `[start, end)` of a turbine, UTC, that a person excluded from analyses.

    The comments of Alvo's table `exclusion` describe each value.
    """

    model_config = ConfigDict(frozen=True)

    id: int
    turbine: str
    signal: str | None
    """None means all signals."""
    start: IsoDatetime
    end: IsoDatetime
    reason: str
    author: str
    created: IsoDatetime

    def touches(self, day: date) -> bool:
        """Whether some of a UTC day is excluded."""
        start = datetime.combine(day, time(), UTC)
        return self.start < start + timedelta(days=1) and self.end > start

    @property
    def period(self) -> tuple[str, str]:
        """Start and end as text, UTC: `2024-05-20 06:00`, with seconds only if it has some."""
        utc = [time.astimezone(UTC).replace(tzinfo=None) for time in (self.start, self.end)]
        first, last = (
            time.isoformat(" ", "auto" if time.second or time.microsecond else "minutes")
            for time in utc
        )
        return first, last


def describe_suspects(counts: Iterable[tuple[str, int, int]]) -> str:
    """Turbines, each with its impossible and its flagged readings: five at most."""
    found = []
    for turbine, impossible, flagged in counts:
        parts = {"impossible": impossible, "flagged": flagged}
        told = " and ".join(f"{count:,} {what}" for what, count in parts.items() if count)
        found.append(f"{turbine} ({told})")
    more = f" and {len(found) - NAMED} more" if len(found) > NAMED else ""
    return ", ".join(found[:NAMED]) + more
