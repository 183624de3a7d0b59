"""The simulated wheel encoder: edges of a wheel that rolls as the simulated car does."""

from __future__ import annotations

import itertools

import pytest

from hardware.camera import CameraGeometry
from hardware.clock import NS_PER_MS, NS_PER_S, VirtualClock
from hardware.drivetrain import Command
from hardware.sensor import check_sensor
from simulator.track import make_track
from simulator.wheel_encoder import SimulatedWheel, simulated_encoder
from simulator.world import World

OVAL = make_track("oval")
TINY = CameraGeometry(width=32, height=24)
FORWARD = [(0, True), (1, True), (0, False), (1, False)]


def test_a_wheel_makes_the_edges_of_two_channels_a_quarter_of_a_tick_apart() -> None:
    clock = VirtualClock(0)
    wheel = SimulatedWheel(lambda time_ns: time_ns / NS_PER_S, clock, tick_m=0.1)
    clock.advance_ns(100 * NS_PER_MS)
    edges = wheel.read()
    assert [(edge.line, edge.rises) for edge in edges] == FORWARD
    assert [edge.time_ns for edge in edges] == [25 * NS_PER_MS * quarter for quarter in (1, 2, 3, 4)]


def test_a_wheel_that_rolls_back_makes_the_same_edges_the_other_way_round() -> None:
    clock, ways_m = VirtualClock(0), [0.0]
    wheel = SimulatedWheel(lambda _: ways_m[-1], clock, tick_m=0.1)
    seen = []
    for way_m in (0.101, -0.001):
        ways_m.append(way_m)
        clock.advance_ns(NS_PER_MS)
        seen.append([(edge.line, edge.rises) for edge in wheel.read()])
    forwards, backwards = seen
    assert backwards[:4] == [(line, not rises) for line, rises in reversed(forwards)]


@pytest.mark.parametrize("channels", [1, 2])
def test_the_encoder_of_a_simulated_car_says_what_its_world_knows(channels: int) -> None:
    clock = VirtualClock(NS_PER_S)
    world = World(OVAL, clock, TINY)
    encoder = simulated_encoder("wheel", world, clock, 0.01, channels)
    for throttle, _ in itertools.product((0.25, -0.25), range(60)):
        world.command(Command(0.0, throttle))
        clock.advance_ns(33 * NS_PER_MS)
        values = encoder.read().values
    speed_m_s = world.motion().speed_m_s
    assert speed_m_s < -0.2
    seen_m_s = values["unsigned_speed_m_s"] if channels == 1 else -values["speed_m_s"]
    assert seen_m_s == pytest.approx(-speed_m_s, abs=0.05)
    assert values["travelled_m"] == pytest.approx(world.motion().distance_m, abs=0.02)


def test_it_keeps_the_promises_of_a_sensor_and_counts_on_when_its_car_is_carried_to_the_start() -> None:
    clock = VirtualClock(NS_PER_S)
    world = World(OVAL, clock, TINY)
    encoder = simulated_encoder("wheel", world, clock, 0.01)
    world.command(Command(0.0, 0.25))
    clock.advance_ns(2 * NS_PER_S)
    before_m = encoder.read().values["travelled_m"]
    world.restart()
    assert encoder.read().values["travelled_m"] == before_m > 0.5
    check_sensor(encoder, clock)
