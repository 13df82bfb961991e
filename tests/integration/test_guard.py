"""The API's protection: its key, limits and deadlines, against real clients that break them."""

import gc
import logging
import os
import socket
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack, suppress
from threading import Event, Semaphore

import httpx2
import psutil
import pytest
from helpers import KEY, SESSIONS, execute, serve, wait_for
from pydantic import ValidationError
from sqlalchemy import text

from etl_lib.services import embedded
from etl_lib.settings import Settings as Library
from fonteapi import database
from fonteapi.formats import ARROW, CSV, JSON
from fonteapi.main import create_app
from fonteapi.protection import deadlines, limits
from fonteapi.settings import Settings
from pgarrow import sessions
from pgarrow.sessions import open_engine

ROUTES = ("/days", "/data/1", "/data?start_timestamp=2024-05-20&end_timestamp=2024-05-21", "/docs")
LOCKED = f"{SESSIONS} AND wait_event_type = 'Lock'"
READING = f"{SESSIONS} AND state = 'active'"
YEAR = {"start_timestamp": "2023-01-01", "end_timestamp": "2024-01-01"}


@pytest.fixture(scope="module")
def guarded(seeded_fonte_url: str) -> Iterator[httpx2.Client]:
    """A client of an API whose key is `KEY`."""
    api = serve(Settings(database_url=seeded_fonte_url, api_key=KEY))
    with httpx2.Client(base_url=api, timeout=30) as client:
        yield client


@pytest.mark.parametrize("route", [*ROUTES, "/openapi.json", "/nowhere"])
@pytest.mark.parametrize(
    "headers",
    [
        {},
        {"X-API-Key": ""},
        {"X-API-Key": KEY[:-1]},
        {"X-API-Key": KEY.upper()},
        {"Authorization": f"Bearer {KEY}x"},
        {"Authorization": f"Basic {KEY}"},
        {"Authorization": KEY},
        {"X-API-Key": "ключ".encode()},
    ],
    ids=str,
)
def test_no_key(guarded: httpx2.Client, route: str, headers: dict[str, str]) -> None:
    """Without the key every route but /health answers 401."""
    answer = guarded.get(route, headers=headers)
    assert (answer.status_code, answer.headers["www-authenticate"]) == (401, "Bearer")
    assert KEY not in answer.text
    assert "X-API-Key" in answer.json()["detail"]


@pytest.mark.parametrize("route", ROUTES)
@pytest.mark.parametrize(
    "headers",
    [
        {"X-API-Key": KEY},
        {"Authorization": f"Bearer {KEY}"},
        {"Authorization": f"bearer {KEY}"},
        {"Authorization": "Basic dXNlcjpwYXNz", "X-API-Key": KEY},
    ],
    ids=str,
)
def test_key(guarded: httpx2.Client, route: str, headers: dict[str, str]) -> None:
    assert guarded.get(route, headers=headers).status_code == 200


def test_health_needs_no_key(guarded: httpx2.Client) -> None:
    answer = guarded.get("/health")
    assert (answer.status_code, answer.json()) == (200, {"status": "ok"})


def test_limit_on_health(seeded_fonte_url: str, monkeypatch: pytest.MonkeyPatch) -> None:
    """Health checks have a limit apart from that of the other requests."""
    monkeypatch.setattr(limits, "WATCHERS", 2)
    entered, leave = Semaphore(0), Event()
    monkeypatch.setattr(database, "ping", lambda _: (entered.release(), leave.wait(30)))
    api = embedded.serve(lambda: create_app(Settings(database_url=seeded_fonte_url, concurrency=1)))
    with ThreadPoolExecutor(2) as pool:
        watching = [pool.submit(httpx2.get, f"{api}/health", timeout=60) for _ in range(2)]
        assert all(entered.acquire(timeout=30) for _ in watching)
        third = httpx2.get(f"{api}/health")
        assert (third.status_code, third.headers["retry-after"]) == (503, "1")
        assert httpx2.get(f"{api}/data/1").status_code == 200
        leave.set()
        assert [answer.result().status_code for answer in watching] == [200, 200]


def test_health_under_load(seeded_fonte_url: str) -> None:
    """/health answers at once while many requests wait."""
    api = serve(Settings(database_url=seeded_fonte_url))
    engine = open_engine(seeded_fonte_url)
    with ThreadPoolExecutor(60) as pool, engine.connect() as connection:
        connection.execute(text("LOCK TABLE data"))
        waiting = [pool.submit(httpx2.get, f"{api}/data/1", timeout=60) for _ in range(60)]
        wait_for(lambda: execute(seeded_fonte_url, LOCKED) == [(15,)], seconds=30)
        assert httpx2.get(f"{api}/health", timeout=10).json() == {"status": "ok"}
        assert not any(answer.done() for answer in waiting)
        connection.rollback()
        assert {answer.result().status_code for answer in waiting} == {200}
    engine.dispose()


def test_empty_key(seeded_fonte_url: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("FONTE_API_KEY", "")
    assert Settings(database_url=seeded_fonte_url).api_key is None
    monkeypatch.setenv("FONTE_API_KEY", KEY)
    settings = Settings(database_url=seeded_fonte_url)
    assert settings.api_key == KEY
    assert KEY not in repr(settings)


@pytest.mark.parametrize("kind", [Settings, Library])
@pytest.mark.parametrize("key", [f"{KEY} ", f"{KEY}\n", "ключ", f"{KEY}\0"])
def test_wrong_key_setting(kind: type[Settings] | type[Library], key: str) -> None:
    """A key that no header can carry is refused, and not repeated."""
    given = {"api_key": key, "fonte_api_key": key, "database_url": "postgresql://fonte/Fonte"}
    with pytest.raises(ValidationError) as refused:
        kind(**given)  # type: ignore[arg-type]
    assert "api_key" in str(refused.value)
    assert KEY not in str(refused.value)


@pytest.mark.parametrize("route", [*ROUTES, "/health", "/nowhere"])
def test_headers(seeded: httpx2.Client, route: str) -> None:
    """Answers are not cached, framed or sniffed."""
    headers = seeded.get(route).headers
    assert {name: headers[name] for name in limits.HEADERS} == limits.HEADERS


def test_limit_on_requests(seeded_fonte_url: str) -> None:
    """Requests beyond the concurrency limit get 503."""
    api = serve(Settings(database_url=seeded_fonte_url, concurrency=2))
    engine = open_engine(seeded_fonte_url)
    with ThreadPoolExecutor(2) as pool, engine.connect() as connection:
        connection.execute(text("LOCK TABLE data"))
        waiting = [pool.submit(httpx2.get, f"{api}/days", timeout=60) for _ in range(2)]
        wait_for(lambda: execute(seeded_fonte_url, LOCKED) == [(2,)], seconds=30)
        refused = httpx2.get(f"{api}/data/1")
        assert refused.status_code == 503
        assert refused.headers["retry-after"] == "1"
        assert "try again" in refused.json()["detail"]
        assert httpx2.get(f"{api}/openapi.json").status_code == 503
        connection.rollback()
        assert [answer.result().status_code for answer in waiting] == [200, 200]
    engine.dispose()
    assert httpx2.get(f"{api}/data/1").status_code == 200


def ask_for_a_year(api: str) -> socket.socket:
    """A connection with the start of an answer that fills every buffer on its way."""
    reader = socket.create_connection(("127.0.0.1", port_of(api)), timeout=30)
    query = "&".join(f"{name}={value}" for name, value in YEAR.items())
    reader.sendall(f"GET /data?{query} HTTP/1.1\r\nHost: fonte\r\nAccept: {CSV}\r\n\r\n".encode())
    assert reader.recv(100).startswith(b"HTTP/1.1 200")
    return reader


@pytest.fixture
def untidied() -> Iterator[None]:
    """Stop Python's garbage collection, which would end sessions, too."""
    gc.collect()
    gc.disable()
    yield
    gc.enable()


def test_slow_reader(
    year_url: str, untidied: None, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    """A client that does not read is cut off, and its session is free."""
    monkeypatch.setattr(limits, "SEND_SECONDS", 1)
    api = serve(Settings(database_url=year_url, concurrency=1))
    logging.getLogger("uvicorn.error").addHandler(caplog.handler)
    with ask_for_a_year(api):
        wait_for(lambda: "cut off" in caplog.text, seconds=20)
        assert httpx2.get(f"{api}/days", timeout=30).status_code == 200  # its place is free
        assert execute(year_url, READING) == [(0,)]
    logging.getLogger("uvicorn.error").removeHandler(caplog.handler)
    assert "Traceback" not in caplog.text


def test_reader_leaves(year_url: str, untidied: None) -> None:
    """The session of a client that leaves is free."""
    with ask_for_a_year(serve(Settings(database_url=year_url))):
        assert execute(year_url, READING) == [(1,)]
    wait_for(lambda: execute(year_url, READING) == [(0,)], seconds=20)


def test_connection_of_a_slow_reader(year_url: str, monkeypatch: pytest.MonkeyPatch) -> None:
    """Linux ends the connection of a client that does not read."""
    monkeypatch.setattr(limits, "SEND_SECONDS", 1)
    api = serve(Settings(database_url=year_url))
    with ask_for_a_year(api):
        wait_for(lambda: open_connections(port_of(api)) == 1, seconds=30)
        wait_for(lambda: open_connections(port_of(api)) == 0, seconds=20)


@pytest.mark.parametrize(
    "sent", [b"", b"GET /health HT", b"GET /health HTTP/1.1\r\nHost: f\r\nX: "]
)
def test_unfinished_request(
    seeded_fonte_url: str, monkeypatch: pytest.MonkeyPatch, sent: bytes
) -> None:
    """A request that does not come to its end is closed."""
    monkeypatch.setattr(deadlines, "REQUEST_SECONDS", 0.3)
    port = port_of(serve(Settings(database_url=seeded_fonte_url)))
    with socket.create_connection(("127.0.0.1", port), timeout=30) as stranger:
        stranger.sendall(sent)
        with suppress(ConnectionResetError):
            assert stranger.recv(100) == b""
    whole = b"GET /health HTTP/1.1\r\nHost: f\r\n\r\n"
    with socket.create_connection(("127.0.0.1", port), timeout=30) as stranger:
        stranger.sendall(whole)
        answer = b""
        while not answer.endswith(b"}"):
            piece = stranger.recv(10_000)
            assert piece
            answer += piece
        assert answer.startswith(b"HTTP/1.1 200")
        if sent:  # the second one of a connection, too
            stranger.sendall(sent)
            with suppress(ConnectionResetError):
                assert stranger.recv(100) == b""


def test_limit_on_connections(seeded_fonte_url: str, monkeypatch: pytest.MonkeyPatch) -> None:
    api = serve(Settings(database_url=seeded_fonte_url))
    port = port_of(api)
    wait_for(lambda: open_connections(port) == 0, seconds=30)
    monkeypatch.setattr(deadlines, "MOST", 3)
    with ExitStack() as stack:
        for _ in range(3):
            stack.enter_context(socket.create_connection(("127.0.0.1", port), timeout=30))
        wait_for(lambda: open_connections(port) == 3, seconds=30)
        with pytest.raises(httpx2.TransportError):
            httpx2.get(f"{api}/health", timeout=30)
    wait_for(lambda: open_connections(port) == 0, seconds=30)
    assert httpx2.get(f"{api}/health", timeout=30).status_code == 200


def port_of(api: str) -> int:
    return int(api.rsplit(":", 1)[1])


def open_connections(port: int) -> int:
    """The number of open connections to the server on this port of this process."""
    return sum(
        found.laddr.port == port and found.status == psutil.CONN_ESTABLISHED
        for found in psutil.Process().net_connections()
    )


def test_long_period_as_json(seeded: httpx2.Client) -> None:
    """A long period as JSON is a 422 that names the forms that take it."""
    answer = seeded.get("/data", params=YEAR)
    assert answer.status_code == 422
    (problem,) = answer.json()["detail"]
    assert problem["loc"] == ["query", "end_timestamp"]
    assert problem["msg"] == (
        f"expected 31 days at most as JSON, got 365: ask for a longer period with"
        f" Accept: {CSV} or {ARROW}"
    )
    month = {"start_timestamp": "2024-05-01", "end_timestamp": "2024-06-01"}
    for form, period in ((JSON, month), (CSV, YEAR), (ARROW, YEAR)):
        assert seeded.get("/data", params=period, headers={"accept": form}).status_code == 200


@pytest.mark.parametrize("route", ROUTES[:3])
def test_lock(fonte_url: str, monkeypatch: pytest.MonkeyPatch, route: str) -> None:
    """A lock that is not released is a 503 after the lock timeout."""
    monkeypatch.setitem(sessions.LIMITS, "lock_timeout", "300ms")
    api = serve(Settings(database_url=fonte_url, days=1))
    monkeypatch.undo()
    engine = open_engine(fonte_url)
    with engine.connect() as connection:
        connection.execute(text("LOCK TABLE data"))
        answer = httpx2.get(f"{api}{route}", timeout=30)
    engine.dispose()
    assert answer.status_code == 503
    assert "lock timeout" in answer.json()["detail"]
    assert httpx2.get(f"{api}{route}", timeout=30).status_code == 200


def test_address_stays_secret() -> None:
    """Clients do not learn the address of Fonte."""
    url = "postgresql://reader:s3cr3t@fonte.nowhere.example/Fonte"
    api = embedded.serve(lambda: create_app(Settings(database_url=url)))
    answer = httpx2.get(f"{api}/health", timeout=60)
    assert answer.status_code == 503
    assert answer.json()["detail"] == (
        "Fonte does not answer: no connection; the API's log has the reason"
    )


def test_session_limits(fonte_url: str, monkeypatch: pytest.MonkeyPatch) -> None:
    """Sessions of both drivers have their limits; an answer has none on its statement."""
    monkeypatch.setenv("PGTZ", "America/New_York")
    engine = open_engine(f"{fonte_url}&options=-csearch_path%3Dpublic")
    names = ("TimeZone", "search_path", "lock_timeout", "statement_timeout")
    asked = "SELECT " + ", ".join(f"current_setting('{name}')" for name in names)
    with engine.connect() as connection, database.bulk_cursor(engine) as cursor:
        connection.rollback()  # the time zone stays
        cursor.execute(asked)
        assert cursor.fetchall() == [("UTC", "public", "1min", "0")]
        assert connection.execute(text(asked)).all() == [("UTC", "public", "1min", "10min")]
    engine.dispose()
    assert os.environ["PGTZ"] == "America/New_York"
