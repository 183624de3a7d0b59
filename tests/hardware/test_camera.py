"""The mailbox hands over the newest frame, once, and says when there will be no more."""

import threading

import pytest

from hardware.camera import LatestFrame
from hardware.errors import CameraError
from tests.frames import make_frame


def test_the_newest_frame_wins_and_the_others_are_counted() -> None:
    latest = LatestFrame()
    for number in range(3):
        latest.put(make_frame(number))
    frame = latest.take(timeout_ms=0)
    assert frame is not None
    assert frame.number == 2
    assert latest.dropped == 2


def test_a_frame_is_handed_over_once() -> None:
    latest = LatestFrame()
    latest.put(make_frame(0))
    latest.take(timeout_ms=0)
    assert latest.take(timeout_ms=1) is None


def test_a_waiting_loop_is_woken_by_the_frame() -> None:
    latest = LatestFrame()
    camera = threading.Thread(target=latest.put, args=(make_frame(4),))
    camera.start()
    frame = latest.take(timeout_ms=10_000)
    camera.join()
    assert frame is not None
    assert frame.number == 4


def test_a_failed_camera_is_heard_of_after_its_last_frame() -> None:
    latest = LatestFrame()
    latest.put(make_frame(0))
    latest.fail(CameraError("unplugged"))
    assert latest.take(timeout_ms=0) is not None
    with pytest.raises(CameraError, match="unplugged"):
        latest.take(timeout_ms=10_000)
