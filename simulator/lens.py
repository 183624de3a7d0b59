"""What every pixel of a camera looks at: a table computed once per lens, so that distortion costs nothing per frame."""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from hardware.camera import CameraGeometry

LENS_AHEAD_M = 0.06
"""How far in front of the middle of the car the lens is."""
FLOOR_REACH_M = 6.0
"""Where the floor ends and the wall of the room begins."""

Table = NDArray[np.float32]


@dataclass(frozen=True, slots=True, eq=False)
class Rays:
    """Directions in the car's frame, each rows × columns: forward, to the left and down, of length 1."""

    forward: NDArray[np.float64]
    left: NDArray[np.float64]
    down: NDArray[np.float64]


def rays(geometry: CameraGeometry, rows: NDArray[np.float64]) -> Rays:
    """Return where the pixels look in the image rows ``rows``, which may be fractions; pixel centres are whole.

    ``"rectilinear"`` is the pinhole, r = f tan θ; ``"fisheye"`` the equidistant projection, r = f θ. Raises ValueError
    for another lens.
    """
    right = np.arange(geometry.width) + 0.5 - 0.5 * geometry.width
    down = rows + 0.5 - 0.5 * geometry.height
    right, down = np.meshgrid(right, down)
    half_fov_rad = math.radians(0.5 * geometry.fov_deg)
    radius = np.hypot(right, down)
    if geometry.lens == "rectilinear":
        angle = np.arctan(radius * math.tan(half_fov_rad) / (0.5 * geometry.width))
    elif geometry.lens == "fisheye":
        angle = radius * half_fov_rad / (0.5 * geometry.width)
    else:
        raise ValueError(f'There is no lens {geometry.lens!r}. Use "rectilinear" or "fisheye".')
    sideways = np.sin(angle) / np.maximum(radius, 1e-9)
    ahead, below = np.cos(angle), down * sideways
    pitch_rad = math.radians(geometry.pitch_deg)
    return Rays(
        forward=ahead * math.cos(pitch_rad) - below * math.sin(pitch_rad),
        left=-right * sideways,
        down=below * math.cos(pitch_rad) + ahead * math.sin(pitch_rad),
    )


def ground_points(geometry: CameraGeometry, rows: NDArray[np.float64]) -> tuple[Table, NDArray[np.bool_]]:
    """Return where the rays meet the floor and which of them do.

    The points are metres ahead and to the left of the middle of the car, rows × columns × 2; those of rays that end at
    the wall, or go up, lie on the floor's far edge.
    """
    seen = rays(geometry, rows)
    level = np.hypot(seen.forward, seen.left)
    reach = geometry.mount_height_m / np.maximum(seen.down, 1e-9)
    is_floor = (seen.down > 0.0) & (reach * level < FLOOR_REACH_M)
    reach = np.where(is_floor, reach, FLOOR_REACH_M / np.maximum(level, 1e-9))
    points_m = np.dstack([seen.forward * reach + LENS_AHEAD_M, seen.left * reach])
    return points_m.astype(np.float32), is_floor


def bearings(geometry: CameraGeometry, rows: NDArray[np.float64]) -> Table:
    """Return the directions of the rays in degrees, rows × columns × 2: to the left of straight ahead, and up."""
    seen = rays(geometry, rows)
    azimuth_deg = np.degrees(np.arctan2(seen.left, seen.forward))
    elevation_deg = -np.degrees(np.arcsin(np.clip(seen.down, -1.0, 1.0)))
    return np.dstack([azimuth_deg, elevation_deg]).astype(np.float32)
