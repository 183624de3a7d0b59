"""What stands around the track: walls and furniture, out of focus and too far away to move when the car does."""

from __future__ import annotations

import cv2
import numpy as np

from hardware.camera import Image
from simulator.appearance import Appearance, Colour

PIXELS_PER_DEG = 3
LOWEST_DEG, HIGHEST_DEG = -8, 90

_CEILING_DEG = 28.0
_TURN_DEG = 360


def draw_room(appearance: Appearance) -> Image:
    """Draw the room as a panorama, RGB uint8: columns are degrees to the left, rows degrees down from HIGHEST_DEG.

    It covers two whole turns, so that no view of it wraps around its end.
    """
    rng = np.random.default_rng([appearance.seed, 3])
    size = (_TURN_DEG * PIXELS_PER_DEG, (HIGHEST_DEG - LOWEST_DEG) * PIXELS_PER_DEG)
    wall = np.array(appearance.wall)
    room = np.empty((size[1], size[0], 3), np.float32)
    room[:] = wall
    _box(room, (0.0, _TURN_DEG), (_CEILING_DEG, HIGHEST_DEG), wall * 0.5 + 118.0)
    _box(room, (0.0, _TURN_DEG), (LOWEST_DEG, 0.0), wall * 0.7)
    for _ in range(5):
        left_deg = rng.uniform(0.0, _TURN_DEG)
        _box(room, (left_deg, left_deg + rng.uniform(10.0, 22.0)), (8.0, 22.0), (248.0, 250.0, 252.0))
    for _ in range(26):
        left_deg = rng.uniform(0.0, _TURN_DEG)
        span_deg = (left_deg, left_deg + rng.uniform(3.0, 20.0))
        _box(room, span_deg, (LOWEST_DEG, rng.uniform(2.0, 17.0)), rng.uniform(25.0, 170.0) + rng.uniform(-25, 25, 3))
    blurred = np.clip(_blurred_around(room) * np.array(appearance.gain, np.float32), 0.0, 255.0).astype(np.uint8)
    return np.hstack([blurred, blurred])


def _box(
    room: np.ndarray[tuple[int, ...], np.dtype[np.float32]],
    azimuth_deg: tuple[float, float],
    elevation_deg: tuple[float, float],
    colour: Colour | np.ndarray[tuple[int, ...], np.dtype[np.float64]],
) -> None:
    top, bottom = (round((HIGHEST_DEG - up_deg) * PIXELS_PER_DEG) for up_deg in elevation_deg[::-1])
    columns = np.arange(*(round(left_deg * PIXELS_PER_DEG) for left_deg in azimuth_deg)) % room.shape[1]
    room[top:bottom, columns] = colour


def _blurred_around(
    room: np.ndarray[tuple[int, ...], np.dtype[np.float32]],
) -> np.ndarray[tuple[int, ...], np.dtype[np.float32]]:
    margin = 5 * PIXELS_PER_DEG
    padded = cv2.copyMakeBorder(room, 0, 0, margin, margin, cv2.BORDER_WRAP)
    blurred = cv2.GaussianBlur(padded, (0, 0), 0.6 * PIXELS_PER_DEG)
    return np.asarray(blurred[:, margin:-margin], dtype=np.float32)
