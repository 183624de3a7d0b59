"""A driver that knows the way, the car and what it can hold: the best that a pilot can be compared with."""

from __future__ import annotations

import math

import numpy as np

from hardware.drivetrain import Command, Pose
from simulator.speed_plan import plan_speed
from simulator.track import Projection, Track
from simulator.vehicle import GRAVITY_M_S2, VehicleParameters, VehicleState, step

MAX_THROTTLE = 0.25
"""The gate's cap on a pilot's throttle; what the expert shows must be within what a pilot may do."""

_RETURN_M = 0.3
_RETURN_S = 0.2
"""A distance from the middle falls to a third within about twice this way and time."""
_STEEPEST_RETURN_RAD = 0.7
_PREVIEW_S = 0.035
"""What a servo and the frame rate take until the wheels stand as they are told."""
_SPEED_S = 0.3
_RETURN_M_S2 = 1.0
"""The acceleration across the lane that coming back may take, which slows a car down that is far off."""
_GRIP_LIMIT = 0.9
_PREDICTION_STEP_S = 0.01
_TURNED_M2 = 0.2
"""How much further away, as a square, a part of the track counts that the car stands across to."""


class Expert:
    """Follows the middle of the lane at a planned speed, and comes back to it from wherever it is.

    >>> from simulator.track import make_track
    >>> from simulator.world import World
    >>> world = World(make_track("oval"), clock)
    >>> expert = Expert(world.track)
    >>> expert.command(world.state).throttle > 0
    True

    It acts on where the car will be when the command reaches the wheels. The steering is the curvature of the track
    there plus what lets distance and direction die away critically damped in the way driven, for the angles of slip
    that the tyres then have. The throttle follows ``plan_speed`` and is 0 … ``max_throttle``; ``max_speed_m_s`` may
    keep it slower. It remembers nothing, so that it can say of any state what it would do there.
    """

    def __init__(
        self,
        track: Track,
        vehicle: VehicleParameters | None = None,
        max_throttle: float = MAX_THROTTLE,
        max_speed_m_s: float = math.inf,
    ) -> None:
        self._track = track
        self._vehicle = vehicle or VehicleParameters()
        self._max_throttle = max_throttle
        self._plan = plan_speed(track, self._vehicle, max_throttle, max_speed_m_s)
        self._preview_s = _PREVIEW_S
        if self._vehicle.two_motors:
            self._preview_s += self._vehicle.motor_lag_s + 1.0 / self._vehicle.drag_per_s
        self._directions = np.column_stack([np.cos(track.heading_rad), np.sin(track.heading_rad)])

    def command(self, state: VehicleState) -> Command:
        """Return what the expert does in ``state``: a valid command with a throttle of 0 … ``max_throttle``."""
        ahead = self._when_it_arrives(state)
        here = self._where(ahead.pose)
        speed_m_s = max(ahead.speed_m_s, 0.0)
        preview = round(speed_m_s * self._preview_s / self._track.step_m)
        bend_per_m = self._plan.curvature_per_m[(here.nearest + preview) % len(self._plan.curvature_per_m)]
        return_per_m = self._return_per_m(here, bend_per_m, speed_m_s)
        # Beside the middle, the way around the bend is another circle.
        beside_per_m = bend_per_m / max(1.0 + bend_per_m * here.lateral_m, 0.3)
        steering = self._steering(beside_per_m + return_per_m, speed_m_s)
        return Command(steering, self._throttle(ahead, here.nearest, return_per_m, steering))

    def _when_it_arrives(self, state: VehicleState) -> VehicleState:
        """Return the state in which a command given now reaches servo and motor."""
        newest = state.on_the_way[-1][1] if state.on_the_way else state.arrived
        left_s = self._vehicle.command_delay_s
        while left_s > 0.0:
            state = step(state, newest, self._vehicle, min(left_s, _PREDICTION_STEP_S))
            left_s -= _PREDICTION_STEP_S
        return state

    def _where(self, pose: Pose) -> Projection:
        """Return where on the track the car is: of parts that cross each other, on the one that it drives along."""
        away_m2 = np.square(self._track.points_m - (pose.x_m, pose.y_m)).sum(axis=1)
        along = self._directions @ (math.cos(pose.heading_rad), math.sin(pose.heading_rad))
        return self._track.project(pose, near=int((away_m2 - _TURNED_M2 * along).argmin()))

    def _return_per_m(self, here: Projection, bend_per_m: float, speed_m_s: float) -> float:
        """Return the curvature, positive to the left, that takes the car back to the middle."""
        way_m = _RETURN_M + _RETURN_S * speed_m_s
        steepest = _STEEPEST_RETURN_RAD
        wanted_rad = min(max(-0.5 * here.lateral_m / way_m, -steepest), steepest)
        # The middle of a car in a bend moves at an angle to its heading.
        off_rad = here.heading_error_rad - self._slip_rad(bend_per_m, speed_m_s) - wanted_rad
        return 2.0 * math.remainder(off_rad, math.tau) / way_m

    def _slip_rad(self, curvature_per_m: float, speed_m_s: float) -> float:
        if self._vehicle.two_motors:
            return 0.0
        across_m_s2 = curvature_per_m * speed_m_s**2
        return 0.5 * self._vehicle.wheelbase_m * curvature_per_m - self._tyre_rad(across_m_s2, 1)

    def _tyre_rad(self, across_m_s2: float, axle: int) -> float:
        """Return the angle at which the tyres of an axle hold this acceleration, the inverse of the vehicle's model."""
        share = min(abs(across_m_s2) / self._vehicle.grip_m_s2, _GRIP_LIMIT)
        widest_rad = 3.0 * self._vehicle.grip_m_s2 / (self._vehicle.cornering_per_rad[axle] * GRAVITY_M_S2)
        return math.copysign(widest_rad * (1.0 - math.cbrt(1.0 - share)), across_m_s2)

    def _steering(self, curvature_per_m: float, speed_m_s: float) -> float:
        vehicle = self._vehicle
        limit_per_m = _GRIP_LIMIT * vehicle.grip_m_s2 / max(speed_m_s**2, 1e-6)
        curvature_per_m = min(max(curvature_per_m, -limit_per_m), limit_per_m)
        if vehicle.two_motors:
            turn = curvature_per_m * vehicle.wheel_distance_m
            return min(max(-turn / (1.0 + 0.5 * abs(turn)), -1.0), 1.0)
        across_m_s2 = curvature_per_m * speed_m_s**2
        # The middle of the car drives a larger circle than the rear axle.
        middle = min(abs(0.5 * curvature_per_m * vehicle.wheelbase_m), 0.9)
        steering_rad = math.atan(vehicle.wheelbase_m * curvature_per_m / math.sqrt(1.0 - middle**2))
        steering_rad += self._tyre_rad(across_m_s2, 0) - self._tyre_rad(across_m_s2, 1)
        return min(max(-steering_rad / vehicle.max_steering_rad, -1.0), 1.0)

    def _throttle(self, ahead: VehicleState, index: int, return_per_m: float, steering: float) -> float:
        vehicle, plan = self._vehicle, self._plan
        speed_m_s = ahead.speed_m_s
        soon = (index + round(max(speed_m_s, 0.0) * vehicle.motor_lag_s / self._track.step_m)) % len(plan.speed_m_s)
        planned_m_s = min(plan.speed_m_s[soon], math.sqrt(_RETURN_M_S2 / max(abs(return_per_m), 1e-6)))
        wanted_m_s2 = (planned_m_s - speed_m_s) / _SPEED_S + vehicle.drag_per_s * planned_m_s
        if planned_m_s == plan.speed_m_s[soon]:
            wanted_m_s2 += plan.acceleration_m_s2[soon]
        voltage = 1.0 - (1.0 - vehicle.battery.empty_share) * (1.0 - ahead.charge)
        share = 1.0 - 0.5 * abs(steering) if vehicle.two_motors else 1.0
        return min(max(wanted_m_s2 / (vehicle.acceleration_m_s2 * voltage * share), 0.0), self._max_throttle)
