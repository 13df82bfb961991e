"""Strangers at the API: without its key, all at once, too slow to read, or asking for too much."""

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

from etl_lib.services import embedded as local
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
    """A client of an API that wants `KEY`."""
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
def test_without_the_key_every_route_is_401(
    guarded: httpx2.Client, route: str, headers: dict[str, str]
) -> None:
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
def test_the_key_opens_every_route(
    guarded: httpx2.Client, route: str, headers: dict[str, str]
) -> None:
    assert guarded.get(route, headers=headers).status_code == 200


def test_health_wants_no_key(guarded: httpx2.Client) -> None:
    assert guarded.get("/health").json() == {"status": "ok"}


def test_who_watches_takes_nobody_s_place_and_is_bounded_too(
    seeded_fonte_url: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(limits, "WATCHERS", 2)
    entered, leave = Semaphore(0), Event()
    monkeypatch.setattr(database, "ping", lambda _: (entered.release(), leave.wait(30)))
    api = local.serve(lambda: create_app(Settings(database_url=seeded_fonte_url, concurrency=1)))
    with ThreadPoolExecutor(2) as pool:
        watching = [pool.submit(httpx2.get, f"{api}/health", timeout=60) for _ in range(2)]
        assert all(entered.acquire(timeout=30) for _ in watching)
        third = httpx2.get(f"{api}/health")
        assert (third.status_code, third.headers["retry-after"]) == (503, "1")
        assert httpx2.get(f"{api}/data/1").status_code == 200
        leave.set()
        assert [answer.result().status_code for answer in watching] == [200, 200]


def test_who_watches_hears_at_once_however_many_requests_wait(seeded_fonte_url: str) -> None:
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


def test_an_empty_key_in_the_environment_is_none(
    seeded_fonte_url: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("FONTE_API_KEY", "")
    assert Settings(database_url=seeded_fonte_url).api_key is None
    monkeypatch.setenv("FONTE_API_KEY", KEY)
    settings = Settings(database_url=seeded_fonte_url)
    assert settings.api_key == KEY
    assert KEY not in repr(settings)


@pytest.mark.parametrize("kind", [Settings, Library])
@pytest.mark.parametrize("key", [f"{KEY} ", f"{KEY}\n", "ключ", f"{KEY}\0"])
def test_a_key_that_no_header_can_carry_is_refused_and_not_repeated(
    kind: type[Settings] | type[Library], key: str
) -> None:
    given = {"api_key": key, "fonte_api_key": key, "database_url": "postgresql://fonte/Fonte"}
    with pytest.raises(ValidationError) as refused:
        kind(**given)  # type: ignore[arg-type]
    assert "api_key" in str(refused.value)
    assert KEY not in str(refused.value)


@pytest.mark.parametrize("route", [*ROUTES, "/health", "/nowhere"])
def test_answers_are_not_kept_nor_framed_nor_guessed_at(seeded: httpx2.Client, route: str) -> None:
    headers = seeded.get(route).headers
    assert {name: headers[name] for name in limits.HEADERS} == limits.HEADERS


def test_who_comes_when_enough_are_being_answered_is_asked_to_try_again(
    seeded_fonte_url: str,
) -> None:
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
    """A connection on which an answer has begun that fills every buffer on its way."""
    reader = socket.create_connection(("127.0.0.1", port_of(api)), timeout=30)
    query = "&".join(f"{name}={value}" for name, value in YEAR.items())
    reader.sendall(f"GET /data?{query} HTTP/1.1\r\nHost: fonte\r\nAccept: {CSV}\r\n\r\n".encode())
    assert reader.recv(100).startswith(b"HTTP/1.1 200")
    return reader


@pytest.fixture
def untidied() -> Iterator[None]:
    """Without Python's search for what nobody can reach any more, which would end sessions, too."""
    gc.collect()
    gc.disable()
    yield
    gc.enable()


def test_a_reader_that_does_not_read_is_cut_off_and_its_session_freed(
    year_url: str,
    untidied: None,
    monkeypatch: pytest.MonkeyPatch,
    caplog: pytest.LogCaptureFixture,
) -> None:
    monkeypatch.setattr(limits, "SEND_SECONDS", 1)
    api = serve(Settings(database_url=year_url, concurrency=1))
    logging.getLogger("uvicorn.error").addHandler(caplog.handler)
    with ask_for_a_year(api):
        wait_for(lambda: "cut off" in caplog.text, seconds=20)
        assert httpx2.get(f"{api}/days", timeout=30).status_code == 200  # its place is free
        assert execute(year_url, READING) == [(0,)]
    logging.getLogger("uvicorn.error").removeHandler(caplog.handler)
    assert "Traceback" not in caplog.text


def test_the_session_of_a_reader_that_leaves_is_freed(year_url: str, untidied: None) -> None:
    with ask_for_a_year(serve(Settings(database_url=year_url))):
        assert execute(year_url, READING) == [(1,)]
    wait_for(lambda: execute(year_url, READING) == [(0,)], seconds=20)


def test_the_connection_of_a_reader_that_does_not_read_is_ended(
    year_url: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(limits, "SEND_SECONDS", 1)
    api = serve(Settings(database_url=year_url))
    with ask_for_a_year(api):
        wait_for(lambda: open_connections(port_of(api)) == 1, seconds=30)
        wait_for(lambda: open_connections(port_of(api)) == 0, seconds=20)


@pytest.mark.parametrize(
    "sent", [b"", b"GET /health HT", b"GET /health HTTP/1.1\r\nHost: f\r\nX: "]
)
def test_a_request_that_does_not_come_to_its_end_is_not_waited_for(
    seeded_fonte_url: str, monkeypatch: pytest.MonkeyPatch, sent: bytes
) -> None:
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


def test_connections_are_bounded(seeded_fonte_url: str, monkeypatch: pytest.MonkeyPatch) -> None:
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
    """How many connections the server on that port of this process has open."""
    return sum(
        found.laddr.port == port and found.status == psutil.CONN_ESTABLISHED
        for found in psutil.Process().net_connections()
    )


def test_a_long_period_as_json_is_refused_with_a_word_on_what_takes_it(
    seeded: httpx2.Client,
) -> None:
    answer = seeded.get("/data", params=YEAR)
    assert answer.status_code == 422
    (problem,) = answer.json()["detail"]
    assert problem["loc"] == ["query", "end_timestamp"]
    assert problem["msg"] == (
        f"expected 31 days at most as JSON, got 365: ask for a longer period with"
        f" Accept: {CSV} or {ARROW}"
    )
    month = {"start_timestamp": "2024-05-01", "end_timestamp": "2024-06-01"}
    assert seeded.get("/data", params=month, headers={"accept": JSON}).status_code == 200
    for form in (CSV, ARROW):
        assert seeded.get("/data", params=YEAR, headers={"accept": form}).status_code == 200


@pytest.mark.parametrize("route", ROUTES[:3])
def test_a_lock_that_is_not_given_up_is_503_and_no_wait_for_ever(
    fonte_url: str, monkeypatch: pytest.MonkeyPatch, route: str
) -> None:
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


def test_strangers_do_not_hear_where_fonte_is() -> None:
    url = "postgresql://reader:s3cr3t@fonte.nowhere.example/Fonte"
    api = local.serve(lambda: create_app(Settings(database_url=url)))
    answer = httpx2.get(f"{api}/health", timeout=60)
    assert answer.status_code == 503
    assert answer.json()["detail"] == (
        "Fonte does not answer: no connection; the API's log has the reason"
    )


def test_a_password_with_an_at_that_is_not_escaped_is_refused() -> None:
    with pytest.raises(ValidationError, match="written as %40") as refused:
        Settings(database_url="postgresql://u:s3cr3t@t4il@fonte/Fonte")
    assert "t4il" not in str(refused.value)


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
