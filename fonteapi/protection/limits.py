"""The API's key, a limit on concurrent requests, and a time limit on slow readers."""

import asyncio
import logging
import secrets

from fastapi import Security
from fastapi.security import APIKeyHeader, HTTPBearer
from starlette.datastructures import Headers, MutableHeaders
from starlette.responses import JSONResponse, Response
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from fonteapi.settings import Settings

KEY = [
    Security(HTTPBearer(auto_error=False, description="FONTE_API_KEY, if it is set")),
    Security(APIKeyHeader(name="X-API-Key", auto_error=False, description="the same")),
]
"""For the API's documentation only: `Guard` checks the key, on every page."""
OPEN = {"/health"}
"""Paths that need no key, for the health checks of containers."""
WATCHERS = 80
"""Limit on concurrent requests for `OPEN` paths, which do not count toward the other limit."""
SEND_SECONDS = 30
"""Time to read a piece of an answer: a megabyte of Arrow, three of JSON."""
HEADERS = {
    "Cache-Control": "no-store",
    "Content-Security-Policy": "frame-ancestors 'none'",
    "Referrer-Policy": "no-referrer",
    "X-Content-Type-Options": "nosniff",
}
logger = logging.getLogger("uvicorn.error")


class SlowReaderError(Exception):
    """A client did not read a piece of an answer in time."""


class Guard:
    """Refuses requests without the key or beyond the limit, and ends answers to slow readers.

    It is an ASGI middleware because it has to see an answer up to its last byte.
    """

    def __init__(self, app: ASGIApp) -> None:
        self._app = app
        self._running: dict[bool, set[object]] = {False: set(), True: set()}
        """The requests in progress, by whether their path is open."""

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] != "http":
            await self._app(scope, receive, send)
            return

        is_open = scope["path"] in OPEN
        running, request = self._running[is_open], object()

        async def send_cautiously(message: Message) -> None:
            if message["type"] == "http.response.start":
                MutableHeaders(scope=message).update(HEADERS)
            # A client that does not read would hold a connection to Fonte
            try:
                await asyncio.wait_for(send(message), SEND_SECONDS)
            except TimeoutError:
                raise SlowReaderError from None
            if message["type"] == "http.response.body" and not message.get("more_body"):
                running.discard(request)  # the client may ask again at once

        if refusal := self._refuse(scope, is_open):
            await refusal(scope, receive, send_cautiously)
            return
        running.add(request)
        try:
            await self._app(scope, receive, send_cautiously)
        except SlowReaderError:
            logger.warning("%s: cut off, the client does not read the answer", scope["path"])
        finally:
            running.discard(request)

    def _refuse(self, scope: Scope, is_open: bool) -> Response | None:
        settings: Settings = scope["app"].state.settings
        key = settings.api_key
        if key and not is_open and not _is_key(Headers(scope=scope), key):
            detail = "expected the API's key: Authorization: Bearer KEY, or X-API-Key: KEY"
            return JSONResponse({"detail": detail}, 401, {"WWW-Authenticate": "Bearer"})
        running = len(self._running[is_open])
        if running >= (WATCHERS if is_open else settings.concurrency):
            detail = (
                f"{running} requests are in progress, which is the limit: try again in a second"
            )
            return JSONResponse({"detail": detail}, 503, {"Retry-After": "1"})
        return None


def _is_key(headers: Headers, key: str) -> bool:
    scheme, _, token = headers.get("authorization", "").partition(" ")
    given = token.strip() if scheme.lower() == "bearer" else headers.get("x-api-key", "")
    # Constant-time comparison
    return secrets.compare_digest(given.encode(), key.encode())
