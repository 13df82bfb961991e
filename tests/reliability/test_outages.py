"""Databases that fail during a load: the day stays as it was, and the next load is right."""

import os
import re
import shutil
import signal
import subprocess
import sys
from collections.abc import Iterable, Iterator
from dataclasses import replace
from datetime import timedelta
from pathlib import Path
from threading import Thread

import numpy as np
import psutil
import pytest
from helpers import (
    DAY,
    DAYS,
    ETL,
    FARM,
    SOME,
    assert_completed,
    closing_engine,
    execute,
    farm_statistics,
    load_scaled,
    make_statistics,
    postmaster,
    rows_by_date,
    run_range,
    serve,
    stored,
    wait_for,
    wait_for_loads,
)
from sqlalchemy import Engine

from etl_lib.errors import AlvoError
from etl_lib.extract.days import Day
from etl_lib.load import day as load
from etl_lib.load.alvo import create_tables
from etl_lib.load.day import load_day
from etl_lib.load.reading import verify_load
from etl_lib.services import postgresql
from etl_lib.transform.statistics import to_frame
from fonteapi.settings import Settings
from pgarrow import sessions

ENDS = {"fast": signal.SIGINT, "immediate": signal.SIGQUIT, "killed": signal.SIGKILL}
"""How a PostgreSQL may stop, and the signal that makes it do so."""
SLOW = """
    CREATE FUNCTION wait() RETURNS trigger LANGUAGE plpgsql AS
        'BEGIN PERFORM pg_sleep(60); RETURN NULL; END';
    CREATE TRIGGER slow AFTER INSERT ON data EXECUTE FUNCTION wait();
"""


@pytest.fixture(scope="module")
def home(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Path]:
    """The folder of a PostgreSQL that nobody else uses."""
    home = tmp_path_factory.mktemp("outages")
    postgresql.start_database(home, "Alvo")
    yield home
    postgresql.stop_database(home)


def start(home: Path, name: str = "Alvo") -> str:
    """Start the PostgreSQL of a folder, though it was started before; a database's address."""
    return postgresql.start_database.__wrapped__(home, name)


def stop(home: Path, how: signal.Signals = signal.SIGQUIT) -> None:
    server = postmaster(home)
    server.send_signal(how)
    psutil.wait_procs([server], timeout=30)


def restart(home: Path, how: signal.Signals = signal.SIGQUIT) -> None:
    stop(home, how)
    start(home)


@pytest.fixture
def alvo_url(home: Path) -> str:
    """An empty Alvo on that server."""
    execute(start(home, "Fonte"), 'ALTER DATABASE "Alvo" RESET ALL')
    url = start(home)
    execute(url, "DROP SCHEMA public CASCADE; CREATE SCHEMA public")
    return url


def assert_right(alvo: Engine, day: Day = DAY, scale: float = 2) -> None:
    """The same engine loads the day now, and reads back what it loaded."""
    computed = make_statistics(day, scale=scale)
    load_day(alvo, day, computed, readings=1440)
    assert verify_load(alvo, day, to_frame(computed)) == 720


@pytest.mark.parametrize("how", ENDS.values(), ids=ENDS)
def test_restart_in_transaction(
    alvo: Engine, alvo_url: str, home: Path, monkeypatch: pytest.MonkeyPatch, how: signal.Signals
) -> None:
    """A PostgreSQL that restarts during the transaction leaves the day as it was."""
    load_scaled(alvo)
    before = stored(alvo_url)

    def fail(*_: object) -> None:
        restart(home, how)

    with monkeypatch.context() as patched:
        patched.setattr(load, "code_version", fail)  # between the COPY and the ledger's row
        with pytest.raises(AlvoError, match=r"(?i)connection|server closed|terminating"):
            load_scaled(alvo, 2)
    assert stored(alvo_url) == before
    assert_right(alvo)


def test_session_ended_in_copy(alvo: Engine, alvo_url: str) -> None:
    """A session that is ended during its COPY leaves each turbine's day as it was."""
    load_day(alvo, FARM, farm_statistics(), readings=2880)
    before = stored(alvo_url)
    execute(alvo_url, SLOW)
    ender = Thread(target=end_copy, args=(alvo_url,))
    ender.start()
    with pytest.raises(AlvoError, match="terminating connection due to administrator command"):
        load_day(alvo, FARM, farm_statistics(2), readings=2880)
    ender.join()
    assert stored(alvo_url) == before
    execute(alvo_url, "DROP TRIGGER slow ON data")
    assert_right(alvo)


def end_copy(alvo_url: str) -> None:
    ended = """
        SELECT pg_terminate_backend(pid) FROM pg_stat_activity
        WHERE query LIKE 'COPY%' AND state = 'active' AND datname = current_database()
    """
    wait_for(lambda: execute(alvo_url, ended), seconds=30)


def test_endless_statement(alvo: Engine, alvo_url: str, monkeypatch: pytest.MonkeyPatch) -> None:
    """A statement that never ends is cut."""
    load_scaled(alvo)
    before = stored(alvo_url)
    execute(alvo_url, SLOW)
    monkeypatch.setitem(sessions.LIMITS, "statement_timeout", "300ms")
    with closing_engine(alvo_url) as impatient, pytest.raises(AlvoError, match="statement timeout"):
        load_scaled(impatient, 2)
    assert stored(alvo_url) == before


def test_a_read_only_alvo_says_so(alvo: Engine, alvo_url: str) -> None:
    load_scaled(alvo)
    before = stored(alvo_url)
    execute(alvo_url, 'ALTER DATABASE "Alvo" SET default_transaction_read_only = on')
    with closing_engine(alvo_url) as late, pytest.raises(AlvoError, match="read-only transaction"):
        load_scaled(late, 2)
    assert stored(alvo_url) == before


@pytest.fixture
def small(tmp_path: Path) -> Iterator[Path]:
    """A folder on a disk of 120 MB, most of it free."""
    folder = tmp_path / "small"
    folder.mkdir()
    as_root = [] if os.geteuid() == 0 else ["sudo", "--non-interactive"]
    options = f"size=120m,mode=755,uid={os.getuid()}"
    mount = [*as_root, "mount", "-t", "tmpfs", "-o", options, "tmpfs", str(folder)]
    if not sys.platform.startswith("linux"):
        pytest.skip("a small disk is mounted on Linux alone")
    if (
        subprocess.run(mount, capture_output=True, check=False).returncode
        and "CI" not in os.environ
    ):
        pytest.skip("needs leave to mount a tmpfs")
    yield folder
    postgresql.stop_database(folder)
    subprocess.run([*as_root, "umount", "--lazy", str(folder)], check=True)


def test_full_disk(small: Path) -> None:
    """A full disk keeps what was loaded; the day loads when there is room."""
    url = start(small)
    ballast = small / "ballast"
    days = [replace(DAY, date=DAY.date + timedelta(days=n)) for n in range(40)]
    loaded = []
    with closing_engine(url) as alvo:
        create_tables(alvo)
        ballast.write_bytes(bytes(shutil.disk_usage(small).free - 500_000))
        with pytest.raises(AlvoError, match=r"No space left on device|connection"):
            for day in days:
                load_day(alvo, day, make_statistics(day), readings=1440)
                loaded.append(str(day.date))
        assert loaded
        ballast.unlink()
        start(small)  # where the journal, too, had no room, PostgreSQL has stopped
        assert rows_by_date(url) == dict.fromkeys(loaded, 720)
        assert execute(url, "SELECT date::text FROM run ORDER BY id") == [(d,) for d in loaded]
        assert_right(alvo, days[len(loaded)])


def test_full_archive(small: Path, services: str, project: Path) -> None:
    """An archive on a full disk fails the date; it runs again when there is room."""
    place = f"--runs={small / 'runs'}"
    assert run_range(DAYS[0], place).returncode == 0
    ballast = small / "ballast"
    ballast.write_bytes(bytes(shutil.disk_usage(small).free - 100_000))
    ended = run_range(DAYS[1], place)
    assert ended.returncode == 1
    assert f"{DAYS[1]}  failed: the archive {small / 'runs'}: " in ended.stdout
    assert "No space left on device" in ended.stdout
    assert "Traceback" not in ended.stderr
    left = {path.suffix for path in (small / "runs" / DAYS[1]).iterdir()}
    assert left == {".ipynb"}, "the marker, and nothing half-written"
    assert rows_by_date(services) == dict.fromkeys(DAYS[:2], 720)

    ballast.unlink()
    ended = run_range(DAYS[0], DAYS[1], place)
    assert "1 loaded, 1 skipped" in ended.stdout, ended.stdout + ended.stderr
    assert len(list((small / "runs" / DAYS[1]).glob("*.html"))) == 1


def test_full_fonte(small: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A file that does not fit into Fonte is refused in one line, and nothing of it stays."""
    url = start(small, "Fonte")
    monkeypatch.setenv("FONTE_DATABASE_URL", url)
    file = tmp_path / "readings.csv"
    minutes = np.datetime64("2024-01-01T00:00") + np.arange(400_000)
    file.write_text("timestamp,power\n" + "".join(f"{minute},1.5\n" for minute in minutes))
    first = tmp_path / "first.csv"
    first.write_text("timestamp,power\n2023-01-01,1\n")
    command = [sys.executable, "-m", "fonteapi", "load"]
    subprocess.run([*command, first], check=True)
    (small / "ballast").write_bytes(bytes(shutil.disk_usage(small).free - 5_000_000))
    ended = subprocess.run([*command, file], capture_output=True, text=True, check=False)
    assert (ended.returncode, ended.stdout) == (1, "")
    assert re.search("No space left on device|connection", ended.stderr), ended.stderr
    assert ended.stderr.count("\n") == 1
    (small / "ballast").unlink()
    assert execute(start(small, "Fonte"), "SELECT count(*) FROM data") == [(1,)]


def until(words: str, lines: Iterable[str]) -> Iterator[str]:
    """The lines up to the one with these words."""
    for line in lines:
        yield line
        if words in line:
            return
    pytest.fail(f"no line has {words!r}")


def test_crash_in_range(
    alvo_url: str, home: Path, project: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Databases that crash during a range lose none of its dates, and no turbine of a date."""
    farm = Settings(database_url=start(home, "Fonte"), days=len(SOME), turbines=3)
    monkeypatch.setenv("FONTE_API_URL", serve(farm))
    monkeypatch.setenv("ALVO_DATABASE_URL", alvo_url)
    command = [*ETL, "run", SOME[0], SOME[-1], "--columns=power"]
    pipes = {"stdout": subprocess.PIPE, "stderr": subprocess.PIPE, "text": True}
    with subprocess.Popen(command, **pipes) as running:
        wait_for_loads(alvo_url, 2)
        stop(home)
        before = list(until("  failed: ", running.stdout))
        start(home)
        after, trouble = running.communicate(timeout=120)
    said = "".join(before) + after
    assert "Traceback" not in said + trouble
    failed = re.findall(r"^  2024-05-\d\d  (.+)$", said, re.MULTILINE)
    for line in failed:
        assert re.search("(?i)connection|answer|terminat", line)
    assert set(rows_by_date(alvo_url).values()) == {3 * 720}
    assert_completed(alvo_url, project, SOME, turbines=3)
