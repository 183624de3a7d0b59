"""Draws walls that stand on the floor into a camera's picture.

How far the nearest wall is depends on the direction on the floor alone. So each frame the walls' corners are projected
to a circle of bearings somewhat finer than the pixels, the nearest wall in each is found, and every pixel looks up
its own bearing: the distance says at which height its ray meets the wall, and the way along the wall, which column of
its picture is there. A camera above the walls sees others behind the nearest: they are drawn one behind the other.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass

import cv2
import numpy as np
from numpy.typing import NDArray

from hardware.camera import Image
from hardware.drivetrain import Pose
from simulator.lens import LENS_AHEAD_M, Bearings, Mount
from simulator.panels import EDGE_ROWS, LEVELS, ROWS, Panels
from simulator.sampling import look_up
from simulator.walls import Wall

Floats = NDArray[np.float32]
Doubles = NDArray[np.float64]
Indices = NDArray[np.intp]

_BEARINGS_PER_PIXEL = 1.5
_FINER = 3  # Between two bearings the distance is interpolated to so many, which the pixels then look up.
_LAYERS_FROM_ABOVE = 3
_MARGIN_RAD = 0.15  # A leaning car sees that much more to the side.
_SHRINKS = (0.5 ** np.arange(LEVELS)).astype(np.float32)
_LEAST_PER_M, _MOST_PER_M = 1e-6, 50.0


@dataclass(frozen=True, slots=True, eq=False)
class Standing:
    """The walls in one picture, for what stands before or behind them.

    How much of each pixel of the rows from ``top`` they ``cover``, 0 … 1, and one over the distance of the nearest one.
    """

    top: int
    cover: Floats
    nearness_per_m: Floats


@dataclass(frozen=True, slots=True, eq=False)
class _Crossings:
    """Where bearings meet walls, in no order: the bearing, the side of a wall, one over the distance."""

    bearing: Indices
    side: Indices
    nearness_per_m: Doubles


@dataclass(frozen=True, slots=True, eq=False)
class _Layer:
    """By fine bearing: one over the distance, the column of the panels' picture, the height of the wall."""

    nearness_per_m: Floats
    column: Floats
    height_m: Floats


class WallView:
    """The walls that one camera sees; ``panels`` is the picture of them."""

    def __init__(self, mount: Mount, seen: Bearings, walls: Sequence[Wall], panels: Panels) -> None:
        self._mount = mount
        self._panels = panels
        self._walls = _Sides(walls, panels)
        self._camera_m = mount.geometry.mount_height_m
        self._tallest_m = max(wall.height_m for wall in walls)
        lowest_m = min(wall.height_m for wall in walls)
        self._layers = _LAYERS_FROM_ABOVE if self._tallest_m > lowest_m or self._camera_m > lowest_m else 1
        self._first_rad = float(seen.azimuth_rad.min()) - _MARGIN_RAD
        span_rad = min(float(seen.azimuth_rad.max()) + _MARGIN_RAD - self._first_rad, 2.0 * math.pi)
        level_row = np.abs(seen.slope).min(axis=1).argmin()
        pixel_rad = float(np.median(np.abs(np.diff(seen.azimuth_rad[level_row]))))
        self._bearings = math.ceil(span_rad / pixel_rad * _BEARINGS_PER_PIXEL)
        self._step_rad = span_rad / self._bearings
        centres_rad = self._first_rad + (np.arange(self._bearings) + 0.5) * self._step_rad
        self._along = np.column_stack([np.cos(centres_rad), np.sin(centres_rad)])
        self._highest_slope, self._lowest_slope = seen.slope.max(axis=1), seen.slope.min(axis=1)

    def draw(self, pose: Pose, seen: Bearings, lean_rad: float, image: Image) -> Standing | None:
        """Draw the walls as seen from ``pose`` over ``image``; return where they are, None where none is in sight.

        ``seen`` is where the pixels look on a body that leans by no more than ``lean_rad``.
        """
        cosine, sine = math.cos(pose.heading_rad), math.sin(pose.heading_rad)
        turn = np.array([[cosine, -sine], [sine, cosine]])
        lens_m = np.array([pose.x_m, pose.y_m]) + turn @ (LENS_AHEAD_M, self._mount.left_m)
        start_m, end_m = (self._walls.start_m - lens_m) @ turn, (self._walls.end_m - lens_m) @ turn
        crossings = self._crossings(start_m, end_m)
        layers: list[_Layer] = []
        while len(layers) < self._layers and len(crossings.bearing):
            nearest, crossings = self._nearest(crossings)
            layers.append(self._layer(nearest, start_m, end_m))
        standing = None
        for layer in reversed(layers):
            standing = self._draw_layer(layer, seen, lean_rad, image) or standing
        return standing

    def _crossings(self, start_m: Doubles, end_m: Doubles) -> _Crossings:
        first_rad, last_rad = (np.arctan2(at_m[:, 1], at_m[:, 0]) for at_m in (start_m, end_m))
        swept_rad = (last_rad - first_rad + math.pi) % (2.0 * math.pi) - math.pi
        low_rad = np.where(swept_rad < 0.0, last_rad, first_rad)
        low = ((low_rad - self._first_rad) % (2.0 * math.pi)) / self._step_rad - 0.5
        width, turn = np.abs(swept_rad) / self._step_rad, 2.0 * math.pi / self._step_rad
        # What begins before the first bearing may reach beyond it from the other end of the circle.
        low = np.concatenate([low, low - turn])
        first = np.maximum(np.ceil(low), 0.0).astype(np.intp)
        count = np.minimum(np.ceil(low + np.concatenate([width, width])), self._bearings).astype(np.intp) - first
        in_view = np.flatnonzero(count > 0)
        first, count = first[in_view], count[in_view]
        side = np.repeat(in_view % len(start_m), count)
        bearing = np.arange(len(side)) + np.repeat(first - np.cumsum(count) + count, count)
        normal = self._normals(start_m, end_m)[side]
        nearness = np.einsum("ij,ij->i", normal, self._along[bearing])
        return _Crossings(bearing, side, np.clip(nearness, _LEAST_PER_M, _MOST_PER_M))

    @staticmethod
    def _normals(start_m: Doubles, end_m: Doubles) -> Doubles:
        """Return vectors across the sides whose product with a bearing is one over the distance along it."""
        way_m = end_m - start_m
        area_m2 = start_m[:, 0] * way_m[:, 1] - start_m[:, 1] * way_m[:, 0]
        area_m2 = np.where(np.abs(area_m2) < 1e-9, 1e-9, area_m2)
        return np.column_stack([way_m[:, 1], -way_m[:, 0]]) / area_m2[:, None]

    def _nearest(self, crossings: _Crossings) -> tuple[_Crossings, _Crossings]:
        """Part the crossings into the nearest of each bearing and the others."""
        order = np.argsort(crossings.nearness_per_m, kind="stable")
        winner = np.full(self._bearings, -1)
        winner[crossings.bearing[order]] = order  # of those of one bearing the last stays, which is the nearest
        winner = winner[winner >= 0]
        others = np.ones(len(order), bool)
        others[winner] = False
        return _taken(crossings, winner), _taken(crossings, others)

    def _layer(self, nearest: _Crossings, start_m: Doubles, end_m: Doubles) -> _Layer:
        met_m = self._along[nearest.bearing] / nearest.nearness_per_m[:, None]
        from_m = start_m[nearest.side]
        way_m = end_m[nearest.side] - from_m
        share = np.einsum("ij,ij->i", met_m - from_m, way_m) / self._walls.length_m[nearest.side] ** 2
        share = np.clip(share, 0.0, 1.0)
        nearness, column, height = np.zeros((3, self._bearings), np.float32)
        nearness[nearest.bearing] = nearest.nearness_per_m
        column[nearest.bearing] = self._walls.column(nearest.side, share)
        height[nearest.bearing] = self._walls.height_m[nearest.side]
        step = np.abs(column[1:] - column[:-1])
        columns_per_pixel = np.ones(self._bearings, np.float32)
        columns_per_pixel[:-1] = step
        np.maximum(columns_per_pixel[1:], step, out=columns_per_pixel[1:])
        columns_per_pixel *= np.float32(_BEARINGS_PER_PIXEL)
        np.clip(columns_per_pixel, 1.0, 2.0 ** (LEVELS - 1), out=columns_per_pixel)
        level = np.repeat((np.log2(columns_per_pixel) + np.float32(0.5)).astype(np.intp), _FINER)
        column = _finer(column) * _SHRINKS[level] + self._panels.starts[level]
        return _Layer(_finer(nearness), column, np.repeat(height, _FINER))

    def _draw_layer(self, layer: _Layer, seen: Bearings, lean_rad: float, image: Image) -> Standing | None:
        rows = self._rows(float(layer.nearness_per_m.max()), lean_rad)
        if rows.start >= rows.stop:
            return None
        slope = seen.slope[rows]
        beside_rad = seen.azimuth_rad[rows] - np.float32(self._first_rad)
        index: Indices = (beside_rad * np.float32(_FINER / self._step_rad)).astype(np.intp)
        nearness = np.take(layer.nearness_per_m, index, mode="clip")
        above = slope + nearness * np.float32(self._camera_m)
        if self._layers == 1:
            height_m: Floats | np.float32 = np.float32(self._tallest_m)
        else:
            height_m = np.maximum(np.take(layer.height_m, index, mode="clip"), np.float32(1e-3))
        below = height_m * nearness - above
        cover = np.minimum(above, below)
        cover *= seen.fineness[rows]
        cover += np.float32(0.5)
        np.clip(cover, 0.0, 1.0, out=cover)
        places = np.empty((*index.shape, 2), np.float32)
        np.take(layer.column, index, mode="clip", out=places[:, :, 0])
        share = below / (height_m * np.maximum(nearness, np.float32(_LEAST_PER_M)))
        np.multiply(share, np.float32(ROWS), out=places[:, :, 1])
        places[:, :, 1] += np.float32(EDGE_ROWS - 0.5)
        drawn = look_up(self._panels.image, places)
        part = image[rows]
        cv2.blendLinear(part, drawn, np.float32(1.0) - cover, cover, dst=part)
        return Standing(rows.start, cover, nearness)

    def _rows(self, nearness_per_m: float, lean_rad: float) -> slice:
        """Return the rows in which there can be a wall that is no nearer than that."""
        highest = max((self._tallest_m - self._camera_m) * nearness_per_m, 0.0) + lean_rad
        lowest = -self._camera_m * nearness_per_m - lean_rad
        seen = np.flatnonzero((self._lowest_slope < highest) & (self._highest_slope > lowest))
        return slice(max(seen[0] - 1, 0), seen[-1] + 2) if len(seen) else slice(0, 0)


class _Sides:
    """The straight sides of all walls, one after the other."""

    def __init__(self, walls: Sequence[Wall], panels: Panels) -> None:
        self.start_m = np.vstack(panels.outlines_m)
        self.end_m = np.vstack([np.roll(outline, -1, axis=0) for outline in panels.outlines_m])
        self.length_m = np.maximum(np.hypot(*(self.end_m - self.start_m).T), 1e-9)
        counts = [len(outline) for outline in panels.outlines_m]
        self.height_m = np.repeat([wall.height_m for wall in walls], counts)
        way_m = np.concatenate(
            [np.cumsum(length) - length for length in np.split(self.length_m, np.cumsum(counts)[:-1])]
        )
        self._first_column = way_m * panels.columns_per_m + np.repeat(panels.first_columns, counts)
        self._columns = self.length_m * panels.columns_per_m

    def column(self, side: Indices, share: Doubles) -> Doubles:
        """Return the column of the walls' picture at a share of the way along sides."""
        return np.asarray(self._first_column[side] + share * self._columns[side] - 0.5)


def _taken(crossings: _Crossings, which: Indices | NDArray[np.bool_]) -> _Crossings:
    return _Crossings(crossings.bearing[which], crossings.side[which], crossings.nearness_per_m[which])


def _finer(values: Floats) -> Floats:
    finer = cv2.resize(values[None], (len(values) * _FINER, 1), interpolation=cv2.INTER_LINEAR)
    return np.asarray(finer[0], np.float32)
