"""How long a car's laps take, as far as somebody has watched them."""

from __future__ import annotations

from dataclasses import dataclass

from hardware.clock import NS_PER_S
from hardware.drivetrain import LapCount

STARTED_M = 0.02
JUMP_M = 0.5
"""More than this between two records is no driving: the car was carried, or the world began anew."""
GAP_NS = NS_PER_S
"""Records further apart than this leave open when a lap began."""
MISSED = 1.6
"""A lap so many times as long as the best one may be two, of which the marker or the hand missed the line between."""


@dataclass(frozen=True, slots=True)
class Lap:
    """A lap that was timed: its number from 1 on, and whether it may be two.

    >>> print(Lap(3, 12.34))
    lap 3: 12.34 s
    """

    number: int
    seconds: float
    may_be_two: bool = False

    def __str__(self) -> str:
        doubt = ", maybe two: the line between may have been missed" if self.may_be_two else ""
        return f"lap {self.number}: {self.seconds:.2f} s{doubt}"


class LapTimer:
    """Times laps by what is counted, or by when the line is crossed; one whose beginning was not seen has no time.

    Where a track counts, the first lap begins when the car moves off, each other where the one before ends. Where a
    marker or a hand tells of the line, the first begins when it is crossed first; within ``least_s`` of one crossing
    there is no other.

    >>> timer = LapTimer()
    >>> for tenths in range(101):   # a track of 10 m, at 1 m/s
    ...     ended = timer.add(LapCount(tenths // 100, tenths / 10, 0.0, 0), tenths * NS_PER_S // 10)
    >>> timer.best_s
    10.0
    """

    def __init__(self, least_s: float = 0.0) -> None:
        self._least_s = least_s
        self._seen: LapCount | None = None
        self._seen_ns = 0
        self._begun_ns: int | None = None
        self._track = ""
        self.laps = 0
        self.last: Lap | None = None
        self.best_s: float | None = None

    @property
    def last_s(self) -> float | None:
        """How long the lap before this one took."""
        return None if self.last is None else self.last.seconds

    @property
    def begun_ns(self) -> int | None:
        """When the present lap began."""
        return self._begun_ns

    @property
    def now_s(self) -> float | None:
        """How long the present lap has taken so far."""
        return None if self._begun_ns is None else (self._seen_ns - self._begun_ns) / NS_PER_S

    def go_on(self, laps: int, last: Lap | None, best_s: float | None, begun_ns: int | None) -> None:
        """Go on where another timer of the same drive has come to."""
        self.laps, self.last, self.best_s, self._begun_ns = laps, last, best_s, begun_ns

    def enter(self, track: str) -> None:
        """Take note of which track the car is on; times of another are forgotten."""
        if track != self._track:
            self._track = track
            self._begun_ns = self.last = self.best_s = None
            self.laps = 0

    def add(self, lap_count: LapCount, time_ns: int) -> Lap | None:
        """Take note of what was counted at ``time_ns``; what was noted before changes nothing.

        Returns the lap that ended with it.
        """
        ended = None
        seen, elapsed_ns = self._seen, time_ns - self._seen_ns
        if seen is not None and elapsed_ns <= 0:
            return None
        self._seen, self._seen_ns = lap_count, time_ns
        if seen is None or elapsed_ns > GAP_NS or abs(lap_count.progress_m - seen.progress_m) > JUMP_M:
            self._begun_ns = None
        elif lap_count.laps > seen.laps:
            ended = self._finish(time_ns)
        if lap_count.laps == 0 and abs(lap_count.progress_m) < STARTED_M:
            self._begun_ns = time_ns

        return ended

    def cross(self, time_ns: int) -> Lap | None:
        """Take note that the line was crossed at ``time_ns``; return the lap that ended with it.

        One crossing may be told twice, by the marker and by hand: the first counts.
        """
        if self._begun_ns is not None and time_ns - self._begun_ns < self._least_s * NS_PER_S:
            return None
        return self._finish(time_ns)

    def _finish(self, time_ns: int) -> Lap | None:
        begun_ns, self._begun_ns = self._begun_ns, time_ns
        if begun_ns is None:
            return None
        self.laps += 1
        seconds = (time_ns - begun_ns) / NS_PER_S
        self.last = Lap(self.laps, seconds, self.best_s is not None and seconds > MISSED * self.best_s)
        self.best_s = min(seconds, self.best_s or seconds)
        return self.last
