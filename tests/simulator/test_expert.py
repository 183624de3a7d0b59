from __future__ import annotations

import math
from dataclasses import replace

import numpy as np
import pytest

from hardware.clock import NS_PER_S, VirtualClock
from hardware.drivetrain import Command, LapCount
from simulator.curves import resample
from simulator.disturbance import Disturbance
from simulator.expert import MAX_THROTTLE, Expert
from simulator.lap_counter import LapCounter
from simulator.speed_plan import plan_speed
from simulator.track import Track, make_track, track_names
from simulator.vehicle import SIXTEENTH, TENTH, TWO_MOTORS, VehicleParameters, VehicleState, step
from simulator.world import World

BOOT = make_track("boot")


def lap(world: World) -> tuple[LapCount, list[Command], float]:
    """Drive one lap, or two minutes; return what came of it, the commands and the largest distance from the middle."""
    expert = Expert(world.track, world.vehicle)
    commands: list[Command] = []
    furthest_m = 0.0
    while world.lap_count().laps < 1 and len(commands) < 120 * world.camera.rate_hz:
        world.camera.next_frame(timeout_ms=100)
        commands.append(world.drivetrain.apply(expert.command(world.state)))
        furthest_m = max(furthest_m, abs(world.lap_count().lateral_m))
    return world.lap_count(), commands, furthest_m


@pytest.mark.parametrize(
    ("name", "rate_hz"),
    [
        *((name, 20.0) for name in (*track_names(), "random-1", "random-9", "random-16")),
        *((name, 30.0) for name in ("oval", "hairpin", "random-7")),
    ],
)
def test_the_expert_laps_in_the_middle_of_the_lane(name: str, rate_hz: float) -> None:
    clock = VirtualClock()
    lap_count, commands, furthest_m = lap(World(make_track(name), clock, rate_hz=rate_hz))
    assert (lap_count.laps, lap_count.departures) == (1, 0)
    assert furthest_m < (0.1 if name == "home" else 0.08)  # bends on 0.55 m are cut a little
    assert all(0.0 <= command.throttle <= MAX_THROTTLE for command in commands)
    assert lap_count.progress_m / (clock.now_ns() / NS_PER_S) > (0.6 if name == "home" else 0.7)


@pytest.mark.parametrize(("name", "rate_hz"), [("hairpin", 20.0), ("boot", 30.0), ("random-9", 20.0)])
def test_pushed_aside_the_expert_comes_back_without_leaving_the_lane(name: str, rate_hz: float) -> None:
    world = World(make_track(name), VirtualClock(), rate_hz=rate_hz, disturbance=Disturbance(seed=1))
    lap_count, _, furthest_m = lap(world)
    assert (lap_count.laps, lap_count.departures) == (1, 0)
    assert furthest_m > 0.1


@pytest.mark.parametrize(("lateral_m", "heading_error_rad"), [(0.3, 0.4), (-0.3, -0.4), (0.0, 1.2), (0.25, -0.8)])
def test_from_beside_the_middle_the_expert_returns_to_it(lateral_m: float, heading_error_rad: float) -> None:
    world = World(make_track("oval"), VirtualClock())
    world.place(0.0, lateral_m, heading_error_rad)
    expert = Expert(world.track)
    for _ in range(120):
        world.camera.next_frame(timeout_ms=100)
        world.drivetrain.apply(expert.command(world.state))
    assert abs(world.lap_count().lateral_m) < 0.06


def test_the_expert_steers_towards_the_middle() -> None:
    track = make_track("oval")
    for lateral_m, sign in ((0.2, -1.0), (-0.2, 1.0)):
        pose = track.pose_at(0.0, lateral_m)
        state = VehicleState(pose.x_m, pose.y_m, pose.heading_rad, speed_m_s=1.0)
        assert math.copysign(1.0, Expert(track).command(state).steering) == sign


def test_the_expert_slows_down_for_bends_and_keeps_to_its_throttle() -> None:
    track = make_track("hairpin")
    bend = int(abs(track.curvature_per_m).argmax())
    fast, gentle = Expert(track, max_throttle=0.625), Expert(track, max_throttle=0.1)
    throttles = []
    for progress_m in (0.0, bend * track.step_m - 0.3):
        pose = track.pose_at(progress_m)
        state = VehicleState(pose.x_m, pose.y_m, pose.heading_rad, speed_m_s=1.8)
        throttles.append(fast.command(state).throttle)
        assert gentle.command(state._replace(speed_m_s=0.2)).throttle == 0.1
    assert throttles == [0.625, 0.0]


def test_commands_are_valid_wherever_the_car_has_got_to() -> None:
    expert = Expert(make_track("peanut"))
    for x_m, y_m, heading_rad, speed_m_s in ((0.0, 0.0, 0.0, 0.0), (9.0, -9.0, 2.0, 4.0), (-3.0, 1.0, -3.1, -1.0)):
        assert expert.command(VehicleState(x_m, y_m, heading_rad, speed_m_s)).is_valid()


@pytest.mark.parametrize(
    ("car", "max_speed_m_s", "delay_s"),
    [(SIXTEENTH, 2.5, 0.1), (TENTH, 2.5, 0.05), (TWO_MOTORS, 1.5, 0.1), (SIXTEENTH, 0.8, 0.0)],
)
def test_every_car_keeps_to_its_lane_as_fast_as_it_may_and_however_late_commands_arrive(
    car: VehicleParameters, max_speed_m_s: float, delay_s: float
) -> None:
    car = replace(car, command_delay_s=delay_s)
    laps = LapCounter(BOOT, car.width_m, BOOT.pose_at(0.0))
    expert = Expert(BOOT, car, car.throttle_for(max_speed_m_s))
    pose = BOOT.pose_at(0.0)
    state = VehicleState(pose.x_m, pose.y_m, pose.heading_rad)
    fastest_m_s = furthest_m = 0.0
    for _ in range(160):
        command = expert.command(state)
        for _ in range(10):
            state = step(state, command, car, 0.005)
            laps.follow(state.pose)
        fastest_m_s = max(fastest_m_s, state.speed_m_s)
        furthest_m = max(furthest_m, abs(laps.count().lateral_m))
    assert laps.count().departures == 0
    assert furthest_m < 0.06
    assert 0.8 * max_speed_m_s < fastest_m_s < 1.03 * max_speed_m_s


def test_a_cap_on_speed_holds_where_the_throttle_allows_more() -> None:
    expert = Expert(BOOT, max_throttle=0.6, max_speed_m_s=0.7)
    pose = BOOT.pose_at(0.0)
    state = VehicleState(pose.x_m, pose.y_m, pose.heading_rad)
    for _ in range(80):
        command = expert.command(state)
        for _ in range(10):
            state = step(state, command, SIXTEENTH, 0.005)
    assert state.speed_m_s == pytest.approx(0.7, abs=0.03)


def test_what_the_expert_does_depends_on_the_state_alone() -> None:
    states = [
        VehicleState(pose.x_m, pose.y_m, pose.heading_rad, speed_m_s=0.8)
        for pose in (BOOT.pose_at(1.0, 0.2, 0.3), BOOT.pose_at(9.0, -0.2), BOOT.pose_at(4.0, 0.0, -0.4))
    ]
    expert = Expert(BOOT)
    forwards = [expert.command(state) for state in states]
    assert [expert.command(state) for state in reversed(states)] == forwards[::-1]
    assert len(set(forwards)) == 3


def test_at_a_crossing_the_expert_goes_straight_on_along_its_own_way() -> None:
    turn = np.linspace(0.0, 2.0 * math.pi, 900, endpoint=False)
    eight = Track("eight", resample(np.column_stack([3.0 * np.sin(turn), 1.6 * np.sin(2.0 * turn)]), 900))
    expert = Expert(eight)
    for progress_m in (0.0, 0.5 * eight.length_m):
        for lateral_m, sign in ((0.1, -1.0), (-0.1, 1.0)):
            pose = eight.pose_at(progress_m, lateral_m)
            command = expert.command(VehicleState(pose.x_m, pose.y_m, pose.heading_rad, speed_m_s=0.8))
            assert 0.05 < sign * command.steering < 0.6


def test_the_plan_is_within_grip_motor_and_rolling_out() -> None:
    hairpin = make_track("hairpin")
    plan = plan_speed(hairpin, SIXTEENTH, max_throttle=0.625)
    speed_m_s, bend_per_m = np.array(plan.speed_m_s), np.abs(plan.curvature_per_m)
    assert (speed_m_s**2 * bend_per_m).max() <= 0.5 * SIXTEENTH.grip_m_s2 + 1e-9
    gain_m_s2 = np.diff(speed_m_s**2) / (2.0 * hairpin.step_m)
    assert (gain_m_s2 <= 0.625 * SIXTEENTH.acceleration_m_s2 - SIXTEENTH.drag_per_s * speed_m_s[:-1] + 1e-9).all()
    assert (gain_m_s2 >= -SIXTEENTH.drag_per_s * speed_m_s[1:] - SIXTEENTH.drag_brake_m_s2 - 1e-9).all()
    assert speed_m_s.max() > 1.5 * speed_m_s.min()
