"""The throttle that makes the wheels turn as fast as they are meant to: feed-forward, and a PI controller beside it."""

from __future__ import annotations

import math

from hardware.clock import NS_PER_S

DELAY_S = 0.12
"""From a throttle to when the speed that it makes is seen, about: the motor's lag, the encoder's mean, a cycle."""
MOST_CORRECTION = 0.3
"""So much throttle at most is added to what was asked for, or taken from it, whatever the encoder says."""
LONGEST_STEP_S = 0.1
HELD_BACK = 0.01
"""A throttle that comes out smaller by more than this was limited by the gate."""


class SpeedController:
    """Holds a speed, which is asked for in shares of ``max_m_s`` as a throttle is in shares of the whole.

    >>> controller = SpeedController(max_m_s=4.0, response_s=0.5)
    >>> controller.throttle(0.25, speed_m_s=1.0, now_ns=0)
    0.25
    >>> controller.throttle(0.25, speed_m_s=0.8, now_ns=50_000_000) > 0.25
    True

    ``max_m_s`` is what full throttle comes to on the flat, so that what is asked for is its own feed-forward.
    ``response_s`` is how long the car takes to two thirds of a new speed. The gains follow from both by Skogestad's
    rule for a first-order lag with a delay ("Simple analytic rules for model reduction and PID controller tuning",
    Journal of Process Control 13, 2003). It never drives against what was asked for: it brakes by giving less. While
    the car still rolls the other way, it gives what was asked for and no more. What the gate holds back is not made up
    for later.
    """

    def __init__(self, max_m_s: float, response_s: float) -> None:
        self._max_m_s = max_m_s
        self._proportional = response_s / (2.0 * DELAY_S)
        self._integral_per_s = self._proportional / min(response_s, 8.0 * DELAY_S)
        self._integral = 0.0
        self._given = 0.0
        self._is_held_back = False
        self._step_ns: int | None = None

    def throttle(self, wanted: float, speed_m_s: float, now_ns: int) -> float:
        """Return the throttle for ``wanted``, −1 … +1; nothing is wanted at 0, and nothing given."""
        elapsed_s = 0.0 if self._step_ns is None else min((now_ns - self._step_ns) / NS_PER_S, LONGEST_STEP_S)
        if wanted == 0.0 or wanted * speed_m_s < 0.0:
            self.reset()
            self._given = wanted
        else:
            error = abs(wanted) - abs(speed_m_s) / self._max_m_s
            self._given = math.copysign(self._corrected(abs(wanted), error, elapsed_s), wanted)
        self._step_ns = now_ns
        return self._given

    def note_applied(self, throttle: float) -> None:
        """Take note of the throttle that the wheels got."""
        self._is_held_back = abs(throttle) < abs(self._given) - HELD_BACK

    def reset(self) -> None:
        """Forget what was learnt about slope and battery."""
        self._integral, self._given, self._is_held_back, self._step_ns = 0.0, 0.0, False, None

    def _corrected(self, wanted: float, error: float, elapsed_s: float) -> float:
        learnt = self._integral + self._integral_per_s * error * elapsed_s
        correction = self._proportional * error + learnt
        is_at_its_end = not (abs(correction) <= MOST_CORRECTION and 0.0 <= wanted + correction <= 1.0)
        if not (self._is_held_back and error > 0.0) and not (is_at_its_end and error * correction > 0.0):
            self._integral = learnt
        correction = min(max(self._proportional * error + self._integral, -MOST_CORRECTION), MOST_CORRECTION)
        return min(max(wanted + correction, 0.0), 1.0)
