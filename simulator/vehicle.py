"""A car on four wheels: a bicycle model with a servo, a motor, grip and drag.

A pure function of state, command and time step; the world steps it. Figures are those of a 1:16 RC chassis.
"""

from __future__ import annotations

import math
from dataclasses import dataclass

from hardware.drivetrain import Command, Pose
from simulator.body import Body


@dataclass(frozen=True, slots=True)
class VehicleParameters:
    """A chassis: sizes, the servo, the motor with its drag, the tyres.

    >>> slippery = VehicleParameters(grip_m_s2=2.0)
    >>> slippery.wheelbase_m
    0.17

    The motor accelerates by ``throttle`` × ``acceleration_m_s2`` and drag takes ``drag_per_s`` × speed, so the car
    settles at their quotient × throttle: 4 m/s at full throttle. Below ``neutral_throttle`` the speed controller
    brakes by ``drag_brake_m_s2``. ``grip_m_s2`` is the largest lateral acceleration; beyond it the car runs wide.
    """

    wheelbase_m: float = 0.17
    width_m: float = 0.18
    max_steering_rad: float = math.radians(25.0)
    servo_rate_rad_s: float = 4.4
    motor_lag_s: float = 0.1
    acceleration_m_s2: float = 3.2
    drag_per_s: float = 0.8
    drag_brake_m_s2: float = 0.15
    neutral_throttle: float = 0.03
    grip_m_s2: float = 5.0


SIXTEENTH = VehicleParameters()
"""A 1:16 chassis, the one that simulated cars have unless another is given."""


@dataclass(frozen=True, slots=True)
class VehicleState:
    """The middle of the car in metres, its heading counter-clockwise from the x axis, and what its parts are doing.

    >>> state = VehicleState()
    >>> for _ in range(200):
    ...     state = step(state, Command(steering=0.0, throttle=0.25), VehicleParameters(), duration_s=0.005)
    >>> round(state.speed_m_s, 1), round(state.x_m, 1)
    (0.5, 0.3)

    ``steering_rad`` is the angle of the front wheels, positive to the right, as in a command; ``motor`` is the
    throttle that the motor really gives after its lag, −1 … +1.
    """

    x_m: float = 0.0
    y_m: float = 0.0
    heading_rad: float = 0.0
    speed_m_s: float = 0.0
    steering_rad: float = 0.0
    motor: float = 0.0

    @property
    def pose(self) -> Pose:
        """Where the car is."""
        return Pose(self.x_m, self.y_m, self.heading_rad)

    @property
    def body(self) -> Body:
        """How its body leans and moves."""
        return Body(forward_m_s=self.speed_m_s)


def step(state: VehicleState, command: Command, parameters: VehicleParameters, duration_s: float) -> VehicleState:
    """Return the state ``duration_s`` later, a few milliseconds at most.

    Kinematic bicycle model about the middle of the car (Kong and others, "Kinematic and dynamic vehicle models for
    autonomous driving control design", IEEE IV 2015), with the curvature of the path limited by the grip.
    """
    turn_rad = parameters.servo_rate_rad_s * duration_s
    target_rad = command.steering * parameters.max_steering_rad
    steering_rad = min(max(target_rad, state.steering_rad - turn_rad), state.steering_rad + turn_rad)
    motor = state.motor + (command.throttle - state.motor) * -math.expm1(-duration_s / parameters.motor_lag_s)
    speed_m_s = _next_speed_m_s(state.speed_m_s, motor, command, parameters, duration_s)

    half_wheelbase_m = 0.5 * parameters.wheelbase_m
    curvature_per_m = math.sin(math.atan(0.5 * math.tan(steering_rad))) / half_wheelbase_m
    limit_per_m = parameters.grip_m_s2 / max(speed_m_s**2, 1e-6)
    curvature_per_m = min(max(curvature_per_m, -limit_per_m), limit_per_m)
    way_m = speed_m_s * duration_s
    heading_rad = state.heading_rad - curvature_per_m * way_m
    # The middle of the car moves at the slip angle to its heading; half way through the step both are at their mean.
    course_rad = 0.5 * (state.heading_rad + heading_rad) - math.asin(curvature_per_m * half_wheelbase_m)
    return VehicleState(
        state.x_m + way_m * math.cos(course_rad),
        state.y_m + way_m * math.sin(course_rad),
        math.remainder(heading_rad, math.tau),
        speed_m_s,
        steering_rad,
        motor,
    )


def _next_speed_m_s(
    speed_m_s: float, motor: float, command: Command, parameters: VehicleParameters, duration_s: float
) -> float:
    driven_m_s2 = parameters.acceleration_m_s2 * motor - parameters.drag_per_s * speed_m_s
    faster_m_s = speed_m_s + driven_m_s2 * duration_s
    if abs(command.throttle) > parameters.neutral_throttle:
        return faster_m_s
    brake_m_s = parameters.drag_brake_m_s2 * duration_s
    return math.copysign(max(abs(faster_m_s) - brake_m_s, 0.0), faster_m_s)
