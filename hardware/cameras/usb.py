"""A USB camera, through OpenCV and the system's video driver (V4L2 on Linux).

OpenCV queues frames and blocks for seconds when they stop, so a thread of its own takes them as they come and keeps the
newest. The camera compresses them as JPEG: uncompressed ones fill USB 2 at 640 × 480 already.
"""

from __future__ import annotations

import os
import threading
import time
from pathlib import Path

import cv2
import numpy as np
from numpy.typing import NDArray

from hardware.camera import MAX_AGE_MS, Camera, CameraGeometry, Frame, Image
from hardware.cameras.inbox import FrameInbox
from hardware.cameras.patience import Patience
from hardware.cameras.pixels import to_rgb
from hardware.clock import NS_PER_MS, NS_PER_S, Clock
from hardware.errors import CameraError

DEVICES = Path("/dev")
SHAPE_TOLERANCE = 0.01
"""By how much width : height may differ from what is asked for; 160x120 and 640x480 have the same."""
LATEST_STAMP_NS = 1 * NS_PER_S
"""A stamp older than this is not the time of a frame that has just come."""
END_TIMEOUT_S = 1.0
FIRST_FRAME_NS = 3 * NS_PER_S
"""How long a camera may take that has just been opened: some begin with a few broken frames."""
RETRY_S = 0.01
"""A read that fails at once would otherwise fail five times before the camera can do anything about it."""

Pixels = NDArray[np.uint8]


class UsbCamera(Camera):
    """A camera at ``device``: a path such as ``/dev/video0``, or one in ``/dev/v4l/by-id``, which survives replugging.

    ::

        camera = UsbCamera(CameraGeometry(), 30.0, SystemClock(), "/dev/v4l/by-id/usb-046d_HD_Webcam-video-index0")

    Few of them give frames as small as a pilot takes: a larger frame of the same shape is scaled down. Frames are
    stamped with the driver's time where it tells one, else with that of their arrival. ``rate_hz`` becomes the camera's
    own where that is another. A frame that cannot be read is missing and no more, unless several in a row are. Raises
    CameraError when there is no such camera, or its frames have another shape.
    """

    def __init__(self, geometry: CameraGeometry, rate_hz: float, clock: Clock, device: str) -> None:
        self.geometry = geometry
        self._clock = clock
        self._device = device
        self._ended = threading.Event()
        self._capture = open_capture(device, geometry, rate_hz)
        try:
            self._decoded = self._first_frame()
            self._scaled = np.empty((geometry.height, geometry.width, 3), np.uint8)
            self.rate_hz = _given_rate_hz(self._capture, rate_hz)
        except BaseException:
            self._capture.release()
            raise
        self._inbox = FrameInbox(self.rate_hz, clock)
        self._thread = threading.Thread(target=self._take_frames, name="usb camera", daemon=True)
        self._thread.start()

    def next_frame(self, timeout_ms: float, max_age_ms: float = MAX_AGE_MS) -> Frame:
        """Return the newest frame not yet returned; raises as ``Camera.next_frame`` says."""
        return self._inbox.take(timeout_ms, max_age_ms)

    def close(self) -> None:
        """Release the device; one that gives no frames is released as soon as OpenCV gives up waiting for one."""
        self._ended.set()
        self._inbox.close()
        self._thread.join(END_TIMEOUT_S)

    def _first_frame(self) -> Pixels:
        """Return a frame, whose memory all others are decoded into; the size it has is the one the camera gives."""
        deadline_ns = self._clock.now_ns() + FIRST_FRAME_NS
        taken, pixels = self._capture.read()
        while not taken:
            if self._clock.now_ns() >= deadline_ns or self._ended.wait(RETRY_S):
                raise CameraError(
                    f"The camera at {self._device} gives no frames. Plug it in again, or try another port."
                )
            taken, pixels = self._capture.read()
        height, width = pixels.shape[:2]
        asked = self.geometry
        if abs(width * asked.height / (height * asked.width) - 1) > SHAPE_TOLERANCE or width < asked.width:
            raise CameraError(
                f"The camera at {self._device} gives {width}x{height}, which is no larger form of "
                f"{asked.width}x{asked.height}. Set camera.width and camera.height in car.toml to a size it has."
            )
        return np.asarray(pixels, np.uint8)

    def _take_frames(self) -> None:
        patience = Patience(self._clock)
        try:
            while not self._ended.is_set():
                taken, pixels = self._capture.read(self._decoded)
                if taken and pixels.shape == self._decoded.shape:
                    patience.succeed()
                    captured_ns = self._captured_ns(self._clock.now_ns())
                    self._inbox.put(self._to_image(np.asarray(pixels, np.uint8)), captured_ns)
                elif patience.fails():
                    raise CameraError(f"The camera at {self._device} is gone. Plug it in again.")
                else:
                    self._ended.wait(RETRY_S)
        except CameraError as error:
            self._inbox.fail(error)
        except Exception as error:  # noqa: BLE001 - a thread that dies unheard is a camera that has stopped for no reason
            self._inbox.fail(CameraError(f"A frame could not be read ({error!r}). Plug the camera in again."))
        finally:
            self._capture.release()

    def _to_image(self, pixels: Pixels) -> Image:
        if pixels.shape != self._scaled.shape:
            height, width = self._scaled.shape[:2]
            pixels = np.asarray(cv2.resize(pixels, (width, height), dst=self._scaled, interpolation=cv2.INTER_AREA))
        image = to_rgb(pixels, cv2.COLOR_BGR2RGB)
        image.flags.writeable = False
        return image

    def _captured_ns(self, now_ns: int) -> int:
        """Return when the frame just read was captured, on our clock."""
        # V4L2 stamps with CLOCK_MONOTONIC, which stands still while the machine sleeps.
        stamp_ns = round(self._capture.get(cv2.CAP_PROP_POS_MSEC) * NS_PER_MS) + now_ns - time.monotonic_ns()
        return stamp_ns if now_ns - LATEST_STAMP_NS <= stamp_ns <= now_ns else now_ns


def first_device() -> str:
    """Return the first USB camera's lasting name; where the system has no such names, that of the first video device.

    On a Raspberry Pi that one mostly belongs to the ribbon camera.
    """
    return next(iter(_lasting_names()), str(DEVICES / "video0"))


def _lasting_names() -> list[str]:
    return [str(path) for path in sorted(DEVICES.glob("v4l/by-id/usb-*-video-index0"))]


def open_capture(device: str, geometry: CameraGeometry, rate_hz: float) -> cv2.VideoCapture:
    """Open ``device`` and ask it for small JPEG frames at ``rate_hz``; raises CameraError when it is not there."""
    path = Path(device)
    if not path.exists():
        known = ", ".join(_lasting_names() or map(str, sorted(DEVICES.glob("video*")))) or "none"
        raise CameraError(
            f"There is no camera at {device}. Plug it in, or set camera.device in car.toml; found: {known}."
        )
    if not os.access(path, os.R_OK | os.W_OK):
        raise CameraError(f"You may not use {device}. Run `sudo usermod -aG video $USER`, and log in again.")
    capture = cv2.VideoCapture(device, cv2.CAP_V4L2 if path.is_char_device() else cv2.CAP_ANY)
    if not capture.isOpened():
        capture.release()
        raise CameraError(
            f"{device} cannot be opened as a camera. End the other program that uses it, or name another."
        )
    for name, value in (
        (cv2.CAP_PROP_FOURCC, cv2.VideoWriter.fourcc(*"MJPG")),
        (cv2.CAP_PROP_FRAME_WIDTH, geometry.width),
        (cv2.CAP_PROP_FRAME_HEIGHT, geometry.height),
        (cv2.CAP_PROP_FPS, rate_hz),
        (cv2.CAP_PROP_BUFFERSIZE, 1),
    ):
        # The driver takes the nearest it has, or nothing: what came of it is seen by the first frame.
        capture.set(name, value)
    return capture


def _given_rate_hz(capture: cv2.VideoCapture, asked_hz: float) -> float:
    given_hz = capture.get(cv2.CAP_PROP_FPS)
    return given_hz if 1.0 <= given_hz <= 1000.0 else asked_hz
