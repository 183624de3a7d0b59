"""Connections that must say what they want: idle ones would use up what the recorder needs to open its files."""

from __future__ import annotations

import asyncio
import socket
import weakref
from typing import Any

from uvicorn.protocols.http.h11_impl import H11Protocol

PATIENCE_S = 10.0
"""A connection without a whole request for twice this long at most is closed."""
MAX_CONNECTIONS = 200


class GuardedListener(socket.socket):
    """A listener with a limit to the number of its connections, those included that have not shaken hands for TLS."""

    def __init__(self, *arguments: Any) -> None:
        super().__init__(*arguments)
        self._accepted: weakref.WeakSet[socket.socket] = weakref.WeakSet()

    def accept(self) -> tuple[socket.socket, Any]:
        """Return the next connection; raises ConnectionAbortedError, which asyncio passes over, for one too many."""
        connection, address = super().accept()
        if sum(one.fileno() >= 0 for one in self._accepted) >= MAX_CONNECTIONS:
            connection.close()
            raise ConnectionAbortedError
        self._accepted.add(connection)
        return connection, address


class HastyConnection(H11Protocol):
    """uvicorn's HTTP connection with a limit to how long a request may take to be told."""

    def connection_made(self, transport: asyncio.Transport) -> None:  # type: ignore[override]
        """Take the connection, and look after it."""
        super().connection_made(transport)
        self._last_cycle: object = self
        self.loop.call_later(PATIENCE_S, self._look)

    def _look(self) -> None:
        # One that has become a socket is none of ours any more; uvicorn's pings look after it.
        if self not in self.connections or self.transport.is_closing():
            return
        is_idle = self.cycle is None or self.cycle.response_complete
        if is_idle and self.cycle is self._last_cycle:
            self.transport.close()
            return
        self._last_cycle = self.cycle if is_idle else self
        self.loop.call_later(PATIENCE_S, self._look)
