"""The Fonte API over HTTP: one client, one way to ask, refusals as our errors."""

import logging
from collections.abc import Iterator
from contextlib import suppress
from datetime import datetime
from time import monotonic
from typing import Any

import httpx2
import tenacity

from etl_lib.errors import EtlError, FonteError, ParameterError, SettingsError

RETRIED = {429, 500, 502, 503, 504}
"""HTTP statuses that may be gone a moment later."""
LONGEST_WAIT = 20
"""Seconds: an API that asks for a longer wait (`Retry-After`) is not asked again."""
KEY = "X-API-Key"
LOOPBACK = {"127.0.0.1", "localhost", "::1"}
ATTEMPTS = 4
FIRST_WAIT = 0.5
"""Seconds before the second attempt, doubled each time: enough for an API that restarts."""
LONGEST_TRY = 60
"""Seconds after which a failure is final."""
TIMEOUT = httpx2.Timeout(60, connect=5)  # seconds
logger = logging.getLogger(__name__)


def open_fonte(url: str, key: str | None = None) -> httpx2.Client:
    """A client of the Fonte API at `url`; close it, or use it as a context manager.

    Raises `SettingsError` for a proxy in the environment that it cannot use.
    """
    is_https = url.startswith("https:")  # reading the certificates takes 30 ms
    headers = {KEY: key} if key else {}  # Authorization is for a user in the address
    # A proxy of the environment does not lead to services of this machine
    is_local = httpx2.URL(url).host in LOOPBACK
    try:
        return httpx2.Client(
            base_url=url, timeout=TIMEOUT, verify=is_https, headers=headers, trust_env=not is_local
        )
    except (ImportError, ValueError) as error:
        got = str(error).partition(". ")[0]
        raise SettingsError(
            "expected an HTTP proxy in the environment (HTTP_PROXY, HTTPS_PROXY, ALL_PROXY), got:"
            f" {got}; NO_PROXY='*' goes without"
        ) from None


def get(
    fonte: httpx2.Client, path: str, query: dict[str, Any], accept: str = "*/*"
) -> httpx2.Response:
    """The API's answer; failures that may pass are tried again a few times.

    Raises `FonteError` when the API stays unreachable or fails, `ParameterError` when it refuses
    a value, `SettingsError` when it refuses the key.
    """
    request = fonte.build_request("GET", path, params=query, headers={"accept": accept})
    attempts = tenacity.Retrying(
        retry=tenacity.retry_if_exception(_may_pass),
        wait=_wait,
        stop=tenacity.stop_after_attempt(ATTEMPTS) | tenacity.stop_after_delay(LONGEST_TRY),
        before_sleep=_log_retry,
        reraise=True,
    )
    try:
        return attempts(_send, fonte, request)
    except httpx2.HTTPStatusError as error:
        raise _refusal(error.response) from None
    except httpx2.RequestError as error:
        raise FonteError(
            f"the Fonte API at {shown_url(fonte.base_url)} does not answer"
            f" ({type(error).__name__}: {error}): start it, or unset FONTE_API_URL"
            " to use the embedded one"
        ) from None


def shown_url(url: httpx2.URL) -> str:
    """An address as messages show it: without a password, and without the query."""
    return str(url.copy_with(userinfo=b"", query=None))


def to_query(start: datetime | None, end: datetime | None) -> dict[str, Any]:
    """The bounds of a period as the API's parameters; a bound that is None is left out."""
    bounds = {"start_timestamp": start, "end_timestamp": end}
    return {name: bound.isoformat() for name, bound in bounds.items() if bound}


def _send(fonte: httpx2.Client, request: httpx2.Request) -> httpx2.Response:
    return fonte.send(request).raise_for_status()


def _may_pass(error: BaseException) -> bool:
    if not isinstance(error, httpx2.HTTPStatusError):
        return isinstance(error, httpx2.RequestError)
    return error.response.status_code in RETRIED and (_retry_after(error) or 0) <= LONGEST_WAIT


def _wait(state: tenacity.RetryCallState) -> float:
    """Seconds before the next attempt: what the API asks for, else twice the last wait."""
    asked = _retry_after(_error(state))
    return FIRST_WAIT * 2 ** (state.attempt_number - 1) if asked is None else asked


def _retry_after(error: BaseException | None) -> float | None:
    if not isinstance(error, httpx2.HTTPStatusError):
        return None
    seconds = error.response.headers.get("retry-after", "")
    return float(seconds) if seconds.isdecimal() else None


def _error(state: tenacity.RetryCallState) -> BaseException | None:
    return state.outcome.exception() if state.outcome else None


def _log_retry(state: tenacity.RetryCallState) -> None:
    """Log a failed attempt by its type alone: the error's own text may hold a password.

    Of many in a minute, as of dates that run at once, the first is enough.
    """
    error = _error(state)
    wait = state.next_action.sleep if state.next_action else 0
    is_new = monotonic() - _logged.get(type(error), -LONGEST_TRY) >= LONGEST_TRY
    level = logging.WARNING if is_new else logging.DEBUG
    if is_new:
        _logged[type(error)] = monotonic()
    logger.log(level, "Fonte: %s, trying again in %.1f s", type(error).__name__, wait)


_logged: dict[type, float] = {}
"""When a failure was last logged, by its type."""


def _refusal(response: httpx2.Response) -> EtlError:
    where = shown_url(response.url)
    if response.headers.get("www-authenticate") == "Bearer":
        given = "another one" if KEY in response.request.headers else "none"
        return SettingsError(f"FONTE_API_KEY: expected the key of {where}, got {given}")
    if response.status_code == httpx2.codes.UNPROCESSABLE_CONTENT:
        with suppress(ValueError, TypeError, LookupError):  # another service words it otherwise
            return ParameterError("; ".join(_problems(response)))
    detail = response.text.strip()
    with suppress(ValueError, TypeError, LookupError):
        detail = str(response.json()["detail"])
    return FonteError(f"{where} answered {response.status_code}: {' '.join(detail.split())[:200]}")


def _problems(response: httpx2.Response) -> Iterator[str]:
    """The problems that a 422 of FastAPI lists, one line for each value that was refused."""
    for problem in response.json()["detail"]:
        name = problem["loc"][1]
        message = (
            problem["msg"].replace("Input should be", "expected").removeprefix("Value error, ")
        )
        yield f"{name}: {message}, got {problem['input']!r}"
