"""Does what the encoder says go with what the motor was told? If not, nobody may hold a speed by it."""

from __future__ import annotations

import math

from car.gate import TripReason
from hardware.clock import NS_PER_MS
from hardware.drivetrain import Motion

DRIVEN_THROTTLE = 0.1
"""With less throttle than this, a car may stand."""
SILENT_NS = 200 * NS_PER_MS
"""So long the wheels of a car that moves may seem to stand while they are driven."""
STARTS_NS = 1000 * NS_PER_MS
"""So long a car that stands may take to move."""
GAPS = 3
"""An encoder with few marks is silent between them: so many such gaps it may be silent for."""
WRONG_M_S = 0.2
"""So much faster the wheels may turn against the throttle than when it began."""


class Plausibility:
    """Compares motion and throttle, cycle by cycle.

    >>> check = Plausibility()
    >>> for cycle in range(40):
    ...     doubt = check.doubt(Motion(speed_m_s=0.0, distance_m=2.0), throttle=0.3, now_ns=cycle * 50 * NS_PER_MS)
    >>> print(doubt)
    the motor was driven, and the wheel encoder saw no motion

    A car that is stuck and an encoder whose wire is off look the same from here; both end the drive. Wheels that turn
    against the throttle are no doubt while they slow down, as after a change of direction.
    """

    def __init__(self) -> None:
        self._direction = 0.0
        self._driven_ns = self._moved_ns = 0
        self._gap_ns = STARTS_NS
        self._against_m_s = 0.0
        self._distance_m = math.nan

    def doubt(self, motion: Motion, throttle: float, now_ns: int) -> TripReason | None:
        """Return what is wrong, None if nothing is; ``throttle`` is what the wheels have got until now."""
        direction = math.copysign(1.0, throttle) if abs(throttle) > DRIVEN_THROTTLE else 0.0
        if direction != self._direction:
            self._direction, self._driven_ns = direction, now_ns
            self._against_m_s = max(-motion.speed_m_s * direction, 0.0)
        if motion.distance_m != self._distance_m:
            self._gap_ns, self._moved_ns = now_ns - self._moved_ns, now_ns
            self._distance_m = motion.distance_m
        if direction == 0.0:
            return None
        if -motion.speed_m_s * direction > self._against_m_s + WRONG_M_S:
            return TripReason.WRONG_WAY
        has_moved = self._moved_ns > self._driven_ns
        may_be_silent_ns = min(max(GAPS * self._gap_ns, SILENT_NS), STARTS_NS) if has_moved else STARTS_NS
        is_silent = now_ns - max(self._moved_ns, self._driven_ns) > may_be_silent_ns
        return TripReason.NO_MOTION if is_silent else None
