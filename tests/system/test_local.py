"""The embedded default: separate processes start, share, kill and stop it."""

import asyncio
import os
import shutil
import signal
import socket
import subprocess
import sys
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

import httpx2
import psutil
import pytest
from helpers import ETL, closing_engine, execute, postmaster

from etl_lib.errors import EmbeddedError
from etl_lib.services import embedded, postgresql
from etl_lib.settings import Settings
from pgarrow.bulk import bulk_cursor
from pgarrow.sessions import open_engine

USE = """
import sys
from etl_lib.services import embedded
from etl_lib.settings import read_settings
settings = embedded.start_missing(read_settings())
print(settings.fonte_api_url, settings.alvo_database_url, flush=True)
sys.stdin.read()
"""
FORK = """
import os, sys, time
from etl_lib.services import postgresql
from etl_lib.settings import find_home
postgresql.start_database(find_home(), "Alvo")
if not os.fork():
    sys.exit()
os.wait()
child = os.fork() or time.sleep(60)
print(child, flush=True)
sys.stdin.read()
"""
"""A user of the server with two forked processes: one that ends before it, one that outlives it."""


@pytest.fixture
def user(project: Path) -> Iterator[subprocess.Popen[str]]:
    """A process that uses the project's embedded default until its input ends."""
    with start_user() as process:
        yield process
        process.kill()
    postgresql.stop_database(project)


@contextmanager
def another_user() -> Iterator[str]:
    """A process that uses the embedded default for the block; its address of Alvo."""
    with start_user() as process:
        yield addresses(process)[1]
        process.communicate("")


def start_user(code: str = USE) -> subprocess.Popen[str]:
    return subprocess.Popen(
        [sys.executable, "-c", code], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True
    )


def addresses(process: subprocess.Popen[str]) -> list[str]:
    assert process.stdout
    return process.stdout.readline().split()


def is_up(process: psutil.Process) -> bool:
    return process.is_running() and process.status() != psutil.STATUS_ZOMBIE


def has_ended(server: psutil.Process) -> bool:
    """Whether the server has ended, a moment after it removed its files."""
    psutil.wait_procs([server], timeout=10)
    return not is_up(server)


def run_status() -> subprocess.CompletedProcess[str]:
    return subprocess.run([*ETL, "status"], capture_output=True, text=True, timeout=60, check=False)


def test_unset_services_start(user: subprocess.Popen[str], project: Path) -> None:
    """A service without an address starts; the server listens on no port."""
    api, alvo = addresses(user)
    assert httpx2.get(f"{api}/health", timeout=60).json() == {"status": "ok"}
    assert execute(alvo, "SELECT current_database()")[0][0] == "Alvo"
    listening = [c for c in postmaster(project).net_connections() if c.status == "LISTEN"]
    assert listening == []


def test_set_services_do_not_start(project: Path) -> None:
    """A service with an address does not start."""
    settings = Settings(fonte_api_url="http://fonte", alvo_database_url="postgresql://alvo/Alvo")
    assert embedded.start_missing(settings) == settings
    assert not (project / ".local").exists()


@pytest.mark.parametrize("is_killed", [False, True])
def test_last_user_stops_server(
    user: subprocess.Popen[str], project: Path, is_killed: bool
) -> None:
    """The server serves until its last user ends; a killed one does not count."""
    addresses(user)
    server = postmaster(project)
    if is_killed:
        user.kill()
        user.wait()
    with another_user():
        assert postmaster(project).pid == server.pid
        user.communicate("" if user.returncode is None else None)
        assert is_up(server)
    assert has_ended(server)


def test_forked_process_is_no_user(project: Path) -> None:
    """A forked process neither stops its parent's server nor keeps it up after the parent."""
    with start_user(FORK) as parent:
        (child,) = addresses(parent)
        server = postmaster(project)
        assert is_up(server)
        assert parent.stdin
        parent.stdin.close()
        parent.wait()
        assert has_ended(server)
        os.kill(int(child), signal.SIGKILL)


def test_simultaneous_users_share_one_server(project: Path) -> None:
    """Processes that start at once get the same server."""
    users = [start_user() for _ in range(6)]
    assert len({addresses(user)[1] for user in users}) == 1
    server = postmaster(project)
    for user in users:
        assert is_up(server)
        user.communicate("")
    assert has_ended(server)
    log = (project / postgresql.DATA / "log").read_text()
    assert log.count("starting PostgreSQL") == 1


def test_stop_ignores_users(
    user: subprocess.Popen[str], project: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """`stop_database` ends a server that others use; one that does not end in time is one line."""
    engine = open_engine(addresses(user)[1])
    with engine.connect():
        server = postmaster(project)
        server.suspend()
        with monkeypatch.context() as patch, pytest.raises(EmbeddedError, match="to be ready, got"):
            patch.setenv("PGCTLTIMEOUT", "1")
            postgresql.stop_database(project)
        server.terminate()  # a smart shutdown, which waits for the session
        server.resume()
        postgresql.stop_database(project)
        assert has_ended(server)
    engine.dispose()
    assert not postgresql.stop_database(project)


def test_killed_server_restarts(user: subprocess.Popen[str], project: Path) -> None:
    """The next user starts a killed server with its data; the last user of all stops it."""
    execute(addresses(user)[1], "CREATE TABLE kept AS SELECT 1 AS value")
    killed = postmaster(project)
    killed.kill()
    assert has_ended(killed)
    with another_user() as alvo:
        assert execute(alvo, "SELECT value FROM kept")[0][0] == 1
        server = postmaster(project)
    assert is_up(server)
    user.communicate("")
    assert has_ended(server)


def test_libpq_variables(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Variables of libpq reach neither the embedded server nor its addresses."""
    unfit = {
        "PGPORT": "9999",
        "PGHOST": "nowhere",
        "PGDATA": "/nowhere",
        "PGOPTIONS": "-c default_transaction_read_only=on",
        "PGREQUIREAUTH": "scram-sha-256",
        "PGCHANNELBINDING": "require",
        "PGGSSENCMODE": "require",
        "PGTARGETSESSIONATTRS": "standby",
        "LC_ALL": "xx_YY",
    }
    for name, value in unfit.items():
        monkeypatch.setenv(name, value)
    url = postgresql.start_database.__wrapped__(tmp_path, "Alvo")
    try:
        with closing_engine(url) as engine:
            for _ in range(2):  # who comes later has another environment
                with engine.begin() as connection:
                    connection.exec_driver_sql("CREATE TEMP TABLE probe ()")
                with bulk_cursor(engine) as cursor:
                    cursor.execute("SELECT 1")
                engine.dispose()
                for name in unfit:
                    monkeypatch.delenv(name, raising=False)
    finally:
        postgresql.stop_database(tmp_path)


@pytest.mark.parametrize("text", ["", "{pid}\n"], ids=["empty", "of another process"])
def test_wrong_pid_file_is_replaced(project: Path, text: str) -> None:
    """A killed server starts again even if another process has its number."""
    postgresql.start_database(project, "Alvo")
    killed, folder = postmaster(project), project / postgresql.DATA
    killed.kill()
    assert has_ended(killed)
    with subprocess.Popen(["sleep", "60"], user=folder.stat().st_uid) as other:
        (folder / "postmaster.pid").write_text(text.format(pid=other.pid))
        assert execute(postgresql.start_database(project, "Fonte"), "SELECT 1") == [(1,)]
        other.kill()
    assert postgresql.stop_database(project)


# The thread prints what ends it.
@pytest.mark.filterwarnings("ignore::pytest.PytestUnhandledThreadExceptionWarning")
def test_failed_api_is_closed() -> None:
    """The address of an API that does not come up is closed."""

    def fail() -> None:
        raise SystemExit("injected")

    before = set(threading.enumerate())
    url = embedded.serve(fail)
    for thread in set(threading.enumerate()) - before:
        thread.join()
    with pytest.raises(httpx2.TransportError):
        for _ in range(100):
            httpx2.get(url, timeout=10)


def test_api_runs_on_asyncio() -> None:
    """The API does not run on uvloop, which crashes when its process ends."""

    async def loop(scope: Any, receive: Any, send: Any) -> None:
        if scope["type"] == "http":
            name = type(asyncio.get_running_loop()).__module__.encode()
            await send({"type": "http.response.start", "status": 200, "headers": []})
            await send({"type": "http.response.body", "body": name})

    pytest.importorskip("uvloop")
    assert httpx2.get(embedded.serve(lambda: loop)).text.startswith("asyncio.")


@pytest.mark.parametrize(
    ("file", "content", "reason"),
    [("postgresql.conf", "port = x", "contains errors"), ("PG_VERSION", "9\n", "version 9")],
)
def test_broken_server_is_one_line(project: Path, file: str, content: str, reason: str) -> None:
    """A server that does not start, or is of another version, is one line with the reason."""
    folder = project / postgresql.DATA
    postgresql.start_database(project, "Alvo")
    postgresql.stop_database(project)
    (folder / file).write_text(content)
    ended = run_status()
    assert (ended.returncode, ended.stdout) == (1, "")
    assert ended.stderr.startswith("etl status: expected the embedded PostgreSQL to be ready, got ")
    assert reason in ended.stderr
    assert ended.stderr.endswith(f"its log is {folder / 'log'}\n")
    assert ended.stderr.count("\n") == 1


def test_stopping_server_is_awaited(project: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A start waits until a stopping server has ended, and fails with one line after a time."""
    engine = open_engine(postgresql.start_database(project, "Alvo"))
    session = engine.connect()
    session.detach()
    postmaster(project).terminate()  # a smart shutdown, which waits for the session
    while "stopping" not in (project / postgresql.DATA / "postmaster.pid").read_text():
        time.sleep(0.01)
    with monkeypatch.context() as patch, pytest.raises(EmbeddedError, match="shutting down"):
        patch.setattr(postgresql, "RECOVERY_SECONDS", 0.2)
        postgresql.start_database(project, "Fonte")
    threading.Timer(1, session.close).start()
    assert execute(postgresql.start_database(project, "Fonte"), "SELECT 1") == [(1,)]
    postgresql.stop_database(project)


@pytest.mark.parametrize("end", [signal.SIGKILL, signal.SIGTERM])
def test_interrupted_first_start(project: Path, end: signal.Signals) -> None:
    """A first start that is interrupted begins anew and leaves nothing behind."""
    with subprocess.Popen([*ETL, "status"], process_group=0, stderr=subprocess.DEVNULL) as first:
        while not list((project / ".local").glob("*/base")):
            assert first.poll() is None
        kill = os.killpg if end is signal.SIGKILL else os.kill
        kill(first.pid, end)
    second = run_status()
    assert (second.returncode, second.stderr) == (0, "")
    names = sorted(path.name for path in (project / ".local").iterdir())
    assert names == ["postgresql", "postgresql.lock"]


def test_deleted_folder(user: subprocess.Popen[str], project: Path) -> None:
    """The server of a deleted folder ends before the next one starts."""
    addresses(user)
    server = postmaster(project)
    shutil.rmtree(project / ".local")
    with another_user() as alvo:
        assert not is_up(server)
        user.communicate("")
        assert execute(alvo, "SELECT 1") == [(1,)]


@pytest.mark.parametrize("name", ["My Projects, + às vezes (it's & more;)", "long" * 25])
def test_any_folder_name(name: str) -> None:
    """The path of a project may be long, and have spaces, marks and accents."""
    with TemporaryDirectory(prefix=name) as home:
        url = postgresql.start_database(Path(home), "Alvo")
        assert execute(url, "SELECT current_database()") == [("Alvo",)]
        assert postgresql.stop_database(Path(home))


@pytest.mark.parametrize("letter", ['"', "$", "\\", "`"])
def test_unfit_folder_name_is_one_line(tmp_path: Path, letter: str) -> None:
    """A folder that PostgreSQL cannot have is one line."""
    (tmp_path / f"a{letter}b").mkdir()
    with pytest.raises(EmbeddedError, match="expected a project's folder without"):
        postgresql.start_database(tmp_path / f"a{letter}b", "Alvo")


def test_embedded_api_reads_env_file(project: Path) -> None:
    """The embedded API has the settings of the project's `.env`."""
    (project / ".env").write_text("FONTE_API_KEY=k3y\nFONTE_DAYS=2\n")
    with start_user() as process:
        api, _ = addresses(process)
        assert httpx2.get(f"{api}/days", timeout=60).status_code == 401
        days = httpx2.get(f"{api}/days", headers={"X-API-Key": "k3y"}, timeout=60)
        assert len(days.json()) == 2
        process.communicate("")


def test_answers_are_sent_at_once(seeded_api: str) -> None:
    """The end of an answer does not wait until the client has acknowledged its beginning."""
    with httpx2.Client(base_url=seeded_api) as client:
        client.get("/health")
        port = httpx2.URL(seeded_api).port
        connections = psutil.Process().net_connections()
        held = [one.fd for one in connections if one.laddr.port == port and one.raddr]
        for number in held:
            with socket.socket(fileno=os.dup(number)) as connection:
                assert connection.getsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY)
    assert held
