"""A day's and a period's page in a real browser, opened from disk as people open them."""

import io
import os
import re
import shutil
import subprocess
from collections.abc import Callable
from datetime import date
from itertools import pairwise
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from browsing import CONTRASTS, PHONE, SCHEMES, SMALLEST_TEXT, Visit, does_not_scroll_sideways
from helpers import ETL, ROOT, needs_chromium, serve
from matplotlib.image import imread
from nbformat.v4 import new_code_cell, new_notebook, new_output
from playwright.sync_api import Page, expect

from etl_lib.archive.pages import render
from fonteapi.settings import Settings

pytestmark = needs_chromium
DAY, OUTAGE = date(2024, 5, 20), date(2024, 5, 28)
FIRST, LAST = "2024-05-26", "2024-05-29"
A4 = 703
"""Pixels of A4's width without margins: 186 mm."""
KINDS = ("one", "farm", "period")

MARK_TEXTS = """() => [...document.body.querySelectorAll("*")]
    .filter(e => e.checkVisibility())
    .filter(e => [...e.childNodes].some(node => node.nodeType === 3 && node.data.trim()))
    .forEach(e => e.dataset.text = "")"""

TOO_WIDE = """() => [...document.querySelectorAll("main *")]
    .filter(e => e.checkVisibility() && !e.closest("details"))
    .filter(e => e.clientWidth && e.scrollWidth > e.clientWidth + 1)
    .map(e => `${e.tagName}.${e.className}: ${e.scrollWidth} > ${e.clientWidth}`)"""

BEYOND = """width => [...document.querySelectorAll("table, td, th, img, li, p, h2")]
    .filter(e => e.checkVisibility())
    .filter(e => e.getBoundingClientRect().left < 0 || e.getBoundingClientRect().right > width)
    .map(e => `${e.tagName} ${e.textContent}: ${e.getBoundingClientRect().right}`)"""

FOCUS = """() => {
    const e = document.activeElement, style = getComputedStyle(e);
    return [e.textContent.trim(), style.outlineStyle, parseFloat(style.outlineWidth)];
}"""


def make_pages(home: Path, addresses: dict[str, str], *commands: tuple[str, ...]) -> Path:
    """The archive of a project after these commands of `etl`."""
    shutil.copytree(ROOT / "notebooks", home / "notebooks", ignore=shutil.ignore_patterns(".*"))
    environment = os.environ | addresses | {"ETL_HOME": str(home)}
    # In another process: papermill cannot use the event loop that Playwright runs in this one
    for command in commands:
        subprocess.run([*ETL, *command], env=environment, check=True)
    return home / "runs"


@pytest.fixture(scope="module")
def pages(
    tmp_path_factory: pytest.TempPathFactory, seeded_api: str, new_database: Callable[[], str]
) -> dict[str, Path]:
    """The pages of one turbine's day, of a farm's day with an outage, and of its four days."""
    one = make_pages(
        tmp_path_factory.mktemp("one"),
        {"FONTE_API_URL": seeded_api, "ALVO_DATABASE_URL": new_database()},
        ("run", DAY.isoformat()),
    )
    api = serve(Settings(database_url=new_database(), days=10, turbines=6, seed=1))
    farm = make_pages(
        tmp_path_factory.mktemp("farm"),
        {"FONTE_API_URL": api, "ALVO_DATABASE_URL": new_database()},
        *(("run", FIRST, LAST), ("report", FIRST, LAST)),
    )
    folders = (one / f"{DAY}", farm / f"{OUTAGE}", farm / "periods" / f"{FIRST}_{LAST}")
    found = (next(folder.glob("*.html")) for folder in folders)
    return dict(zip(KINDS, found, strict=True))


@pytest.fixture(params=KINDS)
def page_file(pages: dict[str, Path], request: pytest.FixtureRequest) -> Path:
    return pages[request.param]


@pytest.fixture
def report(pages: dict[str, Path]) -> Path:
    return pages["one"]


def unfold(page: Page) -> None:
    page.evaluate("document.querySelectorAll('details').forEach(e => e.open = true)")


def read_pixels(png: bytes) -> np.ndarray:
    """The colours of a picture, rows × columns × (red, green, blue), 0 to 255."""
    return np.asarray(imread(io.BytesIO(png))[..., :3] * 255)


@pytest.mark.parametrize("options", [{"viewport": {"width": 1280, "height": 800}}, PHONE])
def test_headline_first(page_file: Path, visit: Visit, options: dict[str, object]) -> None:
    """The numbers and the first finding are seen without scrolling."""
    page = visit(page_file, **options)
    output = page.locator(".headline .output_markdown")
    numbers = output.locator("> ul:first-child > li")
    assert numbers.count() >= 3
    for number in numbers.all():
        expect(number).to_be_in_viewport(ratio=1)
    expect(output.locator("> p").first).to_be_in_viewport(ratio=1)
    for finding in output.locator("> ul:not(:first-child) > li").all()[:1]:
        expect(finding).to_be_in_viewport(ratio=1)


STOOD_STILL = re.compile(r"T4 (lost .*: it )?stood still from")


def test_outage(pages: dict[str, Path], visit: Visit) -> None:
    """The farm's outage is a finding of its day and of the period."""
    for name in ("farm", "period"):
        expect(visit(pages[name]).locator(".headline")).to_contain_text(STOOD_STILL)


def test_numbers_apart(page_file: Path, visit: Visit) -> None:
    """Numbers of the headline do not touch each other."""
    for width in (390, 700, 1000, 1280):
        page = visit(page_file, viewport={"width": width, "height": 800})
        boxes = page.locator(".headline li strong").evaluate_all(
            """all => all.map(e => { const range = document.createRange();
            range.selectNodeContents(e); const box = range.getBoundingClientRect();
            return [box.top, box.left, box.right]; })"""
        )
        for (top, _, right), (next_top, left, _) in pairwise(boxes):
            assert next_top > top or left >= right + 8, width


def test_phone(page_file: Path, visit: Visit) -> None:
    """A phone shows the page without sideways scrolling, with text that can be read."""
    page = visit(page_file, **PHONE)
    assert does_not_scroll_sideways(page)
    assert page.evaluate(TOO_WIDE) == []
    for control in page.locator("summary:visible, .take a:visible, header a").all():
        assert control.bounding_box()["height"] >= 44, control.inner_text()
    unfold(page)
    assert does_not_scroll_sideways(page)
    assert page.evaluate(SMALLEST_TEXT) >= 12


@pytest.mark.parametrize("width", [320, 700, 1000, 1280])
def test_width(page_file: Path, visit: Visit, width: int) -> None:
    """The page fits every width, folded or not."""
    page = visit(page_file, viewport={"width": width, "height": 800})
    assert does_not_scroll_sideways(page)
    unfold(page)
    assert does_not_scroll_sideways(page)


@pytest.mark.parametrize("scheme", SCHEMES)
def test_contrast(page_file: Path, visit: Visit, scheme: str) -> None:
    """All text has a contrast of 4.5 in the light and the dark scheme."""
    page = visit(page_file, color_scheme=scheme)
    unfold(page)
    page.evaluate(MARK_TEXTS)
    contrasts = page.evaluate(CONTRASTS, "[data-text]")
    assert len(contrasts) > 100
    assert min(contrasts) >= 4.5


def test_dark_plots(page_file: Path, visit: Visit) -> None:
    """In the dark scheme, plots are light on the page's own background."""
    page = visit(page_file, color_scheme="dark")
    background = page.evaluate("getComputedStyle(document.body).backgroundColor")
    ground = np.array(background[4:-1].split(","), float)
    assert ground.max() < 40
    for figure in page.locator("figure img").all():
        pixels = read_pixels(figure.screenshot())
        assert abs(pixels[1, -2] - ground).max() <= 8
        assert pixels.min(axis=-1).max() > 120  # the text
        assert pixels.mean() < 128


def test_figures(page_file: Path, visit: Visit) -> None:
    """Figures are SVG, have alternative texts."""
    page = visit(page_file)
    figures = page.locator("figure img")
    assert figures.count() >= 3
    for figure in figures.all():
        assert figure.get_attribute("src").startswith("data:image/svg+xml")  # sharp at any density
        assert figure.evaluate("image => image.naturalWidth") > 100
        alt = figure.get_attribute("alt")
        assert len(alt) > 10
        assert alt != "plot"
    assert page.locator("img:not(figure img)").count() == 0


def test_empty_outputs(page_file: Path, visit: Visit) -> None:
    """An output without anything leaves no gap."""
    page = visit(page_file)
    heights = page.locator(".output_area, .output_subarea").evaluate_all(
        "all => all.filter(e => !e.closest('details')).map(e => [e.innerText, e.offsetHeight,"
        " e.querySelector('img') !== null, getComputedStyle(e).marginTop])"
    )
    assert heights
    assert [
        each
        for each in heights
        if not each[0].strip() and not each[2] and (each[1] or each[3] != "0px")
    ] == []


def test_keyboard(page_file: Path, visit: Visit) -> None:
    """Tab reaches each control with a visible focus, and Enter opens a folded part."""
    page = visit(page_file)
    seen = []
    while True:
        page.keyboard.press("Tab")
        text, style, width = page.evaluate(FOCUS)
        if page.evaluate("document.activeElement === document.body") or len(seen) > 200:
            break
        assert (style, width) == ("solid", 2), text
        seen.append(text)
    assert seen[0] == "all reports"
    assert seen.count("CSV") == page.locator("text='CSV'").count() >= 1
    assert seen.count("code") == page.locator(".part .code > summary").count() >= 5
    assert seen[-1] == "How this page was made"
    made = page.locator("details.made")
    assert made.get_attribute("open") is None
    made.locator("> summary").press("Enter")
    expect(page.get_by_role("heading", name="Parameters")).to_be_visible()
    code = page.locator(".part .code").first
    code.locator("summary").press("Enter")
    expect(code.locator("pre")).to_be_visible()


def test_code_at_the_end(page_file: Path, visit: Visit) -> None:
    """A section has one line of code, at its end."""
    page = visit(page_file)
    for section in page.locator("section.part").all():
        assert section.locator("summary").count() <= 1
        last = section.locator("> :last-child summary")
        assert last.count() == section.locator("summary").count()


def test_csv(page_file: Path, visit: Visit) -> None:
    """A table's CSV has its rows, in their order."""
    page = visit(page_file)
    table = page.locator("table.cards").first
    names = table.locator("tbody th").all_inner_texts()
    with page.expect_download() as download:
        page.get_by_role("link", name="CSV").first.click()
    assert re.fullmatch(r"turbines.*\.csv", download.value.suggested_filename)
    frame = pd.read_csv(download.value.path())
    assert list(frame["turbine"]) == names


def test_print(page_file: Path, visit: Visit) -> None:
    """Printed, the page has no control and no code, is not cut, and splits no figure."""
    page = visit(page_file, color_scheme="dark", viewport={"width": A4, "height": 1000})
    page.emulate_media(media="print", color_scheme="dark")
    assert (
        page.locator("summary:visible, pre:visible, .take:visible, header a:visible").count() == 0
    )
    assert page.evaluate("getComputedStyle(document.body).backgroundColor") == "rgb(255, 255, 255)"
    assert page.evaluate(BEYOND, A4) == []
    assert page.locator("table:visible").count() == page.locator(".part table").count()
    displays = page.locator(".cards").evaluate_all(
        "all => all.map(e => getComputedStyle(e).display)"
    )
    assert set(displays) == {"table"}
    for figure in page.locator("figure").all():
        assert figure.evaluate("e => getComputedStyle(e).breakInside") == "avoid"
        assert figure.bounding_box()["height"] < 900  # of 1,016 that a page has
        assert read_pixels(figure.screenshot())[1, -2].min() > 250
    assert page.pdf(prefer_css_page_size=True).startswith(b"%PDF")


def test_weight(report: Path) -> None:
    """The day of one turbine is 300 kB at most."""
    assert report.stat().st_size <= 300_000


def test_report_and_back(report: Path, visit: Visit) -> None:
    """The index links to a report, whose title has the date, and the report links back."""
    page = visit(report.parent.parent / "index.html")
    page.get_by_role("link", name="report").click()
    assert page.title().startswith("2024-05-20 · ")
    page.get_by_role("link", name="all reports").click()
    expect(page.locator("output")).to_have_text("10 dates")


def test_days_of_period(pages: dict[str, Path], visit: Visit) -> None:
    """The period's page links to its days' pages, and back to the index."""
    page = visit(pages["period"])
    page.get_by_role("link", name="28", exact=True).click()
    expect(page.locator("h1").first).to_have_text("2024-05-28")
    page.get_by_role("link", name="all reports").click()
    page.locator("#periods").get_by_role("link").first.click()
    expect(page.locator("h1").first).to_contain_text("2024-05-26")


def test_injection(tmp_path: Path, visit: Visit) -> None:
    """HTML in a report's code, outputs and title is shown as text."""
    attack = "<script>document.title = 'run'</script><img src=x onerror=\"document.title = 'run'\">"
    cell = new_code_cell(f"date = {attack!r}", outputs=[new_output("stream", text=attack)])
    error = {"ename": "E", "evalue": attack, "traceback": [f"E: {attack}"]}
    cell.outputs.append(new_output("error", **error))
    cell.outputs.append(new_output("execute_result", {"text/plain": attack}))
    file = tmp_path / "report.html"
    file.write_text(render(new_notebook(cells=[cell]), attack), encoding="utf-8")
    page = visit(file)
    assert page.title().startswith(attack)
    expect(page.locator("script, main img")).to_have_count(0)
    assert page.locator("body").text_content().count(attack) >= 3


def test_policy(page_file: Path, visit: Visit) -> None:
    """The policy of a page forbids every request to the network."""
    page = visit(page_file)
    policy = page.locator("meta[http-equiv=Content-Security-Policy]").get_attribute("content")
    assert policy.startswith("default-src 'none'; img-src data:;")
    assert "http" not in policy
