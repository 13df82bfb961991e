"""Pages as PDF, printed by a Chromium of this machine without a window."""

import os
import shutil
import subprocess
from pathlib import Path
from tempfile import TemporaryDirectory

from etl_lib.errors import BrowserError

BROWSERS = (
    *("chromium", "chromium-browser", "google-chrome", "google-chrome-stable", "chrome"),
    *("microsoft-edge", "msedge", "brave-browser"),
)
SECONDS = 120
"""The longest time to print a page."""


def find_browser() -> str:
    """The path of a browser that prints; raises `BrowserError` if none is found."""
    found = next(filter(None, map(shutil.which, BROWSERS)), None)
    if found is None:
        raise BrowserError(
            f"--pdf: expected a Chromium in PATH, such as {BROWSERS[0]} or {BROWSERS[2]}, got none:"
            " open the page in any browser and print it to a file; it is made for A4"
        )
    return found


def print_page(browser: str, page: str) -> bytes:
    """Print a page, HTML that needs no other file, to a PDF; raises `BrowserError`."""
    with TemporaryDirectory(prefix="etl-", ignore_cleanup_errors=True) as name:
        folder = Path(name)
        source, target = folder / "page.html", folder / "page.pdf"
        source.write_text(page, encoding="utf-8")
        command = [browser, "--headless", "--disable-gpu", f"--user-data-dir={folder / 'profile'}"]
        if hasattr(os, "geteuid") and os.geteuid() == 0:
            command.append("--no-sandbox")  # Chromium refuses root otherwise; the page is our own
        command += ["--no-pdf-header-footer", f"--print-to-pdf={target}", source.as_uri()]
        try:
            subprocess.run(command, capture_output=True, timeout=SECONDS, check=True)  # noqa: S603
            return target.read_bytes()
        except (OSError, subprocess.SubprocessError) as error:
            raise BrowserError(f"--pdf: {browser} did not print the page: {error}") from None
