"""A real Dagster, as `make dagster` starts it, in a real browser."""

import shutil
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import httpx2
import psutil
import pytest
from helpers import ETL, ROOT, execute, needs_chromium, wait_for
from playwright.sync_api import Browser, Page, expect

pytestmark = needs_chromium
DAY = "2024-05-21"
PATIENCE = 60_000
"""Milliseconds that a page may take."""
expect.set_options(timeout=PATIENCE)


@pytest.fixture
def dagster(services: str, project: Path) -> Iterator[str]:
    """The address of a Dagster in a project of its own; in the end nothing of it is left."""
    shutil.copy(ROOT / "dagster.yaml", project)
    with socket.create_server(("127.0.0.1", 0)) as listener:
        port = listener.getsockname()[1]
    command = [
        "dagster",
        "dev",
        "--module-name=etl_lib.orchestration",
        f"--port={port}",
    ]
    with (project / "said.txt").open("wb") as said:
        running = subprocess.Popen(
            [sys.executable, "-m", *command],
            stdout=said,
            stderr=said,
        )
    address = f"http://127.0.0.1:{port}"
    deadline = time.monotonic() + 120
    while not is_up(address):
        assert time.monotonic() < deadline, (project / "said.txt").read_text()
        time.sleep(0.1)
    yield address
    started = psutil.Process(running.pid).children(recursive=True)
    running.send_signal(signal.SIGINT)
    running.wait(timeout=60)
    _, alive = psutil.wait_procs(started, timeout=60)
    assert alive == []


def is_up(address: str) -> bool:
    try:
        return httpx2.get(f"{address}/server_info").status_code == 200
    except httpx2.TransportError:
        return False


def test_materialize_in_browser(
    dagster: str, browser: Browser, project: Path, alvo_url: str
) -> None:
    """A day is materialized from the browser, which shows its metadata."""
    page = browser.new_page(viewport={"width": 1280, "height": 900})
    page.set_default_timeout(PATIENCE)
    page.goto(f"{dagster}/assets/statistics?view=partitions&partition={DAY}")
    materialize(page)
    expect(page.get_by_text("Materialized (1)")).to_be_visible()
    page.reload()
    ((notebook,),) = execute(alvo_url, "SELECT notebook FROM run WHERE date = '2024-05-21'")
    expect(page.get_by_text(str(project / "runs" / notebook), exact=True)).to_be_visible()
    facts = ("energy, kWh", "wind, m/s", "coverage", "changes in Alvo", "duration, seconds")
    for fact in facts:
        expect(page.get_by_role("cell", name=fact, exact=True)).to_be_visible()
    at_once = page.get_by_role("img", name=DAY)
    expect(at_once).to_be_in_viewport()
    assert at_once.evaluate("image => image.naturalWidth") > 300

    page.get_by_text("[Show Markdown]").click()
    picture = page.get_by_role("dialog").get_by_role("img", name=DAY)
    expect(picture).to_be_visible()
    assert picture.evaluate("image => image.naturalWidth") > 300
    page.get_by_role("button", name="Close").click()

    with page.expect_popup() as opened:
        page.get_by_role("link", name="/notebook?").click()
    expect(opened.value.get_by_role("heading", name="One day of turbine readings")).to_be_visible()

    page.goto(f"{dagster}/assets/statistics?view=checks")
    expect(page.get_by_text("Succeeded", exact=True)).to_have_count(4)
    page.goto(f"{dagster}/assets/statistics?view=overview")
    expect(page.get_by_role("cell", name="wind_speed_mean")).to_be_visible()
    page.close()


BACKFILL = """
    mutation ($asset: String!, $keys: [String!]) {
        launchPartitionBackfill(backfillParams: {
            assetSelection: [{path: [$asset]}], partitionNames: $keys, fromFailure: false
        }) { ... on LaunchBackfillSuccess { backfillId } }
    }
"""
RUNS = "{ runsOrError { ... on Runs { results { startTime } } } }"
LOADED = """
    { assetNodeOrError(assetKey: {path: ["statistics"]}) { ... on AssetNode {
        latestMaterializationByPartition(partitions: ["2024-05-21", "2024-05-22"]) { runId }
    } } }
"""


def ask(dagster: str, query: str, **variables: object) -> Any:
    given = {"query": query, "variables": variables}
    return httpx2.post(f"{dagster}/graphql", json=given, timeout=60).json()["data"]


def test_loaded_days_and_a_backfill(dagster: str, project: Path) -> None:
    """Days that etl loaded appear by themselves; a backfill starts within 15 s, without DEBUG."""
    subprocess.run([*ETL, "run", DAY], check=True)

    def loaded() -> list[Any]:
        return ask(dagster, LOADED)["assetNodeOrError"]["latestMaterializationByPartition"]

    wait_for(lambda: loaded()[0], seconds=90)
    assert loaded() == [{"runId": ""}, None]

    begun = time.time()
    ask(dagster, BACKFILL, asset="statistics", keys=[DAY, "2024-05-22"])
    found = wait_for(
        lambda: [r for r in ask(dagster, RUNS)["runsOrError"]["results"] if r["startTime"]],
        seconds=60,
    )
    # On a quiet machine 4 to 10 s; Dagster's own interval alone is 30 s
    assert found[0]["startTime"] - begun < 30
    wait_for(lambda: loaded()[1], seconds=120)
    assert "DEBUG" not in (project / "said.txt").read_text()


REPORTED = """
    { assetNodeOrError(assetKey: {path: ["reports"]}) { ... on AssetNode {
        assetMaterializations(partitions: ["2024-05"]) { metadataEntries { label } }
    } } }
"""


def test_month(dagster: str, project: Path) -> None:
    """A month's report is made in a run of its own, from the days that Alvo has."""
    subprocess.run([*ETL, "run", DAY], check=True)
    ask(dagster, BACKFILL, asset="reports", keys=["2024-05"])
    (found,) = wait_for(
        lambda: ask(dagster, REPORTED)["assetNodeOrError"]["assetMaterializations"], seconds=120
    )
    labels = [entry["label"] for entry in found["metadataEntries"]]
    assert labels[:2] == ["findings", "energy, kWh"]
    assert "notebook, rendered" in labels
    assert len(list((project / "runs" / "periods").rglob("*.html"))) == 1


def materialize(page: Page) -> None:
    """Launch the run of one day, as a person does."""
    page.get_by_role("button", name="Materialize…").click()
    dialog = page.get_by_role("dialog")
    dialog.get_by_role("button", name="Show all partitions").click()
    field = dialog.get_by_placeholder("ex: 2024-05-20")
    field.fill(DAY)
    field.press("Enter")
    dialog.get_by_role("button", name="Launch 1 run").click()
    expect(dialog).to_be_hidden()
