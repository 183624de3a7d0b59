"""The simulated range finder: what it sees of walls and obstacles, and when it says so."""

from __future__ import annotations

import math
from dataclasses import replace

import pytest

from hardware.camera import CameraGeometry
from hardware.clock import NS_PER_MS, NS_PER_S, VirtualClock
from hardware.drivetrain import Command, Pose
from hardware.errors import SensorError
from hardware.sensor import check_sensor
from simulator.obstacles import Obstacle
from simulator.range_finder import SimulatedRangeFinder, distance_ahead
from simulator.track import make_track
from simulator.world import World

OVAL = make_track("oval")
AT_ORIGIN = Pose(0.0, 0.0, 0.0)
TINY = CameraGeometry(width=32, height=24)


def box(x_m: float, y_m: float = 0.0) -> Obstacle:
    return Obstacle("box", x_m, y_m, radius_m=0.1)


def seen(*obstacles: Obstacle, pose: Pose = AT_ORIGIN, fov_deg: float = 27.0, yaw_deg: float = 0.0) -> float:
    return distance_ahead(pose, OVAL, obstacles, 4.0, fov_deg, yaw_deg)


def test_it_measures_to_the_near_side_of_what_stands_ahead() -> None:
    assert seen(box(1.0)) == pytest.approx(0.9)
    assert seen(box(2.0), box(1.0), box(3.0)) == pytest.approx(0.9)
    assert seen(box(0.05)) == 0.0


def test_it_sees_nothing_beside_behind_or_beyond_its_reach() -> None:
    assert seen() == 4.0
    assert seen(box(-1.0), box(1.0, 0.6), box(5.0)) == 4.0


def test_a_wider_cone_and_one_that_is_turned_see_what_stands_aside() -> None:
    aside = box(1.0, 0.5)
    assert seen(aside, fov_deg=60.0) == pytest.approx(math.hypot(1.0, 0.5) - 0.1, abs=0.01)
    assert seen(aside, yaw_deg=26.0) < 4.0
    assert seen(aside, yaw_deg=-26.0) == 4.0


def test_the_way_begins_at_the_bumper() -> None:
    pose = Pose(1.0, 1.0, math.pi / 2)
    assert distance_ahead(pose, OVAL, (box(1.0, 2.0),), 4.0, bumper_m=0.15) == pytest.approx(0.75)


def test_it_sees_the_walls_of_a_track_that_has_them_and_no_lines() -> None:
    walled = replace(OVAL, style="walls")
    start = walled.pose_at(0.0)
    across = Pose(start.x_m, start.y_m, start.heading_rad + math.pi / 2)
    assert distance_ahead(across, walled, (), 4.0, fov_deg=5.0) == pytest.approx(walled.half_width_m, abs=0.01)
    assert distance_ahead(across, replace(OVAL, style="tape"), (), 4.0, fov_deg=5.0) == 4.0


def world_with(clock: VirtualClock, ahead_m: float = 2.0) -> World:
    place = OVAL.pose_at(ahead_m)
    return World(OVAL, clock, TINY, obstacles=(Obstacle("box", place.x_m, place.y_m, radius_m=0.1),))


def test_readings_come_at_their_rate_each_after_its_delay() -> None:
    clock = VirtualClock(NS_PER_S)
    sensor = SimulatedRangeFinder("front", world_with(clock), clock, rate_hz=20.0, delay_ms=30.0)
    assert sensor.read() is None
    clock.advance_ns(30 * NS_PER_MS)
    first = sensor.read()
    assert first is not None
    assert first.measured_ns == NS_PER_S
    clock.advance_ns(49 * NS_PER_MS)
    assert sensor.read() is first
    clock.advance_ns(NS_PER_MS)
    second = sensor.read()
    assert second is not None
    assert second.measured_ns == NS_PER_S + 50 * NS_PER_MS


def test_it_measures_where_the_car_was_and_the_car_comes_nearer() -> None:
    clock = VirtualClock(NS_PER_S)
    world = world_with(clock)
    sensor = SimulatedRangeFinder("front", world, clock, noise_m=0.0)
    distances_m = []
    for _ in range(10):
        world.drivetrain.apply(Command(0.0, 0.25))
        clock.advance_ns(100 * NS_PER_MS)
        reading = sensor.read()
        assert reading is not None
        distances_m.append(reading.values["distance_m"])
    assert distances_m == sorted(distances_m, reverse=True)
    assert distances_m[0] == pytest.approx(2.0 - 0.1 - 0.5 * world.vehicle.length_m, abs=0.05)
    assert distances_m[-1] < distances_m[0] - 0.2


def test_it_follows_the_car_to_another_track() -> None:
    clock = VirtualClock(NS_PER_S)
    world = world_with(clock)
    sensor = SimulatedRangeFinder("front", world, clock, noise_m=0.0)
    world.enter(make_track("random-1"))
    clock.advance_ns(100 * NS_PER_MS)
    reading = sensor.read()
    assert reading is not None
    assert reading.values["distance_m"] == 4.0


def test_it_keeps_the_promises_of_a_sensor() -> None:
    clock = VirtualClock(NS_PER_S)
    sensor = SimulatedRangeFinder("front", world_with(clock), clock)
    check_sensor(sensor, clock)
    with pytest.raises(SensorError, match="closed"):
        sensor.read()
