"""When a camera's bad reads are the end of it, and when they are a frame that is missing."""

from __future__ import annotations

from hardware.clock import NS_PER_MS, Clock

MOST_FAILURES = 5
"""Cheap cameras send a broken JPEG now and then; one that was unplugged fails at every read."""
SILENCE_MS = 140.0
"""So long without a frame and the camera is given up, if it is not for one bad read alone, which on a busy machine may
come after a pause that is not the camera's; the gate trips at 150 ms."""


class Patience:
    """Counts what cannot be read, and forgives it as long as frames come in between.

    >>> patience = Patience(clock)
    >>> patience.fails()
    False
    >>> [patience.fails() for _ in range(4)]
    [False, False, False, True]
    """

    def __init__(self, clock: Clock) -> None:
        self._clock = clock
        self._failures = 0
        self._succeeded_ns = clock.now_ns()

    def succeed(self) -> None:
        """Note that a frame has come."""
        self._failures, self._succeeded_ns = 0, self._clock.now_ns()

    def fails(self) -> bool:
        """Note that none could be read; tell whether that was one too many."""
        self._failures += 1
        is_silent = self._clock.now_ns() - self._succeeded_ns >= SILENCE_MS * NS_PER_MS
        return self._failures >= MOST_FAILURES or (self._failures > 1 and is_silent)
