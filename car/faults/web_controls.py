"""Somebody who drives from a browser, as far as the car can tell, on a network that fails when it is told to."""

from __future__ import annotations

import contextlib
import json
import threading
import time
from typing import Any

from websockets.exceptions import ConnectionClosed
from websockets.sync.client import connect
from websockets.typing import Origin

from car.errors import TrialError
from car.faults.controls import SAMPLE_HZ, STICK, Controls
from car.gate import GateState, Mode
from hardware.closing import Closing
from hardware.drivetrain import NEUTRAL

ARM_TIMEOUT_S = 30.0
ARM_PERIOD_S = 0.2
CLOSE_TIMEOUT_S = 0.5
"""Whoever is at the other end may be frozen."""


class WebControls(Controls, Closing):
    """A client of the drive socket that samples its stick, answers pings and keeps the car's newest state."""

    def __init__(self, port: int) -> None:
        address = f"127.0.0.1:{port}"
        self._closing = contextlib.ExitStack()
        self._socket = self._closing.enter_context(
            connect(
                f"ws://{address}/api/drive",
                origin=Origin(f"http://{address}"),
                compression=None,
                close_timeout=CLOSE_TIMEOUT_S,
            )
        )
        self._sending = threading.Lock()
        self._waiting: list[str] | None = None
        self._stick = NEUTRAL
        self._held = True
        self._samples = 0
        self._state: dict[str, Any] = {}
        self._ended = threading.Event()
        self._threads = [threading.Thread(target=run, daemon=True) for run in (self._listen, self._sample_on)]
        for thread in self._threads:
            thread.start()

    def close(self) -> None:
        """Be gone."""
        self._ended.set()
        with contextlib.suppress(ConnectionClosed, OSError):
            self._closing.close()
        for thread in self._threads:
            thread.join()

    def arm(self, mode: Mode) -> None:
        """Arm the car in ``mode`` and push the stick; raises TrialError when it will not arm."""
        deadline_s = time.monotonic() + ARM_TIMEOUT_S
        while self._state.get("gate") != GateState.ARMED:
            if time.monotonic() > deadline_s or self._ended.is_set():
                raise TrialError(f"The car does not arm: {self._state.get('refusal') or 'no reason given'}. Try again.")
            if self._state.get("driver"):
                self._say({"type": "arm", "mode": mode, "wheels_up": True})
            time.sleep(ARM_PERIOD_S)
        self._stick = STICK

    def vanish(self) -> None:
        """Let nothing more through."""
        with self._sending:
            self._waiting = []

    def come_back(self) -> None:
        """Let all that has waited through at once."""
        with self._sending:
            waiting, self._waiting = self._waiting or [], None
            for text in waiting:
                self._socket.send(text)

    def unplug(self) -> None:
        """Sample on with nobody holding the pad, at once."""
        self._held = False
        self._sample()

    def stop(self) -> None:
        """Press stop."""
        self._say({"type": "stop"})

    def _say(self, message: dict[str, Any]) -> None:
        text = json.dumps(message)
        with self._sending:
            if self._waiting is None:
                self._socket.send(text)
            else:
                self._waiting.append(text)

    def _sample(self) -> None:
        self._samples += 1
        self._say(
            {
                "type": "sample",
                "seq": self._samples,
                "client_ms": _client_ms(),
                "steering": self._stick.steering,
                "throttle": self._stick.throttle,
                "held": self._held,
            }
        )

    def _sample_on(self) -> None:
        with contextlib.suppress(ConnectionClosed, OSError):
            while not self._ended.wait(1 / SAMPLE_HZ):
                self._sample()

    def _listen(self) -> None:
        with contextlib.suppress(ConnectionClosed, OSError):
            for text in self._socket:
                message = json.loads(text)
                if message["type"] == "ping":
                    self._say({"type": "pong", "id": message["id"], "client_ms": _client_ms()})
                elif message["type"] == "state":
                    self._state = message
        self._ended.set()


def _client_ms() -> float:
    return time.perf_counter() * 1000
