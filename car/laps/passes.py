"""From a marker that is seen in many frames to the moment at which the car passed it."""

from __future__ import annotations

from dataclasses import dataclass

from hardware.clock import NS_PER_MS, NS_PER_S

GONE_NS = 600 * NS_PER_MS
"""A marker that is not seen for so long is out of sight; blurred frames between are fewer."""
ROLLS_NS = NS_PER_S
"""A car rolls on for about so long after its last throttle."""
BRIEF_NS = 150 * NS_PER_MS
STANDS_NS = 300 * NS_PER_MS
"""A marker whose size has been the same for so long is seen by a car that stands."""
GREW, NEAR_PEAK, STEADY = 1.1, 0.8, 0.05


@dataclass(slots=True)
class _Sighting:
    first: float
    began_ns: int
    last: float
    last_ns: int
    peak: float
    steady: float
    steady_ns: int
    throttle: float = 0.0


class PassWatch:
    """Tells when the car has passed the marker: it grew in the picture, and then was out of sight.

    >>> watch = PassWatch()
    >>> sides = [None, 15.0, 18.0, 24.0, 33.0, *([None] * 7)]
    >>> [watch.add(number * 100_000_000, side, throttle=0.3) for number, side in enumerate(sides)][-1]
    400000000

    A marker that shrinks is passed backwards, and then the next pass only makes up for it. One that is seen by a car
    that stands, or is carried, is not passed.
    """

    def __init__(self) -> None:
        self._sighting: _Sighting | None = None
        self._driven_ns: int | None = None
        self._throttle = 0.0
        self._is_behind = False

    def add(self, time_ns: int, side_px: float | None, throttle: float) -> int | None:
        """Take note of a frame exposed at ``time_ns``: how large the marker is in it, and the throttle applied.

        Returns the time at which the car passed the marker when that is now known: the exposure of the last frame that
        showed it.
        """
        if throttle != 0:
            self._driven_ns, self._throttle = time_ns, throttle
        passed_ns = None
        sighting = self._sighting
        if sighting is not None and time_ns - sighting.last_ns > GONE_NS:
            self._sighting = None
            passed_ns = self._judge(sighting)
        if side_px is not None:
            self._see(time_ns, side_px)
        return passed_ns

    def _see(self, time_ns: int, side_px: float) -> None:
        sighting = self._sighting
        if sighting is None:
            sighting = self._sighting = _Sighting(side_px, time_ns, side_px, time_ns, side_px, side_px, time_ns)
        sighting.last, sighting.last_ns = side_px, time_ns
        sighting.peak = max(sighting.peak, side_px)
        if abs(side_px - sighting.steady) > STEADY * sighting.steady:
            sighting.steady, sighting.steady_ns = side_px, time_ns
        sighting.throttle = self._throttle

    def _judge(self, sighting: _Sighting) -> int | None:
        if self._driven_ns is None or sighting.last_ns - self._driven_ns > ROLLS_NS:
            return None
        stood = sighting.last_ns - sighting.steady_ns > STANDS_NS
        if stood and sighting.last_ns - self._driven_ns > BRIEF_NS:
            return None
        is_brief = sighting.last_ns - sighting.began_ns <= BRIEF_NS
        ends_near, began_near = (side >= NEAR_PEAK * sighting.peak for side in (sighting.last, sighting.first))
        if began_near and sighting.last * GREW < sighting.first:
            self._is_behind = True
        elif ends_near and (sighting.last > GREW * sighting.first or (is_brief and sighting.throttle > 0)):
            if not self._is_behind:
                return sighting.last_ns
            self._is_behind = False
        return None
