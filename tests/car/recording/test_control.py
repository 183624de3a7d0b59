"""The recorder's switch: a new session each time it is switched on, and seconds erased while it runs."""

from __future__ import annotations

import multiprocessing
from dataclasses import replace
from pathlib import Path

import pytest

from car.config.sections import CarConfig, RecordingSection
from car.errors import RecordingError
from car.gate import GateState, Mode
from car.link.ring import CycleRing
from car.recording.control import RecorderControl
from car.sessions import Edits, FrameRange, Session
from car.sessions.edits import edits_path
from car.sessions.writer import SessionWriter
from car.telemetry.telemetry import Telemetry, Wifi
from hardware.clock import NS_PER_S, VirtualClock
from tests.frames import SMALL, make_frame, make_record

RATE_HZ = 20.0


class Rig:
    """A recorder's switch on a virtual clock, with a drive that publishes frame after frame."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.clock = VirtualClock(NS_PER_S)
        self.ring = CycleRing(multiprocessing.get_context("spawn"), SMALL, RATE_HZ)
        config = CarConfig(recording=RecordingSection(min_free_mb=0))
        self.control = RecorderControl(self.ring, folder, config, "first", self.clock)
        self.published = 0

    def drive(self, seconds: float, state: GateState = GateState.ARMED, mode: Mode = Mode.MANUAL) -> None:
        for _ in range(round(seconds * RATE_HZ)):
            frame = make_frame(self.published, rate_hz=RATE_HZ)
            self.ring.publish(replace(make_record(frame), gate_state=state, mode=mode), frame)
            self.published += 1
            self.clock.advance_ns(round(NS_PER_S / RATE_HZ))
            self.control.poll()

    def sessions(self) -> list[Path]:
        return sorted(self.folder.glob("*.mcap"))


@pytest.fixture
def rig(tmp_path: Path) -> Rig:
    return Rig(tmp_path / "sessions")


def numbers_in(path: Path) -> list[int]:
    with Session.open(path) as session:
        return [frame.number for frame in session.frames()]


def test_nothing_is_recorded_until_it_is_switched_on(rig: Rig) -> None:
    rig.drive(1)
    assert not rig.control.status.on
    assert str(rig.control.status) == "off"
    rig.control.close()
    assert rig.sessions() == []


def test_what_was_driven_before_the_first_start_is_recorded_as_far_as_it_is_kept(rig: Rig) -> None:
    rig.control.switch_on()
    for number in range(10):
        frame = make_frame(number, rate_hz=RATE_HZ)
        rig.ring.publish(make_record(frame), frame)
    rig.control.close()
    assert numbers_in(rig.sessions()[0]) == list(range(10))


def test_each_start_is_a_session_of_its_own_without_a_frame_of_the_one_before(rig: Rig) -> None:
    rig.control.switch_on()
    rig.drive(1)
    rig.control.switch_off()
    rig.drive(1)
    rig.control.switch_on()
    rig.drive(1)
    rig.control.close()
    first, second = rig.sessions()
    assert numbers_in(first) == list(range(21))
    assert numbers_in(second) == list(range(40, 60))


def test_a_drive_that_ended_before_anybody_looked_is_recorded(rig: Rig) -> None:
    rig.control.switch_on()
    for number in range(50):
        frame = make_frame(number, rate_hz=RATE_HZ)
        state = GateState.ARMED if number < 40 else GateState.DISARMED
        rig.ring.publish(replace(make_record(frame), gate_state=state), frame)
    rig.control.poll()
    rig.control.close()
    (path,) = rig.sessions()
    assert numbers_in(path) == list(range(50))


def test_a_drive_that_was_just_over_when_it_is_switched_on_is_none_to_record(rig: Rig) -> None:
    rig.drive(1)
    rig.drive(0.5, GateState.DISARMED)
    rig.control.switch_on()
    rig.drive(1, GateState.DISARMED)
    assert rig.sessions() == []
    rig.drive(1)
    rig.control.close()
    (path,) = rig.sessions()
    assert numbers_in(path) == list(range(30, 70))


def test_the_status_counts_while_it_runs_and_keeps_the_last_figures_when_it_is_off(rig: Rig) -> None:
    rig.control.switch_on()
    rig.control.switch_on()
    rig.drive(1)
    status = rig.control.status
    assert (status.on, status.name, status.frames) == (True, rig.sessions()[0].stem, 20)
    rig.control.switch_off()
    rig.control.poll()
    status = rig.control.status
    assert (status.on, status.name, status.frames) == (False, rig.sessions()[0].stem, 20)
    assert str(status) == f"{rig.sessions()[0].name} · 20 frames"


def test_the_last_seconds_are_left_out_while_the_recording_goes_on(rig: Rig) -> None:
    rig.control.switch_on()
    rig.drive(10)
    rig.control.erase(5)
    rig.control.poll()
    rig.drive(1)
    assert rig.control.status.erased == 100
    rig.control.close()
    (path,) = rig.sessions()
    assert Edits.load(path) == Edits.of([FrameRange(100, 199)])
    assert len(numbers_in(path)) == 220
    with Session.open(path) as session:
        assert [event.text for event in session.events() if event.kind == "erased"] == [
            "frames 100 to 199, by the driver"
        ]


def test_erasing_again_goes_further_back_and_can_be_undone_step_by_step(rig: Rig) -> None:
    rig.control.switch_on()
    rig.drive(10)
    rig.control.erase(2)
    rig.control.erase(2)
    rig.control.erase(60)
    rig.control.erase(60)
    rig.control.close()
    (path,) = rig.sessions()
    assert rig.control.status.erased == 200
    edits = Edits.load(path)
    assert edits == Edits.of([FrameRange(0, 199)])
    assert edits.undone() == Edits.of([FrameRange(120, 199)])
    assert edits.undone().undone() == Edits.of([FrameRange(160, 199)])


def test_erasing_when_nothing_is_recorded_does_nothing(rig: Rig) -> None:
    rig.control.erase(5)
    rig.control.switch_on()
    rig.control.erase(5)
    rig.control.poll()
    assert rig.control.status.erased == 0
    rig.control.close()


def test_a_list_of_edits_that_cannot_be_changed_is_said_and_the_recording_goes_on(rig: Rig) -> None:
    rig.control.switch_on()
    rig.drive(1)
    edits_path(rig.sessions()[0]).write_text("nonsense")
    rig.control.erase(5)
    rig.drive(1)
    status = rig.control.status
    assert (status.on, status.frames, status.erased) == (True, 40, 0)
    assert "not a list of edits" in status.failure
    assert "not a list of edits" in str(status)
    rig.control.close()


def test_a_folder_that_cannot_be_written_is_said_and_another_start_is_another_try(rig: Rig) -> None:
    rig.folder.write_text("in the way")
    rig.control.switch_on()
    rig.drive(1)
    assert str(rig.control.status).startswith("stopped: ")
    rig.folder.unlink()
    rig.control.switch_on()
    rig.drive(1)
    status = rig.control.status
    assert (status.on, status.failure) == (True, "")
    rig.control.close()


def test_the_pilots_name_is_in_the_session_and_a_change_is_noted_in_it(rig: Rig) -> None:
    rig.control.note_pilot("second")
    rig.control.switch_on()
    rig.drive(1)
    rig.control.note_pilot("third")
    rig.drive(1)
    rig.control.close()
    with Session.open(rig.sessions()[0]) as session:
        assert session.info.extra["pilot"] == "second"
        assert [event.text for event in session.events() if event.kind == "pilot"] == ["third from here on"]


def test_a_car_that_stands_is_not_recorded_and_says_that_it_waits(rig: Rig) -> None:
    rig.control.switch_on()
    rig.drive(30, GateState.DISARMED)
    rig.drive(3, GateState.ARMED, Mode.CALIBRATION)
    assert rig.sessions() == []
    assert (rig.control.status.on, rig.control.status.waits) == (False, True)
    assert str(rig.control.status) == "when the car is driven"
    rig.control.close()


def test_a_session_has_the_drive_and_a_second_around_it(rig: Rig) -> None:
    rig.control.switch_on()
    rig.drive(5, GateState.DISARMED)
    rig.drive(4)
    rig.drive(10, GateState.TRIPPED)
    rig.control.close()
    (path,) = rig.sessions()
    numbers = numbers_in(path)
    assert 80 - 2 <= numbers[0] <= 80 + 2
    assert 200 - 2 <= numbers[-1] <= 200 + 2


def test_each_drive_is_a_session_and_a_short_trip_does_not_cut_one_in_two(rig: Rig) -> None:
    rig.control.switch_on()
    rig.drive(3)
    rig.drive(0.5, GateState.TRIPPED)
    rig.drive(3)
    rig.drive(5, GateState.DISARMED)
    rig.drive(3)
    rig.control.close()
    first, second = rig.sessions()
    assert (len(numbers_in(first)) > 6.5 * RATE_HZ, len(numbers_in(second)) < 5 * RATE_HZ) == (True, True)
    assert not set(numbers_in(first)) & set(numbers_in(second))


def test_a_car_whose_frames_stop_while_it_is_driven_ends_its_session_when_the_gate_trips(rig: Rig) -> None:
    rig.control.switch_on()
    rig.drive(2)
    frame = make_frame(rig.published, rate_hz=RATE_HZ)
    rig.ring.publish(replace(make_record(frame), gate_state=GateState.TRIPPED), None)
    states = []
    for _ in range(2):
        rig.control.poll()
        states.append(rig.control.status.on)
        rig.clock.advance_ns(2 * NS_PER_S)
    assert states == [True, False]
    rig.control.close()


def test_switched_on_in_the_middle_of_a_drive_it_records_from_then_on(rig: Rig) -> None:
    rig.drive(3)
    rig.control.switch_on()
    rig.drive(1)
    rig.control.close()
    (path,) = rig.sessions()
    assert numbers_in(path)[0] == 60


def test_telemetry_and_notes_are_in_the_session_of_the_drive_and_in_no_other(rig: Rig) -> None:
    rig.control.switch_on()
    rig.control.add_telemetry(Telemetry(rig.clock.now_ns(), wifi=Wifi(-90.0)))
    rig.control.note("supply", "too early")
    rig.drive(1)
    taken = Telemetry(rig.clock.now_ns(), wifi=Wifi(-52.0))
    rig.control.add_telemetry(taken)
    rig.control.note("supply", "it is low")
    rig.drive(1)
    rig.control.close()
    with Session.open(rig.sessions()[0]) as session:
        assert list(session.telemetry()) == [taken]
        assert [event.text for event in session.events() if event.kind == "supply"] == ["it is low"]


def test_a_disk_that_refuses_telemetry_ends_the_recording_with_its_reason(
    rig: Rig, monkeypatch: pytest.MonkeyPatch
) -> None:
    rig.control.switch_on()
    rig.drive(1)

    def refuse(_self: SessionWriter, _telemetry: Telemetry) -> None:
        raise RecordingError("The disk is full.")

    monkeypatch.setattr(SessionWriter, "add_telemetry", refuse)
    rig.control.add_telemetry(Telemetry(rig.clock.now_ns()))
    rig.drive(0.2)
    assert rig.control.status.failure == "The disk is full."
    assert not rig.control.status.on
    rig.control.close()
