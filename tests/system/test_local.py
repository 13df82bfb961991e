"""The embedded default, started, shared, killed and stopped as separate processes do it."""

import asyncio
import os
import shutil
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import httpx2
import psutil
import pytest
from helpers import ETL, execute, postmaster

from etl_lib.errors import EmbeddedError
from etl_lib.services import embedded as local
from etl_lib.services import postgresql as embedded
from etl_lib.settings import Settings
from pgarrow.sessions import open_engine

USE = """
import sys
from etl_lib.services import embedded as local
from etl_lib.settings import read_settings
settings = local.start_missing(read_settings())
print(settings.fonte_api_url, settings.alvo_database_url, flush=True)
sys.stdin.read()
"""


@pytest.fixture
def user(project: Path) -> Iterator[subprocess.Popen[str]]:
    """Another process that uses the project's embedded default until its input ends."""
    with start_user() as process:
        yield process
        process.kill()
    embedded.stop_database(project)


def start_user() -> subprocess.Popen[str]:
    return subprocess.Popen(
        [sys.executable, "-c", USE], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True
    )


def addresses(process: subprocess.Popen[str]) -> list[str]:
    assert process.stdout
    return process.stdout.readline().split()


def is_up(process: psutil.Process) -> bool:
    return process.is_running() and process.status() != psutil.STATUS_ZOMBIE


def test_what_is_not_set_is_started(user: subprocess.Popen[str], project: Path) -> None:
    api, alvo = addresses(user)
    assert httpx2.get(f"{api}/health", timeout=60).json() == {"status": "ok"}
    assert execute(alvo, "SELECT current_database()")[0][0] == "Alvo"
    assert (project / ".local" / "postgresql").is_dir()


def test_the_server_listens_on_no_port(user: subprocess.Popen[str], project: Path) -> None:
    addresses(user)
    listening = [c for c in postmaster(project).net_connections() if c.status == "LISTEN"]
    assert listening == []


def test_what_is_set_is_not_started(project: Path) -> None:
    settings = Settings(fonte_api_url="http://fonte", alvo_database_url="postgresql://alvo/Alvo")
    assert local.start_missing(settings) == settings
    assert not (project / ".local").exists()


def test_the_server_serves_until_its_last_user_ends(
    user: subprocess.Popen[str], project: Path
) -> None:
    addresses(user)
    server = postmaster(project)
    with start_user() as second:
        addresses(second)
        assert postmaster(project).pid == server.pid
        user.communicate("")
        assert is_up(server)
        second.communicate("")
    assert not is_up(server)


def test_a_killed_user_is_forgotten_by_the_next(user: subprocess.Popen[str], project: Path) -> None:
    addresses(user)
    user.kill()
    user.wait()
    server = postmaster(project)
    assert is_up(server)  # nobody could stop it
    with start_user() as second:
        addresses(second)
        assert postmaster(project).pid == server.pid
        second.communicate("")
    assert not is_up(server)


def test_stopping_ends_the_server_whoever_uses_it(
    user: subprocess.Popen[str], project: Path
) -> None:
    addresses(user)
    server = postmaster(project)
    assert embedded.stop_database(project)
    assert not is_up(server)
    assert not embedded.stop_database(project)


def test_a_killed_server_is_started_again_with_its_data(
    user: subprocess.Popen[str], project: Path
) -> None:
    _, alvo = addresses(user)
    execute(alvo, "CREATE TABLE kept AS SELECT 1 AS value")
    server = postmaster(project)
    os.kill(server.pid, signal.SIGKILL)
    user.kill()
    psutil.wait_procs([server], timeout=10)
    with start_user() as second:
        _, alvo = addresses(second)
        assert execute(alvo, "SELECT value FROM kept")[0][0] == 1
        second.communicate("")


def test_a_server_that_was_started_again_ends_with_its_last_user(
    user: subprocess.Popen[str], project: Path
) -> None:
    addresses(user)
    killed = postmaster(project)
    killed.kill()
    psutil.wait_procs([killed], timeout=10)
    with start_user() as second:
        addresses(second)
        second.communicate("")
    server = postmaster(project)
    assert is_up(server)
    user.communicate("")
    assert not is_up(server)


# what ends the thread is printed there, and is no failure of the test
@pytest.mark.filterwarnings("ignore::pytest.PytestUnhandledThreadExceptionWarning")
def test_an_api_that_does_not_come_up_is_closed() -> None:
    def fail() -> None:
        raise SystemExit("injected")

    url = local.serve(fail)
    with pytest.raises(httpx2.TransportError):
        for _ in range(100):
            httpx2.get(url, timeout=10)


def test_the_api_is_served_by_what_can_end_with_its_process() -> None:
    async def loop(scope: Any, receive: Any, send: Any) -> None:
        if scope["type"] == "http":
            name = type(asyncio.get_running_loop()).__module__.encode()
            await send({"type": "http.response.start", "status": 200, "headers": []})
            await send({"type": "http.response.body", "body": name})

    pytest.importorskip("uvloop")
    assert httpx2.get(local.serve(lambda: loop)).text.startswith("asyncio.")


def test_a_server_that_does_not_start_is_one_line(project: Path) -> None:
    folder = project / ".local" / "postgresql"
    embedded.start_database(project, "Alvo")
    embedded.stop_database(project)
    (folder / "postgresql.conf").write_text("port = nonsense")
    ended = subprocess.run(
        [*ETL, "status"], capture_output=True, text=True, timeout=60, check=False
    )
    assert (ended.returncode, ended.stdout) == (1, "")
    assert ended.stderr.startswith("etl status: expected the embedded PostgreSQL to be ready, got ")
    assert ended.stderr.endswith(f"its log is {folder / 'log'}\n")
    assert ended.stderr.count("\n") == 1


def test_a_server_that_is_stopping_is_waited_for(project: Path) -> None:
    alvo = embedded.start_database(project, "Alvo")
    engine = open_engine(alvo)
    with engine.connect():  # for whose end a server that was told so waits
        postmaster(project).terminate()
        pid = project / ".local" / "postgresql" / "postmaster.pid"
        while "stopping" not in pid.read_text():
            time.sleep(0.01)
        starting = start_user()
        time.sleep(1)
    engine.dispose()
    with starting:
        _, alvo = addresses(starting)
        assert execute(alvo, "SELECT 1") == [(1,)]
        starting.communicate("")
    embedded.stop_database(project)


def test_a_server_that_does_not_come_to_stop_is_one_line(
    project: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(embedded, "RECOVERY_SECONDS", 0.2)
    engine = open_engine(embedded.start_database(project, "Alvo"))
    with engine.connect():
        postmaster(project).terminate()
        while "stopping" not in (project / ".local" / "postgresql" / "postmaster.pid").read_text():
            time.sleep(0.01)
        for call in (embedded.stop_database, lambda home: embedded.start_database(home, "Fonte")):
            with pytest.raises(EmbeddedError, match=r"to be ready, got .*smart shutdown request"):
                call(project)
    engine.dispose()


@pytest.mark.parametrize("end", [signal.SIGKILL, signal.SIGTERM])
def test_a_first_start_that_is_broken_off_is_begun_anew(project: Path, end: signal.Signals) -> None:
    with subprocess.Popen([*ETL, "status"], process_group=0, stderr=subprocess.DEVNULL) as first:
        while not list((project / ".local").glob("*/base")):
            assert first.poll() is None
        if end is signal.SIGKILL:
            os.killpg(first.pid, end)
        else:
            first.send_signal(end)
    second = subprocess.run(
        [*ETL, "status"], capture_output=True, text=True, timeout=60, check=False
    )
    assert (second.returncode, second.stderr) == (0, "")
    assert [path.name for path in (project / ".local").iterdir()] == ["postgresql"]


def test_a_server_whose_folder_was_deleted_does_not_disturb_the_next(
    user: subprocess.Popen[str], project: Path
) -> None:
    addresses(user)
    server = postmaster(project)
    shutil.rmtree(project / ".local")
    with start_user() as second:
        _, alvo = addresses(second)
        assert not is_up(server)
        assert execute(alvo, "SELECT 1") == [(1,)]
        second.communicate("")


def test_a_folder_of_any_common_name_will_do(tmp_path: Path) -> None:
    name = "My Projects, às vezes (it's & more;)"
    (tmp_path / name).mkdir()
    url = embedded.start_database(tmp_path / name, "Alvo")
    assert execute(url, "SELECT current_database()") == [("Alvo",)]
    assert embedded.stop_database(tmp_path / name)


@pytest.mark.parametrize("letter", ['"', "$", "\\", "`"])
def test_a_folder_that_postgresql_cannot_have_is_one_line(tmp_path: Path, letter: str) -> None:
    (tmp_path / f"a{letter}b").mkdir()
    with pytest.raises(EmbeddedError, match="expected a project's folder without"):
        embedded.start_database(tmp_path / f"a{letter}b", "Alvo")


def test_a_list_of_users_that_was_cut_short_is_begun_anew(
    user: subprocess.Popen[str], project: Path
) -> None:
    addresses(user)
    (project / ".local" / "postgresql" / embedded.USERS).write_text("[123")
    with start_user() as second:
        _, alvo = addresses(second)
        assert execute(alvo, "SELECT 1") == [(1,)]
        second.communicate("")


def test_a_data_folder_of_another_version_is_one_line(project: Path) -> None:
    folder = project / ".local" / "postgresql"
    folder.mkdir(parents=True)
    (folder / "PG_VERSION").write_text("9\n")
    with pytest.raises(EmbeddedError, match="version"):
        embedded.start_database(project, "Alvo")


def test_the_embedded_api_has_the_settings_of_the_project_s_env(project: Path) -> None:
    (project / ".env").write_text("FONTE_API_KEY=k3y\nFONTE_DAYS=2\n")
    with start_user() as process:
        api, _ = addresses(process)
        assert httpx2.get(f"{api}/days", timeout=60).status_code == 401
        days = httpx2.get(f"{api}/days", headers={"X-API-Key": "k3y"}, timeout=60)
        assert len(days.json()) == 2
        process.communicate("")
