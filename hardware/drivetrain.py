"""Commands, the drivetrains that carry them out, and what a car can say of its own motion."""

from __future__ import annotations

import math
from abc import abstractmethod
from dataclasses import dataclass

from hardware.closing import Closing


@dataclass(frozen=True, slots=True)
class Command:
    """Steering −1 full left … +1 full right; throttle −1 full reverse … +1 full forward."""

    steering: float
    throttle: float

    def is_valid(self) -> bool:
        """Tell whether both numbers are finite and in −1 … +1."""
        return all(math.isfinite(value) and -1.0 <= value <= 1.0 for value in (self.steering, self.throttle))


NEUTRAL = Command(steering=0.0, throttle=0.0)


@dataclass(frozen=True, slots=True)
class Odometry:
    """What a car knows of its own motion; a simulated one knows all of it.

    ``lateral_m`` is the distance from the middle of the lane, positive to the right; ``departures`` counts how often
    a wheel has left the lane; ``laps`` counts whole laps, ``progress_m`` the way driven along the track.
    """

    speed_m_s: float
    laps: int
    progress_m: float
    lateral_m: float
    departures: int


class Drivetrain(Closing):
    """Steering and motor of a car.

    Only the gate's owner calls ``apply``; anyone may call ``neutral`` at any time, from any thread. Use it as a
    context manager; ``close`` puts the outputs to neutral first and may be called twice.
    """

    @abstractmethod
    def apply(self, command: Command) -> Command:
        """Carry out ``command`` and return what was really applied, after the device's own limits and steps."""

    @abstractmethod
    def neutral(self) -> None:
        """Stop the motor and centre the steering, now."""

    @abstractmethod
    def close(self) -> None:
        """Go to neutral and release the device."""
