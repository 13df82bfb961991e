"""What stands before Compose's containers, done to a real PostgreSQL: its roles and its check."""

import os
import re
import subprocess
import sys
from collections.abc import Callable, Iterator
from datetime import date
from pathlib import Path

import httpx2
import pytest
from helpers import BIN, CATALOGUE, ROOT, SIGNALS, execute, serve
from sqlalchemy import URL, make_url
from sqlalchemy.exc import OperationalError, ProgrammingError

from etl_lib.archive.store import open_archive
from etl_lib.runs.date import run_date
from etl_lib.runs.notebook import Plan
from etl_lib.services import embedded, postgresql
from etl_lib.settings import Settings as Library
from fonteapi import database, table
from fonteapi.main import create_app
from fonteapi.settings import Settings
from pgarrow.sessions import open_engine

Roles = Callable[..., URL]


@pytest.fixture
def make_roles(new_database: Callable[[], str]) -> Roles:
    """Makes a database with its roles, as a container does when its data folder is made."""

    def make(prefix: str, **roles: str) -> URL:
        url = new_database()
        names = {name: f"{prefix} {role}" for name, role in roles.items()}
        run_roles(url, names | {f"{name}_PASSWORD": "it's secret" for name in roles})
        return make_url(url)

    return make


def run_roles(url: str, environment: dict[str, str]) -> None:
    command = [BIN / "psql", "--no-psqlrc", "--set=ON_ERROR_STOP=1"]
    command += [f"--file={ROOT}/compose/roles.sql", url]
    subprocess.run(command, env=os.environ | environment, check=True)


def address(url: URL, role: str) -> str:
    given = url.set(username=role, password="it's secret")
    return given.render_as_string(hide_password=False)


def fill(url: str) -> subprocess.CompletedProcess[str]:
    command = [sys.executable, "-m", "fonteapi", "fill"]
    environment = os.environ | {"FONTE_DATABASE_URL": url, "FONTE_DAYS": "2"}
    return subprocess.run(
        command, env=environment, capture_output=True, text=True, timeout=60, check=False
    )


def test_reader_role(make_roles: Roles) -> None:
    """The API's role can only read."""
    url = make_roles("of fonte", OWNER="owner", READER="reader")
    owner, reader = address(url, "of fonte owner"), address(url, "of fonte reader")
    empty = fill(reader)
    assert (empty.returncode, empty.stderr.count("\n")) == (1, 1)
    assert "permission denied" in empty.stderr
    assert fill(owner).stdout == "2,880 readings written\n"
    assert fill(owner).stdout == "Fonte has readings\n"
    api = serve(Settings(database_url=reader))
    assert len(httpx2.get(f"{api}/days").json()) == 2
    assert httpx2.get(f"{api}/data/1").json()["id"] == 1
    period = {"start_timestamp": "2024-05-20", "end_timestamp": "2024-05-21"}
    assert len(httpx2.get(f"{api}/data", params=period).json()) == 1440
    for statement in (
        "INSERT INTO data (timestamp) VALUES (now())",
        "UPDATE data SET power = 0",
        "DELETE FROM data",
        "TRUNCATE data",
        "DROP TABLE data",
        "CREATE TABLE mine (i int)",
        "CREATE ROLE other",
    ):
        with pytest.raises(ProgrammingError, match=r"permission denied|must be owner"):
            execute(reader, statement)


def test_empty_fonte(make_roles: Roles) -> None:
    """An API that may not fill an empty Fonte says so."""
    url = make_roles("of an empty fonte", OWNER="owner", READER="reader")
    reader = address(url, "of an empty fonte reader")
    owner = open_engine(address(url, "of an empty fonte owner"))
    table.create_table(database.Fonte(owner, CATALOGUE), SIGNALS, alone=True)
    owner.dispose()
    api = embedded.serve(lambda: create_app(Settings(database_url=reader, days=1)))
    answer = httpx2.get(f"{api}/days", timeout=30)
    assert answer.status_code == 503
    assert "permission denied" in answer.json()["detail"]


def test_loader_role(make_roles: Roles, seeded_api: str, project: Path) -> None:
    """The loader's role owns its tables and nothing else."""
    url = make_roles("of alvo", OWNER="owner")
    owner = address(url, "of alvo owner")
    execute(url.render_as_string(hide_password=False), "CREATE TABLE strange AS SELECT 1 AS one")
    settings = Library(fonte_api_url=seeded_api, alvo_database_url=owner)
    plan = Plan(["power"], settings, project, open_archive(project / "runs"))
    assert run_date(date(2024, 5, 20), plan).error is None
    owned = execute(owner, "SELECT tablename FROM pg_tables WHERE tableowner = current_user")
    assert {name for (name,) in owned} == {"signal", "data", "run", "forgotten", "exclusion"}
    for statement in ("SELECT * FROM strange", "CREATE ROLE other", "CREATE SCHEMA other"):
        with pytest.raises(ProgrammingError, match="permission denied"):
            execute(owner, statement)


@pytest.mark.parametrize(
    ("settings", "refused"),
    [
        ({}, ""),
        ({"BIND_ADDRESS": "[::1]"}, ""),
        ({"BIND_ADDRESS": "0.0.0.0"}, "ALVO_PASSWORD FONTE_API_KEY"),
        ({"BIND_ADDRESS": "0.0.0.0", "ALVO_PASSWORD": "own"}, "FONTE_API_KEY"),
        ({"BIND_ADDRESS": "192.168.1.7", "FONTE_API_KEY": "k"}, "ALVO_PASSWORD"),
        ({"BIND_ADDRESS": "[::]", "FONTE_API_KEY": "k", "ALVO_PASSWORD": "own"}, ""),
    ],
)
def test_example_passwords(settings: dict[str, str], refused: str) -> None:
    """Services with the example passwords refuse other machines."""
    example = {
        "BIND_ADDRESS": "127.0.0.1",
        "ALVO_PASSWORD": "alvo-example",
        "FONTE_API_KEY": "",
        "PATH": os.environ["PATH"],
    }
    command = ["sh", ROOT / "compose" / "check.sh"]
    ended = subprocess.run(
        command, env=example | settings, capture_output=True, text=True, timeout=10, check=False
    )
    assert ended.returncode == (1 if refused else 0)
    assert ended.stderr.strip().endswith(f"of your own: {refused}" if refused else "")
    assert "-example" not in ended.stderr


def test_images() -> None:
    """An edit of the code, or another LAB_UID, installs nothing anew; no umask spoils an image."""
    places = ("notebooks", "etl_lib", "fonteapi")
    images = [(ROOT / place / "Dockerfile").read_text().splitlines() for place in places]
    steps = [[line for line in image if re.match("[A-Z]+ ", line)] for image in images]
    assert steps[0][:5] == steps[1][:5]
    for lines in steps:
        installs = [n for n, line in enumerate(lines) if "--requirement" in line or " -r " in line]
        owner = next(n for n, line in enumerate(lines) if line.startswith("RUN useradd"))
        assert max(installs) < owner
        copies = [line for line in lines if line.startswith("COPY")]
        assert [line for line in copies if not re.match("COPY --(chmod|chown)=", line)] == []


@pytest.mark.skipif(os.getuid() != 0, reason="only root can be another user")
def test_other_owner(tmp_path: Path) -> None:
    """A container whose user cannot write to the host's folders names the setting, and ends."""
    for name in ("notebooks", "runs"):
        (tmp_path / name).mkdir()
        os.chown(tmp_path / name, 1234, 1234)
    tmp_path.chmod(0o755)
    script = (ROOT / "compose" / "owner.sh").read_text()  # the file may be out of its reach
    told = {}
    for user in ("1234", "4321"):
        command = ["setpriv", f"--reuid={user}", "--clear-groups", "sh", "-c", script, "sh"]
        ended = subprocess.run(
            [*command, "echo", "started"], cwd=tmp_path, capture_output=True, text=True, check=False
        )
        told[user] = ended.returncode, ended.stdout + ended.stderr
    assert told["1234"] == (0, "started\n")
    code, line = told["4321"]
    assert (code, line.count("\n")) == (1, 1)
    assert line.startswith("LAB_UID: expected 1234, the owner of notebooks/, got 4321: set LAB_UID")


def test_checkout_with_other_line_ends(tmp_path: Path) -> None:
    """Scripts and notebooks have the same bytes where git turns line ends."""
    command = ["git", "clone", "--quiet", "--depth=1", "--config=core.autocrlf=true"]
    subprocess.run([*command, ROOT.as_uri(), tmp_path / "checkout"], check=True)
    for name in ("compose/start.sh", "compose/owner.sh", "Makefile", "notebooks/etl.ipynb"):
        assert b"\r" not in (tmp_path / "checkout" / name).read_bytes(), name


@pytest.fixture
def stopped(tmp_path: Path) -> Iterator[tuple[Path, dict[str, str]]]:
    """The folder of a database of example passwords, which is down, and what it was made with."""
    settings = {
        "POSTGRES_PASSWORD": "postgres-example",
        "OWNER": "Fonte",
        "OWNER_PASSWORD": "fonte-example",
        "READER": "reader",
        "READER_PASSWORD": "reader-example",
    }
    run_roles(postgresql.start_database(tmp_path, "Fonte"), settings)
    rules = tmp_path / ".local" / "postgresql" / "pg_hba.conf"
    rules.write_text(f"local all Fonte,reader scram-sha-256\n{rules.read_text()}")
    postgresql.stop_database(tmp_path)
    yield tmp_path, settings
    postgresql.stop_database(tmp_path)


def start(home: Path, settings: dict[str, str]) -> subprocess.CompletedProcess[str]:
    """What a container does when it starts, with a server that only says that it would."""
    data = home / ".local" / "postgresql"
    server = data / "docker-entrypoint.sh"
    server.write_text('#!/bin/sh\necho "starts $@"\n')
    server.chmod(0o755)
    owner, identity = data.stat(), {}
    if os.getuid() == 0:  # PostgreSQL refuses root
        identity = {"user": owner.st_uid, "group": owner.st_gid, "extra_groups": []}
    return subprocess.run(
        ["sh"],
        input=(ROOT / "compose" / "start.sh").read_text(),
        env=settings | {"PGDATA": str(data), "PATH": f"{data}:{BIN}:{os.environ['PATH']}"},
        cwd=data,
        **identity,
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )


def test_changed_passwords(
    stopped: tuple[Path, dict[str, str]],
) -> None:
    """A database takes the passwords of each start."""
    home, settings = stopped
    own = {name: value.replace("example", "own") for name, value in settings.items()}
    started = start(home, own)
    assert (started.returncode, started.stdout) == (0, "starts postgres\n")
    url = make_url(postgresql.start_database(home, "again"))
    for role, name in (("Fonte", "OWNER_PASSWORD"), ("reader", "READER_PASSWORD")):
        for password in (settings[name], own[name]):
            given = url.set(username=role, password=password).render_as_string(hide_password=False)
            if password == own[name]:
                assert execute(given, "SELECT current_user") == [(role,)]
            else:
                with pytest.raises(OperationalError, match="password authentication failed"):
                    execute(given, "SELECT 1")


def test_missing_role(
    stopped: tuple[Path, dict[str, str]],
) -> None:
    """A database without the named role does not start, and shows no password."""
    home, settings = stopped
    started = start(home, settings | {"OWNER": "nobody"})
    assert (started.returncode, started.stdout) == (1, "")
    assert 'role "nobody" does not exist' in started.stderr
    assert "-example" not in started.stderr


def test_new_data_folder(tmp_path: Path) -> None:
    """A new data folder is left to the image."""
    (tmp_path / ".local" / "postgresql").mkdir(parents=True)
    assert start(tmp_path, {}).stdout == "starts postgres\n"
