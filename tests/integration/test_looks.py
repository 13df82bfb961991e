"""Looks at Fonte's days: the newest are asked for each time, the others in turn."""

from collections.abc import Callable, Iterator
from datetime import UTC, date, datetime, timedelta
from pathlib import Path

import httpx2
import pyarrow as pa
import pytest
from helpers import execute, serve

from etl_lib.archive import looks
from etl_lib.archive.looks import FILE, look
from etl_lib.archive.store import Archive, open_archive
from etl_lib.extract.days import Day, fetch_days
from fonteapi.settings import Settings

FIRST = date(2024, 5, 1)
COUNT = 20
"""Days in Fonte, of two readings each."""
Put = Callable[[pa.Table], None]


@pytest.fixture
def archive(tmp_path: Path, put_readings: Put, monkeypatch: pytest.MonkeyPatch) -> Archive:
    """An empty archive; a look asks for the three newest days and two others."""
    monkeypatch.setattr(looks, "NEWEST", 6)
    monkeypatch.setattr(looks, "SWEPT", 4)
    put_readings(make(range(COUNT)))
    return open_archive(tmp_path)


@pytest.fixture
def asked(fonte: httpx2.Client) -> Iterator[list[str]]:
    """The periods that Fonte was asked for since the test last cleared them."""
    found: list[str] = []

    def note(request: httpx2.Request) -> None:
        if request.url.path == "/days":
            bounds = (request.url.params.get(f"{name}_timestamp") for name in ("start", "end"))
            found.append(" to ".join((bound or "")[5:10] for bound in bounds))

    fonte.event_hooks["request"].append(note)
    yield found
    fonte.event_hooks["request"].remove(note)


def make(days: range, turbine: str = "T1") -> pa.Table:
    start = datetime(2024, 5, 1, tzinfo=UTC)
    stamps = [start + timedelta(days=day, hours=hour) for day in days for hour in (1, 2)]
    count = len(stamps)
    return pa.table({"timestamp": stamps, "turbine": [turbine] * count, "power": [5.0] * count})


def test_turns(fonte: httpx2.Client, archive: Archive, asked: list[str]) -> None:
    """The first look asks for all, each further one for the newest days and two more."""
    assert list(look(fonte, archive)) == [FIRST + timedelta(days=n) for n in range(COUNT)]
    assert asked == ["05-01 to 08-01"]
    asked.clear()
    for _ in range(10):
        assert len(look(fonte, archive)) == COUNT
    swept = [f"05-{day:02} to 05-{min(day + 2, 18):02}" for day in range(1, 18, 2)]
    assert asked[::2] == [*swept, swept[0]]
    assert set(asked[1::2]) == {"05-18 to "}


def test_changed_days(
    fonte: httpx2.Client, archive: Archive, fonte_url: str, put_readings: Put
) -> None:
    """A new day and a change of a newest one are found at once, of an older one in its turn."""
    before = look(fonte, archive)
    put_readings(make(range(COUNT, COUNT + 1)))
    for day in (19, 9):
        execute(fonte_url, f"UPDATE data SET power = 7 WHERE timestamp::date = '2024-05-{day:02}'")
    execute(fonte_url, "DELETE FROM data WHERE timestamp::date = '2024-05-11'")
    counts = []
    for _ in range(9):
        found = look(fonte, archive)
        changed = {day.day for day in found if found[day].version != _version(before, day)}
        counts.append((sorted(changed), len(found)))
    assert counts[0] == ([19, 21], COUNT + 1)
    assert counts[-1] == ([9, 19, 21], COUNT)
    assert {day: each.version for day, each in found.items()} == {
        day: each.version for day, each in fetch_days(fonte).items()
    }


def _version(days: dict[date, Day], day: date) -> str:
    return days[day].version if day in days else ""


def test_other_port(
    fonte: httpx2.Client, archive: Archive, fonte_url: str, asked: list[str]
) -> None:
    """The embedded API has another port each time, and goes on with the same turns."""
    with httpx2.Client(base_url=serve(Settings(database_url=fonte_url, days=None))) as other:
        look(other, archive)
    look(fonte, archive)
    assert asked == ["05-01 to 05-03", "05-18 to "]


def test_other_readings(
    fonte: httpx2.Client, archive: Archive, put_readings: Put, asked: list[str]
) -> None:
    """Another turbine, and older readings, mean that every day is asked for again."""
    look(fonte, archive)
    for further in (make(range(4, 5), "T2"), make(range(-3, -2))):
        put_readings(further)
        asked.clear()
        look(fonte, archive)
        assert len(asked) == 1
    assert look(fonte, archive)[date(2024, 5, 5)].fingerprints.keys() == {"T1", "T2"}


@pytest.mark.parametrize("content", ["", "[]", '{"version": 0}', '{"version": 1, "days": {}}'])
def test_broken_file(fonte: httpx2.Client, archive: Archive, content: str) -> None:
    """A file that is not whole, or of another version, is made again."""
    archive.write(FILE, content)
    assert len(look(fonte, archive)) == COUNT
    assert len(archive.read(FILE)) > 100


def test_empty_fonte(fonte: httpx2.Client, tmp_path: Path, put_readings: Put) -> None:
    """A Fonte without readings has no days; the first readings are found."""
    archive = open_archive(tmp_path)
    assert look(fonte, archive) == {}
    assert look(fonte, archive) == {}
    put_readings(make(range(2)))
    assert len(look(fonte, archive)) == 2
