"""A car on a floor: its servo or its two motors, its battery, its tyres and what they can hold.

A pure function of state, command and time step; the world steps it.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import NamedTuple

from hardware.drivetrain import NEUTRAL, Command, Pose
from simulator.body import Body

GRAVITY_M_S2 = 9.81
_KINEMATIC_BELOW_M_S = 0.5
_DYNAMIC_ABOVE_M_S = 1.0
_BLEND_S = 0.005
"""Between the two speeds, the slip dies away within a few of these, sooner the slower the car is."""
_LEAST_SIDE_GRIP = 0.2
"""The share of the grip that is left sideways, however hard the motor pulls or brakes."""


@dataclass(frozen=True, slots=True)
class Battery:
    """What feeds the motor; its voltage falls with the current drawn and with the charge used.

    >>> tired = Battery(capacity_ah=0.6, internal_ohm=0.08)

    Figures are estimates for six NiMH cells of a 1:16 chassis. ``stall_a`` is what the motor would draw standing at
    full throttle, ``empty_share`` the share of the voltage that an empty battery still has.
    """

    nominal_v: float = 7.2
    internal_ohm: float = 0.03
    stall_a: float = 30.0
    capacity_ah: float = 1.1
    empty_share: float = 0.8


@dataclass(frozen=True, slots=True)
class VehicleParameters:
    """A chassis: sizes, the servo or the two motors, the motor with its drag, the tyres, the springs.

    >>> slippery = VehicleParameters(grip_m_s2=2.0)
    >>> slippery.wheelbase_m
    0.17
    >>> slippery.throttle_for(1.0), slippery.top_speed_m_s
    (0.25, 4.0)

    The motor accelerates by ``throttle`` × ``acceleration_m_s2`` and drag takes ``drag_per_s`` × speed, so the car
    settles at their quotient × throttle. A throttle below ``neutral_throttle`` is none: the speed controller's dead
    band, where it brakes by ``drag_brake_m_s2``; throttle against the motion brakes by ``brake_m_s2`` of it.
    ``grip_m_s2`` is the largest acceleration that the tyres hold, ``cornering_per_rad`` the side force of the front and
    rear tyres per angle of slip, in parts of the load on them. ``gyration_m`` is the yaw inertia's radius.

    ``servo_lag_s`` and ``motor_lag_s`` are time constants; ``command_delay_s`` passes before a command does anything.
    Servo and speed controller hear of a command with the next pulse, of which there is one in each ``pulse_period_s``:
    0.02 for analogue servos, 0 for no waiting. The world sends them.
    ``pitch_rad_per_m_s2`` and ``roll_rad_per_m_s2`` say how far the body leans in the end, ``body_lag_s`` how soon.
    ``slope`` is how far the floor rises per metre along the x axis, so that a lap goes uphill and downhill.
    A car of ``two_motors`` has no servo: its wheels are ``wheel_distance_m`` apart and the inner one turns more slowly,
    as ``hardware.drivetrains.differential`` drives them.
    """

    wheelbase_m: float = 0.17
    width_m: float = 0.18
    length_m: float = 0.29
    max_steering_rad: float = math.radians(25.0)
    servo_rate_rad_s: float = 4.4
    servo_lag_s: float = 0.02
    motor_lag_s: float = 0.1
    acceleration_m_s2: float = 3.2
    drag_per_s: float = 0.8
    drag_brake_m_s2: float = 0.15
    brake_m_s2: float = 4.5
    neutral_throttle: float = 0.03
    grip_m_s2: float = 5.0
    cornering_per_rad: tuple[float, float] = (4.72, 5.46)
    gyration_m: float = 0.08
    pitch_rad_per_m_s2: float = 0.006
    roll_rad_per_m_s2: float = 0.006
    body_lag_s: float = 0.08
    command_delay_s: float = 0.0
    battery: Battery = Battery()
    two_motors: bool = False
    wheel_distance_m: float = 0.15
    pulse_period_s: float = 0.0
    slope: float = 0.0

    @property
    def top_speed_m_s(self) -> float:
        """The speed at which a full battery drives it straight ahead at full throttle, but for the sag."""
        return self.acceleration_m_s2 / self.drag_per_s

    def throttle_for(self, speed_m_s: float) -> float:
        """Return the throttle that holds ``speed_m_s`` straight ahead, at most 1."""
        return min(speed_m_s / self.top_speed_m_s, 1.0)


SIXTEENTH = VehicleParameters()
"""A 1:16 chassis with four driven wheels, the one that simulated cars have unless another is given.

Estimates, but for the tyres' stiffness: that is of the 1:10 car in the F1TENTH gym (O'Kelly and others, "F1TENTH: An
open-source evaluation environment for continuous control and reinforcement learning", PMLR 123, 2020). Its hard tyres
hold half of their load. 25° of lock turn it on 0.37 m.
"""

TENTH = VehicleParameters(
    wheelbase_m=0.257,
    width_m=0.185,
    length_m=0.38,
    max_steering_rad=math.radians(26.0),
    servo_rate_rad_s=3.2,
    acceleration_m_s2=4.8,
    brake_m_s2=6.5,
    grip_m_s2=7.5,
    gyration_m=0.118,
    pitch_rad_per_m_s2=0.004,
    roll_rad_per_m_s2=0.004,
    battery=Battery(internal_ohm=0.02, stall_a=45.0, capacity_ah=3.0),
)
"""A 1:10 touring car with four driven wheels.

Wheelbase and width are the usual ones of the class. The servo's rate, the tyres' stiffness and the radius of the yaw
inertia, in parts of the wheelbase, are of the 1:10 car in the F1TENTH gym (O'Kelly and others, 2020, above), whose
tyres hold 1.05 of their load on a clean floor; 0.76 here is an estimate for a dusty one, as all the rest is.
"""

TWO_MOTORS = VehicleParameters(
    wheelbase_m=0.12,
    width_m=0.18,
    length_m=0.24,
    motor_lag_s=0.06,
    acceleration_m_s2=12.0,
    drag_per_s=8.0,
    drag_brake_m_s2=0.5,
    brake_m_s2=6.0,
    grip_m_s2=5.0,
    body_lag_s=0.05,
    battery=Battery(internal_ohm=0.1, stall_a=4.0, capacity_ah=2.0),
    two_motors=True,
)
"""A robot car with a geared motor at each side, which turns within its own length.

All estimates: gears make it slow, 1.5 m/s at most, and let it stop soon.
"""


class VehicleState(NamedTuple):
    """The middle of the car in metres, its heading counter-clockwise from the x axis, and what its parts are doing.

    >>> state = VehicleState()
    >>> for _ in range(200):
    ...     state = step(state, Command(steering=0.0, throttle=0.25), VehicleParameters(), duration_s=0.005)
    >>> round(state.speed_m_s, 1), round(state.x_m, 1)
    (0.5, 0.3)

    ``speed_m_s`` is straight ahead, ``leftward_m_s`` across it, ``yaw_rate_rad_s`` positive to the left.
    ``steering_rad`` is the angle of the front wheels, positive to the right, as in a command; ``motor`` is the
    throttle that the motor really gives after its lag, −1 … +1. With two motors it is the mean of them, and
    ``motor_difference`` half of what the right one gives more. ``charge`` is what is left in the battery, 0 … 1;
    ``pitch_rad`` and ``roll_rad`` are the body's. ``arrived`` is the command that has reached servo and motor, and
    ``on_the_way`` those that have not, each with the seconds that it still needs. A named tuple, since one is made
    every 5 ms and a frozen dataclass of this size takes five times as long to make.
    """

    x_m: float = 0.0
    y_m: float = 0.0
    heading_rad: float = 0.0
    speed_m_s: float = 0.0
    steering_rad: float = 0.0
    motor: float = 0.0
    leftward_m_s: float = 0.0
    yaw_rate_rad_s: float = 0.0
    motor_difference: float = 0.0
    charge: float = 1.0
    pitch_rad: float = 0.0
    roll_rad: float = 0.0
    arrived: Command = NEUTRAL
    on_the_way: tuple[tuple[float, Command], ...] = ()

    @property
    def pose(self) -> Pose:
        """Where the car is."""
        return Pose(self.x_m, self.y_m, self.heading_rad)

    @property
    def body(self) -> Body:
        """How its body leans and moves."""
        return Body(self.pitch_rad, self.roll_rad, self.speed_m_s, self.leftward_m_s, self.yaw_rate_rad_s)


def step(
    state: VehicleState, command: Command, parameters: VehicleParameters, duration_s: float, push: float = 0.0
) -> VehicleState:
    """Return the state ``duration_s`` later, some milliseconds at most; ``push`` is added to the steering at the servo.

    Dynamic bicycle model about the middle of the car, blended into the kinematic one at low speed, where angles of slip
    mean nothing (Kabzan and others, "AMZ Driverless: The full autonomous racing system", Journal of Field Robotics
    37, 2020). Both axles carry half of the load.
    """
    p = parameters
    arrived, on_the_way = _arriving(state, command, p.command_delay_s, duration_s)
    throttle = arrived.throttle if abs(arrived.throttle) > p.neutral_throttle else 0.0
    steering = _clipped(arrived.steering + push, 1.0)
    motor_share = -math.expm1(-duration_s / p.motor_lag_s)
    steering_rad, difference = state.steering_rad, state.motor_difference
    if p.two_motors:
        difference += (-0.5 * throttle * steering - difference) * motor_share
        motor = state.motor + (throttle * (1.0 - 0.5 * abs(steering)) - state.motor) * motor_share
    else:
        turn_rad = (steering * p.max_steering_rad - steering_rad) * -math.expm1(-duration_s / p.servo_lag_s)
        steering_rad += _clipped(turn_rad, p.servo_rate_rad_s * duration_s)
        motor = state.motor + (throttle - state.motor) * motor_share

    pull_m_s2, charge = _pull(state, motor, p, duration_s)
    # With geared motors, most of the drag is their own voltage: the wheels feel what is left.
    felt_m_s2 = _clipped(pull_m_s2 - p.drag_per_s * state.speed_m_s, p.grip_m_s2)
    speed_m_s = state.speed_m_s + felt_m_s2 * duration_s
    if p.slope != 0.0:
        speed_m_s -= GRAVITY_M_S2 * p.slope * math.cos(state.heading_rad) * duration_s
    if throttle == 0.0:
        speed_m_s = _slowed(speed_m_s, p.drag_brake_m_s2 * duration_s)
    if p.two_motors:
        leftward_m_s = _slowed(state.leftward_m_s, p.grip_m_s2 * duration_s)
        yaw_rate_rad_s = _turned_by_motors(state, difference, speed_m_s, p, duration_s)
    else:
        speed_m_s, leftward_m_s, yaw_rate_rad_s = _steered(state, steering_rad, speed_m_s, felt_m_s2, p, duration_s)

    turned_rad = yaw_rate_rad_s * duration_s
    # Half way through the step the heading is at its mean.
    mean_rad = state.heading_rad + 0.5 * turned_rad
    cosine, sine = math.cos(mean_rad) * duration_s, math.sin(mean_rad) * duration_s
    lean = duration_s / (p.body_lag_s + duration_s)
    return VehicleState(
        state.x_m + speed_m_s * cosine - leftward_m_s * sine,
        state.y_m + speed_m_s * sine + leftward_m_s * cosine,
        math.remainder(state.heading_rad + turned_rad, math.tau),
        speed_m_s,
        steering_rad,
        motor,
        leftward_m_s,
        yaw_rate_rad_s,
        difference,
        charge,
        state.pitch_rad + (-p.pitch_rad_per_m_s2 * felt_m_s2 - state.pitch_rad) * lean,
        state.roll_rad + (p.roll_rad_per_m_s2 * speed_m_s * yaw_rate_rad_s - state.roll_rad) * lean,
        arrived,
        on_the_way,
    )


def _arriving(
    state: VehicleState, command: Command, delay_s: float, duration_s: float
) -> tuple[Command, tuple[tuple[float, Command], ...]]:
    """Return the command that reaches servo and motor in this step, and those that are on the way after it."""
    if delay_s <= 0.0:
        return command, ()
    arrived, on_the_way = state.arrived, state.on_the_way
    newest = on_the_way[-1][1] if on_the_way else arrived
    if command is not newest and command != newest:
        on_the_way = (*on_the_way, (delay_s, command))
    while on_the_way and on_the_way[0][0] < 0.5 * duration_s:
        arrived, on_the_way = on_the_way[0][1], on_the_way[1:]
    return arrived, tuple((left_s - duration_s, waiting) for left_s, waiting in on_the_way)


def _pull(state: VehicleState, motor: float, p: VehicleParameters, duration_s: float) -> tuple[float, float]:
    """Return the motor's pull in m/s², and the charge left."""
    speed_m_s = state.speed_m_s
    if motor * speed_m_s < 0.0:
        return motor * p.brake_m_s2, state.charge
    battery = p.battery
    # A motor that turns draws less. In top speed most of the voltage is the motor's own, an estimate.
    size = abs(motor)
    load = size - 0.7 * abs(speed_m_s) * p.drag_per_s / p.acceleration_m_s2
    current_a = battery.stall_a * size * load if load > 0.0 else 0.0
    voltage = 1.0 - (1.0 - battery.empty_share) * (1.0 - state.charge)
    voltage -= current_a * battery.internal_ohm / battery.nominal_v
    charge = max(state.charge - current_a * duration_s / (3600.0 * battery.capacity_ah), 0.0)
    return p.acceleration_m_s2 * motor * voltage, charge


def _clipped(value: float, limit: float) -> float:
    # Much faster than min and max, which nearly always find nothing to do.
    if -limit <= value <= limit:
        return value
    return math.copysign(limit, value)


def _slowed(value: float, by: float) -> float:
    """Return ``value`` nearer to 0, and not beyond."""
    left = abs(value) - by
    return math.copysign(left, value) if left > 0.0 else math.copysign(0.0, value)


def _turned_by_motors(
    state: VehicleState, difference: float, speed_m_s: float, p: VehicleParameters, duration_s: float
) -> float:
    """Return the yaw rate: each side speeds up and slows down as the whole car does."""
    yaw_rad_s2 = 2.0 * p.acceleration_m_s2 * difference / p.wheel_distance_m - p.drag_per_s * state.yaw_rate_rad_s
    return _held(state.yaw_rate_rad_s + yaw_rad_s2 * duration_s, speed_m_s, p)


def _held(yaw_rate_rad_s: float, speed_m_s: float, p: VehicleParameters) -> float:
    """Return the yaw rate, or the greatest at which the grip still keeps the car on its circle."""
    return yaw_rate_rad_s if speed_m_s == 0.0 else _clipped(yaw_rate_rad_s, p.grip_m_s2 / abs(speed_m_s))


def _steered(
    state: VehicleState,
    steering_rad: float,
    speed_m_s: float,
    felt_m_s2: float,
    p: VehicleParameters,
    duration_s: float,
) -> tuple[float, float, float]:
    """Return the speeds ahead and to the left and the yaw rate."""
    if speed_m_s <= _KINEMATIC_BELOW_M_S:
        return (speed_m_s, *_rolling(state, steering_rad, speed_m_s, p, duration_s))
    along_m_s2, sliding_m_s, turning_rad_s = _sliding(state, steering_rad, speed_m_s, felt_m_s2, p, duration_s)
    if speed_m_s >= _DYNAMIC_ABOVE_M_S:
        return speed_m_s + along_m_s2 * duration_s, sliding_m_s, turning_rad_s
    kinematic_m_s, kinematic_rad_s = _rolling(state, steering_rad, speed_m_s, p, duration_s)
    weight = (speed_m_s - _KINEMATIC_BELOW_M_S) / (_DYNAMIC_ABOVE_M_S - _KINEMATIC_BELOW_M_S)
    kept = weight ** (duration_s / _BLEND_S)
    return (
        speed_m_s + weight * along_m_s2 * duration_s,
        kinematic_m_s + (sliding_m_s - kinematic_m_s) * kept,
        kinematic_rad_s + (turning_rad_s - kinematic_rad_s) * kept,
    )


def _rolling(
    state: VehicleState, steering_rad: float, speed_m_s: float, p: VehicleParameters, duration_s: float
) -> tuple[float, float]:
    """Return the speed to the left and the yaw rate of wheels that roll where they point.

    A car that was knocked aside slides until the grip has stopped it.
    """
    arm_m = 0.5 * p.wheelbase_m
    lever = arm_m / p.gyration_m**2
    grip_m_s = p.grip_m_s2 * duration_s
    rolling_rad_s = _held(-speed_m_s * math.tan(steering_rad) / p.wheelbase_m, speed_m_s, p)
    rolling_m_s = arm_m * rolling_rad_s
    return (
        rolling_m_s + _slowed(state.leftward_m_s - rolling_m_s, grip_m_s),
        rolling_rad_s + _slowed(state.yaw_rate_rad_s - rolling_rad_s, lever * grip_m_s),
    )


def _sliding(
    state: VehicleState,
    steering_rad: float,
    speed_m_s: float,
    felt_m_s2: float,
    p: VehicleParameters,
    duration_s: float,
) -> tuple[float, float, float]:
    """Return the acceleration ahead, the speed to the left and the yaw rate that slipping tyres give."""
    arm_m = 0.5 * p.wheelbase_m
    lever = arm_m / p.gyration_m**2
    leftward_m_s, rate_rad_s = state.leftward_m_s, state.yaw_rate_rad_s
    # What the tyres give along the car they cannot give across it: the friction circle.
    least_m_s2 = _LEAST_SIDE_GRIP * p.grip_m_s2
    side_m_s2 = math.sqrt(max(p.grip_m_s2**2 - felt_m_s2**2, least_m_s2**2))
    front_rad = math.atan2(leftward_m_s + arm_m * rate_rad_s, speed_m_s) + steering_rad
    rear_rad = math.atan2(leftward_m_s - arm_m * rate_rad_s, speed_m_s)
    front_m_s2, front_stiffness = _tyre(front_rad, p.cornering_per_rad[0], side_m_s2)
    rear_m_s2, rear_stiffness = _tyre(rear_rad, p.cornering_per_rad[1], side_m_s2)
    across_m_s2 = front_m_s2 * math.cos(steering_rad)
    stiffness = (front_stiffness + rear_stiffness) * duration_s / speed_m_s
    return (
        leftward_m_s * rate_rad_s + front_m_s2 * math.sin(steering_rad),
        # Implicit in the tyres' own damping, which is stiffer than a step at low speed.
        leftward_m_s + duration_s * (across_m_s2 + rear_m_s2 - speed_m_s * rate_rad_s) / (1.0 + stiffness),
        rate_rad_s + duration_s * lever * (across_m_s2 - rear_m_s2) / (1.0 + stiffness * arm_m * lever),
    )


def _tyre(slip_rad: float, cornering_per_rad: float, side_m_s2: float) -> tuple[float, float]:
    """Return the side force of an axle by the car's mass, and what it changes by per radian.

    The brush model (Pacejka, "Tyre and vehicle dynamics", 3rd edition, 3.2): linear at first, and all of the grip where
    the whole tread slides.
    """
    adhering = 1.0 - abs(slip_rad) * cornering_per_rad * GRAVITY_M_S2 / (3.0 * side_m_s2)
    if adhering <= 0.0:
        return math.copysign(0.5 * side_m_s2, -slip_rad), 0.0
    force_m_s2 = 0.5 * side_m_s2 * (1.0 - adhering**3)
    return math.copysign(force_m_s2, -slip_rad), 0.5 * cornering_per_rad * GRAVITY_M_S2 * adhering**2
