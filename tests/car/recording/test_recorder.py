"""The recorder keeps what it can, says what it could not, and never gets in the way."""

import errno
import multiprocessing
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import pytest

from car.config.sections import CarConfig
from car.gate import Ahead, GateState, TripReason
from car.link.ring import CycleRing, RingReader
from car.recording.recorder import CycleWriter, Recorder, describe_session, new_session_path
from car.sessions.reader import Session
from car.sessions.writer import SessionWriter
from hardware.clock import NS_PER_MS, NS_PER_S, VirtualClock
from hardware.drivetrain import Motion
from tests.frames import SMALL, make_frame, make_record

RATE_HZ = 60.0
PERIOD_NS = round(NS_PER_S / RATE_HZ)


class Rig:
    """A recorder on a virtual clock, with a drive that publishes frame after frame."""

    def __init__(self, folder: Path, sync: Callable[[int], None] = lambda _: None, free_bytes: int = 10**12) -> None:
        self.clock = VirtualClock(NS_PER_S)
        self.ring = CycleRing(multiprocessing.get_context("spawn"), SMALL, RATE_HZ)
        self.path = folder / "drive.mcap"
        self.free_bytes = free_bytes
        info = describe_session("drive", CarConfig(), "drive")
        writer = SessionWriter(self.path, info, self.clock, free_bytes=lambda: self.free_bytes, sync=sync)
        self.recorder = Recorder(RingReader(self.ring), writer, jpeg_quality=75)
        self.published = 0

    def drive(self, seconds: float) -> None:
        for _ in range(round(seconds * RATE_HZ)):
            frame = make_frame(self.published, rate_hz=RATE_HZ)
            self.ring.publish(make_record(frame), frame)
            self.published += 1
            self.clock.advance_ns(PERIOD_NS)

    def drive_and_record(self, seconds: float) -> None:
        for _ in range(round(seconds * 10)):
            self.drive(0.1)
            self.recorder.poll()

    def recorded_numbers(self) -> list[int]:
        with Session.open(self.path) as session:
            return [frame.number for frame in session.frames()]


def test_every_frame_is_recorded_with_its_record(tmp_path: Path) -> None:
    rig = Rig(tmp_path)
    rig.drive_and_record(3)
    rig.recorder.close()
    assert rig.recorded_numbers() == list(range(180))
    with Session.open(rig.path) as session:
        assert [driven.record.frame_number for driven in session.driven_frames()] == list(range(180))


def test_a_disk_that_stalls_for_three_seconds_loses_no_frame(tmp_path: Path) -> None:
    stalls = 0

    def stall_once(_: int) -> None:
        nonlocal stalls
        stalls += 1
        if stalls == 2:
            rig.drive(3.0)

    rig = Rig(tmp_path, sync=stall_once)
    rig.drive_and_record(4)
    rig.recorder.close()
    assert stalls > 2
    assert rig.recorded_numbers() == list(range(rig.published))


def test_frames_lost_to_a_longer_stall_are_counted_and_noted(tmp_path: Path) -> None:
    rig = Rig(tmp_path)
    rig.drive_and_record(1)
    rig.drive(20.0)
    rig.drive_and_record(1)
    rig.recorder.close()
    lost = rig.published - len(rig.recorded_numbers())
    assert lost > 0
    assert f"{lost} missed" in str(rig.recorder.status)
    with Session.open(rig.path) as session:
        (text,) = [event.text for event in session.events() if event.kind == "missed"]
    assert text.startswith(f"{lost} cycles")


@pytest.mark.parametrize("how", ["full", "nearly full"])
def test_a_disk_that_refuses_ends_the_recording_with_a_reason_and_keeps_what_was_written(
    tmp_path: Path, how: str
) -> None:
    full = False

    def sync(_: int) -> None:
        if full and how == "full":
            raise OSError(errno.ENOSPC, "No space left on device")

    rig = Rig(tmp_path, sync=sync)
    rig.drive_and_record(3)
    full = True
    rig.free_bytes = 10**6 if how == "nearly full" else 10**12
    rig.drive_and_record(3)
    rig.recorder.close()
    assert str(rig.recorder.status).startswith("stopped: ")
    assert len(rig.recorded_numbers()) >= 2.4 * RATE_HZ


def test_nothing_waits_longer_than_half_a_second_for_the_disk_even_when_nothing_new_comes(tmp_path: Path) -> None:
    rig = Rig(tmp_path)
    rig.drive(0.2)
    rig.recorder.poll()
    rig.clock.advance_ns(500 * NS_PER_MS)
    rig.recorder.poll()
    assert rig.recorded_numbers() == list(range(12))
    rig.recorder.close()


def test_each_change_of_the_gate_is_an_event(tmp_path: Path) -> None:
    rig = Rig(tmp_path)
    frame = make_frame(0)
    armed = make_record(frame)
    tripped = replace(armed, gate_state=GateState.TRIPPED, trip=TripReason.STOP)
    for record in (armed, armed, tripped, tripped):
        rig.ring.publish(record, None)
    rig.recorder.close()
    with Session.open(rig.path) as session:
        assert [event.text for event in session.events()] == [
            "armed, manual",
            "tripped, manual: stopped by the driver",
        ]


def test_a_cycle_without_a_new_frame_adds_no_frame(tmp_path: Path) -> None:
    path = tmp_path / "drive.mcap"
    clock = VirtualClock()
    with SessionWriter(path, describe_session("drive", CarConfig(), "drive"), clock, free_bytes=lambda: 10**12) as out:
        cycles = CycleWriter(out, jpeg_quality=75)
        cycles(make_record(make_frame(1)), make_frame(1))
        cycles(make_record(make_frame(1)), None)
    assert cycles.frames == 1


def test_two_sessions_of_the_same_second_have_different_names(tmp_path: Path) -> None:
    folder = tmp_path / "sessions"
    paths = []
    for _ in range(3):
        paths.append(new_session_path(folder))
        paths[-1].touch()
    assert len(set(paths)) == 3


def test_a_range_sensor_that_falls_silent_is_one_event_of_the_session(tmp_path: Path) -> None:
    clock = VirtualClock(NS_PER_S)
    path = tmp_path / "drive.mcap"
    seen = [None, Ahead(0.8), Ahead(0.7), None, None]
    with SessionWriter(path, describe_session("drive", CarConfig(), "drive"), clock) as writer:
        write = CycleWriter(writer, jpeg_quality=75)
        for number, ahead in enumerate(seen):
            write(replace(make_record(make_frame(number)), ahead=ahead), make_frame(number))
    with Session.open(path) as session:
        assert [event.text for event in session.events() if event.kind == "range"] == [TripReason.RANGE_LOST]
        assert [driven.record.ahead for driven in session.driven_frames()] == seen


def test_an_encoder_that_falls_silent_is_one_event_of_the_session(tmp_path: Path) -> None:
    clock = VirtualClock(NS_PER_S)
    path = tmp_path / "drive.mcap"
    seen = [None, Motion(0.5, 1.0), Motion(0.5, 1.1), None, None]
    with SessionWriter(path, describe_session("drive", CarConfig(), "drive"), clock) as writer:
        write = CycleWriter(writer, jpeg_quality=75)
        for number, motion in enumerate(seen):
            write(replace(make_record(make_frame(number)), motion=motion), make_frame(number))
    with Session.open(path) as session:
        assert [event.text for event in session.events() if event.kind == "encoder"] == [TripReason.ENCODER_LOST]
        assert [driven.record.motion for driven in session.driven_frames()] == seen
