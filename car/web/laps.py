"""How long a car's laps take, as far as somebody has watched them."""

from __future__ import annotations

from hardware.clock import NS_PER_S
from hardware.drivetrain import LapCount

STARTED_M = 0.02
JUMP_M = 0.5
"""More than this between two records is no driving: the car was carried, or the world began anew."""
GAP_NS = NS_PER_S
"""Records further apart than this leave open when a lap began."""


class LapTimer:
    """Times laps by what is counted; a lap whose beginning was not seen has no time.

    The first lap begins when the car moves off, each other where the one before ends.

    >>> timer = LapTimer()
    >>> for tenths in range(101):   # a track of 10 m, at 1 m/s
    ...     timer.add(LapCount(tenths // 100, tenths / 10, 0.0, 0), tenths * NS_PER_S // 10)
    >>> timer.best_s
    10.0
    """

    def __init__(self) -> None:
        self._seen: LapCount | None = None
        self._seen_ns = 0
        self._begun_ns: int | None = None
        self._track = ""
        self.last_s: float | None = None
        self.best_s: float | None = None

    @property
    def now_s(self) -> float | None:
        """How long the present lap has taken so far."""
        return None if self._begun_ns is None else (self._seen_ns - self._begun_ns) / NS_PER_S

    def enter(self, track: str) -> None:
        """Take note of which track the car is on; times of another are forgotten."""
        if track != self._track:
            self._track = track
            self._begun_ns = self.last_s = self.best_s = None

    def add(self, lap_count: LapCount, time_ns: int) -> None:
        """Take note of what was counted at ``time_ns``; what was noted before changes nothing."""
        seen, elapsed_ns = self._seen, time_ns - self._seen_ns
        if seen is not None and elapsed_ns <= 0:
            return
        self._seen, self._seen_ns = lap_count, time_ns
        if seen is None or elapsed_ns > GAP_NS or abs(lap_count.progress_m - seen.progress_m) > JUMP_M:
            self._begun_ns = None
        elif lap_count.laps > seen.laps:
            self._finish(time_ns)
        if lap_count.laps == 0 and abs(lap_count.progress_m) < STARTED_M:
            self._begun_ns = time_ns

    def _finish(self, time_ns: int) -> None:
        if self._begun_ns is not None:
            self.last_s = (time_ns - self._begun_ns) / NS_PER_S
            self.best_s = min(self.last_s, self.best_s or self.last_s)
        self._begun_ns = time_ns
