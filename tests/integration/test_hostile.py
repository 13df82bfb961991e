"""Hostile requests are refused or answered, and the API keeps serving."""

import socket
from collections.abc import Iterator
from itertools import product
from urllib.parse import quote

import httpx2
import pytest
from helpers import serve

from fonteapi.settings import Settings

DAY = "start_timestamp=2024-05-20&end_timestamp=2024-05-21"
NAMES = ["power; DROP TABLE data", "power'--", '"power"', "\0", "ｐｏｗｅｒ", "p" * 10_000, "../x"]
MOMENTS = [
    *("0001-01-01", "0001-01-01T00:00:00+14:00", "9999-12-31T23:59:59.999999-14:00", "infinity"),
    *("-infinity", "2024-05-20 BC", "2024-13-01", "2024-05-20T25:00", "1e9", "NaN", "", "\0"),
    *("2024-05-20T00:00:00.0000000001Z", "2024-02-30", "99999-01-01", "now()", "' OR 1=1 --"),
    "２０２４",
]
RAW_PATHS = [
    *("/data/%00", "/data/%ff%fe", "/data/%c0%ae%c0%ae", "/..%2f..%2fetc", "//data"),
    "/data/1%0d%0aX: y",
]


@pytest.fixture(scope="module")
def hostile(seeded_fonte_url: str) -> Iterator[httpx2.Client]:
    """A client of an API that still answers after the tests."""
    api = serve(Settings(database_url=seeded_fonte_url))
    with httpx2.Client(base_url=api, timeout=30) as client:
        yield client
        assert client.get("/data/1").status_code == 200


def send(client: httpx2.Client, request: bytes) -> bytes:
    """The first bytes of the answer to a raw request."""
    with socket.create_connection((client.base_url.host, client.base_url.port or 80), 10) as raw:
        raw.sendall(request)
        return raw.recv(4096)


def assert_refused(answer: httpx2.Response) -> None:
    assert 400 <= answer.status_code < 500, answer.text[:200]
    assert "Traceback" not in answer.text
    assert 'File "' not in answer.text


@pytest.mark.parametrize("name", NAMES)
def test_columns(hostile: httpx2.Client, name: str) -> None:
    assert_refused(hostile.get(f"/data?{DAY}&columns={quote(name)}"))


@pytest.mark.parametrize("route", ["/data", "/days"])
def test_timestamps(hostile: httpx2.Client, route: str) -> None:
    """Far and wrong timestamps are answered or refused."""
    for start, end in [*product(MOMENTS, ["2024-05-21"]), *product(["2024-05-20"], MOMENTS)]:
        query = {"start_timestamp": start, "end_timestamp": end}
        answer = hostile.get(route, params=query, headers={"accept": "text/csv, */*"})
        assert answer.status_code in (200, 422), (start, end, answer.text[:200])
        assert "Traceback" not in answer.text


def test_all_of_time(hostile: httpx2.Client) -> None:
    query = {"start_timestamp": "0001-01-01", "end_timestamp": "9999-12-31T23:59:59.999999Z"}
    answer = hostile.get("/data", params=query, headers={"accept": "text/csv"})
    assert answer.text.count("\n") == 14_401
    assert len(hostile.get("/days", params=query).json()) == 10


def test_repeated_parameters(hostile: httpx2.Client) -> None:
    many = "&".join([DAY, *["columns=power"] * 1000])
    assert list(hostile.get(f"/data?{many}").json()[0]) == ["timestamp", "power"]
    assert_refused(hostile.get(f"/data?{DAY}&" + "&".join(["columns=x"] * 1000)))
    assert hostile.get(f"/data?{DAY}&" + "&".join(["x=1"] * 1000)).status_code == 200
    assert_refused(hostile.get("/data?" + "&".join([DAY, *["start_timestamp=x"] * 1000])))


@pytest.mark.parametrize("path", RAW_PATHS)
def test_encoded_paths(hostile: httpx2.Client, path: str) -> None:
    answer = send(hostile, f"GET {path} HTTP/1.1\r\nHost: x\r\n\r\n".encode())
    assert answer.startswith(b"HTTP/1.1 4")
    assert b"Traceback" not in answer


@pytest.mark.parametrize(
    "request_",
    [
        b"nonsense\r\n\r\n",
        b"GET /data/1 HTTP/9.9\r\nHost: x\r\n\r\n",
        b"GET /data/1 HTTP/1.1\r\nHost: x\r\nContent-Length: -1\r\n\r\n",
        b"GET /data/1 HTTP/1.1\r\nHost: x\r\n: nameless\r\n\r\n",
        b"GET /data/1 HTTP/1.1\r\nHost: x\r\nTransfer-Encoding: chunked\r\n\r\nzz\r\n",
        b"GET /data/1 HTTP/1.1\r\nHost: x\r\nX-Long: " + b"x" * 200_000 + b"\r\n\r\n",
        b"GET /data/1 HTTP/1.1\r\n" + b"X-Many: 1\r\n" * 5000 + b"Host: x\r\n\r\n",
        b"\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03",  # TLS
        b"GET /data?start_timestamp=\xff\xfe&end_timestamp=\x80 HTTP/1.1\r\nHost: x\r\n\r\n",
        b"GET /data/1 HTTP/1.1\r\nHost: x\r\nAuthorization: Bearer \xff\r\nX-API-Key: \xfe\r\n\r\n",
    ],
    ids=range(10),
)
def test_broken_http(hostile: httpx2.Client, request_: bytes) -> None:
    try:
        answer = send(hostile, request_)
    except ConnectionError:
        answer = b""
    assert not answer.startswith(b"HTTP/1.1 5")
    assert b"Traceback" not in answer


@pytest.mark.parametrize("method", ["POST", "PUT", "PATCH", "DELETE", "HEAD", "TRACE", "BREW"])
@pytest.mark.parametrize("route", ["/data", "/data/1", "/days", "/health"])
def test_other_methods(hostile: httpx2.Client, method: str, route: str) -> None:
    """HTTP can change nothing."""
    answer = hostile.request(method, route, content=b"x" * 1000)
    assert answer.status_code == (400 if method == "BREW" else 405)
