"""Where a driver leaves its frames: numbered by their times, the newest handed out, and none that is too old."""

import threading

import pytest

from hardware.cameras.inbox import FrameInbox
from hardware.clock import NS_PER_MS, SystemClock, VirtualClock
from hardware.errors import CameraError, CameraTimeout
from tests.frames import make_frame

IMAGE = make_frame(0).image


def test_numbers_follow_from_the_times_so_that_what_was_dropped_is_a_gap() -> None:
    inbox = FrameInbox(50.0, VirtualClock())
    numbers = []
    for time_ms in (1000, 1020, 1041, 1099, 1119, 1120):
        inbox.put(IMAGE, time_ms * NS_PER_MS)
        numbers.append(inbox.take(0, 1e9).number)
    assert numbers == [0, 1, 2, 5, 6, 7]


def test_a_frame_that_is_no_later_than_the_last_is_not_a_new_one() -> None:
    inbox = FrameInbox(50.0, VirtualClock())
    inbox.put(IMAGE, 20)
    assert inbox.take(0, 1e9).number == 0
    for time_ns in (20, 19):
        inbox.put(IMAGE, time_ns)
        with pytest.raises(CameraTimeout):
            inbox.take(0, 1e9)


def test_one_that_is_too_old_is_left_out_and_the_next_one_waited_for() -> None:
    clock = SystemClock()
    inbox = FrameInbox(50.0, clock)
    asked_ns = clock.now_ns()
    inbox.put(IMAGE, asked_ns - 200 * NS_PER_MS)
    camera = threading.Timer(0.05, lambda: inbox.put(IMAGE, clock.now_ns()))
    camera.start()
    assert inbox.take(timeout_ms=60_000, max_age_ms=150).captured_ns >= asked_ns
    camera.join()


def test_closing_wakes_whoever_waits_and_hands_out_nothing_that_is_left() -> None:
    inbox = FrameInbox(50.0, SystemClock())
    closer = threading.Timer(0.05, inbox.close)
    closer.start()
    with pytest.raises(CameraError, match="closed"):
        inbox.take(timeout_ms=60_000, max_age_ms=150)
    closer.join()
    inbox.put(IMAGE, SystemClock().now_ns())
    with pytest.raises(CameraError, match="closed"):
        inbox.take(timeout_ms=0, max_age_ms=150)
