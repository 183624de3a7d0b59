from __future__ import annotations

import math

import numpy as np
import pytest

from hardware.clock import NS_PER_S, VirtualClock
from hardware.drivetrain import Command
from simulator.collision import Barriers
from simulator.obstacles import Obstacle
from simulator.track import Track, make_track
from simulator.vehicle import SIXTEENTH, TENTH, TWO_MOTORS, VehicleParameters, VehicleState, step
from simulator.world import World

OVAL = make_track("oval")
ARENA = make_track("oval", "walls")
STEP_S = 0.005


def on_the_way(track: Track, progress_m: float, lateral_m: float = 0.0) -> Obstacle:
    pose = track.pose_at(progress_m, lateral_m)
    return Obstacle("cone", pose.x_m, pose.y_m)


def driven(world: World, clock: VirtualClock, command: Command, seconds: float) -> None:
    world.drivetrain.apply(command)
    clock.advance_ns(round(seconds * NS_PER_S))
    world.advance(clock.now_ns())


@pytest.mark.parametrize("car", [SIXTEENTH, TENTH, TWO_MOTORS])
@pytest.mark.parametrize("throttle", [0.25, 1.0])
def test_a_cone_stops_the_car_and_counts_once(car: VehicleParameters, throttle: float) -> None:
    clock = VirtualClock()
    cone = on_the_way(OVAL, 1.2)
    world = World(OVAL, clock, vehicle=car, obstacles=(cone,))
    driven(world, clock, Command(0.0, throttle), 4.0)
    assert world.collisions == 1
    assert world.lap_count().progress_m < 1.2
    assert world.lap_count().departures == 0
    assert math.hypot(world.pose.x_m - cone.x_m, world.pose.y_m - cone.y_m) >= cone.radius_m + 0.5 * car.width_m - 0.02


def test_a_cone_beside_the_way_is_passed_and_one_that_is_grazed_pushes_the_car_aside() -> None:
    for lateral_m, collisions in ((0.25, 0), (0.17, 1)):
        clock = VirtualClock()
        world = World(OVAL, clock, obstacles=(on_the_way(OVAL, 0.8, lateral_m),))
        driven(world, clock, Command(0.0, 0.25), 3.0)
        assert world.collisions == collisions
        assert world.lap_count().progress_m > 1.0
        assert (world.lap_count().lateral_m < -0.02) == (collisions == 1)


def test_backing_off_and_driving_on_again_is_another_collision() -> None:
    clock = VirtualClock()
    world = World(OVAL, clock, obstacles=(on_the_way(OVAL, 0.8),))
    for throttle, seconds in ((0.25, 2.5), (-0.25, 1.2), (0.25, 4.0)):
        driven(world, clock, Command(0.0, throttle), seconds)
    assert world.collisions == 2
    world.restart()
    assert world.collisions == 0


@pytest.mark.parametrize("heading_error_rad", [0.2, 0.7, 1.5, -0.2, -0.7, -1.5])
@pytest.mark.parametrize("speed_m_s", [0.3, 1.0, 3.0])
def test_no_car_gets_through_a_wall_and_touching_one_is_a_departure(heading_error_rad: float, speed_m_s: float) -> None:
    clock = VirtualClock()
    world = World(ARENA, clock, rate_hz=5.0)
    world.restart(1.0, heading_error_rad=heading_error_rad, speed_m_s=speed_m_s)
    for _ in range(12):
        driven(world, clock, Command(0.0, speed_m_s / 4.0), 0.5)
        assert abs(world.lap_count().lateral_m) <= ARENA.half_width_m - 0.5 * SIXTEENTH.width_m + 0.01
    # Who touches the wall again before the lane is reached has left the lane once.
    assert 1 <= world.lap_count().departures <= world.collisions <= 4


def test_at_a_flat_angle_the_car_scrapes_along_the_wall_and_straight_ahead_it_stands() -> None:
    ways_m = []
    for heading_error_rad in (0.3, 1.5):
        clock = VirtualClock()
        world = World(ARENA, clock)
        world.restart(0.0, 0.1, heading_error_rad, speed_m_s=1.0)
        driven(world, clock, Command(0.0, 0.25), 3.5)
        ways_m.append(world.lap_count().progress_m)
    assert ways_m[0] > 1.0
    assert ways_m[1] < 0.2


def test_a_car_comes_off_the_wall_again() -> None:
    clock = VirtualClock()
    world = World(ARENA, clock)
    world.restart(0.0, 0.25, 0.3, speed_m_s=0.5)
    driven(world, clock, Command(0.0, 0.2), 1.0)
    assert world.collisions == 1
    driven(world, clock, Command(-0.6, 0.25), 1.6)
    assert world.lap_count().lateral_m < 0.2
    assert world.collisions == 1


def test_lines_and_the_other_side_of_the_lane_stop_nobody() -> None:
    clock = VirtualClock()
    world = World(OVAL, clock)
    world.restart(1.0, heading_error_rad=0.7, speed_m_s=1.0)
    driven(world, clock, Command(0.0, 0.25), 2.0)
    assert (world.collisions, world.lap_count().departures) == (0, 1)
    assert world.lap_count().lateral_m > OVAL.half_width_m


def test_a_collision_never_gives_the_car_speed() -> None:
    rng = np.random.default_rng(4)
    barriers = Barriers(ARENA, (), SIXTEENTH)
    for _ in range(12):
        pose = ARENA.pose_at(float(rng.uniform(0.0, ARENA.length_m)), 0.0, float(rng.uniform(-math.pi, math.pi)))
        state = VehicleState(pose.x_m, pose.y_m, pose.heading_rad, speed_m_s=float(rng.uniform(-4.0, 4.0)))
        for _ in range(80):
            before = step(state, Command(float(rng.uniform(-1.0, 1.0)), 0.0), SIXTEENTH, STEP_S)
            state = barriers.meet(before).state
            energies = [
                one.speed_m_s**2 + one.leftward_m_s**2 + (SIXTEENTH.gyration_m * one.yaw_rate_rad_s) ** 2
                for one in (before, state)
            ]
            assert energies[1] <= energies[0] + 1e-9
            assert abs(ARENA.project(state.pose).lateral_m) < ARENA.half_width_m
