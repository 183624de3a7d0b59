"""The driver beside a pilot in the simulator: takes over, gives the car back, and leaves a good pilot alone."""

from __future__ import annotations

from collections import Counter
from pathlib import Path

import pytest

from car.config.sections import CarConfig
from car.gate import Gate
from car.kinds.pilot import SHIPPED_PILOT, Pilot
from car.pilots.find import find_model
from car.pilots.loading import open_pilot
from car.runs.simulation import Goal, run_simulation
from car.runs.takeovers import WatchfulDriver
from car.sessions.labels import Origin, lessons_in
from car.sessions.reader import Session
from hardware.drivetrain import NEUTRAL, Command
from simulator.scenario import Scenario
from simulator.world import World
from tests.car.runs.test_instructor import CONFIG, Fixed


def drive(pilot: Pilot, config: CarConfig = CONFIG, record: Path | None = None) -> tuple[WatchfulDriver, int, float]:
    """Let ``pilot`` drive the oval for 20 s; return the driver, the departures and the way in metres."""
    drivers: list[WatchfulDriver] = []

    def sit_down(world: World, gate: Gate) -> WatchfulDriver:
        drivers.append(WatchfulDriver(world, gate))
        return drivers[-1]

    goal = Goal(seconds=20.0)
    driven = run_simulation(config, Scenario("oval"), goal, pilot=pilot, driver=sit_down, record=record)
    assert driven.trip is None
    return drivers[0], driven.lap_count.departures, driven.lap_count.progress_m


def test_a_pilot_that_goes_straight_on_is_taken_over_from_before_the_car_has_left_the_lane(tmp_path: Path) -> None:
    driver, departures, way_m = drive(Fixed(Command(0.0, 0.2)), record=tmp_path / "a.mcap")
    assert (driver.takeovers, departures) == (4, 0)
    assert way_m > 10.0
    with Session.open(tmp_path / "a.mcap") as session:
        origins = Counter(lesson.origin for lesson in lessons_in(session))
    assert origins[Origin.CORRECTION] > 100
    assert origins[Origin.DRIVER] == 0


@pytest.mark.parametrize("steering", [0.5, -1.0])
def test_a_pilot_that_steers_off_at_once_is_brought_back_again_and_again(steering: float) -> None:
    driver, _, way_m = drive(Fixed(Command(steering, 0.2)))
    assert driver.takeovers >= 3
    assert way_m > 10.0


def test_a_pilot_that_stands_is_driven_on() -> None:
    driver, _, way_m = drive(Fixed(NEUTRAL))
    assert driver.takeovers >= 3
    assert way_m > 1.0


def test_a_good_pilot_is_left_alone() -> None:
    config = CarConfig()
    pilot, _ = open_pilot(find_model(SHIPPED_PILOT, Path()), config.camera.geometry)
    with pilot:
        driver, departures, _ = drive(pilot, config)
    assert (driver.takeovers, departures) == (0, 0)
