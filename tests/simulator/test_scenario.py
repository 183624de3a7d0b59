from __future__ import annotations

import functools
import json
import math
from dataclasses import replace
from typing import Any, get_args

import numpy as np
import pytest

from hardware.clock import VirtualClock
from hardware.errors import TrackError
from simulator.appearance import varied
from simulator.expert import Expert
from simulator.randomisation import Level, random_scenario
from simulator.scenario import Scenario
from simulator.vehicle import TWO_MOTORS

LEVELS = get_args(Level)


@functools.cache
def drawn(level: Level) -> list[Scenario]:
    return [random_scenario(seed, level) for seed in range(8)]


@pytest.mark.parametrize("level", LEVELS)
def test_a_scenario_survives_json(level: Level) -> None:
    for scenario in drawn(level):
        looked_at = replace(scenario, appearance=varied("tape", 3), vehicle=replace(TWO_MOTORS, command_delay_s=0.04))
        for one in (scenario, looked_at, Scenario("oval")):
            assert Scenario.from_dict(json.loads(json.dumps(one.to_dict()))) == one


@pytest.mark.parametrize(
    "spoilt",
    [
        {"tracks": "oval"},
        {},
        {"start": {"progres_m": 1.0}},
        {"seed": "x"},
        {"start": 3},
        {"obstacles": [[1, 2]]},
        {"style": "cobbles"},
    ],
)
def test_what_is_no_scenario_is_refused_in_one_sentence(spoilt: dict[str, Any]) -> None:
    whole = Scenario("oval").to_dict() if spoilt else {}
    with pytest.raises(TrackError, match="no scenario"):
        Scenario.from_dict(whole | spoilt)


def test_the_same_scenario_gives_the_same_frames_and_drive_to_the_bit() -> None:
    drives: list[list[Any]] = []
    for scenario in (random_scenario(11, "hall"), random_scenario(11, "hall"), random_scenario(12, "hall")):
        world = scenario.world(VirtualClock())
        expert = Expert(world.track, world.vehicle, scenario.max_throttle)
        seen: list[Any] = []
        for _ in range(15):
            seen.append(world.camera.next_frame(timeout_ms=100).image.tobytes())
            world.drivetrain.apply(expert.command(world.state))
        drives.append([*seen, world.state])
    assert drives[0] == drives[1]
    assert drives[0] != drives[2]


def test_each_level_draws_what_it_promises_and_the_later_ones_more() -> None:
    bounds: tuple[tuple[Level, float, float, float, set[float]], ...] = (
        ("home", 0.1, 10.0, 0.05, {0.8, 1.0}),
        ("hall", 0.18, 20.0, 0.1, {0.8, 1.0, 1.5}),
        ("race", 0.25, 30.0, 0.1, {1.5, 2.0, 2.5}),
    )
    for level, lateral_m, heading_deg, delay_s, speeds_m_s in bounds:
        scenarios = drawn(level)
        assert len({scenario.track for scenario in scenarios}) == len(scenarios)
        assert 0.5 * lateral_m < max(abs(scenario.start.lateral_m) for scenario in scenarios) <= lateral_m
        assert max(abs(scenario.start.heading_error_rad) for scenario in scenarios) <= math.radians(heading_deg)
        assert 0.5 * delay_s < max(scenario.vehicle.command_delay_s for scenario in scenarios) <= delay_s
        assert {scenario.max_speed_m_s for scenario in scenarios} <= speeds_m_s
        assert any(scenario.obstacles for scenario in scenarios)
    assert "walls" in {scenario.style for scenario in (*drawn("hall"), *drawn("race"))}
    assert "walls" not in {scenario.style for scenario in drawn("home")}


def test_obstacles_leave_every_part_of_the_lane_free() -> None:
    for scenario in drawn("race")[:4]:
        track = scenario.open_track()
        for obstacle in scenario.obstacles:
            away_m = np.hypot(*(track.points_m - (obstacle.x_m, obstacle.y_m)).T).min()
            assert away_m > track.half_width_m + obstacle.radius_m + 0.1


def test_some_lanes_are_narrow_and_no_car_starts_outside_of_one() -> None:
    scenarios = [scenario for level in LEVELS for scenario in drawn(level)]
    widths_m = [scenario.open_track().half_width_m for scenario in scenarios]
    assert 0.25 <= min(widths_m) < 0.32
    assert max(widths_m) == 0.4
    for scenario, width_m in zip(scenarios, widths_m, strict=True):
        assert abs(scenario.start.lateral_m) <= 0.25 * width_m / 0.4


def test_a_world_begins_as_its_scenario_says() -> None:
    scenario = random_scenario(3, "hall")
    rolling = replace(scenario, start=replace(scenario.start, speed_m_s=0.4))
    world = rolling.world(VirtualClock())
    seen = world.track.project(world.pose)
    assert seen.lateral_m == pytest.approx(scenario.start.lateral_m, abs=0.01)
    assert (world.motion().speed_m_s, world.vehicle, world.obstacles) == (0.4, scenario.vehicle, scenario.obstacles)


def test_a_cap_on_speed_is_a_cap_on_throttle() -> None:
    assert Scenario("oval").max_throttle == 0.25
    assert Scenario("oval", max_speed_m_s=2.5).max_throttle == 0.625
    assert Scenario("oval", max_speed_m_s=9.0).max_throttle == 1.0
