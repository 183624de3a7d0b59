"""What stands around the track: a room or a hall, out of focus and too far away to move when the car does."""

from __future__ import annotations

from dataclasses import dataclass

import cv2
import numpy as np
from numpy.typing import NDArray

from hardware.camera import Image
from simulator.appearance import Appearance
from simulator.furnishing import INSIDES, PIXELS_PER_M, Inside, WallPicture

PIXELS_PER_DEG = 3
LOWEST_DEG, HIGHEST_DEG = -8, 90
MIRRORED_DEG = 26
"""The floor mirrors what is up to this high; further down it is too rough and too steep to see anything in it."""

_TURN_DEG = 360
_EYE_M = 0.15
_LAMP_EVERY_M = 2.2
_LAMP_M = (1.1, 0.3)
_WINDOW_LIGHT = 700.0  # Far beyond what a picture of the window itself can show.

Floats = NDArray[np.float32]


@dataclass(frozen=True, slots=True, eq=False)
class Panorama:
    """A room all around: columns are degrees to the left, in two whole turns, so that no view wraps around its end.

    The rows of ``image``, RGB uint8, are degrees down from HIGHEST_DEG. Those of ``mirrored`` are degrees down from the
    horizon to MIRRORED_DEG: what the floor adds there to its own colour. It is None for a floor that does not shine.
    """

    image: Image
    mirrored: Image | None


def draw_room(appearance: Appearance) -> Panorama:
    """Draw the room in the light of ``appearance``."""
    rng = np.random.default_rng([appearance.seed, 3])
    azimuth_rad = np.radians((np.arange(_TURN_DEG * PIXELS_PER_DEG) + 0.5) / PIXELS_PER_DEG)
    rows = (HIGHEST_DEG - LOWEST_DEG) * PIXELS_PER_DEG
    rise = np.tan(np.radians(np.minimum(HIGHEST_DEG - (np.arange(rows) + 0.5) / PIXELS_PER_DEG, 89.0)))
    image, shine = _around(INSIDES[appearance.room], appearance, rng, azimuth_rad, rise)
    light = np.array(appearance.gain) * appearance.light.tint * (appearance.light.brightness * appearance.light.ambient)
    image, shine = (_blurred_around(plane, 0.6) for plane in (image, shine))
    seen = np.clip(image * light.astype(np.float32), 0.0, 255.0).astype(np.uint8)
    return Panorama(np.hstack([seen, seen]), _mirrored(image, shine, appearance, light))


def _around(
    inside: Inside,
    appearance: Appearance,
    rng: np.random.Generator,
    azimuth_rad: NDArray[np.float64],
    rise: NDArray[np.float64],
) -> tuple[Floats, Floats]:
    """Return what is seen from the middle of a room, and how much of it is a window or a lamp."""
    length_m, depth_m = inside.half_m
    # Walls follow each other to the left: ahead, left, behind, right.
    walls = [
        WallPicture(2.0 * half_m, inside, appearance.wall, rng) for half_m in (depth_m, length_m, depth_m, length_m)
    ]
    for wall in walls:
        wall.furnish()
    pictures = np.hstack([wall.image for wall in walls])
    shines = np.hstack([wall.shine for wall in walls])
    forward, left = np.cos(azimuth_rad), np.sin(azimuth_rad)
    faces_along = depth_m * np.abs(forward) > length_m * np.abs(left)
    away_m = np.where(
        faces_along, length_m / np.maximum(np.abs(forward), 1e-9), depth_m / np.maximum(np.abs(left), 1e-9)
    )
    across_m = np.where(faces_along, left * np.sign(forward), -forward * np.sign(left)) * away_m
    number = np.where(faces_along, np.where(forward > 0.0, 0, 2), np.where(left > 0.0, 1, 3))
    widths = np.array([wall.image.shape[1] for wall in walls])
    first = np.cumsum(widths) - widths
    column = first[number] + np.clip((across_m * PIXELS_PER_M + 0.5 * widths[number]), 0.5, widths[number] - 0.5) - 0.5
    above_m = _EYE_M + rise[:, None] * away_m[None, :]
    row = (inside.height_m - above_m) * PIXELS_PER_M - 0.5
    places = np.dstack([np.broadcast_to(column, row.shape), row]).astype(np.float32)
    image, shine = (
        np.asarray(cv2.remap(plane, places, None, cv2.INTER_LINEAR, borderMode=cv2.BORDER_REPLICATE), np.float32)  # type: ignore[call-overload]
        for plane in (pictures, shines)
    )
    ceiling, lamps = _ceiling(inside, appearance, rise, azimuth_rad)
    is_ceiling = above_m > inside.height_m
    return np.where(is_ceiling[:, :, None], ceiling, image), np.where(is_ceiling, lamps, shine)


def _ceiling(
    inside: Inside, appearance: Appearance, rise: NDArray[np.float64], azimuth_rad: NDArray[np.float64]
) -> tuple[Floats, Floats]:
    reach_m = (inside.height_m - _EYE_M) / np.maximum(rise, 1e-3)
    x_m, y_m = reach_m[:, None] * np.cos(azimuth_rad), reach_m[:, None] * np.sin(azimuth_rad)
    every_m = _LAMP_EVERY_M * inside.height_m / 2.6
    long_m, wide_m = (0.5 * size_m * inside.height_m / 2.6 for size_m in _LAMP_M)
    lamps = (np.abs((x_m % every_m) - 0.5 * every_m) < long_m) & (np.abs((y_m % every_m) - 0.5 * every_m) < wide_m)
    joints = ((x_m % 0.6) < 0.03) | ((y_m % 0.6) < 0.03)
    colour = np.array(appearance.wall) * 0.55 + 78.0
    plain = colour * np.where(joints, 0.9, 1.0)[:, :, None]
    image = np.where(lamps[:, :, None], 252.0, plain)
    return image.astype(np.float32), lamps.astype(np.float32)


def _mirrored(image: Floats, shine: Floats, appearance: Appearance, light: NDArray[np.float64]) -> Image | None:
    """Return what a floor of some gloss throws back; the shallower the look, the more (Schlick's approximation)."""
    if appearance.gloss <= 0.0:
        return None
    horizon = HIGHEST_DEG * PIXELS_PER_DEG
    rows = slice(horizon - MIRRORED_DEG * PIXELS_PER_DEG, horizon)
    bright = image[rows] + (shine[rows] * np.float32(_WINDOW_LIGHT * appearance.light.glare))[:, :, None]
    bright = _blurred_around(bright, 1.8)[::-1]
    elevation_rad = np.radians((np.arange(len(bright)) + 0.5) / PIXELS_PER_DEG)
    thrown_back = 0.04 + 0.96 * (1.0 - np.sin(elevation_rad)) ** 5
    fading = np.clip((MIRRORED_DEG - np.degrees(elevation_rad)) / 10.0, 0.0, 1.0)
    share = (appearance.gloss * thrown_back * fading).astype(np.float32)
    mirrored = np.clip(bright * share[:, None, None] * light.astype(np.float32), 0.0, 255.0).astype(np.uint8)
    return np.hstack([mirrored, mirrored])


def _blurred_around(plane: Floats, sigma_deg: float) -> Floats:
    margin = 6 * PIXELS_PER_DEG
    padded = cv2.copyMakeBorder(plane, 0, 0, margin, margin, cv2.BORDER_WRAP)
    blurred = cv2.GaussianBlur(padded, (0, 0), sigma_deg * PIXELS_PER_DEG)
    return np.asarray(blurred[:, margin:-margin], dtype=np.float32)
