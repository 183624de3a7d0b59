"""A pilot is examined by driving: a good one passes, one that never steers does not."""

from pathlib import Path

import pytest

from car.config.sections import CarConfig
from car.kinds.pilot import SHIPPED_PILOT, Pilot, PilotAnswer
from car.pilots.find import find_model
from car.pilots.loading import open_pilot
from hardware.camera import Frame
from hardware.drivetrain import Command
from simulator.scenario import Scenario
from training.evaluation.closed_loop import drive_scenarios

CONFIG = CarConfig()


class StraightAhead(Pilot):
    """Drives without ever steering."""

    name = "straight ahead"

    def drive(self, frame: Frame) -> PilotAnswer:
        return PilotAnswer(Command(0.0, 0.25))

    def close(self) -> None:
        pass


def test_the_shipped_pilot_passes_on_tracks_it_has_not_seen() -> None:
    pilot, _ = open_pilot(find_model(SHIPPED_PILOT, Path()), CONFIG.camera.geometry)
    told: list[float] = []
    exams = drive_scenarios(pilot, CONFIG, [Scenario("hairpin", 99), Scenario("random-101", 99)], 1, told.append)
    assert all(exam.passed for exam in exams), [str(exam) for exam in exams]
    assert all(exam.offset_m < 0.2 for exam in exams)
    assert all(0.5 < exam.speed_m_s < 1.5 for exam in exams)
    assert told == sorted(told)
    assert told[-1] == pytest.approx(1.0)


def test_a_pilot_that_never_steers_fails() -> None:
    (exam,) = drive_scenarios(StraightAhead(), CONFIG, [Scenario("oval")], 1)
    assert not exam.passed
    assert exam.departures > 0
    assert f"lane departures: {exam.departures}" in str(exam)
