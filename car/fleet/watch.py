"""One car as a laptop sees it: how it stands, what it sees, and a stop whose arrival is seen."""

from __future__ import annotations

import asyncio
import contextlib
import json
from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from typing import Any

from websockets.asyncio.client import ClientConnection
from websockets.exceptions import ConnectionClosed

from car.errors import RemoteError
from car.pairing.printable import printable
from car.remote.keys import Key
from car.remote.socket import open_socket
from car.web.video import HEADER
from hardware.clock import NS_PER_MS, NS_PER_S, Clock

PATIENCE_S = 5.0
"""How long a car may take to let a laptop in."""
LOST_NS = NS_PER_S
"""A car says 20 times a second how it stands; what it said this long ago is not how it stands now."""
DEAD_S = 3.0
"""A socket that is silent for so long is opened anew."""
RETRY_S = 1.0
PICTURE_PERIOD_S = 0.5
PICTURE_WIDTH = 320
NO_PICTURE_PERIOD_S = 5.0
STOP = json.dumps({"type": "stop"})
NEXT_PICTURE = json.dumps({"type": "next", "width": PICTURE_WIDTH})


@dataclass(frozen=True, slots=True)
class Stopped:
    """What came of a stop: after how long the car said that it is not armed, and in words why that is not known."""

    place: str
    name: str
    after_ms: float | None
    why: str


@dataclass(frozen=True, slots=True)
class CarView:
    """What the fleet's page shows of a car; ``state`` is None of one that is not heard, ``gone_s`` since how long.

    ``ask`` is what to do about it.
    """

    place: str
    name: str
    state: dict[str, Any] | None
    gone_s: float | None
    ask: str
    has_picture: bool


class CarWatch:
    """Follows the car behind ``key`` for as long as ``run`` runs; in one event loop.

    It only watches: it never asks for the car, and whoever drives goes on driving.
    """

    def __init__(self, key: Key, clock: Clock) -> None:
        self.key = key
        self.place = str(key.place)
        self.name = self.place
        self.picture = b""
        self._clock = clock
        self._began_ns = clock.now_ns()
        self._heard_ns: int | None = None
        self._state: dict[str, Any] = {}
        self._why = ""
        self._socket: ClientConnection | None = None
        self._owes_stop = False
        self._news = asyncio.Condition()

    async def run(self) -> None:
        """Follow the car until cancelled, whatever becomes of it meanwhile."""
        await asyncio.gather(
            self._again_and_again(self._follow, RETRY_S), self._again_and_again(self._look, NO_PICTURE_PERIOD_S)
        )

    @property
    def state(self) -> dict[str, Any] | None:
        """How the car stands, None when it has not said so lately."""
        heard_ns = self._heard_ns
        return self._state if heard_ns is not None and self._clock.now_ns() - heard_ns <= LOST_NS else None

    def view(self) -> CarView:
        """Return what is shown of the car now."""
        state, since_ns = self.state, self._heard_ns or self._began_ns
        gone_s = None if state is not None else round((self._clock.now_ns() - since_ns) / NS_PER_S, 1)
        why = "" if state is not None else self._why or f"{self.place} has not been heard yet."
        return CarView(self.place, self.name, state, gone_s, why, state is not None and bool(self.picture))

    async def stop(self, patience_s: float) -> Stopped:
        """Stop the car, and wait until it says that it is not armed; owed to one that is out of reach."""
        asked_ns = self._clock.now_ns()
        self._owes_stop = True
        with contextlib.suppress(asyncio.TimeoutError, ConnectionClosed):
            async with asyncio.timeout(patience_s):
                if self._socket is not None:
                    await self._socket.send(STOP)
                    self._owes_stop = False
                async with self._news:
                    await self._news.wait_for(lambda: self._has_stopped_since(asked_ns))
        if not self._has_stopped_since(asked_ns):
            lost = "It is stopped as soon as it is heard again." if self._owes_stop else "It may not have heard it."
            why = self._why if self.state is None else ""
            return Stopped(self.place, self.name, None, f"{why or 'The car has not answered.'} {lost}")
        return Stopped(self.place, self.name, round(((self._heard_ns or 0) - asked_ns) / NS_PER_MS, 1), "")

    def _has_stopped_since(self, asked_ns: int) -> bool:
        heard_ns = self._heard_ns
        return heard_ns is not None and heard_ns > asked_ns and self._state.get("gate") != "armed"

    async def _again_and_again(self, work: Callable[[], Awaitable[None]], pause_s: float) -> None:
        while True:
            try:
                await work()
            except RemoteError as error:
                self._why = printable(str(error))
            except (ConnectionClosed, OSError):
                self._why = f"{self.place} is silent. Is it on, and in this network?"
            await asyncio.sleep(pause_s)

    async def _follow(self) -> None:
        """Hear the car until the connection is gone or silent."""
        socket = await open_socket(self.key, "drive", patience_s=PATIENCE_S)
        try:
            self._socket = socket
            if self._owes_stop:
                await socket.send(STOP)
                self._owes_stop = False
            while True:
                async with asyncio.timeout(DEAD_S):
                    await self._hear(await socket.recv())
        finally:
            self._socket = None
            _leave(socket)

    async def _hear(self, text: str | bytes) -> None:
        try:
            message = json.loads(text)
            kind, name = message["type"], printable(str(message.get("car", "")))
        except (ValueError, KeyError, TypeError, RecursionError) as error:
            raise RemoteError(
                f"{self.place} says what no car says. Install the same version of Pocketpilot on both."
            ) from error
        if kind == "state":
            self._state, self._heard_ns, self.name = message, self._clock.now_ns(), name or self.place
            async with self._news:
                self._news.notify_all()

    async def _look(self) -> None:
        """Fetch pictures until the connection is gone or silent."""
        socket = await open_socket(self.key, "video", patience_s=PATIENCE_S)
        try:
            while True:
                await socket.send(NEXT_PICTURE)
                async with asyncio.timeout(DEAD_S):
                    data = await socket.recv()
                if isinstance(data, bytes):
                    self.picture = data[HEADER.size :]
                await asyncio.sleep(PICTURE_PERIOD_S)
        finally:
            self.picture = b""
            _leave(socket)


def _leave(socket: ClientConnection) -> None:
    # A car that is gone does not say goodbye either, and is not waited for.
    socket.transport.abort()
