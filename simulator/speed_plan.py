"""How fast a car can go round a track: its grip, its servo, its motor and how soon it slows down decide."""

from __future__ import annotations

import functools
import math
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from simulator.track import Track
from simulator.vehicle import VehicleParameters

GRIP_SHARE = 0.5
"""Of what the tyres hold, this much is planned for a bend; the rest is for what comes between."""
_SERVO_SHARE = 0.4
_MOTOR_SHARE = 0.9
_SLOWING_SHARE = 0.8
_SMOOTHING_M = 0.08
_SLOWEST_M_S = 0.2


@dataclass(frozen=True, slots=True, eq=False)
class SpeedPlan:
    """For each point of a track, its curvature, and the speed and acceleration with which a car passes it.

    >>> from simulator.track import make_track
    >>> from simulator.vehicle import SIXTEENTH
    >>> plan = plan_speed(make_track("hairpin"), SIXTEENTH, max_throttle=0.625)
    >>> min(plan.speed_m_s) < 1.5 < max(plan.speed_m_s) <= 2.5
    True

    ``curvature_per_m`` is positive to the left, and smooth where the track's own is not.
    """

    curvature_per_m: list[float]
    speed_m_s: list[float]
    acceleration_m_s2: list[float]


@functools.lru_cache(maxsize=32)
def plan_speed(
    track: Track, vehicle: VehicleParameters, max_throttle: float, max_speed_m_s: float = math.inf
) -> SpeedPlan:
    """Return the plan of a fast and safe lap that takes a throttle of 0 … ``max_throttle``; the car rolls to slow down.

    What grip and servo allow at each point is brought within what the motor can do by a pass forwards, and within
    rolling out by one backwards (Kapania, Subosits and Gerdes, "A sequential two-step algorithm for fast generation of
    vehicle racing trajectories", Journal of Dynamic Systems, Measurement, and Control 138, 2016).
    """
    step_m = track.step_m
    curvature_per_m = _smoothed(track.curvature_per_m, _SMOOTHING_M / step_m)
    bend_per_m = np.abs(curvature_per_m)
    twist_per_m2 = np.abs(np.roll(curvature_per_m, -1) - np.roll(curvature_per_m, 1)) / (2.0 * step_m)
    share = _motor_share(vehicle, bend_per_m)
    allowed = np.sqrt(GRIP_SHARE * vehicle.grip_m_s2 / np.maximum(bend_per_m, 1e-6))
    if not vehicle.two_motors:
        servo_m_s = _SERVO_SHARE * vehicle.servo_rate_rad_s / vehicle.wheelbase_m
        allowed = np.minimum(allowed, servo_m_s / np.maximum(twist_per_m2, 1e-6))
    cap = np.minimum(max_throttle * vehicle.top_speed_m_s * share, max_speed_m_s)
    speeds = np.maximum(np.minimum(allowed, cap), _SLOWEST_M_S).tolist()
    pulls = (vehicle.acceleration_m_s2 * max_throttle * share).tolist()
    count = len(speeds)
    # Twice around: the first time does not know yet how fast the car comes to the start.
    for index in range(2 * count):
        now, following = speeds[index % count], (index + 1) % count
        gain = _MOTOR_SHARE * max(pulls[index % count] - vehicle.drag_per_s * now, 0.0)
        speeds[following] = min(speeds[following], math.sqrt(now**2 + 2.0 * step_m * gain))
    for index in range(2 * count, 0, -1):
        now, before = speeds[index % count], (index - 1) % count
        loss = _SLOWING_SHARE * (vehicle.drag_per_s * now + vehicle.drag_brake_m_s2)
        speeds[before] = min(speeds[before], math.sqrt(now**2 + 2.0 * step_m * loss))
    squared = np.square(speeds)
    gains = (np.roll(squared, -1) - np.roll(squared, 1)) / (4.0 * step_m)
    return SpeedPlan(curvature_per_m.tolist(), speeds, gains.tolist())


def _motor_share(vehicle: VehicleParameters, bend_per_m: NDArray[np.float64]) -> NDArray[np.float64]:
    """Return the share of the throttle that is left ahead: of two motors, the inner one gives less in a bend."""
    if not vehicle.two_motors:
        return np.ones_like(bend_per_m)
    return 1.0 / (1.0 + 0.5 * bend_per_m * vehicle.wheel_distance_m)


def _smoothed(values: NDArray[np.float64], sigma: float) -> NDArray[np.float64]:
    """Return values around a track, blurred by a Gaussian of ``sigma`` points."""
    frequency = np.fft.rfftfreq(len(values))
    blurred = np.fft.irfft(np.fft.rfft(values) * np.exp(-2.0 * (np.pi * frequency * sigma) ** 2), len(values))
    return np.asarray(blurred, dtype=np.float64)
