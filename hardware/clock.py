"""The one source of time.

Everything that waits or measures is handed a clock, so that a test, a lock-step simulation and a replay run on
virtual time, many times faster than the car and always with the same result.
"""

from __future__ import annotations

import time
from abc import ABC, abstractmethod

NS_PER_MS = 1_000_000
NS_PER_S = 1_000_000_000


class Clock(ABC):
    """Nanoseconds that never jump: unaffected by the wall clock being set."""

    @abstractmethod
    def now_ns(self) -> int:
        """Return the time in nanoseconds since an arbitrary start, the same for every process of this machine."""

    @abstractmethod
    def sleep_until_ns(self, time_ns: int) -> None:
        """Return at ``time_ns``, or at once if that has passed."""


class SystemClock(Clock):
    """Real time, on the time base of libcamera's ``SensorTimestamp`` (CLOCK_BOOTTIME) where the system has it.

    >>> clock = SystemClock()
    >>> started_ns = clock.now_ns()
    >>> clock.sleep_until_ns(started_ns + NS_PER_MS)
    >>> clock.now_ns() - started_ns >= NS_PER_MS
    True
    """

    def __init__(self) -> None:
        # macOS and Windows have no CLOCK_BOOTTIME; their monotonic clock is as good, having no camera to agree with.
        self._clock_id = getattr(time, "CLOCK_BOOTTIME", None)

    def now_ns(self) -> int:
        """Return CLOCK_BOOTTIME, or the monotonic clock where there is none, in nanoseconds."""
        return time.monotonic_ns() if self._clock_id is None else time.clock_gettime_ns(self._clock_id)

    def sleep_until_ns(self, time_ns: int) -> None:
        """Sleep until ``time_ns``; the system may wake the thread a fraction of a millisecond late."""
        remaining_ns = time_ns - self.now_ns()
        if remaining_ns > 0:
            time.sleep(remaining_ns / NS_PER_S)


class VirtualClock(Clock):
    """Time that stands still until someone moves it.

    >>> clock = VirtualClock()
    >>> clock.advance_ns(50 * NS_PER_MS)
    >>> clock.now_ns()
    50000000
    >>> clock.sleep_until_ns(NS_PER_S)   # returns at once; it is now 1 s
    >>> clock.now_ns()
    1000000000
    """

    def __init__(self, start_ns: int = 0) -> None:
        self._now_ns = start_ns

    def now_ns(self) -> int:
        """Return the virtual time in nanoseconds."""
        return self._now_ns

    def sleep_until_ns(self, time_ns: int) -> None:
        """Move the time on to ``time_ns``, never back."""
        self._now_ns = max(self._now_ns, time_ns)

    def advance_ns(self, duration_ns: int) -> None:
        """Move the time on by ``duration_ns`` ≥ 0; raises ValueError for a step back."""
        if duration_ns < 0:
            raise ValueError(f"A clock cannot be moved back by {-duration_ns} ns.")
        self._now_ns += duration_ns
