"""A recording plays in step with the clock, as fresh as it was."""

import pytest

from hardware.cameras.recorded import LONGEST_PAUSE_NS, RecordedCamera
from hardware.clock import NS_PER_MS, NS_PER_S, VirtualClock
from hardware.errors import CameraError, CameraTimeout, EndOfFrames
from tests.frames import SMALL, make_frame


def test_frames_come_at_the_distance_at_which_they_were_captured() -> None:
    clock = VirtualClock(start_ns=7 * NS_PER_S)
    camera = RecordedCamera([make_frame(10), make_frame(11), make_frame(14)], SMALL, clock)
    for elapsed_ms, number in ((0, 10), (50, 11), (200, 14)):
        frame = camera.next_frame(timeout_ms=1000)
        assert frame.number == number
        assert frame.captured_ns == clock.now_ns() == 7 * NS_PER_S + elapsed_ms * NS_PER_MS


def test_a_gap_times_out_and_the_frame_after_it_is_not_lost() -> None:
    clock = VirtualClock()
    camera = RecordedCamera([make_frame(0), make_frame(10)], SMALL, clock)
    camera.next_frame(timeout_ms=25)
    for _ in range(19):
        with pytest.raises(CameraTimeout):
            camera.next_frame(timeout_ms=25)
    assert camera.next_frame(timeout_ms=25).number == 10
    assert clock.now_ns() == 500 * NS_PER_MS


def test_a_pause_of_hours_is_shortened() -> None:
    clock = VirtualClock()
    camera = RecordedCamera([make_frame(0), make_frame(200_000)], SMALL, clock)
    camera.next_frame(timeout_ms=1000)
    camera.next_frame(timeout_ms=10_000)
    assert clock.now_ns() == LONGEST_PAUSE_NS


def test_the_end_is_said() -> None:
    with pytest.raises(EndOfFrames):
        RecordedCamera([], SMALL, VirtualClock()).next_frame(timeout_ms=0)


def test_a_closed_camera_gives_no_frames() -> None:
    with RecordedCamera([make_frame(0)], SMALL, VirtualClock()) as camera:
        pass
    camera.close()
    with pytest.raises(CameraError, match="closed"):
        camera.next_frame(timeout_ms=0)


def test_frames_that_nobody_took_in_time_are_left_out() -> None:
    clock = VirtualClock()
    camera = RecordedCamera(map(make_frame, range(100)), SMALL, clock)
    camera.next_frame(timeout_ms=1000)
    clock.advance_ns(1010 * NS_PER_MS)
    assert camera.next_frame(timeout_ms=1000).number == 18  # 110 ms old, and the one before it 160
    assert camera.next_frame(timeout_ms=1000, max_age_ms=0).number == 21
    assert clock.now_ns() == 1050 * NS_PER_MS
