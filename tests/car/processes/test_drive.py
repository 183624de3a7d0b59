"""What the drive process passes on to its desk, and what its capture thread does with a camera that fails."""

import gc
import multiprocessing
from dataclasses import replace

import pytest

from car.gate import GateState
from car.link.publisher import Publisher
from car.link.ring import CycleRing, RingReader
from car.processes.capture import capturing
from car.processes.drive import settle_memory
from hardware.camera import MAX_AGE_MS, Camera, Frame
from hardware.cameras.recorded import RecordedCamera
from hardware.clock import NS_PER_MS, SystemClock, VirtualClock
from hardware.errors import CameraError, CameraTimeout, EndOfFrames
from tests.frames import SMALL, make_frame, make_record


def test_between_frames_only_news_is_published_or_a_sign_of_life() -> None:
    clock = VirtualClock()
    ring = CycleRing(multiprocessing.get_context("spawn"), SMALL, 20.0)
    reader, publish = RingReader(ring), Publisher(ring, clock)
    frame = make_frame(0)
    record = make_record(frame)
    publish(record, frame)
    for _ in range(3):
        clock.advance_ns(25 * NS_PER_MS)
        publish(record, None)
    assert len(list(reader.read())) == 1
    publish(replace(record, gate_state=GateState.TRIPPED), None)
    assert len(list(reader.read())) == 1
    for _ in range(40):
        clock.advance_ns(25 * NS_PER_MS)
        publish(replace(record, gate_state=GateState.TRIPPED), None)
    assert len(list(reader.read())) == 10


def test_frames_reach_the_mailbox_and_the_end_is_passed_on() -> None:
    with capturing(RecordedCamera([make_frame(0)], SMALL, SystemClock())) as latest:
        frame = latest.take(timeout_ms=10_000)
        assert frame is not None
        with pytest.raises(EndOfFrames):
            latest.take(timeout_ms=10_000)


class OddCamera(Camera):
    """Times out, delivers, and then fails as no camera should."""

    geometry = SMALL
    rate_hz = 20.0

    def __init__(self) -> None:
        self.calls = 0

    def next_frame(self, timeout_ms: float, max_age_ms: float = MAX_AGE_MS) -> Frame:
        self.calls += 1
        if self.calls == 1:
            raise CameraTimeout("slow")
        if self.calls == 2:
            return make_frame(0)
        raise ZeroDivisionError("odd")

    def close(self) -> None:
        pass


def test_whatever_a_camera_raises_reaches_the_loop_as_a_camera_error() -> None:
    with capturing(OddCamera()) as latest:
        assert latest.take(timeout_ms=10_000) is not None
        with pytest.raises(CameraError, match="odd"):
            latest.take(timeout_ms=10_000)


def test_what_the_start_has_made_is_spared_by_the_collector() -> None:
    try:
        settle_memory()
        assert gc.get_freeze_count() > 0
    finally:
        gc.unfreeze()
