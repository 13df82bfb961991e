"""The API's documentation in a real browser."""

import pytest
from helpers import needs_chromium, serve
from playwright.sync_api import Browser, expect

from fonteapi.settings import Settings

pytestmark = needs_chromium


@pytest.mark.parametrize("key", [None, "k3y"], ids=["open", "with a key"])
def test_docs_without_internet(browser: Browser, seeded_fonte_url: str, key: str | None) -> None:
    """/docs shows every operation, and asks no other host for anything."""
    api = serve(Settings(database_url=seeded_fonte_url, api_key=key))
    asked, logged = [], []
    headers = {"X-API-Key": key} if key else {}
    context = browser.new_context(extra_http_headers=headers)
    context.on("request", lambda request: asked.append(request.url))
    context.on("console", lambda message: logged.append(message.text))
    context.on("weberror", lambda error: logged.append(str(error.error)))
    page = context.new_page()
    page.goto(f"{api}/docs")
    expect(page.locator(".opblock-summary-path")).to_have_text(
        ["/data", "/data/{id}", "/signals", "/turbines", "/days", "/health"]
    )
    page.locator(".opblock-summary-path").nth(1).click()
    page.get_by_role("button", name="Try it out").click()
    page.get_by_placeholder("id").fill("1")
    page.get_by_role("button", name="Execute").click()
    status = page.locator(".live-responses-table tbody .response-col_status")
    expect(status).to_contain_text("200")
    context.close()
    assert [url for url in asked if not url.startswith((f"{api}/", "data:", "blob:"))] == []
    assert f"{api}/static-offline-docs/swagger-ui-bundle.js" in asked
    assert logged == []
