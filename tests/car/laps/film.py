"""What a camera on a car sees of a marker beside the line: its corners are projected, and the paper is warped there."""

from __future__ import annotations

import math

import cv2
import numpy as np
from numpy.typing import NDArray

from hardware.camera import CameraGeometry, Image

PAPER_M = 0.2
"""The marker of 16 cm with its white margin."""
SHARPER = 2


def paper(number: int) -> NDArray[np.uint8]:
    """Return the marker with its white margin, 400 x 400."""
    dictionary = cv2.aruco.getPredefinedDictionary(cv2.aruco.DICT_4X4_50)
    marker = cv2.aruco.generateImageMarker(dictionary, number, 320)
    return cv2.copyMakeBorder(marker, 40, 40, 40, 40, cv2.BORDER_CONSTANT, value=255).astype(np.uint8)


class MarkerFilm:
    """Frames of a car ``ahead_m`` before the line; the marker stands ``aside_m`` to its right."""

    def __init__(self, geometry: CameraGeometry, number: int = 0, aside_m: float = 0.4, scale: float = 1.0) -> None:
        self.geometry, self._aside_m, self._side_m = geometry, aside_m, PAPER_M * scale
        self._paper = paper(number)
        self._random = np.random.default_rng(3)

    def frame(self, ahead_m: float | None, moved_m: float = 0.0) -> Image:
        """Return the picture from there, exposed while the car went ``moved_m``; None is nowhere near the line."""
        width, height = self.geometry.width, self.geometry.height
        steps = [ahead_m] if ahead_m is None or moved_m == 0 else list(np.linspace(ahead_m, ahead_m - moved_m, 3))
        picture = np.mean([self._sharp(each) for each in steps], axis=0)
        small = cv2.resize(picture, (width, height), interpolation=cv2.INTER_AREA)
        noisy = small + self._random.normal(0, 3, small.shape)
        return np.repeat(noisy.clip(0, 255).astype(np.uint8)[:, :, None], 3, axis=2)

    def _sharp(self, ahead_m: float | None) -> NDArray[np.float64]:
        size = (self.geometry.width * SHARPER, self.geometry.height * SHARPER)
        picture = np.full((size[1], size[0]), 110, np.uint8)
        picture[: size[1] // 3] = 170
        if ahead_m is None or ahead_m < 0.08:
            return picture.astype(np.float64)
        low, high = 0.0, self._side_m
        left, right = self._aside_m - self._side_m / 2, self._aside_m + self._side_m / 2
        corners = [self._pixel(ahead_m, x, up) for x, up in ((left, high), (right, high), (right, low), (left, low))]
        target = np.array(corners, np.float32) * SHARPER
        if np.abs(target).max() > 50 * size[0]:
            return picture.astype(np.float64)
        source = np.array([[0, 0], [400, 0], [400, 400], [0, 400]], np.float32)
        warp = cv2.getPerspectiveTransform(source, target)
        cv2.warpPerspective(self._paper, warp, size, dst=picture, borderMode=cv2.BORDER_TRANSPARENT)
        return picture.astype(np.float64)

    def _pixel(self, ahead_m: float, right_m: float, up_m: float) -> tuple[float, float]:
        geometry, pitch = self.geometry, math.radians(self.geometry.pitch_deg)
        focal = geometry.width / 2 / math.tan(math.radians(geometry.fov_deg) / 2)
        down_m = geometry.mount_height_m - up_m
        depth = ahead_m * math.cos(pitch) + down_m * math.sin(pitch)
        below = down_m * math.cos(pitch) - ahead_m * math.sin(pitch)
        depth = max(depth, 0.02)
        return geometry.width / 2 + focal * right_m / depth, geometry.height / 2 + focal * below / depth
