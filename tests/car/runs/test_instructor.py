"""Driving with an instructor: whose commands reach the wheels, whose are learned, and what becomes of a lost car."""

from __future__ import annotations

from pathlib import Path

import pytest

from car.config.sections import CarConfig
from car.drive_record import DriveRecord
from car.kinds.pilot import Pilot, PilotAnswer
from car.runs.instructor import OUTSIDE_M, Instructor, Rescuer
from car.runs.simulation import Goal, Simulation, run_simulation
from car.sessions.labels import lessons_in
from car.sessions.reader import Session
from hardware.camera import Frame
from hardware.drivetrain import NEUTRAL, Command
from simulator.scenario import Scenario
from simulator.track import LANE_HALF_WIDTH_M
from tests.training.drives import GEOMETRY

CONFIG = CarConfig.model_validate({"camera": {"width": GEOMETRY.width, "height": GEOMETRY.height}})
TO_THE_RIGHT = Command(0.5, 0.2)


class Fixed(Pilot):
    """A pilot that always answers the same."""

    name = "fixed"

    def __init__(self, command: Command) -> None:
        self._command = command

    def drive(self, frame: Frame) -> PilotAnswer:
        return PilotAnswer(self._command)

    def close(self) -> None: ...


def drive(
    command: Command,
    instructor: Instructor | None,
    seconds: float,
    record: Path | None = None,
    rescuer: Rescuer | None = None,
) -> tuple[Simulation, list[DriveRecord]]:
    records: list[DriveRecord] = []

    def observe(record: DriveRecord, frame: Frame | None) -> None:
        if frame is not None:
            records.append(record)

    simulation = run_simulation(
        CONFIG,
        Scenario("oval"),
        Goal(seconds=seconds),
        pilot=Fixed(command),
        instructor=instructor,
        record=record,
        observer=observe,
        attendant=rescuer,
    )
    return simulation, records


def offsets_m(records: list[DriveRecord]) -> list[float]:
    return [record.lap_count.lateral_m for record in records if record.lap_count is not None]


def test_the_pilot_drives_and_what_is_learned_is_what_the_expert_would_have_done(tmp_path: Path) -> None:
    path = tmp_path / "taught.mcap"
    _, records = drive(TO_THE_RIGHT, Instructor(share=0.0), 6.0, path)
    assert {record.pilot for record in records if record.driver not in (None, NEUTRAL)} == {TO_THE_RIGHT}
    with Session.open(path) as session:
        labels = {lesson.frame.number: lesson.label for lesson in lessons_in(session) if lesson.frame}
    far_right = [record for record in records if record.lap_count and record.lap_count.lateral_m > 0.2]
    assert len(far_right) > 10
    assert all(labels[record.frame_number] == record.driver for record in far_right)
    # On its first way out, before it turns round.
    assert all(labels[record.frame_number].steering < 0.0 for record in far_right[:8])


def test_an_instructor_who_drives_all_the_time_keeps_a_bad_pilot_in_the_lane() -> None:
    simulation, records = drive(TO_THE_RIGHT, Instructor(share=1.0), 6.0)
    assert simulation.lap_count.departures == 0
    assert max(map(abs, offsets_m(records))) < 0.2


def test_who_drives_changes_by_the_instructors_seed() -> None:
    stretches = []
    for seed in (1, 1, 2):
        _, records = drive(TO_THE_RIGHT, Instructor(share=0.5, seed=seed), 6.0)
        stretches.append([record.pilot == TO_THE_RIGHT for record in records])
    assert stretches[0] == stretches[1] != stretches[2]
    assert all(0.1 < sum(stretch) / len(stretch) < 0.9 for stretch in stretches)


def test_a_car_that_has_left_the_lane_is_put_back_and_goes_on() -> None:
    simulation, records = drive(TO_THE_RIGHT, None, 15.0, rescuer=Rescuer())
    assert simulation.lap_count.departures > 1
    assert max(offsets_m(records)) < LANE_HALF_WIDTH_M + OUTSIDE_M + 0.1
    alone, _ = drive(TO_THE_RIGHT, None, 15.0)
    assert simulation.lap_count.progress_m > alone.lap_count.progress_m


def test_a_pilot_that_stands_still_is_set_off_again_and_each_time_counts() -> None:
    rescuer = Rescuer()
    simulation, _ = drive(NEUTRAL, None, 12.0, rescuer=rescuer)
    assert rescuer.stalls >= 2
    assert simulation.lap_count.departures == 0


def test_a_session_without_an_instructor_teaches_what_was_applied(tmp_path: Path) -> None:
    path = tmp_path / "plain.mcap"
    drive(TO_THE_RIGHT, None, 2.0, path)
    with Session.open(path) as session:
        assert [lesson.label.steering for lesson in lessons_in(session)][-1] == pytest.approx(0.5, abs=1e-3)
