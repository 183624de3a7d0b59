"""A USB camera: on a fake of V4L2 under OpenCV's interface, and with real OpenCV on a file of JPEG frames."""

from __future__ import annotations

import contextlib
import os
import threading
import time
import tracemalloc
from pathlib import Path
from typing import Any

import cv2
import numpy as np
import pytest

from hardware.camera import Camera, CameraGeometry, Frame, check_camera
from hardware.cameras.patience import MOST_FAILURES
from hardware.cameras.restarting import RestartingCamera
from hardware.cameras.usb import UsbCamera, first_device
from hardware.clock import NS_PER_MS, NS_PER_S, SystemClock
from hardware.errors import CameraError, CameraTimeout
from tests.hardware.cameras.fake_capture import DELAY_NS, FakeCapture, UsbRig
from tests.system.car_process import wait_for

GEOMETRY = CameraGeometry(width=160, height=120)
RED = (220, 20, 30)


@pytest.fixture
def device(tmp_path: Path) -> Path:
    path = tmp_path / "video0"
    path.touch()
    return path


@pytest.fixture
def rig(monkeypatch: pytest.MonkeyPatch, device: Path) -> UsbRig:
    rig = UsbRig(device)
    monkeypatch.setattr(cv2, "VideoCapture", lambda _device, _backend: FakeCapture(rig))
    return rig


def open_camera(device: Path, rate_hz: float = 100.0) -> UsbCamera:
    return UsbCamera(GEOMETRY, rate_hz, SystemClock(), str(device))


@pytest.mark.parametrize("stamps_frames", [True, False])
def test_a_usb_camera_passes_the_check_of_every_camera(rig: UsbRig, device: Path, stamps_frames: bool) -> None:
    rig.stamps_frames = stamps_frames
    check_camera(open_camera(device))
    assert rig.released == rig.opened == 1


def test_a_usb_camera_asks_for_small_jpegs_and_no_queue(rig: UsbRig, device: Path) -> None:
    open_camera(device).close()
    assert rig.asked == {
        cv2.CAP_PROP_FOURCC: cv2.VideoWriter.fourcc(*"MJPG"),
        cv2.CAP_PROP_FRAME_WIDTH: 160,
        cv2.CAP_PROP_FRAME_HEIGHT: 120,
        cv2.CAP_PROP_FPS: 100.0,
        cv2.CAP_PROP_BUFFERSIZE: 1,
    }


def test_a_larger_frame_of_the_same_shape_is_scaled_and_a_red_card_stays_red(rig: UsbRig, device: Path) -> None:
    rig.sizes, rig.rgb = [(640, 480)], RED
    with open_camera(device) as camera:
        image = camera.next_frame(timeout_ms=5000).image
    assert image.shape == (120, 160, 3)
    assert (image == RED).all()


@pytest.mark.parametrize("size", [(1280, 720), (80, 60)])
def test_another_shape_or_a_smaller_size_than_asked_for_is_refused_by_name(
    rig: UsbRig, device: Path, size: tuple[int, int]
) -> None:
    rig.sizes = [size]
    with pytest.raises(CameraError, match=rf"{size[0]}x{size[1]}.*160x120.*camera\.width"):
        open_camera(device)
    assert rig.released == rig.opened == 1


def test_the_rate_is_the_one_that_the_camera_has(rig: UsbRig, device: Path) -> None:
    rig.rates_hz = [30.0, 60.0]
    with open_camera(device, rate_hz=50.0) as camera:
        assert camera.rate_hz == 60.0


def test_frames_are_stamped_by_the_driver_on_our_clock(rig: UsbRig, device: Path) -> None:
    with open_camera(device) as camera:
        frame = camera.next_frame(timeout_ms=5000)
        assert SystemClock().now_ns() - frame.captured_ns >= DELAY_NS


class LaterClock(SystemClock):
    """Where the machine has slept for an hour: CLOCK_BOOTTIME is ahead of the clock that V4L2 stamps with."""

    def now_ns(self) -> int:
        return super().now_ns() + 3600 * NS_PER_S


def test_a_machine_that_has_slept_does_not_make_the_frames_old(rig: UsbRig, device: Path) -> None:
    clock = LaterClock()
    with UsbCamera(GEOMETRY, 100.0, clock, str(device)) as camera:
        asked_ns = clock.now_ns()
        frame = camera.next_frame(timeout_ms=5000)
        assert clock.now_ns() - frame.captured_ns >= DELAY_NS
        assert frame.captured_ns >= asked_ns - 150 * NS_PER_MS


def test_frames_that_change_their_size_are_another_camera_s(rig: UsbRig, device: Path) -> None:
    with open_camera(device) as camera:
        rig.other_size = (640, 480)
        with pytest.raises(CameraError, match="gone"):
            take_all(camera)


def test_a_slow_consumer_gets_the_newest_frame_while_the_camera_keeps_its_rate(rig: UsbRig, device: Path) -> None:
    with open_camera(device) as camera:
        before = camera.next_frame(timeout_ms=5000)
        reads = rig.reads
        wait_for(lambda: rig.reads >= reads + 20, "twenty frames that nobody takes")
        after = camera.next_frame(timeout_ms=5000)
        assert after.number >= before.number + 20
        assert SystemClock().now_ns() - after.captured_ns < 20 * 10 * NS_PER_MS


@pytest.mark.parametrize("sizes", [[(160, 120)], [(640, 480)]])
def test_there_is_one_new_array_per_frame(rig: UsbRig, device: Path, sizes: list[tuple[int, int]]) -> None:
    rig.sizes = sizes
    image_bytes = GEOMETRY.width * GEOMETRY.height * 3
    with open_camera(device) as camera:
        kept = [camera.next_frame(timeout_ms=5000)]
        tracemalloc.start()
        try:
            before, _ = tracemalloc.get_traced_memory()
            kept += [camera.next_frame(timeout_ms=5000) for _ in range(20)]
            after, peak = tracemalloc.get_traced_memory()
        finally:
            tracemalloc.stop()
    # One frame more may be waiting in the mailbox, and another just being made.
    assert 20 * image_bytes <= after - before <= peak - before < 22.5 * image_bytes


def test_an_unplugged_camera_is_opened_again_when_it_is_back(rig: UsbRig, device: Path) -> None:
    clock = SystemClock()
    with RestartingCamera(lambda: UsbCamera(GEOMETRY, 100.0, clock, str(device)), clock) as camera:
        before = camera.next_frame(timeout_ms=5000)
        device.unlink()
        with pytest.raises(CameraTimeout):
            take_all(camera)
        device.touch()
        after = take_after_restart(camera)
        assert after.number > before.number
    assert rig.released == rig.opened == 2


def test_a_camera_that_stalls_is_opened_again_once_opencv_has_let_go_of_it(rig: UsbRig, device: Path) -> None:
    clock = SystemClock()
    with RestartingCamera(lambda: UsbCamera(GEOMETRY, 100.0, clock, str(device)), clock) as camera:
        camera.next_frame(timeout_ms=5000)
        rig.stalled.set()
        user = threading.Thread(target=take_after_restart, args=(camera,))
        user.start()
        wait_for(lambda: rig.refused > 0, "the driver to try again")
        rig.stalled.clear()
        user.join()
        assert camera.restarts == 1


def test_a_bad_read_now_and_then_costs_one_frame_and_not_the_camera(rig: UsbRig, device: Path) -> None:
    taken = threading.Semaphore(2)  # what is read while the camera is opened is handed to nobody

    def is_bad(attempt: int) -> bool:
        # On a busy machine too, the next frame comes only when the one before has been taken.
        taken.acquire(timeout=0.5)
        if attempt % 10 == 0:
            taken.release()
        return attempt % 10 == 0

    rig.is_bad = is_bad
    frames = []
    with open_camera(device) as camera:
        while rig.attempts < 100:
            frames.append(camera.next_frame(timeout_ms=5000))
            taken.release()
    assert rig.opened == 1
    # Of a hundred reads ten fail, and the one in flight at the end counts for no one.
    assert len(frames) >= 100 - 10 - 2


def test_several_bad_reads_in_a_row_are_the_end_of_a_camera(rig: UsbRig, device: Path) -> None:
    rig.is_bad = lambda attempt: attempt > 20
    with open_camera(device) as camera, pytest.raises(CameraError, match="gone"):
        take_all(camera)
    assert rig.attempts <= 20 + MOST_FAILURES


def test_a_camera_that_begins_with_broken_frames_is_waited_for(rig: UsbRig, device: Path) -> None:
    rig.is_bad = lambda attempt: attempt <= 12
    with open_camera(device) as camera:
        assert camera.next_frame(timeout_ms=5000).image.shape == (120, 160, 3)
    assert rig.opened == 1


def test_a_camera_that_gives_nothing_at_all_is_refused_and_released(
    rig: UsbRig, device: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("hardware.cameras.usb.FIRST_FRAME_NS", 50 * NS_PER_MS)
    rig.is_bad = lambda _attempt: True
    with pytest.raises(CameraError, match="gives no frames"):
        open_camera(device)
    assert rig.released == rig.opened == 1


def take_all(camera: Camera) -> None:
    """Take frames until the camera raises."""
    while True:
        camera.next_frame(timeout_ms=300)


def take_after_restart(camera: Camera) -> Frame:
    """Take frames, and wait for them, until there is one from after a restart."""
    while True:
        with contextlib.suppress(CameraTimeout):
            frame = camera.next_frame(timeout_ms=100)
            if camera.restarts:
                return frame


@pytest.mark.parametrize("name", ["/dev/video99", "0", "/dev/video\0"])
def test_a_device_that_is_not_there_is_answered_with_those_there_are(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path, name: str
) -> None:
    monkeypatch.setattr("hardware.cameras.usb.DEVICES", tmp_path)
    (tmp_path / "video2").touch()
    with pytest.raises(CameraError, match=r"no camera at .*found: .*video2"):
        UsbCamera(GEOMETRY, 30.0, SystemClock(), name)


def test_without_a_name_it_is_the_first_usb_camera_and_not_the_pi_s_own(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    monkeypatch.setattr("hardware.cameras.usb.DEVICES", tmp_path)
    assert first_device() == str(tmp_path / "video0")
    by_id = tmp_path / "v4l/by-id"
    by_id.mkdir(parents=True)
    for name in ("usb-B-video-index0", "usb-A-video-index1", "usb-A-video-index0"):
        (by_id / name).touch()
    assert first_device() == str(by_id / "usb-A-video-index0")


def test_a_device_in_use_is_said(rig: UsbRig, device: Path) -> None:
    rig.in_use = True
    with pytest.raises(CameraError, match="other program"):
        open_camera(device)


def test_a_device_without_permission_says_the_command(device: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(os, "access", lambda _path, _mode: False)
    with pytest.raises(CameraError, match="usermod -aG video"):
        open_camera(device)


class PacedFile:
    """The real ``cv2.VideoCapture`` on a file, which would otherwise be read as fast as it can be."""

    def __init__(self, capture: cv2.VideoCapture) -> None:
        self._capture = capture

    def __getattr__(self, name: str) -> Any:
        return getattr(self._capture, name)

    def read(self, image: Any = None) -> Any:
        time.sleep(0.02)
        return self._capture.read(image)


@pytest.fixture
def film(tmp_path: Path) -> Path:
    """Return a file of 200 JPEG frames, 320x240, all red."""
    path = tmp_path / "red.avi"
    writer = cv2.VideoWriter(str(path), cv2.VideoWriter.fourcc(*"MJPG"), 50.0, (320, 240))
    assert writer.isOpened()
    for _ in range(200):
        writer.write(np.full((240, 320, 3), RED[::-1], np.uint8))
    writer.release()
    return path


def test_real_opencv_decodes_its_jpegs_and_passes_the_check(monkeypatch: pytest.MonkeyPatch, film: Path) -> None:
    real = cv2.VideoCapture
    monkeypatch.setattr(cv2, "VideoCapture", lambda device, backend: PacedFile(real(device, backend)))
    with open_camera(film, rate_hz=50.0) as camera:
        image = camera.next_frame(timeout_ms=5000).image
    assert np.abs(image.astype(int) - RED).max() <= 6
    check_camera(open_camera(film, rate_hz=50.0), frames=5)


def test_the_end_of_the_frames_is_heard_of(film: Path) -> None:
    with open_camera(film, rate_hz=50.0) as camera, pytest.raises(CameraError, match="gone"):
        take_all(camera)
