"""What a pilot should learn from a recorded cycle, and what nobody should."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import pytest

from car.drive_record import DriveRecord
from car.gate import GateState, Mode
from car.sessions import Session, SessionWriter
from car.sessions.labels import label_of, lessons_in
from hardware.clock import VirtualClock
from hardware.drivetrain import NEUTRAL, Command
from tests.car.sessions.recordings import INFO, START_NS, frame_of, record_of

DRIVER, APPLIED = Command(0.5, 0.8), Command(0.3, 0.2)


def record(applied: Command, mode: Mode = Mode.AUTO, state: GateState = GateState.ARMED) -> DriveRecord:
    return DriveRecord(0, 1, mode, state, None, None, None, applied)


@pytest.mark.parametrize(
    ("mode", "driver", "label"),
    [
        (Mode.MANUAL, DRIVER, DRIVER),
        (Mode.MANUAL, None, APPLIED),
        (Mode.ASSIST, DRIVER, APPLIED),
        (Mode.AUTO, NEUTRAL, APPLIED),
    ],
)
def test_the_label_is_what_whoever_drove_asked_for(mode: Mode, driver: Command | None, label: Command) -> None:
    row = replace(record(APPLIED, mode), driver=driver)
    assert label_of(row) == label


@pytest.mark.parametrize("mode", [Mode.MANUAL, Mode.ASSIST, Mode.AUTO])
def test_where_there_is_a_teacher_the_label_is_what_the_teacher_asked_for_whoever_drove(mode: Mode) -> None:
    assert label_of(replace(record(APPLIED, mode), driver=DRIVER), is_taught=True) == DRIVER
    assert label_of(record(APPLIED, mode), is_taught=True) is None


@pytest.mark.parametrize("state", [GateState.DISARMED, GateState.TRIPPED])
def test_a_car_that_nobody_drives_teaches_nothing(state: GateState) -> None:
    assert label_of(record(NEUTRAL, state=state)) is None


@pytest.mark.parametrize("command", [Command(float("nan"), 0.0), Command(0.0, float("inf")), Command(1.5, 0.0)])
def test_a_command_that_is_none_teaches_nothing(command: Command) -> None:
    assert label_of(record(command)) is None


def test_nothing_is_learned_from_a_calibration() -> None:
    row = DriveRecord(0, 1, Mode.CALIBRATION, GateState.ARMED, None, Command(0.5, 0.1), None, Command(0.5, 0.1))
    assert label_of(row) is None


def test_a_session_teaches_what_was_driven_and_tells_which_images_are_broken(tmp_path: Path) -> None:
    path = tmp_path / "a.mcap"
    clock = VirtualClock(START_NS)
    with SessionWriter(path, INFO, clock, sync=lambda _: None, min_free_bytes=0) as writer:
        for number in range(4):
            frame = frame_of(number)
            writer.add_frame(replace(frame, jpeg=frame.jpeg[:100]) if number == 2 else frame)
            state = GateState.DISARMED if number == 1 else GateState.ARMED
            writer.add_record(replace(record_of(number), gate_state=state))
    with Session.open(path) as session:
        lessons = list(lessons_in(session))
    assert [None if lesson.frame is None else lesson.frame.number for lesson in lessons] == [0, None, 3]
    assert [lesson.label for lesson in lessons] == [record_of(number).applied for number in (0, 2, 3)]
