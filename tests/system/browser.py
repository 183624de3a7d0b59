"""A browser at the car's sockets, as far as the car can tell, with a network that can be made to misbehave."""

from __future__ import annotations

import contextlib
import json
import threading
import time
from collections.abc import Callable, Iterator
from typing import Any

from websockets.exceptions import ConnectionClosed
from websockets.sync.client import ClientConnection, connect
from websockets.typing import Origin

from car.remote.client import unpinned_context
from tests.system.car_process import wait_for

SAMPLE_PERIOD_S = 0.025
ARM_PERIOD_S = 0.3
NEUTRAL_STICK = (0.0, 0.0)


@contextlib.contextmanager
def open_socket(
    port: int, path: str = "/api/drive", origin: str | None = None, *, tls: bool = False
) -> Iterator[ClientConnection]:
    """Have a socket as the car's own page has it, or as ``origin``'s would."""
    address, context = f"127.0.0.1:{port}", None
    if tls:
        context = unpinned_context()
    url, own = (f"{scheme}{'s' * tls}://{address}" for scheme in ("ws", "http"))
    with connect(f"{url}{path}", origin=Origin(origin or own), ssl=context, compression=None) as connection:
        yield connection


class Browser:
    """Samples ``stick`` 40 times a second, answers pings and keeps the newest ``state``; a context manager.

    What it sends goes through ``send``, which a test may replace to delay it, to repeat it or to lose it.
    """

    def __init__(self, port: int, *, tls: bool = False) -> None:
        self._stack = contextlib.ExitStack()
        self.socket = self._stack.enter_context(open_socket(port, tls=tls))
        self.send: Callable[[str], None] = self.socket.send
        self.stick = NEUTRAL_STICK
        self.held = True
        self.throttle_limit = 1.0
        self.pressed = False
        self.state: dict[str, Any] = {}
        self.refused: list[str] = []
        self.samples = True
        self.last_sample = ""
        self._sequence = 0
        self._ended = threading.Event()
        self._threads = [threading.Thread(target=run, daemon=True) for run in (self._listen, self._sample)]
        for thread in self._threads:
            thread.start()

    def __enter__(self) -> Browser:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def close(self) -> None:
        self._ended.set()
        self._stack.close()
        for thread in self._threads:
            thread.join()

    def say(self, **message: Any) -> None:
        """Send a message."""
        self.send(json.dumps(message))

    def wait_for_state(self, **expected: Any) -> None:
        """Wait until the car's state has all of ``expected``; fails the test, telling the state, when it never has."""
        try:
            wait_for(lambda: all(self.state.get(key) == value for key, value in expected.items()), f"{expected}")
        except AssertionError as error:
            raise AssertionError(f"{error}; the state is {self.state}, refused: {self.refused}") from None

    def arm(self, mode: str = "manual") -> None:
        """Take the car and arm it; a busy machine may have no fresh frame for a moment, so it is asked again."""
        wait_for(lambda: self.state.get("driver") is True, "the car")
        wait_for(lambda: self._is_armed(mode), "the arming")

    def is_refused(self, mode: str, refusal: str) -> None:
        """Take the car and ask to arm it until it is refused for this reason; one that starts has others."""
        wait_for(lambda: self.state.get("driver") is True, "the car")
        wait_for(lambda: self._refusal(mode) == refusal, f"the refusal {refusal!r}")

    def take_over(self) -> None:
        """Take the car, whoever may have it: ask until it is given."""
        wait_for(lambda: bool(self.state), "the car's state")
        wait_for(self._has_the_car, "the car")

    def _has_the_car(self) -> bool:
        if not self.state["driver"]:
            self.say(type="take_over")
            time.sleep(ARM_PERIOD_S)
        return bool(self.state["driver"])

    def _is_armed(self, mode: str) -> bool:
        if self.state.get("gate") != "armed":
            self.say(type="arm", mode=mode)
            time.sleep(ARM_PERIOD_S)
        return self.state.get("gate") == "armed" and self.state.get("mode") == mode

    def _refusal(self, mode: str) -> str:
        self.say(type="arm", mode=mode)
        time.sleep(ARM_PERIOD_S)
        return str(self.state["refusal"])

    def sample_now(self, ms_ago: float = 0.0) -> None:
        """Send what is held, as if it had been so long on its way."""
        self._sequence += 1
        steering, throttle = self.stick
        sample = {
            "type": "sample",
            "seq": self._sequence,
            "client_ms": time.perf_counter() * 1000 - ms_ago,
            "steering": steering,
            "throttle": throttle,
            "held": self.held,
            "limit": self.throttle_limit,
            "pressed": self.pressed,
        }
        self.last_sample = json.dumps(sample)
        self.send(self.last_sample)

    def _listen(self) -> None:
        try:
            for text in self.socket:
                message = json.loads(text)
                if message["type"] == "ping":
                    self.say(type="pong", id=message["id"], client_ms=time.perf_counter() * 1000)
                elif message["type"] == "refused":
                    self.refused.append(message["why"])
                else:
                    self.state = message
        except ConnectionClosed:
            pass

    def _sample(self) -> None:
        try:
            while not self._ended.wait(SAMPLE_PERIOD_S):
                if self.samples:
                    self.sample_now()
        except ConnectionClosed:
            pass
