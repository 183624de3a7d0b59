"""A stand-in for ``cv2.VideoCapture`` over V4L2: a USB camera with sizes and habits of its own.

The machine that runs the tests has no video device. What decodes a JPEG is tested with the real ``cv2.VideoCapture`` on
a file.
"""

from __future__ import annotations

import threading
import time
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import cv2
import numpy as np
from numpy.typing import NDArray

from hardware.clock import NS_PER_MS, NS_PER_S

DELAY_NS = 8 * NS_PER_MS
"""From the driver's stamp until the frame can be read."""


@dataclass
class UsbRig:
    """A camera in a USB port, and what has been asked of it; it is plugged in while the file ``device`` is there."""

    device: Path
    sizes: list[tuple[int, int]] = field(default_factory=lambda: [(160, 120), (640, 480)])
    rates_hz: list[float] = field(default_factory=lambda: [100.0])
    stamps_frames: bool = True
    in_use: bool = False
    rgb: tuple[int, int, int] = (0, 0, 0)
    asked: dict[int, float] = field(default_factory=dict)
    stalled: threading.Event = field(default_factory=threading.Event)
    reads: int = 0
    opened: int = 0
    released: int = 0
    refused: int = 0
    attempts: int = 0
    is_bad: Callable[[int], bool] = lambda _attempt: False
    """Which reads fail, counted from 1."""
    other_size: tuple[int, int] | None = None  # what it gives from now on, as another camera in the same port would

    @property
    def plugged_in(self) -> bool:
        return self.device.exists()


class FakeCapture:
    """As much of ``cv2.VideoCapture`` as the driver uses."""

    def __init__(self, rig: UsbRig) -> None:
        self._rig = rig
        busy = rig.in_use or rig.opened > rig.released
        rig.refused += busy
        self._open = rig.plugged_in and not busy
        self._size, self._rate_hz = rig.sizes[0], rig.rates_hz[0]
        self._stamp_ns = time.monotonic_ns()
        rig.opened += self._open

    def isOpened(self) -> bool:  # noqa: N802 - OpenCV's name
        return self._open

    def set(self, name: int, value: float) -> bool:
        self._rig.asked[name] = value
        asked = self._rig.asked
        if name in (cv2.CAP_PROP_FRAME_WIDTH, cv2.CAP_PROP_FRAME_HEIGHT):
            width, height = asked.get(cv2.CAP_PROP_FRAME_WIDTH, 0), asked.get(cv2.CAP_PROP_FRAME_HEIGHT, 0)
            # As V4L2's drivers do: the nearest size there is.
            self._size = min(self._rig.sizes, key=lambda size: abs(size[0] - width) + abs(size[1] - height))
        if name == cv2.CAP_PROP_FPS:
            self._rate_hz = min(self._rig.rates_hz, key=lambda rate_hz: abs(rate_hz - value))
        return True

    def get(self, name: int) -> float:
        if name == cv2.CAP_PROP_FPS:
            return self._rate_hz
        assert name == cv2.CAP_PROP_POS_MSEC
        return self._stamp_ns / NS_PER_MS if self._rig.stamps_frames else 0.0

    def read(self, image: NDArray[np.uint8] | None = None) -> tuple[bool, Any]:
        period_ns = NS_PER_S / self._rate_hz
        while self._rig.stalled.is_set() and self._rig.plugged_in:
            time.sleep(period_ns / NS_PER_S)
        self._stamp_ns = max(self._stamp_ns + round(period_ns), time.monotonic_ns() - DELAY_NS)
        time.sleep(max(0.0, (self._stamp_ns + DELAY_NS - time.monotonic_ns()) / NS_PER_S))
        if not self._rig.plugged_in:
            return False, None
        self._rig.attempts += 1
        if self._rig.is_bad(self._rig.attempts):
            return False, None
        self._rig.reads += 1
        width, height = self._rig.other_size or self._size
        if image is None or image.shape != (height, width, 3):
            image = np.empty((height, width, 3), np.uint8)
        image[:] = self._rig.rgb[::-1]
        return True, image

    def release(self) -> None:
        self._rig.released += self._open
        self._open = False
