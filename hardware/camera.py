"""Frames, the cameras that make them, and the one-slot mailbox between capture and driving."""

from __future__ import annotations

import threading
from abc import abstractmethod
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from hardware.clock import NS_PER_MS, NS_PER_S
from hardware.closing import Closing
from hardware.errors import CameraError

Image = NDArray[np.uint8]
"""RGB, ``uint8``, height × width × 3, read-only."""


@dataclass(frozen=True, slots=True, eq=False)
class Frame:
    """An image and when it was captured.

    ``captured_ns`` is the clock's time at the exposure; ``number`` counts the camera's frames from 0 and has a gap
    wherever the camera dropped one.
    """

    image: Image
    captured_ns: int
    number: int


@dataclass(frozen=True, slots=True)
class CameraGeometry:
    """How a camera sees: what a pilot was trained with must fit what it drives with.

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

    Use it as a context manager; ``close`` may be called twice::

        with RecordedCamera(frames, geometry, clock) as camera:
            frame = camera.next_frame(timeout_ms=1000)
    """

    geometry: CameraGeometry
    rate_hz: float

    @abstractmethod
    def next_frame(self, timeout_ms: float) -> Frame:
        """Wait for the next frame and return it.

        Raises CameraTimeout when none comes in ``timeout_ms``, EndOfFrames when there will be no more, CameraError
        when the camera has failed or is closed.
        """

    @abstractmethod
    def close(self) -> None:
        """Release the device."""


class LatestFrame:
    """A mailbox of one slot: the capture thread puts frames in, the drive loop takes the newest.

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
