"""The index: what it lists, and from where. `test_browser.py` tests how it looks."""

import json
import re
from datetime import UTC, date, datetime
from pathlib import Path
from typing import Any

import pytest
from helpers import put_notebook

from etl_lib.archive.index import (
    draw,
    make_calendar,
    make_rows,
    read_attempts,
    write_index,
)
from etl_lib.archive.notebooks import Attempt
from etl_lib.archive.status import DayStatus, State
from etl_lib.archive.store import Archive, open_archive

DAY = date(2024, 5, 20)


def status(day: date, state: State = State.LOADED) -> dict[date, DayStatus]:
    return {day: DayStatus(date=day, state=state, readings=1440)}


def index(project: Path, statuses: dict[date, DayStatus] | None = None) -> Path:
    return Path(write_index(open_archive(project / "runs"), statuses or {}))


def attempts(home: Path) -> list[Attempt]:
    archive = open_archive(home / "runs")
    return read_attempts(archive, archive.names())


def rows(page: Path) -> list[str]:
    """The text of the table's rows."""
    found = re.findall(r'<tr id="d.*?</tr>', page.read_text(encoding="utf-8"), re.DOTALL)
    return [" ".join(re.sub(r"<[^>]*>", " ", row).split()) for row in found]


def test_row(project: Path) -> None:
    """A date has a row with its numbers and links, and a day in the calendar."""
    put_notebook(project, "2024-05-20/a.ipynb")
    (project / "runs" / "2024-05-20" / "a.html").write_text("")
    page = index(project, status(DAY))
    assert rows(page) == [
        "2024-05-20 loaded 1,440 100.0% coverage 12,346 kWh 7.25 m/s 4.5 s report notebook"
    ]
    text = page.read_text(encoding="utf-8")
    assert 'href="2024-05-20/a.html"' in text
    assert 'href="2024-05-20/a.ipynb"' in text
    assert '<a class="day loaded" href="#d2024-05-20"' in text


def test_turbines_that_lack(project: Path) -> None:
    """A loaded date counts its turbines when some lack, and names those."""
    put_notebook(project, "2024-05-20/a.ipynb")
    turbines = {"turbines": ["A1", "B2"], "lacking": ["C3"]}
    loaded = DayStatus(date=DAY, state=State.LOADED, readings=1440, **turbines)
    page = index(project, {DAY: loaded})
    assert rows(page)[0].startswith("2024-05-20 loaded 2 of 3 turbines 1,440")
    assert 'title="lacks C3"' in page.read_text(encoding="utf-8")
    assert "turbines" not in rows(index(project, status(DAY)))[0]


def test_plain_json(project: Path) -> None:
    """Notebooks of earlier versions, with the summary as plain JSON, are listed like others."""
    put_notebook(project, "2024-05-20/a.ipynb", kind="application/json")
    (attempt,) = attempts(project)
    assert attempt.error is None
    assert attempt.summary
    assert rows(index(project))[0].startswith("2024-05-20 loaded 1,440 100.0% coverage 12,346 kWh")


def test_other_files(project: Path) -> None:
    """Other files, markers and checkpoints are not listed."""
    runs = project / "runs"
    (runs / "torn.ipynb").write_text('{"metadata": ')
    (runs / "other.ipynb").write_text('{"metadata": {}, "cells": []}')
    put_notebook(project, "explore.ipynb", day="all")
    put_notebook(project, "2024-05-20/.x.partial.ipynb")
    put_notebook(project, "2024-05-20/.ipynb_checkpoints/x-checkpoint.ipynb")
    assert attempts(project) == []


def test_missing_date(project: Path) -> None:
    """A date without an attempt is listed as missing."""
    page = index(project, status(DAY, State.MISSING))
    assert rows(page) == ["2024-05-20 missing"]


def test_failed_date(project: Path) -> None:
    """A failed date shows the first line of its error; earlier attempts are folded."""
    put_notebook(project, "2024-05-20/a.failed.ipynb", error="division by zero\nat line 3")
    assert rows(index(project, status(DAY, State.FAILED))) == [
        "2024-05-20 failed ZeroDivisionError: division by zero notebook"
    ]
    put_notebook(project, "2024-05-20/b.ipynb")
    put_notebook(project, "2024-05-20/c.ipynb", energy=7.0)
    (row,) = rows(index(project, status(DAY)))
    assert row.startswith(
        "2024-05-20 loaded 1,440 100.0% coverage 7 kWh 7.25 m/s 4.5 s notebook 2 o"
    )
    assert "ZeroDivisionError: division by zero" in row


def test_failed_after_load(
    project: Path,
) -> None:
    """A loaded date whose last attempt failed shows the error and keeps its numbers."""
    put_notebook(project, "2024-05-20/a.ipynb")
    put_notebook(project, "2024-05-20/b.failed.ipynb", error="division by zero")
    (row,) = rows(index(project, status(DAY, State.FAILED)))
    assert row.startswith("2024-05-20 failed 1,440 100.0% coverage 12,346 kWh")
    assert "notebook ZeroDivisionError: division by zero 1 other attempt" in row
    (row,) = rows(index(project, status(DAY, State.STALE)))
    assert "notebook 1 other attempt" in row


def test_run_in_jupyterlab(project: Path) -> None:
    """A notebook that JupyterLab ran has no metadata; its summary has date and start."""
    put_notebook(project, "lab.ipynb", started="2024-06-01T06:00:00+00:00")
    path = project / "runs" / "lab.ipynb"
    notebook = json.loads(path.read_text())
    path.write_text(json.dumps(notebook | {"metadata": {}}))
    page = index(project)
    assert rows(page) == ["2024-05-20 loaded 1,440 100.0% coverage 12,346 kWh 7.25 m/s notebook"]
    (attempt,) = attempts(project)
    assert attempt.started == datetime(2024, 6, 1, 6, tzinfo=UTC)


def test_other_json(project: Path) -> None:
    """JSON after the summary is ignored."""
    put_notebook(project, "a.ipynb", outline=None, energy=None)
    path = project / "runs" / "a.ipynb"
    notebook = json.loads(path.read_text())
    for other in ([1, 2], {"answer": 42}, "text"):
        output = {"data": {"application/json": other}}
        notebook["cells"].append({"cell_type": "code", "outputs": [output]})
    path.write_text(json.dumps(notebook))
    page = index(project)
    assert rows(page) == ["2024-05-20 loaded 1,440 100.0% coverage 7.25 m/s 4.5 s notebook"]


def test_calendar() -> None:
    """Days stand under their weekday, and the newest years are open."""
    days = [date(2023, 5, 1), date(2023, 12, 31), date(2024, 9, 1), date(2024, 9, 30)]
    newer, older = make_calendar(make_rows([], {d: s for d in days for s in status(d).values()}))
    assert [(f"{row.date:%m-%d}", row.cell) for _, month in older.months for row in month] == [
        ("05-01", "1 / 1"),
        ("12-31", "5 / 7"),
    ]
    assert [row.cell for _, month in newer.months for row in month] == ["1 / 7", "6 / 1"]
    assert (newer.name, older.name, older.is_open) == ("2024", "2023", True)
    many = [date.fromordinal(date(2023, 12, 31).toordinal() + n) for n in range(61)]
    newer, older = make_calendar(make_rows([], {d: s for d in many for s in status(d).values()}))
    assert (newer.is_open, older.is_open, newer.states) == (True, False, {"loaded": 60})


def test_empty_archive(project: Path) -> None:
    """The page of an empty archive shows the command that loads a day."""
    text = index(project).read_text(encoding="utf-8")
    assert "etl run 2024-05-20" in text
    assert "<table" not in text


def test_cache(project: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A notebook is read once; after that the cache has it."""
    put_notebook(project, "2024-05-20/a.ipynb")
    first = attempts(project)
    put_notebook(project, "2024-05-21/b.ipynb", day="2024-05-21")
    seen = []
    real = Archive.read
    monkeypatch.setattr(Archive, "read", lambda self, name: seen.append(name) or real(self, name))
    assert attempts(project)[:1] == first
    assert seen == [".index.json", "2024-05-21/b.ipynb"]


def test_deleted_notebook(project: Path) -> None:
    """A deleted notebook leaves the page."""
    put_notebook(project, "2024-05-20/a.ipynb")
    index(project)
    (project / "runs" / "2024-05-20" / "a.ipynb").unlink()
    assert rows(index(project)) == []


def test_draw() -> None:
    """Gaps in the values are gaps in the line."""
    assert draw([0.0, 24.0, None, 12.0]) == "M0.0 23.0h0L36.0 1.0M108.0 12.0h0"
    assert draw([None, None]) == draw([]) == ""
    assert draw([5.0, 5.0]).count("L") == 1


def test_one_file(project: Path) -> None:
    """The page loads no other file."""
    put_notebook(project, "2024-05-20/a.ipynb")
    text = index(project, status(DAY)).read_text(encoding="utf-8")
    assert re.findall(r"(?:src|href)=\"(?:https?:|//)|url\(|@import", text) == []


@pytest.mark.parametrize(
    ("day", "facts"),
    [
        ("2024-02-30", {}),
        ("2024-05-21", {"coverage": "<b>"}),
        ("2024-05-21", {"coverage": None}),
        ("2024-05-21", {"energy": [1]}),
    ],
)
def test_invalid_summary(project: Path, day: str, facts: dict[str, Any]) -> None:
    """A notebook with an invalid summary does not break the page."""
    put_notebook(project, "2024-05-20/a.ipynb")
    put_notebook(project, "odd.ipynb", day=day, **facts)
    page = rows(index(project))
    assert page[0 if day < "2024-05-20" else -1].startswith("2024-05-20")


@pytest.mark.parametrize("content", ["", '{"2024-05-20/a.ip', '{"a.ipynb": 1}'])
def test_broken_cache(project: Path, content: str) -> None:
    """A cache that is incomplete or has another form is made again."""
    put_notebook(project, "2024-05-20/a.ipynb")
    first = attempts(project)
    (project / "runs" / ".index.json").write_text(content)
    assert attempts(project) == first
