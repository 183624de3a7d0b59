"""What the sockets have in common: they listen and talk at once, until the browser is gone or breaks a rule."""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import Awaitable, Callable, Coroutine

from starlette.websockets import WebSocket, WebSocketDisconnect

from car.web.access import access_of
from hardware.clock import NS_PER_S, Clock

BROKE_THE_RULES, TRY_LATER = 1008, 1013
MAX_MESSAGE_BYTES = 1024
WATCH_PERIOD_S = 0.1
MAX_MESSAGES_PER_S = 250


class RuleBroken(Exception):
    """The browser sent what no page of the car sends: the socket is closed."""


class Rate:
    """Tells whether messages come no faster than ``MAX_MESSAGES_PER_S``, a second's worth of them in one go aside."""

    def __init__(self, clock: Clock) -> None:
        self._clock = clock
        self._left = float(MAX_MESSAGES_PER_S)
        self._then_ns = clock.now_ns()

    def is_kept(self) -> bool:
        """Take note of a message."""
        now_ns = self._clock.now_ns()
        earned = (now_ns - self._then_ns) / NS_PER_S * MAX_MESSAGES_PER_S
        self._left, self._then_ns = min(self._left + earned, float(MAX_MESSAGES_PER_S)) - 1, now_ns
        return self._left >= 0


async def converse(
    socket: WebSocket,
    clock: Clock,
    hear: Callable[[str], Awaitable[None]],
    talk: Callable[[], Coroutine[None, None, None]],
) -> None:
    """Give ``hear`` every message and run ``talk``, until the browser is gone, is forgotten or breaks a rule.

    ``hear`` and ``talk`` may raise RuleBroken.
    """
    jobs = (_listen(socket, clock, hear), talk(), _watch(socket))
    tasks = [asyncio.create_task(job) for job in jobs]
    try:
        await asyncio.wait(tasks, return_when=asyncio.FIRST_COMPLETED)
    finally:
        for task in tasks:
            task.cancel()
        ends = await asyncio.gather(*tasks, return_exceptions=True)
    broken = any(isinstance(end, RuleBroken) for end in ends)
    # Whoever talks to a socket that is closing meets a RuntimeError.
    with contextlib.suppress(RuntimeError, WebSocketDisconnect):
        await socket.close(BROKE_THE_RULES if broken else 1000)
    expected = (RuleBroken, WebSocketDisconnect, RuntimeError, asyncio.CancelledError)
    for end in ends:
        if isinstance(end, BaseException) and not isinstance(end, expected):
            raise end


async def _listen(socket: WebSocket, clock: Clock, hear: Callable[[str], Awaitable[None]]) -> None:
    rate = Rate(clock)
    while (message := await socket.receive())["type"] != "websocket.disconnect":
        text = message.get("text")
        if text is None or len(text) > MAX_MESSAGE_BYTES or not rate.is_kept():
            raise RuleBroken
        await hear(text)


async def _watch(socket: WebSocket) -> None:
    """Return by RuleBroken when the browser is not paired any more."""
    access = access_of(socket)
    while access.who(socket.scope) is not None:
        await asyncio.sleep(WATCH_PERIOD_S)
    raise RuleBroken
