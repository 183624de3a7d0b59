"""What walls are made of: panels with seams between them, each of its own tone, painted along the whole wall."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import cv2
import numpy as np
from numpy.typing import NDArray

from hardware.camera import Image
from simulator.appearance import Appearance
from simulator.curves import Points
from simulator.floor import Floor
from simulator.walls import Wall

ROWS = 24
"""Rows of a wall's picture from its upper edge to the floor."""
EDGE_ROWS = 2
"""Rows above and below, so that nothing of another strip shines through."""
LEVELS = 7

_METRES_PER_COLUMN = 0.01
_MOST_COLUMNS = 15000  # OpenCV addresses pictures by 15 bits, and the levels together are twice as wide as the first.
_TOLERANCE_M = 0.006  # How far a drawn wall may be from the true one: with fewer corners it is drawn faster.
_PANEL_M = (0.9, 1.4)
_SEAM_M = 0.02
_FACING_RAD = 0.9
_SHADE = 0.16


@dataclass(frozen=True, slots=True, eq=False)
class Panels:
    """Pictures of all walls, side by side, and the same again in half the width, level by level.

    ``outlines_m`` are the walls as polygons of few corners, ``image`` is RGB uint8. A place ``column`` along the walls
    lies at ``starts[level] + column / 2**level``; ``columns_per_m`` is the scale of the first level, ``first_columns``
    where in it each wall begins.
    """

    outlines_m: list[Points]
    image: Image
    starts: NDArray[np.float32]
    first_columns: list[int]
    columns_per_m: float


def draw_panels(walls: Sequence[Wall], appearance: Appearance, floor: Floor) -> Panels:
    """Draw walls in the light that falls on ``floor``."""
    rng = np.random.default_rng([appearance.seed, 5])
    outlines_m = [_simplified(wall.points_m) for wall in walls]
    lengths_m = [_way_m(outline)[-1] for outline in outlines_m]
    columns_per_m = min(1.0 / _METRES_PER_COLUMN, _MOST_COLUMNS / max(sum(lengths_m), 1e-3))
    strips = [_strip(rng, outline, appearance, floor.light_at(outline), columns_per_m) for outline in outlines_m]
    firsts = np.cumsum([0, *(strip.shape[1] for strip in strips)])[:-1].tolist()
    image, starts = _levels(np.hstack(strips))
    return Panels(outlines_m, image, starts, firsts, columns_per_m)


def _simplified(points_m: Points) -> Points:
    """Leave out the corners of a closed polygon that hardly show."""
    around = cv2.approxPolyDP(points_m.astype(np.float32).reshape(-1, 1, 2), _TOLERANCE_M, closed=True)
    return np.asarray(around.reshape(-1, 2), np.float64)


def _way_m(outline_m: Points) -> NDArray[np.float64]:
    """Return the way along a closed polygon to each of its corners, and all around."""
    sides = np.roll(outline_m, -1, axis=0) - outline_m
    return np.concatenate([[0.0], np.cumsum(np.hypot(*sides.T))])


def _strip(
    rng: np.random.Generator,
    outline_m: Points,
    appearance: Appearance,
    light: NDArray[np.float64],
    columns_per_m: float,
) -> NDArray[np.float32]:
    way_m = _way_m(outline_m)
    columns = max(int(np.ceil(way_m[-1] * columns_per_m)), 1)
    at_m = np.asarray((np.arange(columns) + 0.5) / columns_per_m, np.float64)
    colour, seam = _panel_colours(rng, at_m, way_m[-1], appearance)
    side = np.clip(np.searchsorted(way_m, at_m, side="right") - 1, 0, len(outline_m) - 1)
    sides = np.roll(outline_m, -1, axis=0) - outline_m
    facing = np.arctan2(sides[:, 1], sides[:, 0])[side]
    shade = 1.0 + _SHADE * np.cos(2.0 * (facing - _FACING_RAD))
    shade *= np.interp(at_m, way_m, np.append(light, light[0]))
    height = (np.arange(ROWS) + 0.5) / ROWS
    # The upper edge catches the light, and where the wall meets the floor there is little of it.
    across = 1.0 + 0.06 * (0.5 - height) + 0.12 * (height < 1.5 / ROWS) - 0.35 * np.clip((height - 0.9) / 0.1, 0.0, 1.0)
    stains = cv2.resize(
        rng.normal(1.0, 0.02, (4, columns // 12 + 2)).astype(np.float32), (columns, ROWS), interpolation=cv2.INTER_CUBIC
    )
    brightness = across[:, None] * (shade * (1.0 - 0.6 * seam))[None, :] * stains
    strip = brightness[:, :, None] * colour[None, :, :] * (np.array(appearance.gain) * appearance.light.tint)
    return np.asarray(strip * appearance.light.brightness, np.float32)


def _panel_colours(
    rng: np.random.Generator, at_m: NDArray[np.float64], length_m: float, appearance: Appearance
) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    """Return the colour of each column, N × 3, and how much of a seam it is, 0 … 1."""
    ends_m = np.cumsum(rng.uniform(*_PANEL_M, int(length_m / _PANEL_M[0]) + 2))
    panel = np.searchsorted(ends_m, at_m)
    tones = rng.normal(1.0, 0.05, len(ends_m) + 1)[:, None] + rng.normal(0.0, 0.01, (len(ends_m) + 1, 3))
    # Now and then a panel is of another stuff.
    other = rng.random(len(ends_m) + 1) < 0.16
    tones[other] *= rng.uniform(0.5, 0.9, (int(other.sum()), 1)) * (0.86, 0.94, 1.2)
    edges_m = np.concatenate([[0.0], ends_m[ends_m < length_m], [length_m]])
    after = np.clip(np.searchsorted(edges_m, at_m), 1, len(edges_m) - 1)
    off_m = np.minimum(np.abs(edges_m[after] - at_m), np.abs(at_m - edges_m[after - 1]))
    seam = np.clip(1.5 - off_m / (0.5 * _SEAM_M), 0.0, 1.0) * rng.uniform(0.4, 1.0, len(edges_m))[after]
    return tones[panel] * np.array(appearance.line), seam


def _levels(strip: NDArray[np.float32]) -> tuple[Image, NDArray[np.float32]]:
    levels = [strip]
    while len(levels) < LEVELS:
        width = max(levels[-1].shape[1] // 2, 1)
        half = cv2.resize(levels[-1], (width, ROWS), interpolation=cv2.INTER_AREA)
        levels.append(np.asarray(half, np.float32).reshape(ROWS, width, 3))
    padded = [cv2.copyMakeBorder(level, EDGE_ROWS, EDGE_ROWS, 2, 2, cv2.BORDER_REPLICATE) for level in levels]
    starts = np.cumsum([0, *(level.shape[1] for level in padded)])[:-1] + 2
    image = np.clip(np.hstack(padded), 0.0, 255.0).astype(np.uint8)
    return image, starts.astype(np.float32)
