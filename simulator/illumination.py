"""The light that falls on the floor: where lamps make pools, and where shadows lie across the lane."""

from __future__ import annotations

from collections.abc import Sequence

import cv2
import numpy as np
from numpy.typing import NDArray

from simulator.appearance import Appearance
from simulator.curves import Points
from simulator.markings import METRES_PER_PIXEL, Corner, to_pixels
from simulator.obstacles import Obstacle
from simulator.track import Track
from simulator.walls import Wall

CELL = 8
"""The light is kept for squares of that many pixels of the floor's picture."""

_LAMP_BESIDE_M = 0.7
_SHADOW_REACH_M = 1.0
_SHADOW_WIDTH_M = (0.25, 0.7)
_SHADOW_SLANT_M = 0.5
_FOOT_M, _FOOT_DEPTH = 0.07, 0.6
_UNEVENNESS = 0.09
_UNEVEN_M = 2.0

Floats = NDArray[np.float32]


def illuminate(track: Track, appearance: Appearance, corner_m: Corner, fade: Floats) -> Floats:
    """Return the light on a floor by squares of CELL pixels, around 1.

    ``fade`` is 0 at the floor's border and 1 inside, by those squares: at the border there is only the ambient light.
    """
    light = appearance.light
    rng = np.random.default_rng([appearance.seed, 6])
    height, width = fade.shape
    cell_m = CELL * METRES_PER_PIXEL
    rough = int(_UNEVEN_M / cell_m)
    uneven = rng.normal(0.0, _UNEVENNESS, (height // rough + 3, width // rough + 3)).astype(np.float32)
    spread = np.asarray(cv2.resize(uneven, (width, height), interpolation=cv2.INTER_CUBIC), np.float32)
    lit = np.float32(light.ambient) * (1.0 + spread * fade)
    if light.lamp > 0.0:
        lamp = track.pose_at(light.lamp_at * track.length_m, _LAMP_BESIDE_M)
        column, row = to_pixels(np.array([[lamp.x_m, lamp.y_m]]), corner_m, cell_m)[0]
        radius = light.lamp_radius_m / cell_m
        near = [np.exp(-np.square((np.arange(n) - at) / radius)) for n, at in ((height, row), (width, column))]
        lit += np.float32(light.lamp) * fade * near[0].astype(np.float32)[:, None] * near[1].astype(np.float32)
    return np.asarray(lit, np.float32)


def shadows(track: Track, appearance: Appearance, corner_m: Corner, shape: tuple[int, int]) -> NDArray[np.uint8] | None:
    """Return where shadows with hard edges lie, 0 … 255, height × width; None where there are none."""
    light = appearance.light
    if light.shadows == 0 or light.shadow_depth <= 0.0:
        return None
    rng = np.random.default_rng([appearance.seed, 7])
    mask = np.zeros(shape, np.uint8)
    for number in range(light.shadows):
        at_m = (number + rng.uniform(0.2, 0.8)) / light.shadows * track.length_m
        outline = _band(track, at_m, rng.uniform(*_SHADOW_WIDTH_M), rng.uniform(-_SHADOW_SLANT_M, _SHADOW_SLANT_M))
        corners = np.round(to_pixels(outline, corner_m)).astype(np.int32)
        cv2.fillPoly(mask, [corners], 255, lineType=cv2.LINE_AA)
    return mask


def contact_shadows(
    walls: Sequence[Wall], obstacles: Sequence[Obstacle], corner_m: Corner, shape: tuple[int, int]
) -> Floats | np.float32:
    """Return the light that is left, 0 … 1, at the feet of walls and obstacles: little gets in under them."""
    if not walls and not obstacles:
        return np.float32(1.0)
    height, width = (size // 2 for size in shape)
    cell_m = 2.0 * METRES_PER_PIXEL
    dark = np.zeros((height, width), np.uint8)
    outlines = [np.round(to_pixels(wall.points_m, corner_m, cell_m)).astype(np.int32) for wall in walls]
    cv2.polylines(dark, outlines, isClosed=True, color=255, thickness=round(_FOOT_M / cell_m))
    for obstacle in obstacles:
        column, row = np.round(to_pixels(np.array([[obstacle.x_m, obstacle.y_m]]), corner_m, cell_m)[0]).astype(int)
        cv2.circle(dark, (int(column), int(row)), max(round(1.15 * obstacle.radius_m / cell_m), 1), 255, cv2.FILLED)
    soft = cv2.GaussianBlur(dark, (0, 0), 0.5 * _FOOT_M / cell_m)
    left = cv2.resize(soft, (shape[1], shape[0]), interpolation=cv2.INTER_LINEAR)
    return np.asarray(np.float32(1.0) - left * np.float32(_FOOT_DEPTH / 255.0), np.float32)


def _band(track: Track, at_m: float, width_m: float, slant_m: float) -> Points:
    """Return the corners of a band across the lane that runs ``slant_m`` forward from its left end to its middle."""
    pose = track.pose_at(at_m)
    ahead = np.array([np.cos(pose.heading_rad), np.sin(pose.heading_rad)])
    right = np.array([ahead[1], -ahead[0]])
    across = _SHADOW_REACH_M * right + slant_m * ahead
    middle, half = np.array([pose.x_m, pose.y_m]), 0.5 * width_m * ahead
    return np.array([middle - across - half, middle - across + half, middle + across + half, middle + across - half])
