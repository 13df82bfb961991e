"""What the tests stand on: a real PostgreSQL, the real API over HTTP, a project of their own."""

import os
import shutil
import signal
import tempfile
from collections.abc import Callable, Iterator
from itertools import count
from pathlib import Path

import httpx2
import hypothesis
import pyarrow as pa
import pytest
from browsing import browser, visit  # noqa: F401  # fixtures
from helpers import CATALOGUE, ROOT, SEED, SIGNALS, drop_database, serve
from hypothesis import HealthCheck
from sqlalchemy import Engine

from etl_lib.extract import client
from etl_lib.load import alvo as alvo_database
from etl_lib.services import postgresql
from etl_lib.settings import Settings as Library
from fonteapi import database, table
from fonteapi.__main__ import main as fonteapi
from fonteapi.settings import Settings
from pgarrow.sessions import open_engine

MEMORY = Path("/dev/shm")
"""Linux's files in memory: to make a database there takes a third of the time."""


def pytest_addoption(parser: pytest.Parser) -> None:
    parser.addoption("--soak", action="store_true", help="the counts of `make soak`")


def pytest_configure(config: pytest.Config) -> None:
    """Some cases of each property, and many under --soak; each time other ones."""
    # A shell starts what goes on in the background deaf to Ctrl-C, and so would be what we start
    signal.signal(signal.SIGINT, signal.default_int_handler)
    hypothesis.settings.register_profile(
        "ours",
        max_examples=1000 if config.getoption("--soak") else 25,
        deadline=None,
        database=None,
        print_blob=True,
        suppress_health_check=[HealthCheck.function_scoped_fixture, HealthCheck.too_slow],
    )
    hypothesis.settings.load_profile("ours")


@pytest.fixture
def print_later(request: pytest.FixtureRequest) -> Callable[[str], None]:
    """Keeps a line about what was counted; the lines are printed when the tests have ended."""
    return lambda line: request.node.user_properties.append(("line", line))


def pytest_terminal_summary(terminalreporter: pytest.TerminalReporter) -> None:
    """Print these lines; reports bring them from the processes that pytest-xdist starts."""
    for outcome in ("passed", "failed"):
        for report in terminalreporter.getreports(outcome):
            for name, line in report.user_properties:
                if name == "line" and report.when == "call":
                    terminalreporter.write_line(line)


@pytest.fixture
def soak(request: pytest.FixtureRequest) -> bool:
    """Whether the counts are those of `make soak`: each of its tests is one of `make test` too."""
    return bool(request.config.getoption("--soak"))


@pytest.fixture(autouse=True)
def clean_environment(monkeypatch: pytest.MonkeyPatch) -> None:
    """No setting of the caller's reaches a test, and a retry does not wait."""
    for name in os.environ:
        if name.startswith(("FONTE_", "ALVO_", "ETL_", "DAGSTER_")):
            monkeypatch.delenv(name)
    monkeypatch.setattr(client, "FIRST_WAIT", 0)


@pytest.fixture(scope="session")
def new_database(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Callable[[], str]]:
    """Makes an empty database on one embedded server; returns its address."""
    is_roomy = MEMORY.is_dir() and shutil.disk_usage(MEMORY).free > 2e9  # a container's is small
    place = MEMORY if is_roomy else tmp_path_factory.mktemp("postgresql")
    home = Path(tempfile.mkdtemp(dir=place))
    postgresql.start_database(home, "settings")
    postgresql.stop_database(home)
    # Each API that a test serves keeps its connections to the end of the session; and nothing
    # here has to outlive the machine
    with (home / ".local" / "postgresql" / "postgresql.conf").open("a") as settings:
        settings.write("max_connections = 1000\nfsync = off\nmax_wal_size = 80MB\n")
    numbers = count(1)
    yield lambda: postgresql.start_database(home, f"test_{next(numbers)}")
    postgresql.stop_database(home)
    shutil.rmtree(home)


@pytest.fixture
def fonte_url(new_database: Callable[[], str]) -> Iterator[str]:
    """A Fonte of the test's own, with an empty table."""
    url = new_database()
    engine = open_engine(url)
    table.create_table(database.Fonte(engine, CATALOGUE), SIGNALS)
    engine.dispose()
    yield url
    drop_database(url)


@pytest.fixture
def put_readings(fonte_url: str) -> Callable[[pa.Table], None]:
    """Adds rows (`timestamp` and any of the signals) to `fonte_url`."""

    def put(readings: pa.Table) -> None:
        engine = open_engine(fonte_url)
        with database.bulk_cursor(engine) as cursor:
            table.append(cursor, readings)
        engine.dispose()

    return put


@pytest.fixture
def fonte_api(fonte_url: str) -> str:
    """The address of an API over `fonte_url`, which holds nothing but what the test puts there."""
    return serve(Settings(database_url=fonte_url))


@pytest.fixture
def fonte(fonte_api: str) -> Iterator[httpx2.Client]:
    """A client of `fonte_api`."""
    with httpx2.Client(base_url=fonte_api, timeout=30) as client:
        yield client


@pytest.fixture
def load_file(
    fonte_url: str, fonte_api: str, monkeypatch: pytest.MonkeyPatch
) -> Callable[..., None]:
    """Loads a file into the test's Fonte with `python -m fonteapi load`."""
    monkeypatch.setenv("FONTE_DATABASE_URL", fonte_url)

    def load(path: Path, *options: str) -> None:
        assert fonteapi(["load", str(path), *options]) == 0

    return load


@pytest.fixture(scope="session")
def seeded_fonte_url(new_database: Callable[[], str]) -> str:
    """The address of a database that the API filled by itself, from `SEED`. Leave it as it is."""
    url = new_database()
    serve(Settings(database_url=url, days=10, seed=SEED))
    return url


@pytest.fixture(scope="session")
def farm_api(new_database: Callable[[], str]) -> str:
    """The API over ten days of a farm of three, T1 to T3. Leave it as it is."""
    return serve(Settings(database_url=new_database(), days=10, turbines=3, seed=SEED))


@pytest.fixture(scope="session")
def seeded_api(seeded_fonte_url: str) -> str:
    """The API over the simulated readings."""
    return serve(Settings(database_url=seeded_fonte_url))


@pytest.fixture
def seeded(seeded_api: str) -> Iterator[httpx2.Client]:
    """A client of `seeded_api`."""
    with httpx2.Client(base_url=seeded_api, timeout=30) as client:
        yield client


@pytest.fixture(scope="session")
def year_url(new_database: Callable[[], str]) -> str:
    """A Fonte that holds a year of one turbine."""
    url = new_database()
    engine = open_engine(url)
    settings = Settings(database_url=url, days=365, start_date="2023-01-01")
    table.fill_if_empty(database.Fonte(engine, settings.catalogue), settings)
    engine.dispose()
    return url


@pytest.fixture
def alvo_url(new_database: Callable[[], str]) -> Iterator[str]:
    """An Alvo of the test's own, still empty."""
    yield (url := new_database())
    drop_database(url)


@pytest.fixture
def alvo(alvo_url: str) -> Iterator[Engine]:
    """An engine for `alvo_url`."""
    engine = alvo_database.open_alvo(alvo_url)
    yield engine
    engine.dispose()


@pytest.fixture
def settings(seeded_api: str, alvo_url: str) -> Library:
    """The library's settings: an empty Alvo, and the seeded Fonte."""
    return Library(fonte_api_url=seeded_api, alvo_database_url=alvo_url)


@pytest.fixture
def services(seeded_api: str, alvo_url: str, monkeypatch: pytest.MonkeyPatch) -> str:
    """The address of an empty Alvo; the environment points at it and at the seeded Fonte."""
    monkeypatch.setenv("FONTE_API_URL", seeded_api)
    monkeypatch.setenv("ALVO_DATABASE_URL", alvo_url)
    return alvo_url


@pytest.fixture
def project(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A project's folder of the test's own: its notebooks, an empty archive; we stand in it."""
    home = tmp_path / "project"
    shutil.copytree(ROOT / "notebooks", home / "notebooks", ignore=shutil.ignore_patterns(".*"))
    (home / "runs").mkdir()
    monkeypatch.setenv("ETL_HOME", str(home))
    monkeypatch.chdir(home)
    return home
