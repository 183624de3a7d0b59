"""Frames, the cameras that make them, what every camera promises, and the mailbox between capture and driving."""

from __future__ import annotations

import itertools
import threading
from abc import abstractmethod
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from hardware.clock import NS_PER_MS, NS_PER_S, Clock, SystemClock
from hardware.closing import Closing
from hardware.errors import CameraError, CameraTimeout, ContractError

MAX_AGE_MS = 150.0
"""What the gate takes for a fresh frame; an older one is of no use to a car that drives."""
CHECK_TIMEOUT_MS = 5000.0
CHECK_GRACE_MS = 250.0
"""How much later than asked a camera may say that no frame came, on a machine that has other things to do."""

Image = NDArray[np.uint8]
"""RGB, ``uint8``, height × width × 3, read-only."""


@dataclass(frozen=True, slots=True, eq=False)
class Frame:
    """An image and when it was captured.

    >>> image = np.zeros((120, 160, 3), np.uint8)
    >>> image.flags.writeable = False
    >>> frame = Frame(image, captured_ns=SystemClock().now_ns(), number=0)
    >>> frame.image.shape
    (120, 160, 3)

    ``captured_ns`` is the clock's time at the exposure; ``number`` counts the camera's frames from 0 and has a gap
    wherever the camera dropped one.
    """

    image: Image
    captured_ns: int
    number: int


@dataclass(frozen=True, slots=True)
class CameraGeometry:
    """How a camera sees: what a pilot was trained with must fit what it drives with.

    >>> wide = CameraGeometry(width=160, height=120, fov_deg=160.0, lens="fisheye")
    >>> wide.pitch_deg
    20.0

    ``mount_height_m`` is the lens above the ground, ``pitch_deg`` how far it looks down, ``fov_deg`` the horizontal
    field of view; ``lens`` is ``"rectilinear"`` or ``"fisheye"``.
    """

    width: int = 160
    height: int = 120
    fov_deg: float = 100.0
    mount_height_m: float = 0.13
    pitch_deg: float = 20.0
    lens: str = "rectilinear"


class Camera(Closing):
    """A source of frames, one after the other.

    Use it as a context manager; ``close`` may be called twice:

    >>> from hardware.cameras.recorded import RecordedCamera
    >>> with RecordedCamera(frames, geometry, clock) as camera:
    ...     frame = camera.next_frame(timeout_ms=1000)
    >>> frame.number
    0

    ``rate_hz`` is how many frames it gives per second; ``restarts`` counts how often it stopped and was opened again.
    ``check_camera`` checks all that a camera promises.
    """

    geometry: CameraGeometry
    rate_hz: float
    restarts: int = 0

    @abstractmethod
    def next_frame(self, timeout_ms: float, max_age_ms: float = MAX_AGE_MS) -> Frame:
        """Return the next frame, waiting for it when there is none yet; the newest, where several have come.

        A frame captured more than ``max_age_ms`` before this call is never returned: with 0 it is one captured after
        it. Every frame has an image of its own, which nobody writes to again; numbers and times increase. Raises
        CameraTimeout when none comes in ``timeout_ms``, EndOfFrames when there will be no more, CameraError when the
        camera has failed or is closed.
        """

    @abstractmethod
    def close(self) -> None:
        """Release the device."""


class LatestFrame:
    """A mailbox of one slot: the capture thread puts frames in, the drive loop takes the newest.

    >>> latest = LatestFrame()
    >>> latest.put(frames[0])
    >>> latest.put(frames[1])
    >>> latest.take(timeout_ms=25).number
    1
    >>> latest.dropped
    1

    A frame that is overwritten before it was taken was dropped; ``dropped`` counts them.
    """

    def __init__(self) -> None:
        self._changed = threading.Condition()
        self._frame: Frame | None = None
        self._error: CameraError | None = None
        self._taken = True
        self.dropped = 0

    def put(self, frame: Frame) -> None:
        """Make ``frame`` the newest one and wake whoever waits for it."""
        with self._changed:
            self.dropped += not self._taken
            self._frame, self._taken = frame, False
            self._changed.notify_all()

    def fail(self, error: CameraError) -> None:
        """Say that no more frames will come, and why."""
        with self._changed:
            self._error = error
            self._changed.notify_all()

    def take(self, timeout_ms: float) -> Frame | None:
        """Return the newest frame not yet taken, waiting for one up to ``timeout_ms``; None when none came.

        Raises the error given to ``fail`` once the last frame has been taken.
        """
        with self._changed:
            self._changed.wait_for(
                lambda: not self._taken or self._error is not None, timeout_ms * NS_PER_MS / NS_PER_S
            )
            if not self._taken:
                self._taken = True
                return self._frame
            if self._error is not None:
                raise self._error
            return None


def check_camera(camera: Camera, clock: Clock | None = None, frames: int = 10) -> None:
    """Check that ``camera`` keeps every promise of ``Camera``, and close it.

    It is for every camera, a stranger's too, in a test or on the car itself::

        check_camera(MyCamera())

    ``clock`` is the one that the camera was given, by default the system's. About four times ``frames`` frames are
    taken. Raises ContractError with the first promise that is broken; what the camera itself raises passes through.
    """
    check = _CameraCheck(camera, clock or SystemClock())
    try:
        check.frames_are_fresh_arrays(frames)
        check.waiting_ends_in_time(frames)
        check.old_frames_are_never_returned()
    finally:
        camera.close()
    check.closed_means_closed()


class _CameraCheck:
    def __init__(self, camera: Camera, clock: Clock) -> None:
        self._camera = camera
        self._clock = clock
        self._last: Frame | None = None
        _require(isinstance(camera, Camera), "is not a hardware.camera.Camera")
        _require(isinstance(camera.geometry, CameraGeometry), "has no CameraGeometry")
        _require(0 < camera.rate_hz < float("inf"), f"has a rate of {camera.rate_hz} frames per second")

    def frames_are_fresh_arrays(self, frames: int) -> None:
        """Keep some frames with a copy of each, and look whether anything has written to them since."""
        kept = [(frame := self._take(), frame.image.copy()) for _ in range(frames)]
        for (frame, _), (following, _) in itertools.pairwise(kept):
            shared = np.may_share_memory(frame.image, following.image)
            _require(not shared, "gives two frames the same memory; copy each into an array of its own")
        unchanged = all(np.array_equal(frame.image, copy) for frame, copy in kept)
        _require(unchanged, "writes to a frame that it has handed out; copy each into an array of its own")

    def waiting_ends_in_time(self, frames: int) -> None:
        """Ask right after a frame for another within 1 ms: a timeout must come, and soon."""
        timeouts = 0
        for _ in range(frames):
            self._take()
            asked_ns = self._clock.now_ns()
            try:
                self._take(timeout_ms=1.0)
            except CameraTimeout:
                timeouts += 1
            took_ms = (self._clock.now_ns() - asked_ns) / NS_PER_MS
            _require(took_ms <= 1.0 + CHECK_GRACE_MS, f"waited {took_ms:.0f} ms where 1 ms was allowed")
        _require(timeouts > 0, "gives frames without a pause, or never raises CameraTimeout when it has none")

    def old_frames_are_never_returned(self) -> None:
        """Look away for some frames, as a busy program does, and ask for one captured after that."""
        period_ms = 1000.0 / self._camera.rate_hz
        for max_age_ms in (0.0, 2 * period_ms, MAX_AGE_MS):
            self._clock.sleep_until_ns(self._clock.now_ns() + round(4 * period_ms * NS_PER_MS))
            self._take(max_age_ms=max_age_ms)

    def closed_means_closed(self) -> None:
        """Close it again, and ask it for a frame that it must refuse."""
        self._camera.close()
        try:
            self._camera.next_frame(1.0)
        except CameraError as error:
            refused = not isinstance(error, CameraTimeout)
            _require(refused, "raises CameraTimeout when it is closed; raise CameraError, so that nobody asks again")
        else:
            _require(False, "gives frames after it was closed")

    def _take(self, timeout_ms: float = CHECK_TIMEOUT_MS, max_age_ms: float = MAX_AGE_MS) -> Frame:
        asked_ns = self._clock.now_ns()
        frame = self._camera.next_frame(timeout_ms, max_age_ms)
        image, shape = frame.image, (self._camera.geometry.height, self._camera.geometry.width, 3)
        _require(image.dtype == np.uint8, f"gives images of {image.dtype}, not uint8")
        _require(image.shape == shape, f"gives images of {image.shape}, where its geometry says {shape}")
        _require(not image.flags.writeable, "gives images that can be written to; set flags.writeable to False")
        _require(frame.captured_ns <= self._clock.now_ns(), "stamps frames with a time yet to come, by another clock?")
        age_ms = (asked_ns - frame.captured_ns) / NS_PER_MS
        _require(age_ms <= max_age_ms, f"gives a frame {age_ms:.0f} ms old where {max_age_ms:.0f} ms were allowed")
        if self._last is not None:
            _require(frame.number > self._last.number, "gives frames whose numbers do not increase")
            _require(frame.captured_ns > self._last.captured_ns, "gives frames whose times do not increase")
        self._last = frame
        return frame


def _require(holds: bool, otherwise: str) -> None:
    if not holds:
        raise ContractError(f"The camera {otherwise}. See hardware.camera.Camera for what it promises.")
