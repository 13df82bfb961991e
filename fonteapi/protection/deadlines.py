"""A connection that cannot be held open: `uvicorn --http fonteapi.protection.deadlines:Connection`.

uvicorn waits without end for the rest of a request, and for the reader of an answer.
"""

import asyncio
import socket
from typing import Any

from uvicorn.protocols.http.auto import AutoHTTPProtocol

from fonteapi.protection import limits

REQUEST_SECONDS = 10
"""How long a client may take to send a request."""
MOST = 500
"""Connections at a time; further ones are closed. A process may often open 1,024 files."""


class Connection(AutoHTTPProtocol):  # type: ignore[misc, valid-type]
    """uvicorn's, with an end to each wait."""

    _deadline: asyncio.TimerHandle | None = None

    def connection_made(self, transport: Any) -> None:
        """Begin to wait for a request."""
        super().connection_made(transport)
        if len(self.connections) > MOST:
            transport.abort()
            return
        if hasattr(socket, "TCP_USER_TIMEOUT"):
            # The guard lets go of a slow reader's place, then Linux of the connection
            own, patience = transport.get_extra_info("socket"), 2 * limits.SEND_SECONDS * 1000
            own.setsockopt(socket.IPPROTO_TCP, socket.TCP_USER_TIMEOUT, patience)
        self._expect_request()

    def data_received(self, data: bytes) -> None:
        """Take a piece of a request; when it is whole its answer has a time limit of its own."""
        super().data_received(data)
        if self.cycle is not None and not self.cycle.response_complete:
            self._stop_waiting()
        elif self._deadline is None:
            self._expect_request()

    def connection_lost(self, exc: Exception | None) -> None:
        """Wait no more."""
        self._stop_waiting()
        super().connection_lost(exc)

    def _expect_request(self) -> None:
        self._deadline = self.loop.call_later(REQUEST_SECONDS, self.transport.abort)

    def _stop_waiting(self) -> None:
        if self._deadline is not None:
            self._deadline.cancel()
            self._deadline = None
