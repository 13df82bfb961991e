"""The archive in a folder and in an S3 store: both behave alike."""

import json
import os
import pickle
import subprocess
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, date, datetime
from pathlib import Path

import httpx2
import pytest
from helpers import ETL, execute
from moto.server import ThreadedMotoServer
from pyarrow.fs import S3FileSystem

from etl_lib.archive.retention import find_surplus, remove
from etl_lib.archive.store import Archive, display_path, open_archive
from etl_lib.errors import ArchiveError

DAY = date(2024, 5, 21)


@pytest.fixture(scope="session")
def s3() -> Iterator[str]:
    """The address of an S3 server with the empty bucket `farm`."""
    server = ThreadedMotoServer(port=0, verbose=False)
    server.start()
    _, port = server.get_host_and_port()
    address = f"http://127.0.0.1:{port}"
    options = {"access_key": "key", "secret_key": "word", "endpoint_override": address}
    S3FileSystem(**options, allow_bucket_creation=True).create_dir("farm")
    yield address
    server.stop()


@pytest.fixture
def store(s3: str, monkeypatch: pytest.MonkeyPatch, request: pytest.FixtureRequest) -> str:
    """The address of an empty place in the store; the variables of AWS point to the server."""
    variables = {
        "AWS_ENDPOINT_URL": s3,
        "AWS_ACCESS_KEY_ID": "key",
        "AWS_SECRET_ACCESS_KEY": "word",
        "AWS_DEFAULT_REGION": "us-east-1",
    }
    for name, value in variables.items():
        monkeypatch.setenv(name, value)
    return f"s3://farm/{request.node.name}"


@pytest.fixture(params=["folder", "store"])
def archive(request: pytest.FixtureRequest, tmp_path: Path) -> Archive:
    """An archive in a folder, and one in a store."""
    folder = tmp_path / "runs"
    return open_archive(folder if request.param == "folder" else request.getfixturevalue("store"))


def test_empty(archive: Archive) -> None:
    """An archive without files is empty, and reading it creates nothing."""
    assert archive.names() == {}
    assert not archive.has("2024-05-21/a.html")


def test_write_and_read(archive: Archive) -> None:
    """A written file is listed and read, and a second write replaces it."""
    place = archive.write("2024-05-21/a.html", "größer")
    archive.write("index.html", "")
    assert place == archive.locate("2024-05-21/a.html")
    assert archive.read("2024-05-21/a.html") == "größer".encode()
    assert {name: file.size for name, file in archive.names().items()} == {
        "2024-05-21/a.html": 8,
        "index.html": 0,
    }
    archive.write("2024-05-21/a.html", "b")
    assert archive.read("2024-05-21/a.html") == b"b"


def test_unique_names(archive: Archive) -> None:
    """Simultaneous runs get different names, each with a marker until its release."""
    with ThreadPoolExecutor(4) as pool:
        names = list(pool.map(archive.reserve, [DAY] * 20))
    assert len(set(names)) == 20
    assert {name.partition("/")[0] for name in names} == {"2024-05-21"}
    assert len(archive.names()) == 20
    for name in names:
        archive.release(name)
    assert archive.names() == {}


def test_pruned(archive: Archive) -> None:
    """The files of superseded attempts are deleted; nothing else is."""
    names = [f"2024-05-21/2024060{day}T060000.000000Z.ipynb" for day in (1, 2, 3)]
    for name in [*names, "2024-05-21/mine.ipynb"]:
        archive.write(name, "text")
    before = datetime(2024, 7, 1, tzinfo=UTC)
    surplus = find_surplus(archive.names(), {names[0]}, 1, before)
    assert (surplus.attempts, surplus.files, surplus.size) == (1, (names[1],), 4)
    remove(archive, surplus, before)
    assert set(archive.names()) == {names[0], names[2], "2024-05-21/mine.ipynb"}
    with pytest.raises(ArchiveError, match=r"^the archive .*: expected .*, got .*"):
        archive.delete(names[1])


def test_pickled(archive: Archive) -> None:
    """Another process gets the same archive, and no credentials."""
    archive.write("a.html", "a")
    pickled = pickle.dumps(archive)
    assert b"word" not in pickled
    assert pickle.loads(pickled).names().keys() == {"a.html"}


def test_invalid_location(store: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """An invalid location gives an error of one line."""
    (tmp_path / "file").write_text("")
    for place in (tmp_path / "file", "s3://absent/runs", "nonsense://farm"):
        with pytest.raises(ArchiveError, match=r"^the archive .*: expected .*, got .*") as caught:
            open_archive(place).write("a.html", "")
        assert "\n" not in str(caught.value)


def etl(*arguments: str) -> subprocess.CompletedProcess[str]:
    command = [*ETL, *arguments]
    return subprocess.run(command, capture_output=True, text=True, timeout=200, check=False)


def test_run_into_store(
    store: str, project: Path, services: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A store gets the files of a run as a folder does, and nothing is left on disk."""
    ran = etl("run", "2024-05-20", "2024-05-21", "--runs", store)
    assert (ran.returncode, ran.stderr) == (0, "")
    assert ran.stdout.splitlines()[-2:] == ["2 loaded", f"  all dates {store}/index.html"]
    names = archived(store)
    assert [name.partition("/")[0] for name in names if name.endswith(".html")] == [
        "2024-05-20",
        "2024-05-21",
        "index.html",
    ]
    assert sum(name.endswith(".ipynb") for name in names) == 2
    assert not any("partial" in name for name in names)
    assert list((project / "runs").iterdir()) == []
    notebooks = execute(services, "SELECT notebook FROM run ORDER BY date")
    assert [row.notebook for row in notebooks] == [n for n in names if n.endswith(".ipynb")]

    monkeypatch.setenv("ETL_RUNS", store)
    days = json.loads(etl("status", "--json").stdout)
    assert [day["state"] for day in days[:3]] == ["loaded", "loaded", "missing"]
    assert days[0]["report"] == f"{store}/{notebooks[0].notebook.replace('.ipynb', '.html')}"
    again = etl("run", "2024-05-20", "2024-05-21", "--force")
    assert again.returncode == 0
    assert set(names) < set(archived(store))
    page = open_archive(store).read("index.html").decode()
    assert notebooks[0].notebook in page
    assert etl("index").stdout == f"{store}/index.html  <- open this in a browser\n"


def test_failure_in_store(store: str, project: Path, services: str) -> None:
    """A failed notebook is kept in the store, and its date is failed."""
    path = project / "notebooks" / "etl.ipynb"
    path.write_text(path.read_text().replace("statistics = etl_lib", "1 / 0; x = etl_lib"))
    ran = etl("run", "2024-05-20", "--runs", store)
    assert ran.returncode == 1
    assert f"  notebook  {store}/2024-05-20/" in ran.stdout
    assert ".failed.ipynb" in ran.stdout
    assert (
        etl("status", "2024-05-20", "--runs", store).stdout.splitlines()[1].split()[1] == "failed"
    )


def test_unreachable_store(
    project: Path, services: str, store: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    """An unreachable store gives an error of one line, and nothing is loaded."""
    monkeypatch.setenv("AWS_ENDPOINT_URL", "http://127.0.0.1:1")
    ran = etl("run", "2024-05-20", "--runs", store)
    assert (ran.returncode, ran.stdout) == (1, "")
    assert ran.stderr.startswith(f"etl run: the archive {store}: expected")
    assert ran.stderr.count("\n") == 1
    assert execute(services, "SELECT count(*) FROM data")[0][0] == 0


def archived(place: str) -> list[str]:
    return sorted(name for name in open_archive(place).names() if not name.startswith(".index"))


def test_display_path(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A path is relative to the current folder; an address stays as it is."""
    monkeypatch.chdir(tmp_path)
    assert display_path(tmp_path / "runs" / "a.html") == str(Path("runs") / "a.html")
    assert display_path("s3://farm/a.html") == "s3://farm/a.html"


def test_many_writers(archive: Archive) -> None:
    """Simultaneous writers of one file leave the whole file of one of them."""
    texts = [str(n) * 300_000 for n in range(4)]
    with ThreadPoolExecutor(4) as pool:
        list(pool.map(archive.write, ["index.html"] * 40, texts * 10))
    assert archive.read("index.html").decode() in texts
    assert list(archive.names()) == ["index.html"]


def test_content_type(store: str, s3: str) -> None:
    """A store serves a page as HTML."""
    open_archive(store).write("2024-05-21/a.html", "<p>")
    answer = httpx2.get(f"{s3}/farm/{store.rpartition('/')[2]}/2024-05-21/a.html")
    assert (answer.text, answer.headers["content-type"]) == ("<p>", "text/html")


def test_name_not_utf_8(tmp_path: Path) -> None:
    """A file name that is not UTF-8 gives an error of one line."""
    (Path(os.fsdecode(os.fsencode(tmp_path) + b"/\xff.ipynb"))).touch()
    with pytest.raises(ArchiveError, match="expected to list"):
        open_archive(tmp_path).names()
