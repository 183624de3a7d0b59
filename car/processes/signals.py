"""The signals that ask a drive to end, and when they came."""

from __future__ import annotations

import contextlib
import signal
from collections.abc import Iterator
from types import FrameType

from car.terminal.interrupts import interrupts
from hardware.clock import NS_PER_MS, Clock, SystemClock

EXIT_BY_SIGNAL = 128
"""A program that a signal has ended exits with this plus the signal's number, as shells have it."""


class EndSignal:
    """The signal that asked the drive to end, and when; ``number`` is None until one did."""

    def __init__(self, clock: Clock) -> None:
        self._clock = clock
        self.number: int | None = None
        self.time_ns = 0

    def note(self, number: int, _frame: FrameType | None) -> None:
        """Take note of the first signal; for ``signal.signal``."""
        if self.number is None:
            self.number, self.time_ns = number, self._clock.now_ns()

    @property
    def came(self) -> bool:
        """True once there was one."""
        return self.number is not None

    def outcome(self, neutral_ns: int) -> tuple[str, int]:
        """Return in words, and as an exit code, that it has ended the drive with the wheels neutral at that time."""
        number = self.number or 0
        after_ms = (neutral_ns - self.time_ns) / NS_PER_MS
        name = signal.Signals(number).name
        return f"Ended by {name}; the wheels were neutral {after_ms:.0f} ms later.", EXIT_BY_SIGNAL + number


@contextlib.contextmanager
def end_signals() -> Iterator[EndSignal]:
    """Have Ctrl-C, a closed terminal and SIGTERM end the drive in order, until the ``with`` block ends."""
    ending = EndSignal(SystemClock())
    numbers = [getattr(signal, name) for name in ("SIGINT", "SIGTERM", "SIGHUP") if hasattr(signal, name)]
    before = {number: signal.signal(number, ending.note) for number in numbers}
    if interrupts.seen:
        ending.note(signal.SIGINT, None)
    try:
        yield ending
    finally:
        for number, handler in before.items():
            signal.signal(number, handler)
