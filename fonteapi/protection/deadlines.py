"""Connections with deadlines: `uvicorn --http fonteapi.protection.deadlines:Connection`.

uvicorn's own wait without end for the rest of a request, and for a client to read an answer.
"""

import asyncio
import socket
from typing import Any

from uvicorn.protocols.http.auto import AutoHTTPProtocol

from fonteapi.protection import limits

REQUEST_SECONDS = 10
"""Time to send a request."""
MOST = 500
"""Limit on open connections; further ones are closed. Many systems allow 1,024 open files."""


class Connection(AutoHTTPProtocol):  # type: ignore[misc, valid-type]
    """uvicorn's connection, with a deadline for each wait."""

    _deadline: asyncio.TimerHandle | None = None

    def connection_made(self, transport: Any) -> None:
        """Start the deadline of the first request."""
        super().connection_made(transport)
        if len(self.connections) > MOST:
            transport.abort()
            return
        if hasattr(socket, "TCP_USER_TIMEOUT"):
            # After the guard has ended the answer to a slow reader, Linux ends the connection
            own, patience = transport.get_extra_info("socket"), 2 * limits.SEND_SECONDS * 1000
            own.setsockopt(socket.IPPROTO_TCP, socket.TCP_USER_TIMEOUT, patience)
        self._expect_request()

    def data_received(self, data: bytes) -> None:
        """Stop the deadline when a request is complete; its answer has another time limit."""
        super().data_received(data)
        if self.cycle is not None and not self.cycle.response_complete:
            self._stop_waiting()
        elif self._deadline is None:
            self._expect_request()

    def connection_lost(self, exc: Exception | None) -> None:
        self._stop_waiting()
        super().connection_lost(exc)

    def _expect_request(self) -> None:
        self._deadline = self.loop.call_later(REQUEST_SECONDS, self.transport.abort)

    def _stop_waiting(self) -> None:
        if self._deadline is not None:
            self._deadline.cancel()
            self._deadline = None
