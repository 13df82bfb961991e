"""An API that fails, over real sockets: nothing lost, nothing half-done, a clear word."""

import re
import socket
import struct
import subprocess
import sys
from collections import Counter
from collections.abc import Callable, Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from itertools import cycle
from pathlib import Path
from threading import Thread
from typing import Any

import httpx2
import pytest
from helpers import (
    DAYS,
    END,
    ETL,
    SOME,
    START,
    assert_completed,
    rows_by_date,
    run_range,
    wait_for,
    wait_for_loads,
)

from etl_lib.errors import FonteError
from etl_lib.extract.client import open_fonte
from etl_lib.extract.readings import ARROW, fetch_readings

pytestmark = pytest.mark.usefixtures("services", "project")
Fault = Callable[[BaseHTTPRequestHandler, httpx2.Response], None]
PAGE = b"<h1>Welcome to our proxy</h1>"


def answer(
    handler: BaseHTTPRequestHandler,
    body: bytes,
    status: int = 200,
    kind: str = ARROW,
    length: int | None = None,
    **more: str,
) -> None:
    handler.send_response(status)
    handler.send_header("Content-Type", kind)
    handler.send_header("Content-Length", str(len(body) if length is None else length))
    for name, value in more.items():
        handler.send_header(name.replace("_", "-"), value)
    handler.end_headers()
    handler.wfile.write(body)


def status(code: int, **more: str) -> Fault:
    return lambda handler, _: answer(handler, b"no", code, "text/plain", **more)


def end_early(handler: BaseHTTPRequestHandler, whole: httpx2.Response) -> None:
    """Half of the body that was announced, then a polite end."""
    answer(handler, whole.content[: len(whole.content) // 2], length=len(whole.content))
    handler.close_connection = True


def reset(handler: BaseHTTPRequestHandler, whole: httpx2.Response) -> None:
    """Half of the body, then a reset of the connection."""
    end_early(handler, whole)
    handler.connection.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
    handler.connection.close()


def hang(handler: BaseHTTPRequestHandler, whole: httpx2.Response) -> None:
    """Half of the body, then nothing for as long as anybody waits."""
    end_early(handler, whole)
    handler.connection.recv(1)  # until who asked goes


LASTING: dict[str, tuple[Fault, str]] = {
    "2024-05-20": (status(500), "answered 500: no"),
    "2024-05-21": (status(503, Retry_After="1"), "answered 503: no"),
    "2024-05-22": (status(429, Retry_After="3600"), "answered 429: no"),
    "2024-05-23": (reset, "does not answer (ReadError"),
    "2024-05-24": (end_early, "does not answer (RemoteProtocolError"),
    "2024-05-25": (lambda to, whole: answer(to, whole.content[:-8]), "broke off before their end"),
    "2024-05-26": (
        lambda to, _: answer(to, b'[{"timestamp": "2024-', kind="application/json"),
        "expected an Arrow stream from",
    ),
    "2024-05-27": (lambda to, _: answer(to, PAGE, kind="text/html"), "got text/html"),
}
"""What the API does with the readings of a date, and what is then said of it."""
PASSING = cycle([reset, status(503, Retry_After="1"), end_early, status(500)])


class Proxy(ThreadingHTTPServer):
    """Stands before an API: asks it, and does to its answer what `choose` says."""

    daemon_threads = True
    upstream: str
    choose: Callable[[str], Fault | None]


class Handler(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    server: Proxy

    def do_GET(self) -> None:
        accept = {"accept": self.headers["accept"]}
        whole = httpx2.get(self.server.upstream + self.path, headers=accept, timeout=60)
        if fault := self.server.choose(self.path):
            fault(self, whole)
        else:
            kind = whole.headers["content-type"]
            answer(self, whole.content, whole.status_code, kind)

    def log_message(self, *_: object) -> None:
        pass


@pytest.fixture
def proxy(seeded_api: str) -> Iterator[Proxy]:
    """A proxy before the seeded API, without a fault at first."""
    with Proxy(("127.0.0.1", 0), Handler) as server:
        server.upstream = seeded_api
        server.choose = lambda _: None
        Thread(target=server.serve_forever, daemon=True).start()
        yield server
        server.shutdown()


def address(server: Proxy) -> str:
    return f"http://127.0.0.1:{server.server_port}"


def is_whole_day(path: str) -> str | None:
    """The date whose readings are asked for, when it is a whole day's."""
    asked = re.search(r"start_timestamp=(\S{10})T00.*end_timestamp=\S{10}T00%3A00%3A00%2B", path)
    return asked[1] if path.startswith("/data") and asked else None


def test_each_fault(
    alvo_url: str,
    proxy: Proxy,
    farm_api: str,
    project: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """Each fault fails its date of a farm whole, with a reason; a later run completes it."""
    proxy.upstream = farm_api
    monkeypatch.setenv("FONTE_API_URL", address(proxy))
    proxy.choose = lambda path: LASTING.get(is_whole_day(path) or "", (None, ""))[0]
    ended = run_range(DAYS[0], DAYS[9], "--jobs=10")  # most of them wait to try again
    assert ended.returncode == 1, ended.stdout + ended.stderr
    lines = ended.stdout.splitlines()
    start = lines.index("2 loaded, 8 failed")
    reasons = dict(line.strip().split("  ", 1) for line in lines[start + 1 : start + 9])
    assert sorted(reasons) == sorted(LASTING)
    for day, (_, word) in LASTING.items():
        assert word in reasons[day]
        (failed,) = (project / "runs" / day).iterdir()
        assert failed.name.endswith(".failed.ipynb")
        assert word in failed.read_text()
    assert rows_by_date(alvo_url) == dict.fromkeys(DAYS[8:], 3 * 720)

    proxy.choose = lambda _: None
    assert_completed(alvo_url, project, DAYS, turbines=3)


def test_first_requests_fail(
    alvo_url: str,
    proxy: Proxy,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """An API whose first answers fail fails no date."""
    monkeypatch.setenv("FONTE_API_URL", address(proxy))
    asked = Counter[str]()

    def fail_at_first(path: str) -> Fault | None:
        asked[path] += 1
        return next(PASSING) if asked[path] == 1 else None

    proxy.choose = fail_at_first
    ended = run_range(DAYS[0], DAYS[3])
    assert ended.returncode == 0, ended.stdout + ended.stderr
    assert rows_by_date(alvo_url) == dict.fromkeys(DAYS[:4], 720)
    assert min(asked.values()) > 1
    assert len(asked) > 2 * 4  # /days and /data of each date


@pytest.mark.parametrize(
    ("fault", "word"),
    [(reset, "ReadError"), (end_early, "RemoteProtocolError"), (hang, "ReadTimeout")],
)
def test_cut_answer(proxy: Proxy, fault: Fault, word: str) -> None:
    """An answer that is cut anywhere is never taken for whole."""
    proxy.choose = lambda _: fault
    with open_fonte(address(proxy)) as client:
        client.timeout = httpx2.Timeout(0.2 if fault is hang else 60)
        with pytest.raises(FonteError, match=rf"does not answer \({word}"):
            fetch_readings(client, START, END, ["power"])
        proxy.choose = lambda _: None
        client.timeout = httpx2.Timeout(60)
        assert fetch_readings(client, START, END, ["power"]).num_rows == 1440


@pytest.fixture
def start_api(
    seeded_fonte_url: str, monkeypatch: pytest.MonkeyPatch
) -> Iterator[Callable[[], subprocess.Popen[Any]]]:
    """Starts the API that the commands of the test use, as often as it is asked to."""
    with socket.create_server(("127.0.0.1", 0)) as free:
        port = free.getsockname()[1]
    monkeypatch.setenv("FONTE_DATABASE_URL", seeded_fonte_url)
    monkeypatch.setenv("FONTE_API_URL", f"http://127.0.0.1:{port}")
    started = []

    def is_up() -> bool:
        with socket.socket() as asking:
            return asking.connect_ex(("127.0.0.1", port)) == 0

    def start() -> subprocess.Popen[Any]:
        command = [sys.executable, "-m", "uvicorn", "fonteapi.main:app", f"--port={port}"]
        quiet = {"stdout": subprocess.DEVNULL, "stderr": subprocess.DEVNULL}
        started.append(subprocess.Popen(command, **quiet))
        wait_for(is_up, seconds=60)
        return started[-1]

    yield start
    for api in started:
        api.kill()
        api.wait()


def begin_range(first: str, last: str) -> subprocess.Popen[str]:
    pipes = {"stdout": subprocess.PIPE, "stderr": subprocess.STDOUT, "text": True}
    return subprocess.Popen([*ETL, "run", first, last, "--columns=power"], **pipes)


def test_api_restarted(alvo_url: str, start_api: Callable[[], subprocess.Popen[Any]]) -> None:
    """An API that is killed and restarted during a range loses nothing."""
    api = start_api()
    with begin_range(SOME[0], SOME[-1]) as running:
        wait_for_loads(alvo_url, 2)
        api.kill()
        api.wait()
        start_api()
        said, _ = running.communicate(timeout=300)
    failed = re.findall(r"^\S+  failed: (.*)$", said, re.MULTILINE)
    assert [word for word in failed if "does not answer" not in word] == []
    assert set(rows_by_date(alvo_url).values()) == {720}
    ended = run_range(SOME[0], SOME[-1])
    assert ended.returncode == 0, ended.stdout + ended.stderr
    assert rows_by_date(alvo_url) == dict.fromkeys(SOME, 720)


def test_api_gone(
    alvo_url: str, project: Path, start_api: Callable[[], subprocess.Popen[Any]]
) -> None:
    """A range ends soon after its API: the reason once, counts, and what the same command does."""
    api = start_api()
    with begin_range(DAYS[0], DAYS[-1]) as running:
        wait_for_loads(alvo_url, 1)
        api.kill()
        said, _ = running.communicate(timeout=60)
    assert running.returncode == 1
    lines = [line for line in said.splitlines() if not re.search("  loaded: |trying again", line)]
    reason, counts, untried = lines
    assert re.match(r"\S+  failed: (FonteError: )?the Fonte API at \S+ does not answer", reason)
    assert re.fullmatch(r"(\d loaded, )?\d failed", counts)
    told = "not tried: the Fonte API does not answer; the same command goes on when it does"
    assert re.fullmatch(rf"\d dates? {told}", untried)
    start_api()
    assert_completed(alvo_url, project, DAYS)
