"""Connections that must say what they want: idle ones would use up what the recorder needs to open its files."""

from __future__ import annotations

import asyncio

from uvicorn.protocols.http.h11_impl import H11Protocol

PATIENCE_S = 10.0
"""A connection without a whole request for twice this long at most is closed."""
MAX_CONNECTIONS = 200


class HastyConnection(H11Protocol):
    """uvicorn's HTTP connection with a limit to its number, and to how long a request may take to be told."""

    def connection_made(self, transport: asyncio.Transport) -> None:  # type: ignore[override]
        """Take the connection, unless there are too many."""
        super().connection_made(transport)
        self._last_cycle: object = self
        if len(self.connections) > MAX_CONNECTIONS:
            transport.abort()
        else:
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
