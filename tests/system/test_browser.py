"""The index in a real browser, opened from disk as people open it."""

from datetime import date, timedelta
from pathlib import Path

import pytest
from browsing import CONTRASTS, PHONE, SCHEMES, SMALLEST_TEXT, Visit, does_not_scroll_sideways
from helpers import needs_chromium, put_notebook, put_period
from playwright.sync_api import Page, expect

from etl_lib.archive.index import write_index
from etl_lib.archive.status import DayStatus, State
from etl_lib.archive.store import open_archive

pytestmark = needs_chromium
DAY = date(2024, 5, 20)


@pytest.fixture
def index(project: Path) -> Path:
    """The index of six days: two loaded, one after three attempts; stale, failed, two missing.

    Eight periods are listed, too: one failed, one stale, six current.
    """
    put_notebook(project, "2024-05-20/a.failed.ipynb", error="division by zero")
    put_notebook(project, "2024-05-20/b.ipynb", energy=900.0)
    put_notebook(project, "2024-05-20/c.ipynb", energy=10_000.0, coverage=0.5)
    put_notebook(project, "2024-05-21/d.ipynb", day="2024-05-21", energy=-80.0)
    put_notebook(project, "2024-05-22/e.ipynb", day="2024-05-22", energy=2_000.0)
    error = f"expected 1,440 readings, got 7 {'unbroken' * 40}"
    put_notebook(project, "2024-05-23/f.failed.ipynb", day="2024-05-23", error=error)
    put_period(project, "g.failed.ipynb", "2024-04-01", "2024-04-30", error=error)
    put_period(project, "h.ipynb", "2024-05-01", "2024-05-31", runs={"2024-05-20": 1})
    for day in range(10, 16):
        put_period(project, "i.ipynb", f"2024-03-{day}", "2024-03-17")
    states = (*(State.LOADED,) * 2, State.STALE, State.FAILED, *(State.MISSING,) * 2)
    return write_index(open_archive(project / "runs"), statuses(states))


def statuses(states: tuple[State, ...]) -> dict[date, DayStatus]:
    """One day per state, from `DAY` on."""
    days = [DAY + timedelta(days=n) for n in range(len(states))]
    return {
        day: DayStatus(date=day, state=state, readings=1440)
        for day, state in zip(days, states, strict=True)
    }


def visible_days(page: Page) -> list[str]:
    """The days of the visible rows, from top to bottom."""
    dates = page.locator("#days tr[id]:visible td:first-child").all_inner_texts()
    return [date[-2:] for date in dates]


def sorting(page: Page) -> dict[str, str]:
    heads = page.locator("th[aria-sort]").all()
    return {head.inner_text().split()[0]: head.get_attribute("aria-sort") or "" for head in heads}


def test_newest_first(index: Path, visit: Visit) -> None:
    """The page opens with the newest date first."""
    page = visit(index)
    assert page.title() == "Wind-turbine readings, day by day"
    assert visible_days(page) == ["25", "24", "23", "22", "21", "20"]
    assert sorting(page) == {"date": "descending"}
    expect(page.locator("output")).to_have_text("6 dates")


def test_sort(index: Path, visit: Visit) -> None:
    """A header sorts by its column: numbers as numbers, empty cells last."""
    page = visit(index)
    energy = page.get_by_role("button", name="energy")
    energy.click()
    assert visible_days(page)[:3] == ["20", "22", "21"]
    assert sorting(page) == {"energy": "descending"}
    energy.click()
    assert visible_days(page)[:3] == ["21", "22", "20"]
    assert sorting(page) == {"energy": "ascending"}
    page.get_by_role("button", name="date").click()
    page.get_by_role("button", name="date").click()
    assert visible_days(page) == ["20", "21", "22", "23", "24", "25"]
    assert sorting(page) == {"date": "ascending"}


def test_filter(index: Path, visit: Visit) -> None:
    """Text and state filter the dates, and the page shows how many are left."""
    page = visit(index)
    page.get_by_label("State").select_option("missing")
    assert visible_days(page) == ["25", "24"]
    expect(page.locator("output")).to_have_text("2 of 6 dates")
    page.get_by_label("Find").fill("05-24")
    assert visible_days(page) == ["24"]
    expect(page.locator(".days .faded")).to_have_count(5)
    page.get_by_label("State").select_option("")
    page.get_by_label("Find").fill(" ZERODIVISION")
    assert visible_days(page) == ["23", "20"]
    page.get_by_label("Find").fill("nothing like it")
    expect(page.locator("output")).to_have_text("0 of 6 dates")


def test_calendar_link(index: Path, visit: Visit) -> None:
    """A day of the calendar leads to its row, also to a hidden one."""
    page = visit(index, viewport={"width": 1280, "height": 400})
    row = page.locator("#d2024-05-20")
    expect(row).not_to_be_in_viewport()
    page.get_by_role("link", name="20", exact=True).click()
    expect(row).to_be_in_viewport()
    page.get_by_label("Find").fill("05-21")
    expect(row).to_be_hidden()
    page.get_by_role("link", name="20", exact=True).click()
    expect(row).to_be_in_viewport()
    expect(page.locator("output")).to_have_text("6 dates")


def test_calendar_grid(project: Path, visit: Visit) -> None:
    """Days of one weekday stand in one column."""
    days = [DAY, DAY + timedelta(days=2), DAY + timedelta(days=9)]  # what lies between is unknown
    known = {day: DayStatus(date=day, state=State.MISSING, readings=9) for day in days}
    page = visit(write_index(open_archive(project / "runs"), known))
    monday, wednesday, next_week = (
        page.get_by_role("link", name=str(day.day), exact=True).bounding_box() for day in days
    )
    assert wednesday["x"] - monday["x"] > 1.9 * monday["width"]
    assert wednesday["y"] == monday["y"]
    assert (next_week["x"], next_week["y"] > wednesday["y"]) == (wednesday["x"], True)


def test_keyboard(index: Path, visit: Visit) -> None:
    """Every control works by keyboard, with a visible focus."""
    page = visit(index)
    page.keyboard.press("Tab")
    expect(page.get_by_text("Skip to the days")).to_be_focused()
    page.keyboard.press("Enter")
    page.keyboard.type("05-2")
    expect(page.get_by_label("Find")).to_have_value("05-2")
    page.keyboard.press("Tab")
    page.keyboard.type("loaded")
    assert visible_days(page) == ["21", "20"]
    page.keyboard.press("Tab")
    expect(page.get_by_role("button", name="date")).to_be_focused()
    outline = page.evaluate("getComputedStyle(document.activeElement).outlineStyle")
    assert outline == "solid"
    page.keyboard.press("Enter")
    assert visible_days(page) == ["20", "21"]
    for _ in range(8):  # six more headers, the notebook, the other attempts
        page.keyboard.press("Tab")
    expect(page.get_by_text("2 other attempts")).to_be_focused()
    page.keyboard.press("Enter")
    expect(page.get_by_text("ZeroDivisionError: division by zero")).to_be_visible()


def test_other_attempts(index: Path, visit: Visit) -> None:
    """Other attempts are folded; each shows its start and its error."""
    page = visit(index)
    attempts = page.locator("#d2024-05-20 details > div")
    expect(attempts).to_have_count(2)
    expect(attempts.first).to_be_hidden()
    page.get_by_text("2 other attempts").click()
    expect(attempts.first).to_have_text("2024-06-01 01:00 notebook")
    expect(attempts.last).to_have_text(
        "2024-06-01 00:00 notebookZeroDivisionError: division by zero"
    )


def test_phone(index: Path, visit: Visit) -> None:
    """A phone shows the whole page, with controls large enough for fingers."""
    page = visit(index, **PHONE)
    assert does_not_scroll_sideways(page)
    expect(page.get_by_role("link", name="20", exact=True)).to_be_hidden()
    page.get_by_text("Calendar", exact=True).click()
    expect(page.get_by_role("link", name="20", exact=True)).to_be_visible()
    assert does_not_scroll_sideways(page)
    assert page.evaluate(SMALLEST_TEXT) >= 12
    for control in page.locator(
        "a:visible:not(.skip), button:visible, summary:visible, input, select"
    ).all():
        box = control.bounding_box()
        assert min(box["width"], box["height"]) >= 44, control.inner_text()
    page.get_by_text("2 other attempts").click()
    page.get_by_role("button", name="energy").click()
    assert visible_days(page)[0] == "20"
    assert does_not_scroll_sideways(page)


@pytest.mark.parametrize("width", [320, 700, 1000, 1247, 1249, 1280, 1400])
def test_width(index: Path, visit: Visit, width: int) -> None:
    """The page fits every width."""
    page = visit(index, viewport={"width": width, "height": 800})
    page.get_by_text("2 other attempts").click()
    assert does_not_scroll_sideways(page)


@pytest.mark.parametrize("scheme", SCHEMES)
def test_contrast(index: Path, visit: Visit, scheme: str) -> None:
    """Text has a contrast of 4.5 in the light and the dark scheme."""
    page = visit(index, color_scheme=scheme)
    page.get_by_text("2 other attempts").click()
    grounds = page.evaluate("getComputedStyle(document.body).backgroundColor")
    assert (grounds == "rgb(255, 255, 255)") == (scheme == "light")
    page.get_by_role("button", name="show all 8").click()
    for selector in (
        *("body", "p", "td", "a", ".day", ".error", "summary", "output", "input", "code"),
        *(".total th", ".total td", ".flags", "h2", "thead th"),
    ):
        contrasts = page.evaluate(CONTRASTS, selector)
        assert contrasts, selector
        assert min(contrasts) >= 4.5, selector


@pytest.mark.parametrize("width", [390, 1280])
def test_long_names(project: Path, visit: Visit, width: int) -> None:
    """Turbines with the longest names that there may be fit the page."""
    names = [letter * 64 for letter in "AB"]
    turbine = {"readings": 1440, "interval": 60.0, "coverage": 1.0, "mean_wind_speed": 7.0}
    turbine |= {"hours_with_power": 24.0, "odd": 0, "longest_gap": 0, "energy": 12_345.678}
    farm = {"turbines": names, "by_turbine": dict.fromkeys(names, turbine), "suspects": names}
    put_notebook(project, "2024-05-20/a.ipynb", impossible=[3, 0], flagged=[9, 1234], **farm)
    page = visit(
        write_index(open_archive(project / "runs"), {}), viewport={"width": width, "height": 800}
    )
    expect(page.locator(".flags")).to_contain_text("1,234 flagged")
    assert does_not_scroll_sideways(page)


def test_year_of_dates(project: Path, visit: Visit) -> None:
    """A year of dates is listed, sorted and filtered; older dates are on another page."""
    for number in range(400):
        day = (date(2024, 1, 1) + timedelta(days=number - 34)).isoformat()
        path = f"{day}/{'a.failed' if number % 10 == 3 else 'a'}.ipynb"
        energy = float(number * 7 % 1000)  # of each date another one
        error = "out of wind" if number % 10 == 3 else None
        put_notebook(project, path, day, error, "2025-01-01T00:00:00+00:00", energy=energy)
    page = visit(write_index(open_archive(project / "runs"), {}))
    expect(page.locator("output")).to_have_text("366 dates")
    expect(page.locator(".months a")).to_have_count(366)
    page.get_by_label("State").select_option("failed")
    expect(page.locator("output")).to_have_text("36 of 366 dates")
    page.get_by_label("State").select_option("loaded")
    page.get_by_role("button", name="energy").click()
    energies = page.locator("#days tr[id]:visible .energy").evaluate_all(
        "cells => cells.map(cell => Number(cell.dataset.value))"
    )
    expected = [float(n * 7 % 1000) for n in range(34, 400) if n % 10 != 3]
    assert energies == sorted(expected, reverse=True)
    assert does_not_scroll_sideways(page)
    page.get_by_role("link", name="2023").click()
    expect(page.locator("output")).to_have_text("34 dates")
    page.get_by_role("link", name="2024").click()
    expect(page.locator("output")).to_have_text("366 dates")


def test_weight(project: Path) -> None:
    """The page of a leap year of a farm of fifty has 500 kB at most."""
    turbine = {"readings": 1440, "interval": 60.0, "coverage": 1.0, "mean_wind_speed": 7.0}
    turbine |= {"hours_with_power": 24.0, "odd": 0, "longest_gap": 0, "energy": 12_345.678}
    turbine |= {"rated_power": 2050.0, "calendar_capacity_factor": 0.123456}
    names = [f"T{number:02}" for number in range(1, 51)]
    farm = {"turbines": names, "by_turbine": dict.fromkeys(names, turbine), "suspects": names[:2]}
    farm |= {"impossible": [0] * 50, "flagged": [1234] * 50, "coverage": 0.98765}
    farm |= {"tests": {name: {"wind_speed": {"flat": 1234}} for name in names[:2]}}
    farm |= {"calendar_capacity_factor": 0.123456, "energy": 123_456.789}
    farm |= {"outline": {"signal": "power", "values": [float(n * 997 % 2050) for n in range(72)]}}
    for number in range(366):
        day = (date(2024, 1, 1) + timedelta(days=number)).isoformat()
        name = f"{day}/{day.replace('-', '')}T060000.123456Z"
        put_notebook(project, f"{name}.ipynb", day, started="2025-01-01T00:00:00+00:00", **farm)
        (project / "runs" / f"{name}.html").write_text("")
    page = Path(write_index(open_archive(project / "runs"), {}))
    assert page.stat().st_size <= 500_000


def test_months(index: Path, visit: Visit) -> None:
    """A month's total is above its days while all of them are shown by date, in either order."""
    page = visit(index)
    firsts = page.locator("#days tbody tr:visible > :first-child")
    assert firsts.first.inner_text() == "May 2024"
    page.get_by_role("button", name="date").click()
    assert firsts.all_inner_texts()[:2] == ["May 2024", "2024-05-20"]
    page.get_by_label("Find").fill("2024-05")
    expect(page.locator(".total")).to_be_visible()
    page.get_by_label("Find").fill("2024-05-2")
    expect(page.locator(".total")).to_be_visible()
    page.get_by_label("Find").fill("2024-05-20")
    expect(page.locator(".total")).to_be_hidden()
    page.get_by_label("Find").fill("")
    page.get_by_role("button", name="energy").click()
    expect(page.locator(".total")).to_be_hidden()


def test_periods(index: Path, visit: Visit) -> None:
    """Six periods are shown, all after a click, with the command that renews a stale one."""
    page = visit(index)
    shown = page.locator("#periods tbody tr:visible")
    expect(shown).to_have_count(6)
    expect(shown.first).to_contain_text("etl report 2024-05-01 2024-05-31")
    more = page.get_by_role("button", name="show all 8")
    more.focus()
    page.keyboard.press("Enter")
    expect(shown).to_have_count(8)
    expect(more).to_have_count(0)


def test_print(index: Path, visit: Visit) -> None:
    """Printed, the index is tables on white, with all periods, repeated heads, and no control."""
    page = visit(index, color_scheme="dark", viewport={"width": 703, "height": 1000})
    page.emulate_media(media="print", color_scheme="dark")
    for control in ("form", "nav", "#all", ".days a", "summary", "td a"):
        expect(page.locator(f"{control}:visible")).to_have_count(0)
    expect(page.locator("#periods tbody tr:visible")).to_have_count(8)
    assert page.evaluate("getComputedStyle(document.body).backgroundColor") == "rgb(255, 255, 255)"
    assert page.evaluate(
        """[...document.querySelectorAll("table, thead, tr")].every(e =>
            getComputedStyle(e).display.startsWith("table"))"""
    )
    assert page.evaluate(
        """[...document.querySelectorAll("tr")].every(row =>
            getComputedStyle(row).breakInside == "avoid")"""
    )
    assert does_not_scroll_sideways(page)
    for selector in ("td", "th", "p", ".error"):
        assert min(page.evaluate(CONTRASTS, selector)) >= 4.5, selector


def test_page_injection(project: Path, visit: Visit) -> None:
    """HTML in errors and file names is shown as text."""
    attack = "<script>document.title = 'run'</script>"
    name = "<img src=x onerror=\"document.title='run'\">.ipynb"
    put_notebook(project, "2024-05-20/a.failed.ipynb", error=attack)
    put_notebook(project, name, day="2024-05-21")
    page = visit(write_index(open_archive(project / "runs"), {}))
    expect(page.locator(".error")).to_have_text(f"ZeroDivisionError: {attack}")
    assert page.title() == "Wind-turbine readings, day by day"
    expect(page.locator("img")).to_have_count(0)
    link = page.locator("#d2024-05-21").get_by_role("link", name="notebook")
    assert link.get_attribute("href").endswith(".ipynb")


def test_empty_archive(project: Path, visit: Visit) -> None:
    """The page of an empty archive opens."""
    page = visit(write_index(open_archive(project / "runs"), {}), **PHONE)
    expect(page.get_by_text("etl run 2024-05-20")).to_be_visible()
    assert does_not_scroll_sideways(page)
