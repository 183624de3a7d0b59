"""From a wheel encoder's readings to the car's motion, as far as that is known."""

from __future__ import annotations

import math

from car.readings import Newest
from hardware.clock import NS_PER_MS, NS_PER_S
from hardware.drivetrain import Motion
from hardware.errors import SensorError
from hardware.sensor import SPEED, TRAVELLED, UNSIGNED_SPEED, Reading

SILENCE_NS = 200 * NS_PER_MS
"""An encoder that has not measured for so long is lost."""
FIRST_NS = 1000 * NS_PER_MS
"""So long it may take until it has measured for the first time."""
FASTEST_M_S = 30.0
"""No car of this kind is faster: more than that is no speed."""
TURNS_M_S = 0.1
"""Slower than this, a car may have begun to roll the other way unseen."""
RISES_M_S = 0.2
"""A car that is driven the other way and becomes so much faster again rolls that way by now."""


class WheelSpeed:
    """Knows the car's motion by a sensor that measures how fast its wheels turn.

    >>> wheels = WheelSpeed(lambda: Reading({"speed_m_s": 0.8, "travelled_m": 4.5}, clock.now_ns()))
    >>> wheels.look(clock.now_ns())
    Motion(speed_m_s=0.8, distance_m=4.5)

    A speed that cannot tell forwards from backwards has the direction of the last throttle: the old one, until the
    wheels have nearly stood, or turn faster again; it is no proof against the throttle. Where only a speed is measured,
    the way is reckoned from it. A reading that is too old, comes late or has no speed in it counts as none.
    """

    def __init__(self, newest: Newest) -> None:
        self._newest = newest
        self._motion: Motion | None = None
        self._measured_ns: int | None = None
        self._first_look_ns: int | None = None
        self._throttle = self._direction = 1.0
        self._slowest_m_s = 0.0
        self.tells_direction = False

    def look(self, now_ns: int) -> Motion | None:
        """Return what is known at ``now_ns``; raises SensorError when the sensor measures no speed at all."""
        if self._first_look_ns is None:
            self._first_look_ns = now_ns
        if (reading := self._newest()) is not None:
            self._take(reading, now_ns)
        is_known = self._measured_ns is not None and now_ns - self._measured_ns <= SILENCE_NS
        return self._motion if is_known else None

    def is_lost(self, now_ns: int) -> bool:
        """Tell whether the sensor has been silent for longer than it may."""
        if self._measured_ns is None:
            return self._first_look_ns is not None and now_ns - self._first_look_ns > FIRST_NS
        return now_ns - self._measured_ns > SILENCE_NS

    def note_throttle(self, throttle: float) -> None:
        """Take note of the throttle that the wheels got."""
        if throttle != 0.0:
            self._throttle = throttle

    def _take(self, reading: Reading, now_ns: int) -> None:
        values = reading.values
        self.tells_direction = SPEED in values
        if SPEED not in values and UNSIGNED_SPEED not in values:
            if self._measured_ns is not None or not values:
                return
            raise SensorError(
                f"The sensor that [speed] names measures {', '.join(values) or 'nothing'} and no {SPEED}. "
                "Name a wheel encoder there."
            )
        speed_m_s = values[SPEED] if SPEED in values else self._signed(values[UNSIGNED_SPEED])
        is_new = self._measured_ns is None or reading.measured_ns > self._measured_ns
        if not (is_new and now_ns - reading.measured_ns <= SILENCE_NS and abs(speed_m_s) <= FASTEST_M_S):
            return
        distance_m = values.get(TRAVELLED, self._reckoned_m(speed_m_s, reading.measured_ns))
        if math.isfinite(distance_m):
            self._motion, self._measured_ns = Motion(speed_m_s, distance_m), reading.measured_ns

    def _signed(self, speed_m_s: float) -> float:
        if not speed_m_s <= FASTEST_M_S:
            return speed_m_s
        wanted = math.copysign(1.0, self._throttle)
        self._slowest_m_s = speed_m_s if wanted == self._direction else min(self._slowest_m_s, speed_m_s)
        if speed_m_s < TURNS_M_S or speed_m_s > self._slowest_m_s + RISES_M_S:
            self._direction = wanted
        return speed_m_s * self._direction

    def _reckoned_m(self, speed_m_s: float, measured_ns: int) -> float:
        if self._motion is None or self._measured_ns is None:
            return 0.0
        return self._motion.distance_m + abs(speed_m_s) * (measured_ns - self._measured_ns) / NS_PER_S
