"""One car as a laptop sees it: how it stands, what it sees, and a stop whose arrival is seen."""

from __future__ import annotations

import asyncio
import contextlib
import json
from collections.abc import Awaitable, Callable
from dataclasses import dataclass

from websockets.asyncio.client import ClientConnection
from websockets.exceptions import ConnectionClosed

from car.errors import RemoteError
from car.fleet.standing import Standing
from car.pairing.printable import printable
from car.remote.keys import Key, Place
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
    state: Standing | None
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
        self._state: Standing | None = None
        self._rested_ns: int | None = None
        self._why = ""
        self._socket: ClientConnection | None = None
        self._address = key.place
        self._is_stop_owed = False
        self._news = asyncio.Condition()

    async def run(self) -> None:
        """Follow the car until cancelled, whatever becomes of it meanwhile."""
        await asyncio.gather(
            self._again_and_again(self._follow, RETRY_S), self._again_and_again(self._look, NO_PICTURE_PERIOD_S)
        )

    @property
    def address(self) -> Place:
        """Where the car was reached last, as a network has it; its place before that."""
        return self._address

    @property
    def state(self) -> Standing | None:
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
        """Stop the car, and wait until it says that it is not armed; owed to it until it has said so."""
        asked_ns = self._clock.now_ns()
        self._is_stop_owed = True
        with contextlib.suppress(asyncio.TimeoutError):
            async with asyncio.timeout(patience_s):
                with contextlib.suppress(ConnectionClosed):
                    if self._socket is not None:
                        await self._socket.send(STOP)
                async with self._news:
                    await self._news.wait_for(lambda: self._has_rested_since(asked_ns))
        if self._has_rested_since(asked_ns):
            return Stopped(self.place, self.name, round(((self._rested_ns or 0) - asked_ns) / NS_PER_MS, 1), "")
        if self.state is not None:
            return Stopped(self.place, self.name, None, "It still says that it is armed. Stop it by hand.")
        why = self._why or "The car has not answered."
        return Stopped(self.place, self.name, None, f"{why} It is stopped as soon as it is heard again.")

    async def hear(self, text: str | bytes) -> None:
        """Take note of what the car says; raises RemoteError for what no car says."""
        try:
            if json.loads(text)["type"] != "state":
                return
            state = Standing.model_validate_json(text)
        except (ValueError, KeyError, TypeError, RecursionError) as error:
            raise RemoteError(
                f"{self.place} says what no car says. Install the same version of Pocketpilot on both."
            ) from error
        self._state, self._heard_ns, self.name = state, self._clock.now_ns(), state.car or self.place
        if not state.is_armed:
            self._rested_ns, self._is_stop_owed = self._heard_ns, False
        async with self._news:
            self._news.notify_all()

    def _has_rested_since(self, asked_ns: int) -> bool:
        return self._rested_ns is not None and self._rested_ns > asked_ns

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
            self._socket, self._address = socket, Place(str(socket.remote_address[0]), self.key.place.port)
            if self._is_stop_owed:
                await socket.send(STOP)
            while True:
                async with asyncio.timeout(DEAD_S):
                    await self.hear(await socket.recv())
        finally:
            self._socket = None
            _leave(socket)

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
