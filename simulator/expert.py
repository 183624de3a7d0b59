"""A driver that knows the way: pure pursuit of the centre line from the car's true pose."""

from __future__ import annotations

import math

from hardware.drivetrain import Command, Pose
from simulator.track import Track
from simulator.vehicle import VehicleParameters, VehicleState

MAX_THROTTLE = 0.25
"""The gate's cap on a pilot's throttle; what the expert shows must be within what a pilot may do."""

_LOOK_AHEAD_M = 0.3
_LOOK_AHEAD_S = 0.3
_BRAKING_LOOK_M = 1.2
_COMFORT_M_S2 = 0.7


class PurePursuit:
    """Steers for a point of the centre line some way ahead and slows down for bends.

    >>> from simulator.track import make_track
    >>> from simulator.world import World
    >>> world = World(make_track("oval"), clock)
    >>> expert = PurePursuit(world.track)
    >>> expert.command(world.state).throttle > 0
    True

    The steering follows Coulter, "Implementation of the pure pursuit path tracking algorithm", CMU-RI-TR-92-01: the
    circle through the car, tangent to its heading, that meets the point. The throttle is the one that holds the speed
    at which the sharpest bend ahead takes a comfortable lateral acceleration, and never more than ``max_throttle``.
    """

    def __init__(
        self, track: Track, vehicle: VehicleParameters | None = None, max_throttle: float = MAX_THROTTLE
    ) -> None:
        self._track = track
        self._vehicle = vehicle or VehicleParameters()
        self._max_throttle = max_throttle

    def command(self, state: VehicleState) -> Command:
        """Return what the expert does in ``state``: a valid command with a throttle of 0 … ``max_throttle``."""
        here = self._track.project(state.pose)
        look_ahead_m = _LOOK_AHEAD_M + _LOOK_AHEAD_S * max(state.speed_m_s, 0.0)
        target = self._track.pose_at(here.progress_m + look_ahead_m)
        return Command(self._steering(state.pose, target), self._throttle(here.index))

    def _steering(self, pose: Pose, target: Pose) -> float:
        dx_m, dy_m = target.x_m - pose.x_m, target.y_m - pose.y_m
        to_the_right = math.sin(pose.heading_rad) * dx_m - math.cos(pose.heading_rad) * dy_m
        curvature_per_m = 2.0 * to_the_right / max(dx_m**2 + dy_m**2, 1e-6)
        # The inverse of the vehicle's curvature about its middle.
        slip = min(max(0.5 * curvature_per_m * self._vehicle.wheelbase_m, -0.9), 0.9)
        steering_rad = math.atan(2.0 * math.tan(math.asin(slip)))
        return min(max(steering_rad / self._vehicle.max_steering_rad, -1.0), 1.0)

    def _throttle(self, index: int) -> float:
        reach = range(index, index + round(_BRAKING_LOOK_M / self._track.step_m))
        sharpest_per_m = float(abs(self._track.curvature_per_m.take(reach, mode="wrap")).max())
        speed_m_s = math.sqrt(_COMFORT_M_S2 / max(sharpest_per_m, 1e-6))
        throttle = speed_m_s * self._vehicle.drag_per_s / self._vehicle.acceleration_m_s2
        return min(throttle, self._max_throttle)
