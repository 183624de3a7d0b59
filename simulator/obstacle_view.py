"""Draws what stands on the floor into a camera's picture: upright pictures that face the camera, the far ones first."""

from __future__ import annotations

import math
from collections.abc import Sequence

import cv2
import numpy as np
from numpy.typing import NDArray

from hardware.camera import Image
from hardware.drivetrain import Pose
from simulator.appearance import Appearance
from simulator.floor import Floor
from simulator.lens import LENS_AHEAD_M, Bearings, Mount
from simulator.obstacles import Obstacle
from simulator.sprites import PAD, draw_sprite
from simulator.wall_view import Standing

_NEAREST_M, _FARTHEST_M = 0.05, 15.0
_WIDEST_RAD = 1.3  # Of something this far beside its middle nothing is left to see.
_MARGIN_RAD = 0.02


class ObstacleView:
    """The obstacles that one camera sees."""

    def __init__(
        self, mount: Mount, seen: Bearings, obstacles: Sequence[Obstacle], appearance: Appearance, floor: Floor
    ) -> None:
        rng = np.random.default_rng([appearance.seed, 8])
        self._mount = mount
        self._places_m = np.array([(obstacle.x_m, obstacle.y_m) for obstacle in obstacles])
        colour = np.array(appearance.gain) * appearance.light.tint * appearance.light.brightness
        self._sprites = [
            _Sprite(obstacle, rng, colour * light)
            for obstacle, light in zip(obstacles, floor.light_at(self._places_m), strict=True)
        ]
        self._leftmost, self._rightmost = seen.azimuth_rad.max(axis=0), seen.azimuth_rad.min(axis=0)
        self._leftmost_rad, self._rightmost_rad = float(self._leftmost.max()), float(self._rightmost.min())
        self._highest, self._lowest = seen.slope.max(axis=1), seen.slope.min(axis=1)
        level_row = np.abs(seen.slope).min(axis=1).argmin()
        self._pixel_rad = float(np.median(np.abs(np.diff(seen.azimuth_rad[level_row]))))

    def draw(self, pose: Pose, seen: Bearings, lean_rad: float, standing: Standing | None, image: Image) -> None:
        """Draw them as seen from ``pose`` over ``image``, behind those walls of ``standing`` that are nearer."""
        cosine, sine = math.cos(pose.heading_rad), math.sin(pose.heading_rad)
        turn = np.array([[cosine, -sine], [sine, cosine]])
        lens_m = np.array([pose.x_m, pose.y_m]) + turn @ (LENS_AHEAD_M, self._mount.left_m)
        ahead_m, left_m = ((self._places_m - lens_m) @ turn).T
        away_m = np.hypot(ahead_m, left_m)
        for number in np.argsort(-away_m, kind="stable").tolist():
            if _NEAREST_M < away_m[number] < _FARTHEST_M:
                azimuth_rad = math.atan2(left_m[number], ahead_m[number])
                where = float(away_m[number]), azimuth_rad
                self._draw_one(self._sprites[number], where, seen, lean_rad, standing, image)

    def _draw_one(
        self,
        sprite: _Sprite,
        where: tuple[float, float],
        seen: Bearings,
        lean_rad: float,
        standing: Standing | None,
        image: Image,
    ) -> None:
        camera_m = self._mount.geometry.mount_height_m
        away_m, azimuth_rad = where
        margin_rad = 1.5 * lean_rad + _MARGIN_RAD
        half_rad = math.atan(sprite.half_width_m / away_m) + margin_rad
        if not self._rightmost_rad - half_rad < azimuth_rad < self._leftmost_rad + half_rad:
            return
        columns = _span((self._leftmost > azimuth_rad - half_rad) & (self._rightmost < azimuth_rad + half_rad))
        top, bottom = (height_m - camera_m for height_m in (sprite.height_m, 0.0))
        nearest_m = away_m * math.cos(min(half_rad, _WIDEST_RAD))
        highest = max(top / away_m, top / nearest_m) + margin_rad
        rows = _span((self._lowest < highest) & (self._highest > bottom / nearest_m - margin_rad))
        if rows.start == rows.stop or columns.start == columns.stop:
            return
        beside_rad = seen.azimuth_rad[rows, columns] - np.float32(azimuth_rad)
        is_seen = np.abs(beside_rad) < _WIDEST_RAD
        np.clip(beside_rad, -_WIDEST_RAD, _WIDEST_RAD, out=beside_rad)
        left_m = np.float32(away_m) * np.tan(beside_rad)
        above_m = seen.slope[rows, columns] * (np.float32(away_m) / np.cos(beside_rad)) + np.float32(camera_m)
        drawn = sprite.at(left_m, above_m, self._pixel_rad * away_m)
        share = is_seen.astype(np.float32)
        if standing is not None:
            share *= _unhidden(standing, rows, columns, 1.0 / away_m)
        part = image[rows, columns]
        left = np.float32(1.0) - share * drawn[:, :, 3] * np.float32(1.0 / 255.0)
        part[:] = part * left[:, :, None] + (drawn[:, :, :3] * share[:, :, None] + np.float32(0.49))


class _Sprite:
    def __init__(self, obstacle: Obstacle, rng: np.random.Generator, light: NDArray[np.float64]) -> None:
        self.half_width_m, self.height_m = obstacle.radius_m, obstacle.height_m
        picture, self._per_m = draw_sprite(obstacle, rng, light)
        self._levels = [picture]
        while min(self._levels[-1].shape[:2]) > 2 * PAD + 4:
            height, width = self._levels[-1].shape[:2]
            half = cv2.resize(
                self._levels[-1][PAD:-PAD, PAD:-PAD],
                (max((width - 2 * PAD) // 2, 1), max((height - 2 * PAD) // 2, 1)),
                interpolation=cv2.INTER_AREA,
            )
            self._levels.append(np.asarray(cv2.copyMakeBorder(half, PAD, PAD, PAD, PAD, cv2.BORDER_CONSTANT), np.uint8))

    def at(self, left_m: NDArray[np.float32], above_m: NDArray[np.float32], pixel_m: float) -> NDArray[np.uint8]:
        """Return colours and cover at places left of its middle and above the floor, for pixels of that size."""
        level = min(max(round(math.log2(max(pixel_m * self._per_m, 1e-3))), 0), len(self._levels) - 1)
        picture = self._levels[level]
        height, width = (size - 2 * PAD for size in picture.shape[:2])
        column = (self.half_width_m - left_m) * np.float32(0.5 * width / self.half_width_m) + np.float32(PAD - 0.5)
        row = (self.height_m - above_m) * np.float32(height / self.height_m) + np.float32(PAD - 0.5)
        drawn = cv2.remap(picture, column, row, cv2.INTER_LINEAR, borderMode=cv2.BORDER_CONSTANT)
        return np.asarray(drawn, np.uint8)


def _span(which: NDArray[np.bool_]) -> slice:
    found = np.flatnonzero(which)
    return slice(int(found[0]), int(found[-1]) + 1) if len(found) else slice(0, 0)


def _unhidden(standing: Standing, rows: slice, columns: slice, nearness_per_m: float) -> NDArray[np.float32]:
    """Return the share of each pixel that no nearer wall covers."""
    share = np.ones((rows.stop - rows.start, columns.stop - columns.start), np.float32)
    first, last = max(rows.start, standing.top), min(rows.stop, standing.top + len(standing.cover))
    if first < last:
        walls = slice(first - standing.top, last - standing.top), columns
        hidden = np.where(standing.nearness_per_m[walls] > nearness_per_m, standing.cover[walls], np.float32(0.0))
        share[first - rows.start : last - rows.start] -= hidden
    return share
