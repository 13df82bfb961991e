"""A real JupyterLab, as `make lab` starts it, in a real browser."""

import os
import signal
import socket
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import httpx2
import nbformat
import pytest
from helpers import ROOT, execute, needs_chromium, wait_for
from playwright.sync_api import Browser, Page, expect

from etl_lib.project import init_folder

pytestmark = needs_chromium
DAY = "2024-05-21"
expect.set_options(timeout=30_000)


@pytest.fixture
def farm(tmp_path: Path) -> Path:
    """A project's folder under version control, as it was committed."""
    folder = tmp_path / "farm"
    init_folder(folder)
    git(folder, "init", "--quiet")
    git(folder, "add", "--all")
    git(folder, "-c", "user.name=me", "-c", "user.email=me@example", "commit", "-qm", "Begin")
    return folder


@pytest.fixture
def lab(
    farm: Path, services: str, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> Iterator[str]:
    """The address of a JupyterLab that was started in the project's folder."""
    with socket.create_server(("127.0.0.1", 0)) as listener:
        port = listener.getsockname()[1]
    options = [f"--port={port}", "--no-browser", "--allow-root", "--IdentityProvider.token="]
    options.append("--ServerApp.disable_check_xsrf=True")
    home = {"JUPYTER_CONFIG_DIR": str(tmp_path / "jupyter"), "HOME": str(tmp_path)}
    with (tmp_path / "lab.txt").open("wb") as said:
        running = subprocess.Popen(
            [sys.executable, "-m", "jupyterlab", *options, *makefile_options()],
            env=os.environ | home,
            cwd=farm,
            stderr=said,
        )
    address = f"http://127.0.0.1:{port}"
    wait_for(lambda: is_up(address), seconds=120)
    yield address
    running.send_signal(signal.SIGTERM)
    running.wait(timeout=60)


def makefile_options() -> list[str]:
    """What `make lab` starts JupyterLab with."""
    (line,) = [x for x in (ROOT / "Makefile").read_text().splitlines() if "/jupyter lab" in x]
    return [word for word in line.partition(" lab ")[2].split("$")[0].split() if word]


def is_up(address: str) -> bool:
    try:
        return httpx2.get(f"{address}/api").status_code == 200
    except httpx2.TransportError:
        return False


def git(folder: Path, *arguments: str) -> str:
    command = ["git", "-C", str(folder), *arguments]
    return subprocess.run(command, check=True, capture_output=True, text=True).stdout


def open_notebook(page: Page, lab: str) -> None:
    page.goto(f"{lab}/lab/tree/notebooks/etl.ipynb")
    expect(page.get_by_role("button", name="Python 3 (ipykernel) | Idle")).to_be_visible()


def run_all(page: Page) -> None:
    page.get_by_role("menuitem", name="Run", exact=True).click()
    page.get_by_role("menuitem", name="Run All Cells", exact=True).click()


def edit(page: Page, line: str, text: str) -> None:
    """Replace a line of code."""
    found = page.locator(".cm-line", has_text=line).first
    found.scroll_into_view_if_needed()
    found.click()
    page.keyboard.press("Home")
    page.keyboard.press("Shift+End")
    page.keyboard.insert_text(text)


def save(page: Page, path: Path) -> None:
    before = path.stat().st_mtime_ns
    page.keyboard.press("Control+s")
    wait_for(lambda: path.stat().st_mtime_ns != before)


def test_a_run_leaves_the_notebook_as_it_was(
    lab: str, browser: Browser, farm: Path, services: str
) -> None:
    """After a run and a save git sees no change, and what people edit is saved."""
    page = browser.new_page(viewport={"width": 1280, "height": 900})
    open_notebook(page, lab)
    run_all(page)
    error = page.locator('[data-mime-type="application/vnd.jupyter.stderr"]')
    expect(error).to_contain_text('set `date` in the cell Parameters above: date = "2024-05-20"')
    expect(error).to_contain_text("Fonte has 2024-05-20 to 2024-05-29")
    assert len((error.text_content() or "").strip().splitlines()) == 1

    edit(page, "date = None", f'date = "{DAY}"')
    run_all(page)
    wait_for(lambda: loads(services) == [(DAY,)], seconds=60)
    summary = page.get_by_text("coverage; the readings that arrived")
    expect(summary).to_be_attached()
    path = farm / "notebooks" / "etl.ipynb"
    save(page, path)
    # Jupyter writes beside the file first, and renames
    wait_for(lambda: git(farm, "status", "--porcelain") == "", seconds=10)
    expect(summary).to_be_attached()  # what is shown stays
    expect(page.locator(".cm-line", has_text=f'date = "{DAY}"')).to_have_count(1)

    edit(page, 'columns = "wind_speed power"', 'columns = "power"')
    save(page, path)
    changes = git(farm, "diff", "--unified=0").splitlines()
    assert [line[:1] + line[1:].strip() for line in changes[5:]] == [
        r'-"columns = \"wind_speed power\"\n",',
        r'+"columns = \"power\"\n",',
    ]
    page.close()


def loads(alvo_url: str) -> list[tuple[str]]:
    if not execute(alvo_url, "SELECT FROM pg_tables WHERE tablename = 'run'"):
        return []
    return [tuple(row) for row in execute(alvo_url, "SELECT date::text FROM run")]


def test_other_notebooks_keep_their_outputs(lab: str, farm: Path) -> None:
    """A copy in the archive and the user's own notebook are saved as they are."""
    notebook = nbformat.read(farm / "notebooks" / "etl.ipynb", as_version=4)
    notebook.cells[2].outputs = [nbformat.v4.new_output("stream", text="shown")]
    model = {"type": "notebook", "content": notebook}
    for name in ("notebooks/mine.ipynb", "runs/etl.ipynb", "notebooks/etl.ipynb"):
        assert httpx2.put(f"{lab}/api/contents/{name}", json=model).is_success
        written = nbformat.read(farm / name, as_version=4)
        is_kept = bool(written.cells[2].outputs)
        assert is_kept == (name != "notebooks/etl.ipynb"), name
    assert git(farm, "status", "--porcelain", "notebooks/etl.ipynb") == ""
