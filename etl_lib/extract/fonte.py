"""Fonte API to Arrow: the only module that speaks HTTP."""

import logging
import operator
from collections.abc import Collection, Iterable, Iterator, Sequence
from contextlib import suppress
from dataclasses import dataclass
from datetime import UTC, date, datetime, timedelta
from typing import Any

import httpx2
import pyarrow as pa
import pyarrow.compute as pc
import stamina
from stamina.instrumentation import RetryDetails, set_on_retry_hooks

from etl_lib.errors import EtlError, FonteError, ParameterError, SettingsError
from etl_lib.parameters import parse_date

STAMP = pa.timestamp("us", "UTC")
EPOCH, MICROSECOND = datetime(1970, 1, 1, tzinfo=UTC), timedelta(microseconds=1)
ARROW = "application/vnd.apache.arrow.stream"
END_OF_STREAM = b"\xff\xff\xff\xff\x00\x00\x00\x00"
"""The end mark of an Arrow IPC stream; a reader does not miss it, so we look for it."""
RETRIED = {429, 500, 502, 503, 504}
"""HTTP statuses that may be gone a moment later."""
LONGEST_WAIT = 20
"""Seconds that an API may ask us to wait (`Retry-After`); for longer ones we come another time."""
KEY = "X-API-Key"
LOOPBACK = {"127.0.0.1", "localhost", "::1"}
ATTEMPTS = 4
FIRST_WAIT = 0.5
"""Seconds, then twice as long each time: enough for an API that starts again."""
TIMEOUT = httpx2.Timeout(60, connect=5)  # seconds
logger = logging.getLogger(__name__)


@dataclass(frozen=True)
class Day:
    """What Fonte holds of one UTC day."""

    date: date
    readings: int
    fingerprint: str
    """Changes when any value of the day changes; of an empty day it is empty."""
    asked_at: datetime
    """When Fonte was asked, UTC."""
    last: datetime | None = None
    """The day's last reading, UTC; None of an empty day."""

    @property
    def start(self) -> datetime:
        """The day's first instant."""
        return datetime(self.date.year, self.date.month, self.date.day, tzinfo=UTC)

    @property
    def end(self) -> datetime:
        """The next day's first instant."""
        return self.start + timedelta(days=1)


def open_fonte(url: str, key: str | None = None) -> httpx2.Client:
    """A client of the Fonte API at `url`; close it, or use it as a context manager.

    Raises `SettingsError` for a proxy in the environment that it cannot go through.
    """
    is_https = url.startswith("https:")  # else no certificate need be read: 30 ms
    headers = {KEY: key} if key else {}  # Authorization is for a user in the address
    # The environment may name a proxy, which is nothing to this machine's own services
    is_own = httpx2.URL(url).host in LOOPBACK
    try:
        return httpx2.Client(
            base_url=url, timeout=TIMEOUT, verify=is_https, headers=headers, trust_env=not is_own
        )
    except (ImportError, ValueError) as error:
        got = str(error).partition(". ")[0]
        raise SettingsError(
            "expected an HTTP proxy in the environment (HTTP_PROXY, HTTPS_PROXY, ALL_PROXY), got:"
            f" {got}; NO_PROXY='*' goes without"
        ) from None


def find_day(fonte: httpx2.Client, value: object) -> Day:
    """The UTC day named by `value`, `YYYY-MM-DD`.

    A day without readings between days that have some is found, and empty. Raises
    `ParameterError`, with the period that Fonte has, for a day outside of it or no day at all.
    """
    try:
        wanted = parse_date(value)
    except ParameterError as error:
        raise ParameterError(f"{error}. {describe_period(fetch_days(fonte))}") from None
    day = Day(wanted, 0, "", asked_at=datetime.now(UTC))
    found = fetch_days(fonte, day.start, day.end)
    if wanted in found:
        return found[wanted]
    days = fetch_days(fonte)
    if not days or not min(days) <= wanted <= max(days):
        raise ParameterError(f"date: Fonte has no {wanted}. {describe_period(days)}")
    return day


def fetch_days(
    fonte: httpx2.Client, start: datetime | None = None, end: datetime | None = None
) -> dict[date, Day]:
    """The UTC days that have readings in `[start, end)`, in order; every day without bounds.

    Raises `FonteError` when the API does not answer, or not with days.
    """
    asked_at = datetime.now(UTC)
    response = _get(fonte, "/days", _period(start, end) if start and end else None)
    try:
        days = [
            Day(
                date.fromisoformat(day["date"]),
                operator.index(day["readings"]),
                day["fingerprint"],
                asked_at,
                datetime.fromisoformat(day["last_timestamp"]),
            )
            for day in response.json()
        ]
    except (ValueError, TypeError, KeyError, RecursionError):
        raise FonteError(
            f"expected a list of days from {_name(response.url)}, got {response.text[:80]!r}"
        ) from None
    return {day.date: day for day in days}


def describe_period(days: Collection[date]) -> str:
    """One sentence on which days Fonte has."""
    if not days:
        return "Fonte has no readings at all"
    return f"Fonte has {min(days)} to {max(days)}, {len(days)} days with readings"


def fetch_readings(
    fonte: httpx2.Client, start: datetime, end: datetime, columns: Sequence[str]
) -> pa.Table:
    """The readings in `[start, end)`, one row each, by timestamp, then in order of arrival.

    Columns: `timestamp` (UTC, microseconds), then `columns` (float64, nullable), each with its
    `unit` in the field's metadata. Raises `ParameterError` for a column that Fonte does not have,
    `FonteError` when the API does not answer, or not with whole readings of the period.
    """
    period = _period(start, end)
    response = _get(fonte, "/data", period | {"columns": list(columns)}, accept=ARROW)
    where = _name(response.url)
    kind = response.headers.get("content-type", "nothing")
    if kind != ARROW:
        raise FonteError(f"expected an Arrow stream from {where}, got {kind}")
    if not response.content.endswith(END_OF_STREAM):
        raise FonteError(f"the readings from {where} broke off before their end: run again")
    try:
        table = pa.ipc.open_stream(response.content).read_all()
    except pa.ArrowInvalid as error:
        raise FonteError(f"expected readable Arrow from {where}: {error}") from None
    expected = [("timestamp", STAMP), *((name, pa.float64()) for name in columns)]
    if (found := [(field.name, field.type) for field in table.schema]) != expected:
        raise FonteError(f"expected the columns {_spell(expected)}, got {_spell(found)}")
    # As numbers: Arrow's way to datetimes or to numpy imports pandas, a quarter of a second
    bounds = pc.min_max(table["timestamp"])
    first, last = ((stamp - EPOCH) // MICROSECOND for stamp in (start, end))
    if table["timestamp"].null_count or (
        table.num_rows and not first <= bounds["min"].value <= bounds["max"].value < last
    ):
        raise FonteError(
            f"expected readings from {start} up to {end} from {where}, got others among them"
        )
    return table


def _spell(columns: Iterable[tuple[str, pa.DataType]]) -> str:
    return ", ".join(f"{name} ({kind})" for name, kind in columns)


def _period(start: datetime, end: datetime) -> dict[str, Any]:
    return {"start_timestamp": start.isoformat(), "end_timestamp": end.isoformat()}


def _get(
    fonte: httpx2.Client, path: str, query: dict[str, Any] | None = None, accept: str = "*/*"
) -> httpx2.Response:
    """The answer, tried again a few times while the trouble may pass."""
    try:
        for attempt in stamina.retry_context(
            on=_is_transient, attempts=ATTEMPTS, wait_initial=FIRST_WAIT, timeout=60
        ):
            with attempt:
                response = fonte.get(path, params=query, headers={"accept": accept})
                response.raise_for_status()
    except httpx2.HTTPStatusError as error:
        raise _refusal(error.response) from None
    except httpx2.RequestError as error:
        raise FonteError(
            f"the Fonte API at {_name(fonte.base_url)} does not answer"
            f" ({type(error).__name__}: {error}): start it, or unset FONTE_API_URL"
            " to use the embedded one"
        ) from None
    return response


def _name(url: httpx2.URL) -> str:
    """An address as messages show it: without a password, and without the query."""
    return str(url.copy_with(userinfo=b"", query=None))


def _is_transient(error: Exception) -> bool | float:
    """Whether to try again; where the API says when, after how many seconds."""
    if not isinstance(error, httpx2.HTTPStatusError):
        return isinstance(error, httpx2.RequestError)
    seconds = error.response.headers.get("retry-after", "")
    if error.response.status_code not in RETRIED or not seconds.isdecimal():
        return error.response.status_code in RETRIED
    return int(seconds) <= LONGEST_WAIT and float(seconds)


def _tell_retry(details: RetryDetails) -> None:
    """What the log says of an attempt that failed; the error's own text may hold a password."""
    trouble = type(details.caused_by).__name__
    logger.warning("Fonte: %s, trying again in %.1f s", trouble, details.wait_for)


set_on_retry_hooks([_tell_retry])


def _refusal(response: httpx2.Response) -> EtlError:
    where = _name(response.url)
    if response.headers.get("www-authenticate") == "Bearer":
        given = "another one" if KEY in response.request.headers else "none"
        return SettingsError(f"FONTE_API_KEY: expected the key of {where}, got {given}")
    if response.status_code == httpx2.codes.UNPROCESSABLE_CONTENT:
        with suppress(ValueError, TypeError, LookupError):  # as FastAPI words it, or not
            return ParameterError("; ".join(_complaints(response)))
    detail = response.text.strip()
    with suppress(ValueError, TypeError, LookupError):
        detail = str(response.json()["detail"])
    return FonteError(f"{where} answered {response.status_code}: {' '.join(detail.split())[:200]}")


def _complaints(response: httpx2.Response) -> Iterator[str]:
    """What a 422 says, one line for each value that the API refused."""
    for problem in response.json()["detail"]:
        where = problem["loc"][1]
        message = (
            problem["msg"].replace("Input should be", "expected").removeprefix("Value error, ")
        )
        yield f"{where}: {message}, got {problem['input']!r}"
