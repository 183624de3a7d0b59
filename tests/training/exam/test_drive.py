"""A candidate drives a task: the expert without fault, one that never steers from one departure to the next."""

from __future__ import annotations

import math
from pathlib import Path
from typing import Any

import pytest

from car.config.sections import CarConfig
from car.drive_record import DriveRecord
from car.kinds.camera import CameraSection
from car.kinds.ours import PILOTS
from car.kinds.pilot import Pilot, PilotAnswer, PilotKind, PilotSection
from hardware.camera import CameraGeometry, Frame
from hardware.clock import NS_PER_MS
from hardware.drivetrain import Command
from models.errors import ModelError
from training.exam.attendant import MAX_DEPARTURES, STANDSTILL_S
from training.exam.drive import Candidate, Drive, drive, drive_beside
from training.exam.paper import exam_tasks
from training.exam.score import points_of

SMALL = CarConfig(camera=CameraSection(width=32, height=24))
"""Frames of which the pilots here take no notice."""
TASK = next(task for task in exam_tasks("home", 8) if task.is_displaced)


class _Constant(Pilot):
    name = "constant"

    def __init__(self, steering: float, throttle: float) -> None:
        self._command = Command(steering, throttle)

    def drive(self, frame: Frame) -> PilotAnswer:
        return PilotAnswer(self._command)

    def close(self) -> None:
        pass


@pytest.fixture
def candidate(monkeypatch: pytest.MonkeyPatch) -> Any:
    """Return what makes a candidate of a command that it always gives."""

    def make(steering: float, throttle: float) -> Candidate:
        class Kind(PilotKind[PilotSection]):
            section = PilotSection

            def open(self, section: PilotSection, camera: CameraGeometry, car_dir: Path) -> Pilot:
                return _Constant(steering, throttle)

        monkeypatch.setitem(PILOTS._found, "constant", Kind())
        return Candidate("constant", PilotSection(kind="constant"))

    return make


@pytest.fixture(scope="module")
def expert() -> Drive:
    """Return how the expert drives the task."""
    return drive(TASK, Candidate("expert", None), SMALL)


def test_the_expert_drives_the_whole_way_without_a_departure_and_the_same_each_time(expert: Drive) -> None:
    assert expert.departures == 0
    assert expert.laps == 1
    assert expert.cross_track_m < 0.05
    assert expert.recovery_s is not None
    assert expert.recovery_s < 5.0
    assert expert == drive(TASK, Candidate("expert", None), SMALL)


def test_a_car_that_never_steers_is_put_back_until_it_has_had_its_chances(candidate: Any, expert: Drive) -> None:
    speeds_m_s = []

    def observe(record: DriveRecord, frame: Frame | None) -> None:
        speeds_m_s.append(record.motion.speed_m_s if record.motion else 0.0)

    driven = drive_beside(expert, TASK, candidate(0.0, 1.0), SMALL, observe)
    assert driven.departures == MAX_DEPARTURES
    assert driven.way_m > MAX_DEPARTURES * 0.3
    assert driven.jerk_per_s == 0.0
    assert points_of(driven, expert) < 10.0
    # Full throttle came to no more than the task's speed.
    assert 0.6 < max(speeds_m_s) <= 0.8


@pytest.mark.parametrize("kind", ["simulated", "picamera"])
def test_frames_of_the_exam_are_as_late_as_those_of_the_cars_camera(candidate: Any, expert: Drive, kind: str) -> None:
    ages_ns = []

    def observe(record: DriveRecord, frame: Frame | None) -> None:
        if frame is not None:
            ages_ns.append(record.times.age_ns)

    camera = CameraSection(kind=kind, model="usb-webcam", width=32, height=24)
    drive_beside(expert, TASK, candidate(0.0, 0.0), CarConfig(camera=camera), observe)
    assert set(ages_ns) == {60 * NS_PER_MS}


@pytest.mark.parametrize("throttle", [0.0, -1.0], ids=["standing", "backwards"])
def test_a_car_that_gets_nowhere_is_not_waited_for(candidate: Any, expert: Drive, throttle: float) -> None:
    driven = drive_beside(expert, TASK, candidate(0.0, throttle), SMALL)
    assert driven.way_m == 0.0
    assert driven.time_s < 2 * STANDSTILL_S
    assert driven.recovery_s == math.inf
    assert points_of(driven, expert) == 0.0


def test_a_pilot_that_answers_with_nan_has_the_gate_trip(candidate: Any, expert: Drive) -> None:
    driven = drive_beside(expert, TASK, candidate(math.nan, 0.2), SMALL)
    assert "the pilot" in driven.trip
    assert driven.time_s < 2.0


def test_a_model_for_another_camera_is_refused_in_words(expert: Drive) -> None:
    with pytest.raises(ModelError, match="takes frames of 160x120, this camera gives 32x24"):
        drive_beside(expert, TASK, Candidate("simulated-lane", PilotSection()), SMALL)
