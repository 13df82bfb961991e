"""What the tests of pages in a real browser use."""

from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
from helpers import CHROMIUM
from playwright.sync_api import Browser, Page, sync_playwright

Visit = Callable[..., Page]
"""Of the fixture `visit`: a file and the options of a browser's context in, its page out."""
PHONE = {"viewport": {"width": 390, "height": 844}, "has_touch": True}
SCHEMES = ("light", "dark")

CONTRASTS = """selector => [...document.querySelectorAll(selector)].map(element => {
    const parse = color => {
        const [r, g, b, alpha = 1] = color.match(/[\\d.]+/g).map(Number);
        return [r, g, b, alpha];
    };
    const over = ([r, g, b, alpha], below) =>
        [r, g, b].map((c, i) => c * alpha + below[i] * (1 - alpha));
    const luminance = color => color.map(c => c / 255)
        .map(c => c <= .04045 ? c / 12.92 : ((c + .055) / 1.055) ** 2.4)
        .reduce((sum, c, i) => sum + c * [.2126, .7152, .0722][i], 0);
    const layers = [];
    for (let e = element; e; e = e.parentElement)
        layers.unshift(parse(getComputedStyle(e).backgroundColor));
    const ground = layers.reduce((below, layer) => over(layer, below), [255, 0, 255]);
    const text = over(parse(getComputedStyle(element).color), ground);
    const [low, high] = [luminance(text), luminance(ground)].sort((a, b) => a - b);
    return (high + .05) / (low + .05);
})"""
"""The contrast by WCAG 2 of each element's text and its background."""

SMALLEST_TEXT = """() => Math.min(...[...document.body.querySelectorAll("*")]
    .filter(e => e.checkVisibility())
    .filter(e => [...e.childNodes].some(node => node.nodeType === 3 && node.data.trim()))
    .map(e => parseFloat(getComputedStyle(e).fontSize)))"""


@pytest.fixture(scope="module")
def browser() -> Iterator[Browser]:
    """A real browser."""
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=CHROMIUM)
        yield browser
        browser.close()


@pytest.fixture
def visit(browser: Browser) -> Iterator[Visit]:
    """Open a file. At the end, only pages were requested and the console is empty."""
    contexts, requests, messages = [], [], []

    def visit(path: Path, **options: Any) -> Page:
        contexts.append(context := browser.new_context(**options))
        context.on("request", lambda it: requests.append((it.url[:5], it.is_navigation_request())))
        context.on("console", lambda message: messages.append(message.text))
        context.on("weberror", lambda error: messages.append(str(error.error)))
        page = context.new_page()
        page.goto(path.as_uri())
        return page

    yield visit
    for context in contexts:
        context.close()
    assert set(requests) == {("file:", True)}
    assert messages == []


def does_not_scroll_sideways(page: Page) -> bool:
    return bool(page.evaluate("document.documentElement.scrollWidth <= innerWidth"))
