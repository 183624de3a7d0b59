"""Telling systemd how the drive is: ready, alive, stopping.

The protocol is a datagram to the socket that ``NOTIFY_SOCKET`` names (sd_notify(3)); without one, nothing is sent.
"""

from __future__ import annotations

import contextlib
import os
import socket

from hardware.clock import NS_PER_S, Clock

WATCHDOG_PERIOD_NS = NS_PER_S // 2
"""How often systemd hears of a completed cycle: four times in its ``WatchdogSec=2``."""


class ServiceNotifier:
    """Sends the drive's state to the service manager, if there is one."""

    def __init__(self, clock: Clock) -> None:
        self._clock = clock
        self._address = os.environ.get("NOTIFY_SOCKET", "")
        self._beaten_ns: int | None = None

    def ready(self) -> None:
        """Say that the car has started; it is disarmed until a person arms it, or drives headless."""
        self._send("READY=1")

    def cycle_completed(self) -> None:
        """Say that the drive loop has come round: nothing else keeps systemd from restarting the service."""
        now_ns = self._clock.now_ns()
        if self._beaten_ns is None or now_ns - self._beaten_ns >= WATCHDOG_PERIOD_NS:
            self._beaten_ns = now_ns
            self._send("WATCHDOG=1")

    def stopping(self) -> None:
        """Say that the drive is being ended in order."""
        self._send("STOPPING=1")

    def _send(self, state: str) -> None:
        if not self._address:
            return
        # A name that starts with @ is one of Linux's abstract sockets. A manager that does not listen is no reason
        # to stop driving, and none to wait.
        address = "\0" + self._address[1:] if self._address.startswith("@") else self._address
        with contextlib.suppress(OSError), socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as channel:
            channel.setblocking(False)
            channel.sendto(state.encode(), address)
