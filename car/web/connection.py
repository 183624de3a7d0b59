"""Connections that must say what they want: idle ones would use up what the recorder needs to open its files."""

from __future__ import annotations

import asyncio
import contextlib
import socket
import time
from collections import Counter
from typing import Any

from uvicorn.protocols.http.h11_impl import H11Protocol

PATIENCE_S = 10.0
"""A connection without a whole request for twice this long at most is closed."""
MAX_CONNECTIONS = 200
MAX_LEAVING = 20
"""Each still has its descriptor, and asyncio would accept some thousand newcomers before it looks at them."""
LEAVES_WITHIN_S = 2.0

Address = tuple[str, int]
"""A guest's address and port."""


class Guests:
    """All connections of a server, a limited number, and who of them has shown that they may come in.

    Where there is no room for another, the machine that has the most connections without that loses its oldest: as many
    strangers as there may be keep nobody out whom the car knows.
    """

    def __init__(self) -> None:
        self._connections: dict[Address, socket.socket] = {}
        self._known: set[Address] = set()
        self._leaving: list[tuple[float, socket.socket]] = []

    @property
    def door_is_crowded(self) -> bool:
        """Whether so many are on their way out that nobody else should be let in before they are gone.

        One that asyncio does not close at once is not waited for.
        """
        since_s = time.monotonic() - LEAVES_WITHIN_S
        self._leaving = [(shown_s, one) for shown_s, one in self._leaving if one.fileno() >= 0 and shown_s > since_s]
        return len(self._leaving) >= MAX_LEAVING

    def let_in(self, connection: socket.socket, address: Address) -> bool:
        """Make room for a connection, and tell whether there is any."""
        self._connections = {guest: one for guest, one in self._connections.items() if one.fileno() >= 0}
        self._known &= self._connections.keys()
        if len(self._connections) >= MAX_CONNECTIONS and not self._show_a_stranger_out():
            return False
        self._connections[address] = connection
        return True

    def know(self, address: Address, *, may_come_in: bool) -> None:
        """Take note of whether the guest at ``address`` may come in, or is a stranger, perhaps once more."""
        (self._known.add if may_come_in else self._known.discard)(address)

    def _show_a_stranger_out(self) -> bool:
        strangers = [guest for guest in self._connections if guest not in self._known]
        if not strangers:
            return False
        (greediest, _), *_ = Counter(host for host, _ in strangers).most_common(1)
        oldest = next(guest for guest in strangers if guest[0] == greediest)
        connection = self._connections.pop(oldest)
        self._leaving.append((time.monotonic(), connection))
        with contextlib.suppress(OSError):
            # asyncio has it, and closes it when it sees its end.
            connection.shutdown(socket.SHUT_RDWR)
        return True


class GuardedListener(socket.socket):
    """A listener that asks ``guests`` about each connection, those included that have not shaken hands for TLS."""

    def __init__(self, guests: Guests) -> None:
        # TCP is named because asyncio asks for it before it turns Nagle's algorithm off, which costs 40 ms an answer.
        super().__init__(socket.AF_INET, socket.SOCK_STREAM, socket.IPPROTO_TCP)
        self._guests = guests

    def accept(self) -> tuple[socket.socket, Any]:
        """Return the next connection; raises ConnectionAbortedError, which asyncio passes over, for one too many.

        Where too many are on their way out, BlockingIOError: asyncio sees them off, and comes back.
        """
        if self._guests.door_is_crowded:
            raise BlockingIOError
        connection, address = super().accept()
        if not self._guests.let_in(connection, address):
            connection.close()
            raise ConnectionAbortedError
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
