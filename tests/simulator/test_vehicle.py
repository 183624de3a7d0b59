from __future__ import annotations

import math

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from hardware.drivetrain import NEUTRAL, Command
from simulator.vehicle import VehicleParameters, VehicleState, step

PARAMETERS = VehicleParameters()
STEP_S = 0.005
UNIT = st.floats(-1.0, 1.0)


def drive(state: VehicleState, command: Command, duration_s: float) -> VehicleState:
    for _ in range(round(duration_s / STEP_S)):
        state = step(state, command, PARAMETERS, STEP_S)
    return state


@pytest.mark.parametrize(("throttle", "speed_m_s"), [(0.25, 1.0), (0.5, 2.0), (1.0, 4.0), (-0.5, -2.0)])
def test_the_car_settles_at_a_speed_in_proportion_to_the_throttle(throttle: float, speed_m_s: float) -> None:
    assert drive(VehicleState(), Command(0.0, throttle), 10.0).speed_m_s == pytest.approx(speed_m_s, rel=0.02)


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
    later = step(state, Command(1.0, 0.05), PARAMETERS, 0.0001)
    slip_rad = math.atan(0.5 * math.tan(PARAMETERS.max_steering_rad))
    assert math.atan2(later.y_m, later.x_m) == pytest.approx(-slip_rad, abs=0.001)


def test_at_speed_the_car_runs_wide_by_its_grip() -> None:
    fast = drive(VehicleState(speed_m_s=4.0, motor=1.0), Command(1.0, 1.0), 1.0)
    later = step(fast, Command(1.0, 1.0), PARAMETERS, STEP_S)
    turn_rad_s = abs(math.remainder(later.heading_rad - fast.heading_rad, math.tau)) / STEP_S
    assert turn_rad_s * later.speed_m_s == pytest.approx(PARAMETERS.grip_m_s2, rel=0.01)


@given(st.lists(st.tuples(UNIT, UNIT, st.floats(0.0001, 0.01)), max_size=80), st.floats(-4.0, 4.0))
@settings(max_examples=150, deadline=None)
def test_any_driving_stays_within_what_the_car_can_do(
    controls: list[tuple[float, float, float]], speed_m_s: float
) -> None:
    state = VehicleState(speed_m_s=speed_m_s)
    for steering, throttle, duration_s in controls:
        before, state = state, step(state, Command(steering, throttle), PARAMETERS, duration_s)
        assert all(math.isfinite(getattr(state, name)) for name in VehicleState.__slots__)
        assert abs(state.speed_m_s) <= 4.0 + 1e-9
        assert abs(state.steering_rad) <= PARAMETERS.max_steering_rad + 1e-12
        assert abs(state.heading_rad) <= math.pi + 1e-12
        turn_rad = abs(math.remainder(state.heading_rad - before.heading_rad, math.tau))
        assert turn_rad * abs(state.speed_m_s) <= PARAMETERS.grip_m_s2 * duration_s + 1e-9
        way_m = math.hypot(state.x_m - before.x_m, state.y_m - before.y_m)
        assert way_m == pytest.approx(abs(state.speed_m_s) * duration_s, abs=1e-12)


@given(UNIT, UNIT, st.floats(0.1, 2.0))
@settings(max_examples=40, deadline=None)
def test_two_half_steps_come_out_as_one_whole_step(steering: float, throttle: float, speed_m_s: float) -> None:
    start, command = VehicleState(speed_m_s=speed_m_s), Command(steering, throttle)
    whole = step(start, command, PARAMETERS, STEP_S)
    halves = step(step(start, command, PARAMETERS, STEP_S / 2), command, PARAMETERS, STEP_S / 2)
    assert math.hypot(whole.x_m - halves.x_m, whole.y_m - halves.y_m) < 1e-4
    assert whole.speed_m_s == pytest.approx(halves.speed_m_s, abs=1e-3)
