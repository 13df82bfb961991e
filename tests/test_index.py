"""The archive on one page: what it lists, what it escapes, and that it opens from disk."""

import json
import re
import shutil
import subprocess
from datetime import date, timedelta
from pathlib import Path
from typing import Any

import pytest

from etl_lib.index import draw, read_attempts, write_index
from etl_lib.status import DateStatus, State

BROWSERS = ("chromium", "chromium-browser", "google-chrome")
CHROMIUM = next(filter(None, map(shutil.which, BROWSERS)), None)
needs_browser = pytest.mark.skipif(CHROMIUM is None, reason="needs Chromium")
DAY = date(2024, 5, 20)


def status(day: date, state: State = State.LOADED) -> dict[date, DateStatus]:
    return {day: DateStatus(day, state, 1440, 1.0, ["power"], None, None)}


def put_notebook(
    home: Path, name: str, day: str = "2024-05-20", error: str | None = None, **facts: Any
) -> None:
    """An executed notebook as papermill leaves it, below the archive."""
    summary = {"readings": 1440, "coverage": 1.0, "energy": 12_345.6, "mean_wind_speed": 7.25}
    summary["outline"] = {"signal": "power", "values": [0.0, 5.0, None, 10.0]}
    output: dict[str, Any] = {"data": {"application/json": summary | facts}}
    if error:
        output = {"output_type": "error", "ename": "ZeroDivisionError", "evalue": error}
    started = f"2024-06-01T{len(list((home / 'runs').rglob('*.ipynb'))):02}:00:00+00:00"
    execution = {"parameters": {"date": day}, "start_time": started, "duration": 4.5}
    path = home / "runs" / name
    path.parent.mkdir(parents=True, exist_ok=True)
    cells = [{"cell_type": "code", "outputs": [output]}]
    path.write_text(json.dumps({"metadata": {"papermill": execution}, "cells": cells}))


def rows(page: Path) -> list[str]:
    """The table's rows, without their marks."""
    found = re.findall(r'<tr id="d.*?</tr>', page.read_text(encoding="utf-8"), re.DOTALL)
    return [" ".join(re.sub(r"<[^>]*>", " ", row).split()) for row in found]


def test_a_date_has_a_row_with_its_numbers_and_links(project: Path) -> None:
    put_notebook(project, "2024-05-20/a.ipynb")
    (project / "runs" / "2024-05-20" / "a.html").write_text("")
    page = write_index(project, status(DAY))
    assert rows(page) == ["2024-05-20 loaded 1,440 100.0 % 12,346 7.25 4.5 report notebook"]
    text = page.read_text(encoding="utf-8")
    assert 'href="2024-05-20/a.html"' in text
    assert 'href="2024-05-20/a.ipynb"' in text
    assert '<a href="#d2024-05-20" class="loaded"' in text


def test_a_notebook_that_somebody_ran_by_hand_is_listed(project: Path) -> None:
    put_notebook(project, "by hand.ipynb")
    page = write_index(project, {})
    assert rows(page) == ["2024-05-20 loaded 1,440 100.0 % 12,346 7.25 4.5 notebook"]
    assert 'href="by%20hand.ipynb"' in page.read_text(encoding="utf-8")


def test_what_is_no_executed_etl_notebook_is_not_listed(project: Path) -> None:
    runs = project / "runs"
    (runs / "torn.ipynb").write_text('{"metadata": ')
    (runs / "other.ipynb").write_text('{"metadata": {}, "cells": []}')
    put_notebook(project, "explore.ipynb", day="all")
    put_notebook(project, "2024-05-20/.x.partial.ipynb")
    assert read_attempts(runs) == []


def test_a_date_without_an_attempt_is_listed_as_missing(project: Path) -> None:
    page = write_index(project, status(DAY, State.MISSING))
    assert rows(page) == ["2024-05-20 missing"]


def test_a_failure_says_why_and_earlier_attempts_are_folded(project: Path) -> None:
    put_notebook(project, "2024-05-20/a.failed.ipynb", error="division by zero\nat line 3")
    assert rows(write_index(project, status(DAY, State.FAILED))) == [
        "2024-05-20 failed 4.5 notebook ZeroDivisionError: division by zero"
    ]
    put_notebook(project, "2024-05-20/b.ipynb")
    put_notebook(project, "2024-05-20/c.ipynb", energy=7.0)
    (row,) = rows(write_index(project, status(DAY)))
    assert row.startswith("2024-05-20 loaded 1,440 100.0 % 7 7.25 4.5 notebook 2 more")
    assert "ZeroDivisionError: division by zero" in row


def test_a_notebook_is_read_once(project: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    put_notebook(project, "2024-05-20/a.ipynb")
    first = read_attempts(project / "runs")
    put_notebook(project, "2024-05-21/b.ipynb", day="2024-05-21")
    seen = []
    real = Path.read_bytes
    monkeypatch.setattr(Path, "read_bytes", lambda path: seen.append(path.name) or real(path))
    assert read_attempts(project / "runs")[:1] == first
    assert seen == ["b.ipynb"]


def test_a_notebook_that_went_leaves_the_page(project: Path) -> None:
    put_notebook(project, "2024-05-20/a.ipynb")
    write_index(project, {})
    (project / "runs" / "2024-05-20" / "a.ipynb").unlink()
    assert rows(write_index(project, {})) == []


def test_gaps_of_a_picture_stay_gaps() -> None:
    assert draw([0.0, 24.0, None, 12.0]) == "M0.0 23.0L36.0 1.0M108.0 12.0"
    assert draw([None, None]) == draw([]) == ""
    assert draw([5.0, 5.0]).count("L") == 1


@needs_browser
def test_text_of_errors_and_names_is_shown_and_not_run(project: Path) -> None:
    attack = "<script>document.title = 'run'</script>"
    put_notebook(project, "2024-05-20/a.failed.ipynb", error=attack)
    put_notebook(project, "<img src=x onerror=\"document.title='run'\">.ipynb", day="2024-05-21")
    shown = open_in_browser(write_index(project, {}))
    assert "<title>Runs" in shown
    assert "&lt;script&gt;document.title" in shown


@needs_browser
def test_a_thousand_dates_open_from_disk(project: Path) -> None:
    days = [DAY + timedelta(days=n) for n in range(1000)]
    statuses = {day: s for day in days for s in status(day).values()}
    shown = open_in_browser(write_index(project, statuses))
    assert shown.count('<tr id="d') == 1000
    assert len(re.findall(r'href="#d\d{4}-\d\d-\d\d"', shown)) == 1000


def test_the_page_asks_for_nothing_else(project: Path) -> None:
    put_notebook(project, "2024-05-20/a.ipynb")
    text = write_index(project, status(DAY)).read_text(encoding="utf-8")
    assert re.findall(r"(?:src|href)=\"(?:https?:|//)|url\(|@import", text) == []


def open_in_browser(page: Path) -> str:
    """The page's document after its script has run."""
    assert CHROMIUM
    options = ["--headless", "--no-sandbox", "--disable-gpu", "--virtual-time-budget=3000"]
    profile = f"--user-data-dir={page.parent / '.profile'}"
    command = [CHROMIUM, *options, profile, "--dump-dom", page.as_uri()]
    return subprocess.run(command, capture_output=True, text=True, timeout=120, check=True).stdout
