from __future__ import annotations

import math

import pytest

from hardware.clock import NS_PER_S, VirtualClock
from hardware.drivetrain import Command, LapCount
from simulator.disturbance import Disturbance
from simulator.expert import MAX_THROTTLE, Expert
from simulator.track import make_track, track_names
from simulator.vehicle import VehicleState
from simulator.world import World


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
    assert all(0.0 < command.throttle <= MAX_THROTTLE for command in commands)
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
