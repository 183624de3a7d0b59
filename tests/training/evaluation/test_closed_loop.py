"""A pilot is judged by driving: a good one passes, one that never steers does not."""

from pathlib import Path

import pytest

from car.config.sections import CarConfig
from car.kinds.pilot import SHIPPED_PILOT
from car.pilots.find import find_model
from car.pilots.loading import open_pilot
from car.pilots.straight_ahead import StraightAhead
from simulator.scenario import Scenario
from training.evaluation.closed_loop import drive_scenarios

CONFIG = CarConfig()


def test_the_shipped_pilot_passes_on_tracks_it_has_not_seen() -> None:
    pilot, _ = open_pilot(find_model(SHIPPED_PILOT, Path()), CONFIG.camera.geometry)
    told: list[float] = []
    driven = drive_scenarios(pilot, CONFIG, [Scenario("hairpin", 99), Scenario("random-101", 99)], 1, told.append)
    assert all(laps.passed for laps in driven), [str(laps) for laps in driven]
    assert all(laps.offset_m < 0.2 for laps in driven)
    assert all(0.5 < laps.speed_m_s < 1.5 for laps in driven)
    assert told == sorted(told)
    assert told[-1] == pytest.approx(1.0)


def test_a_pilot_that_never_steers_fails() -> None:
    (laps,) = drive_scenarios(StraightAhead(), CONFIG, [Scenario("oval")], 1)
    assert not laps.passed
    assert laps.departures > 0
    assert f"lane departures: {laps.departures}" in str(laps)
