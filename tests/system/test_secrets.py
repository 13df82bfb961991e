"""Nothing leaks: a marked secret is in every address, and in nothing that is written or said."""

import os
import subprocess
import sys
import threading
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

import pytest
from helpers import ETL, execute, serve
from sqlalchemy import make_url

from etl_lib.services import postgresql
from etl_lib.settings import Settings
from fonteapi import settings as fonteapi_settings

SECRET = "m4rk3d"
PASSWORD = f"{SECRET}/@p"
PAPERMILL = [sys.executable, "-m", "papermill", "notebooks/etl.ipynb"]
EVERY_USE = [
    [*ETL, "run", "2024-05-20", "2024-05-21"],
    [*ETL, "status", "--json"],
    [*PAPERMILL, "runs/by hand.ipynb", "-p", "date", "2024-05-20", "--log-output"],
]
A_FAILURE = [*PAPERMILL, "runs/wrong.ipynb", "-p", "date", "2019-01-01", "--log-output"]


def use_everything(*more: list[str]) -> tuple[str, list[int]]:
    """What all the commands say on stdout and stderr, and their exit codes; all run at once."""
    pipes = {"stdout": subprocess.PIPE, "stderr": subprocess.STDOUT, "text": True}
    running = [subprocess.Popen(command, **pipes) for command in [*EVERY_USE, *more]]
    said = "".join(one.communicate(timeout=120)[0] for one in running)
    return said, [one.returncode for one in running]


def written(project: Path) -> dict[str, bytes]:
    """Every file of the project, hidden ones too, but the databases themselves."""
    files = [path for path in project.rglob("*") if path.is_file() and ".local" not in path.parts]
    return {path.relative_to(project).as_posix(): path.read_bytes() for path in files}


def assert_nothing_leaked(project: Path, said: str) -> None:
    assert SECRET not in said
    assert [name for name, content in written(project).items() if SECRET.encode() in content] == []


@pytest.fixture(scope="module")
def guarded(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Path]:
    """The folder of a PostgreSQL that lets the role `etl` in with `PASSWORD` only."""
    home = tmp_path_factory.mktemp("guarded")
    url = postgresql.start_database(home, "Alvo")
    execute(url, f"CREATE ROLE etl SUPERUSER LOGIN PASSWORD '{PASSWORD}'")
    rules = home / ".local" / "postgresql" / "pg_hba.conf"
    rules.write_text(f"local all etl scram-sha-256\n{rules.read_text()}")
    execute(url, "SELECT pg_reload_conf()")
    yield home
    postgresql.stop_database(home)


def guarded_url(home: Path, password: str) -> str:
    url = make_url(postgresql.start_database(home, "Alvo")).set(username="etl", password=password)
    return url.render_as_string(hide_password=False)


class Refusal(BaseHTTPRequestHandler):
    """A server that lets nobody in, and says to whom it said so."""

    def do_GET(self) -> None:
        self.send_error(401, f"{self.path} is not for you")

    def log_message(self, *_: object) -> None:
        pass


@pytest.fixture(scope="module")
def refusing() -> Iterator[str]:
    with ThreadingHTTPServer(("127.0.0.1", 0), Refusal) as server:
        threading.Thread(target=server.serve_forever, daemon=True).start()
        yield f"127.0.0.1:{server.server_port}"
        server.shutdown()


def test_loads_keep_the_password(
    guarded: Path, seeded_api: str, project: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("FONTE_API_URL", seeded_api.replace("//", f"//user:{SECRET}@"))
    monkeypatch.setenv("ALVO_DATABASE_URL", guarded_url(guarded, PASSWORD))
    said, codes = use_everything(A_FAILURE)
    assert codes == [0, 0, 0, 1], said
    assert {"runs/index.html", "runs/by hand.ipynb", "runs/wrong.ipynb"} <= set(written(project))
    assert_nothing_leaked(project, said)


@pytest.mark.parametrize("how", ["refused", "dead"])
def test_closed_alvo(
    guarded: Path, seeded_api: str, project: Path, monkeypatch: pytest.MonkeyPatch, how: str
) -> None:
    """Errors of an Alvo that refuses us do not show the password."""
    in_the_query = f"postgresql://etl@127.0.0.1:1/Alvo?password={SECRET}"
    address = guarded_url(guarded, SECRET) if how == "refused" else in_the_query
    monkeypatch.setenv("FONTE_API_URL", seeded_api)
    monkeypatch.setenv("ALVO_DATABASE_URL", address)
    said, codes = use_everything()
    assert codes == [1] * len(EVERY_USE)
    assert "Alvo at postgresql://etl" in said
    assert ("password authentication failed" in said) == (how == "refused")
    assert "AlvoError" in written(project)["runs/by hand.ipynb"].decode()
    assert_nothing_leaked(project, said)


@pytest.mark.parametrize("how", ["refused", "dead"])
def test_closed_api(
    refusing: str, alvo_url: str, project: Path, monkeypatch: pytest.MonkeyPatch, how: str
) -> None:
    """Errors of an API that refuses us do not show the password."""
    host = refusing if how == "refused" else "127.0.0.1:1"
    monkeypatch.setenv("FONTE_API_URL", f"http://user:{SECRET}@{host}")
    monkeypatch.setenv("ALVO_DATABASE_URL", alvo_url)
    said, codes = use_everything()
    assert codes == [1] * len(EVERY_USE)
    assert (f"{host}/days answered 401" if how == "refused" else f"{host} does not answer") in said
    assert "FonteError" in written(project)["runs/by hand.ipynb"].decode()
    assert_nothing_leaked(project, said)


@pytest.mark.parametrize("given", [SECRET, f"not-{SECRET}", ""], ids=["right", "wrong", "none"])
def test_key_of_the_api(
    seeded_fonte_url: str, alvo_url: str, project: Path, monkeypatch: pytest.MonkeyPatch, given: str
) -> None:
    """The key opens the API and is written nowhere."""
    settings = fonteapi_settings.Settings(database_url=seeded_fonte_url, api_key=SECRET)
    monkeypatch.setenv("FONTE_API_URL", serve(settings))
    monkeypatch.setenv("ALVO_DATABASE_URL", alvo_url)
    (project / ".env").write_text(f"FONTE_API_KEY={given}\n")
    said, codes = use_everything()
    (project / ".env").unlink()
    assert codes == [int(given != SECRET)] * len(EVERY_USE), said
    refusal = "FONTE_API_KEY: expected the key of http://127.0.0.1:"
    assert (refusal in said) == (given != SECRET)
    assert ("got none" in said) == (given == "")
    assert_nothing_leaked(project, said)


def test_closed_source(
    guarded: Path, alvo_url: str, project: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Errors of a source that refuses the API do not show the password."""
    monkeypatch.setenv("FONTE_DATABASE_URL", guarded_url(guarded, SECRET))
    monkeypatch.setenv("ALVO_DATABASE_URL", alvo_url)
    said, codes = use_everything()
    assert codes == [1] * len(EVERY_USE)
    assert "answered 503: Fonte does not answer" in said
    assert_nothing_leaked(project, said)


def test_loader_and_services(guarded: Path, project: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (project / "own.csv").write_text("timestamp,power\n2024-01-01,5\n")
    monkeypatch.setenv("FONTE_DATABASE_URL", guarded_url(guarded, SECRET))
    monkeypatch.setenv("ALVO_DATABASE_URL", guarded_url(guarded, SECRET))
    command = [*ETL, "load", "own.csv"]
    loader = subprocess.run(command, capture_output=True, text=True, timeout=60, check=False)
    assert loader.returncode == 1
    assert "password authentication failed" in loader.stderr
    both = {"stdout": subprocess.PIPE, "stderr": subprocess.STDOUT, "text": True}
    with subprocess.Popen([*ETL, "serve"], **both) as services:
        assert services.stdout
        first = services.stdout.readline()
        services.terminate()
        said = first + services.stdout.read()
    assert first.startswith("export FONTE_API_URL='http://127.0.0.1:")
    assert_nothing_leaked(project, said + loader.stdout + loader.stderr)


@pytest.mark.parametrize("kind", [Settings, fonteapi_settings.Settings])
def test_settings(
    kind: type[Settings] | type[fonteapi_settings.Settings], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("FONTE_API_URL", f"http://user:{SECRET}@host")
    monkeypatch.setenv("ALVO_DATABASE_URL", f"postgresql://etl:{SECRET}@host/Alvo")
    monkeypatch.setenv("FONTE_DATABASE_URL", f"postgresql://etl:{SECRET}@host/Fonte")
    monkeypatch.setenv("FONTE_API_KEY", f"{SECRET}-key")
    settings = kind()
    assert f"{SECRET}-key" in settings.model_dump().values()
    assert SECRET in str(settings.model_dump())
    assert SECRET not in repr(settings) + str(settings)


def test_a_leak_is_found(project: Path) -> None:
    (project / "runs" / "leak.html").write_text(SECRET)
    with pytest.raises(AssertionError, match=r"leak\.html"):
        assert_nothing_leaked(project, "")
    with pytest.raises(AssertionError):
        assert_nothing_leaked(project, os.linesep + SECRET)
