from __future__ import annotations

import math
from dataclasses import replace

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from hardware.drivetrain import NEUTRAL, Command
from simulator.vehicle import SIXTEENTH, TENTH, TWO_MOTORS, VehicleParameters, VehicleState, step

PARAMETERS = VehicleParameters()
STEP_S = 0.005
UNIT = st.floats(-1.0, 1.0)


def drive(state: VehicleState, command: Command, duration_s: float) -> VehicleState:
    for _ in range(round(duration_s / STEP_S)):
        state = step(state, command, PARAMETERS, STEP_S)
    return state


@pytest.mark.parametrize(("throttle", "speed_m_s"), [(0.25, 1.0), (0.5, 2.0), (1.0, 4.0), (-0.5, -2.0)])
def test_the_car_settles_at_a_speed_in_proportion_to_the_throttle(throttle: float, speed_m_s: float) -> None:
    assert drive(VehicleState(), Command(0.0, throttle), 10.0).speed_m_s == pytest.approx(speed_m_s, rel=0.05)


@pytest.mark.parametrize("direction", [1.0, -1.0])
def test_in_neutral_the_car_rolls_to_a_stop_in_about_a_metre(direction: float) -> None:
    moving = drive(VehicleState(), Command(0.0, 0.25 * direction), 10.0)
    stopped = drive(moving, NEUTRAL, 4.0)
    assert stopped.speed_m_s == 0.0
    assert 0.6 < direction * (stopped.x_m - moving.x_m) < 1.2


def test_the_motor_answers_late_and_the_speed_does_not_jump() -> None:
    soon = drive(VehicleState(), Command(0.0, 1.0), 0.05)
    assert 0.0 < soon.speed_m_s < 0.08
    assert 0.3 < soon.motor < 0.5


def test_the_servo_turns_no_faster_than_it_can() -> None:
    turning = drive(VehicleState(), Command(1.0, 0.0), 0.05)
    assert turning.steering_rad == pytest.approx(0.05 * PARAMETERS.servo_rate_rad_s)
    assert drive(turning, Command(1.0, 0.0), 0.5).steering_rad == pytest.approx(math.radians(25.0))


@pytest.mark.parametrize("heading_rad", [0.0, 1.0, 2.5, -2.0, math.pi])
def test_positive_steering_turns_right(heading_rad: float) -> None:
    end = drive(VehicleState(heading_rad=heading_rad, speed_m_s=0.5), Command(0.6, 0.125), 0.6)
    assert math.remainder(end.heading_rad - heading_rad, math.tau) < -0.1
    to_the_right_m = math.sin(heading_rad) * end.x_m - math.cos(heading_rad) * end.y_m
    assert to_the_right_m > 0.02


def test_full_lock_drives_the_circle_of_the_wheelbase() -> None:
    # Slowly, so that grip does not matter: r = sqrt((L / tan δ)² + (L / 2)²) for the middle of the car.
    start = VehicleState(speed_m_s=0.2, steering_rad=PARAMETERS.max_steering_rad, motor=0.05)
    radius_m = math.hypot(PARAMETERS.wheelbase_m / math.tan(PARAMETERS.max_steering_rad), 0.5 * PARAMETERS.wheelbase_m)
    half_turn = drive(start, Command(1.0, 0.05), math.pi * radius_m / 0.2)
    assert math.hypot(half_turn.x_m, half_turn.y_m) == pytest.approx(2.0 * radius_m, rel=0.01)


def test_the_middle_of_a_turning_car_moves_at_the_slip_angle_to_its_heading() -> None:
    # The middle is half a wheelbase ahead of the rear axle, which alone moves straight ahead: tan β = tan δ / 2.
    state = VehicleState(speed_m_s=0.2, steering_rad=PARAMETERS.max_steering_rad, motor=0.05)
    turning = drive(state, Command(1.0, 0.05), 0.3)
    later = step(turning, Command(1.0, 0.05), PARAMETERS, 0.0001)
    slip_rad = math.atan(0.5 * math.tan(PARAMETERS.max_steering_rad))
    course_rad = math.atan2(later.y_m - turning.y_m, later.x_m - turning.x_m)
    assert course_rad - turning.heading_rad == pytest.approx(-slip_rad, abs=0.001)


def test_at_speed_the_car_runs_wide_by_its_grip() -> None:
    slow, fast = (
        drive(VehicleState(speed_m_s=speed_m_s), Command(1.0, speed_m_s / 4.0), 1.0) for speed_m_s in (0.8, 3.0)
    )
    slow_per_m, fast_per_m = (abs(state.yaw_rate_rad_s) / state.speed_m_s for state in (slow, fast))
    lock_per_m = math.tan(PARAMETERS.max_steering_rad) / PARAMETERS.wheelbase_m
    assert slow_per_m == pytest.approx(lock_per_m, rel=0.05)
    assert fast_per_m < 0.5 * lock_per_m
    assert 0.7 * PARAMETERS.grip_m_s2 < abs(fast.yaw_rate_rad_s) * fast.speed_m_s < 1.05 * PARAMETERS.grip_m_s2


@given(
    st.sampled_from([SIXTEENTH, TENTH, TWO_MOTORS]),
    st.lists(st.tuples(UNIT, UNIT, st.floats(0.0001, 0.01)), max_size=80),
    st.floats(-4.0, 8.0),
    st.floats(-4.0, 4.0),
    st.floats(-20.0, 20.0),
)
@settings(max_examples=100, deadline=None)
def test_any_driving_stays_within_what_the_car_can_do(
    car: VehicleParameters,
    controls: list[tuple[float, float, float]],
    speed_m_s: float,
    leftward_m_s: float,
    yaw_rate_rad_s: float,
) -> None:
    state = VehicleState(speed_m_s=speed_m_s, leftward_m_s=leftward_m_s, yaw_rate_rad_s=yaw_rate_rad_s)
    fastest_m_s = math.hypot(speed_m_s, leftward_m_s, 0.5 * yaw_rate_rad_s)
    most_rad = math.radians(10.0)
    for steering, throttle, duration_s in controls:
        before, state = state, step(state, Command(steering, throttle), car, duration_s)
        numbers = [value for value in state if isinstance(value, float)]
        assert all(math.isfinite(value) for value in numbers)
        fastest_m_s = max(fastest_m_s, car.top_speed_m_s)
        assert math.hypot(state.speed_m_s, state.leftward_m_s) <= 1.1 * fastest_m_s
        assert abs(state.steering_rad) <= car.max_steering_rad + 1e-12
        assert abs(state.heading_rad) <= math.pi + 1e-12
        assert 0.0 <= state.charge <= before.charge
        assert abs(state.pitch_rad) < math.radians(10.0)
        # The springs follow what the turn asks of them and never overshoot; one that begins as a spin asks for more.
        most_rad = max(most_rad, car.roll_rad_per_m_s2 * abs(state.speed_m_s * state.yaw_rate_rad_s))
        assert abs(state.roll_rad) <= most_rad
        way_m = math.hypot(state.x_m - before.x_m, state.y_m - before.y_m)
        assert way_m == pytest.approx(math.hypot(state.speed_m_s, state.leftward_m_s) * duration_s, abs=1e-12)


@given(UNIT, UNIT, st.floats(0.1, 2.0))
@settings(max_examples=40, deadline=None)
def test_two_half_steps_come_out_as_one_whole_step(steering: float, throttle: float, speed_m_s: float) -> None:
    start, command = VehicleState(speed_m_s=speed_m_s), Command(steering, throttle)
    whole = step(start, command, PARAMETERS, STEP_S)
    halves = step(step(start, command, PARAMETERS, STEP_S / 2), command, PARAMETERS, STEP_S / 2)
    assert math.hypot(whole.x_m - halves.x_m, whole.y_m - halves.y_m) < 1e-4
    assert whole.speed_m_s == pytest.approx(halves.speed_m_s, abs=1e-3)


def test_the_car_is_drawn_sideways_by_its_slip_and_leans_out_of_the_bend() -> None:
    left = drive(VehicleState(speed_m_s=1.5, motor=0.375), Command(-0.4, 0.375), 0.6)
    assert left.yaw_rate_rad_s > 1.0
    assert left.body.roll_rad == pytest.approx(0.006 * left.speed_m_s * left.yaw_rate_rad_s, rel=0.1)
    assert drive(left, NEUTRAL, 0.3).body.pitch_rad > 0.003
    assert drive(VehicleState(), Command(0.0, 1.0), 0.3).body.pitch_rad < -0.005


def test_a_command_reaches_the_wheels_after_its_delay_and_the_newest_last() -> None:
    late = replace(PARAMETERS, command_delay_s=0.06)
    state, steering_rad = VehicleState(), []
    for index in range(40):
        command = Command(1.0, 0.0) if index < 10 else Command(-1.0, 0.0)
        state = step(state, command, late, STEP_S)
        steering_rad.append(state.steering_rad)
    assert steering_rad[11] == 0.0 < steering_rad[12]
    assert steering_rad.index(max(steering_rad)) == 21
    assert state.arrived == Command(-1.0, 0.0)
    assert state.on_the_way == ()


def test_the_esc_ignores_a_throttle_in_its_dead_band_and_brakes_against_the_motion() -> None:
    assert drive(VehicleState(), Command(0.0, 0.025), 1.0).speed_m_s == 0.0
    rolling, braked = (drive(VehicleState(speed_m_s=2.0), Command(0.0, throttle), 0.4) for throttle in (0.0, -1.0))
    assert 0.0 <= braked.speed_m_s < rolling.speed_m_s - 0.5


def test_a_used_battery_makes_the_car_slower() -> None:
    full, empty = (drive(VehicleState(charge=charge), Command(0.0, 0.5), 6.0) for charge in (1.0, 0.0))
    assert 0.75 < empty.speed_m_s / full.speed_m_s < 0.85
    assert 0.99 < full.charge < 1.0


def test_two_motors_turn_the_car_around_its_inner_wheel_where_a_steered_car_needs_more_room() -> None:
    turned = {}
    for car in (SIXTEENTH, TWO_MOTORS):
        state, left_m, right_m = VehicleState(), 0.0, 0.0
        while abs(state.yaw_rate_rad_s) < 0.1 or abs(state.heading_rad) < 3.0:
            state = step(state, Command(1.0, 0.2), car, STEP_S)
            left_m, right_m = max(left_m, state.y_m), min(right_m, state.y_m)
        turned[car] = left_m - right_m
    assert turned[TWO_MOTORS] < 0.2
    assert turned[SIXTEENTH] > 0.6


def test_a_steady_bend_takes_the_lag_of_the_tyres_at_speed_and_none_at_a_crawl() -> None:
    for speed_m_s, least, most in ((0.3, 0.999, 1.001), (2.0, 0.1, 0.95)):
        state = VehicleState(speed_m_s=speed_m_s, motor=speed_m_s / 4.0, steering_rad=0.1)
        state = step(state, Command(0.1 / PARAMETERS.max_steering_rad, speed_m_s / 4.0), PARAMETERS, STEP_S)
        kinematic_rad_s = -state.speed_m_s * math.tan(state.steering_rad) / PARAMETERS.wheelbase_m
        state = drive(state, Command(0.1 / PARAMETERS.max_steering_rad, speed_m_s / 4.0), 0.01)
        assert least <= state.yaw_rate_rad_s / kinematic_rad_s <= most
