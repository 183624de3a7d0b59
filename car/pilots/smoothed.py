"""What a pilot knows of what it sees, over a moment: one odd frame is no strange place."""

from __future__ import annotations

import math

from hardware.clock import NS_PER_S

SMOOTHING_S = 0.6
"""In the simulator, 0.6 s foretold more departures at as many false alarms than 0.3 s did."""


class Smoothed:
    """An exponential moving average of values that come at odd times.

    >>> smoothed = Smoothed()
    >>> smoothed.add(1.0, now_ns=0), round(smoothed.add(0.0, now_ns=600_000_000), 3)
    (1.0, 0.368)

    After a gap of several ``SMOOTHING_S`` little is left of what was before. A value that is not finite comes out as it
    is, and is forgotten.
    """

    def __init__(self) -> None:
        self._value: float | None = None
        self._now_ns = 0

    def add(self, value: float, now_ns: int) -> float:
        """Take note of ``value`` at ``now_ns`` and return the average."""
        if not math.isfinite(value):
            return value
        if self._value is None or now_ns <= self._now_ns:
            self._value = value
        else:
            kept = math.exp(-(now_ns - self._now_ns) / (SMOOTHING_S * NS_PER_S))
            self._value = kept * self._value + (1.0 - kept) * value
        self._now_ns = now_ns
        return self._value
