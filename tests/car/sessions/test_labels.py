"""What a pilot should learn from a recorded cycle, and what nobody should."""

from __future__ import annotations

from collections.abc import Container
from dataclasses import replace
from pathlib import Path

import pytest

from car.drive_record import DriveRecord
from car.gate import GateState, Mode, TripReason
from car.sessions import Session, SessionWriter
from car.sessions.labels import Origin, label_of, lessons_in
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


def told(
    path: Path, *stretches: tuple[int, Mode, GateState, TripReason | None], idle: Container[int] = ()
) -> list[tuple[int, Origin]]:
    """Record ``stretches`` of so many frames each; return the frames that teach, and whose answers they are.

    The driver's stick is at neutral in the frames ``idle``.
    """
    rows = [stretch[1:] for stretch in stretches for _ in range(stretch[0])]
    with SessionWriter(path, INFO, VirtualClock(START_NS), sync=lambda _: None, min_free_bytes=0) as writer:
        for number, (mode, state, trip) in enumerate(rows):
            writer.add_frame(frame_of(number))
            row = replace(record_of(number), mode=mode, gate_state=state, trip=trip)
            writer.add_record(replace(row, driver=NEUTRAL if number in idle else DRIVER))
    with Session.open(path) as session:
        return [(lesson.frame.number, lesson.origin) for lesson in lessons_in(session) if lesson.frame]


def test_what_led_to_a_takeover_teaches_nothing_and_what_the_driver_did_is_a_correction(tmp_path: Path) -> None:
    lessons = told(
        tmp_path / "a.mcap",
        (5, Mode.MANUAL, GateState.ARMED, None),
        (40, Mode.AUTO, GateState.ARMED, None),
        (10, Mode.MANUAL, GateState.ARMED, None),
        (10, Mode.ASSIST, GateState.ARMED, None),
        (10, Mode.MANUAL, GateState.ARMED, None),
    )
    # The frames 25 to 44 are of the second before the first takeover; before the second the pilot steered for less.
    assert [number for number, origin in lessons if origin is Origin.PILOT] == list(range(5, 25))
    assert [number for number, origin in lessons if origin is Origin.DRIVER] == list(range(5))
    corrections = [number for number, origin in lessons if origin is Origin.CORRECTION]
    assert corrections == [*range(45, 55), *range(65, 75)]


def test_a_correction_begins_when_the_drivers_hand_moves(tmp_path: Path) -> None:
    auto, manual = (30, Mode.AUTO, GateState.ARMED, None), (10, Mode.MANUAL, GateState.ARMED, None)
    lessons = told(tmp_path / "a.mcap", auto, manual, auto, manual, idle=[30, 31, 32, 35, 70])
    # A hand that is still later on goes straight on for a reason.
    assert [number for number, origin in lessons if origin is Origin.CORRECTION] == [*range(33, 40), *range(71, 80)]
    by_hand = told(tmp_path / "b.mcap", manual, idle=range(5))
    assert [number for number, _ in by_hand] == list(range(10))


def test_a_stop_is_for_what_the_pilot_did_in_the_second_before(tmp_path: Path) -> None:
    auto = (60, Mode.AUTO, GateState.ARMED, None)
    stopped = told(tmp_path / "a.mcap", auto, (3, Mode.AUTO, GateState.TRIPPED, TripReason.STOP))
    assert [number for number, _ in stopped] == list(range(40))
    tripped = told(tmp_path / "b.mcap", auto, (3, Mode.AUTO, GateState.TRIPPED, TripReason.LINK_LOST))
    assert [number for number, _ in tripped] == list(range(60))


def test_who_drives_by_hand_after_disarming_corrects_nobody(tmp_path: Path) -> None:
    lessons = told(
        tmp_path / "a.mcap",
        (30, Mode.AUTO, GateState.ARMED, None),
        (5, Mode.AUTO, GateState.DISARMED, None),
        (5, Mode.MANUAL, GateState.ARMED, None),
    )
    assert lessons[-5:] == [(number, Origin.DRIVER) for number in range(35, 40)]
    assert len(lessons) == 35


def test_in_a_session_with_a_teacher_every_answer_is_the_teachers(tmp_path: Path) -> None:
    path = tmp_path / "a.mcap"
    info = replace(INFO, extra={"teacher": "expert"})
    with SessionWriter(path, info, VirtualClock(START_NS), sync=lambda _: None, min_free_bytes=0) as writer:
        for number in range(40):
            writer.add_frame(frame_of(number))
            writer.add_record(replace(record_of(number), mode=Mode.AUTO if number < 30 else Mode.MANUAL))
    with Session.open(path) as session:
        assert [lesson.origin for lesson in lessons_in(session)] == [Origin.DRIVER] * 40
