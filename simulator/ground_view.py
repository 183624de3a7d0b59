"""Draws the floor into a camera's picture.

Per lens, a table says where on the ground each pixel looks. Per frame, one affine transform turns it to where the car
is and ``cv2.remap`` takes the colours from the floor's picture. So that nothing shimmers, each band of rows reads the
picture at the mip level that fits the width of its pixels, and is sampled several times where pixels are longer than
wide. A car that leans sees by the rays themselves instead of the table, and one that moves is drawn from several places
of its way during the exposure, as many as the rows need.
"""

from __future__ import annotations

import math
from dataclasses import dataclass

import cv2
import numpy as np

from hardware.camera import Image
from hardware.drivetrain import Pose
from simulator import lens
from simulator.body import Body
from simulator.floor import Floor
from simulator.lens import LENS_AHEAD_M, Doubles, Mount, Table
from simulator.sampling import look_up, mean_of

_MAX_SAMPLES = 4

_MIP_LEVELS = 7
_BLUR_STEP = 1.0  # Pixels that a row may move between two places of the car in one exposure.
_MOST_PLACES = 6
_LEAST_MOVE = 0.5
# From the pixels of the floor's picture to those of a level, as 3 × 3 matrices; pixel centres are whole in each.
_LEVEL_SCALES = [
    np.array([[scale, 0.0, 0.5 * scale - 0.5], [0.0, scale, 0.5 * scale - 0.5], [0.0, 0.0, 1.0]])
    for scale in (0.5**level for level in range(_MIP_LEVELS))
]
# When the samples of a pixel, from its upper edge down, are taken: the upper late, or motion would undo their spread.
_ORDERS = {1: (0,), 2: (1, 0), 3: (2, 0, 1), 4: (2, 0, 3, 1)}


@dataclass(frozen=True, slots=True, eq=False)
class _Band:
    """Image rows ``top`` to ``bottom`` that read one mip level with the same number of samples one above the other.

    ``points_m`` is where they look on the floor of a level car, all rows of one sample after those of the other;
    ``rays`` is where they look: forward, left, down. ``pixel_m`` is how much floor a pixel shows from top to bottom.
    """

    top: int
    bottom: int
    level: int
    samples: int
    points_m: Table
    rays: Table
    pixel_m: float

    def rows_of(self, sample: int) -> slice:
        """Return the tables' rows that belong to one sample."""
        height = self.bottom - self.top
        return slice(sample * height, (sample + 1) * height)


class GroundView:
    """The floor that one camera sees, in the image rows from ``top``; from ``level_top`` where the car is level."""

    def __init__(self, mount: Mount, floor: Floor, top: int, level_top: int) -> None:
        self._floor = floor
        # The outermost pixels are those of the plain floor.
        self._beyond = tuple(float(value) for value in floor.image[0].mean(axis=0))
        self._mips = _mips(floor.image)
        self._bands = _bands(mount, top, level_top, floor.metres_per_pixel)
        height_m = mount.geometry.mount_height_m
        # Where on the ground a ray ends that goes down by 1: below the lens, and the lens's height to the side.
        self._ray_to_ground = np.array([[height_m, 0.0, LENS_AHEAD_M], [0.0, height_m, mount.left_m], [0.0, 0.0, 1.0]])

    def draw(self, pose: Pose, body: Body, exposure_s: float, top: int, image: Image) -> None:
        """Draw the rows of ``image`` from ``top`` down as seen from ``pose`` while the car leans and moves."""
        way_m = np.array([body.forward_m_s, body.leftward_m_s]) * exposure_s
        moved_m = math.hypot(*way_m)
        to_floor = self._ground_to_floor(pose)
        # The way in the floor picture's own pixels; it is the same for level and for leaning cars.
        way = to_floor[:2, :2] @ way_m
        is_level = body.pitch_rad == 0.0 and body.roll_rad == 0.0
        if not is_level:
            to_floor = to_floor @ self._ray_to_ground @ _lean(body.pitch_rad, body.roll_rad)
        for band in self._bands:
            if band.bottom > top:
                repeats = math.ceil(moved_m / band.pixel_m / (_BLUR_STEP * band.samples))
                is_moving = moved_m > _LEAST_MOVE * band.pixel_m
                places = self._places(band, to_floor, is_level, way, min(repeats, _MOST_PLACES) if is_moving else 0)
                self._read(band, places, image[band.top : band.bottom])

    def _places(self, band: _Band, to_floor: Doubles, is_level: bool, way: Doubles, repeats: int) -> Table:
        """Return the level's pixels that ``band`` looks at from ``repeats`` places on the way, or from one where 0."""
        matrix = _LEVEL_SCALES[band.level] @ to_floor
        if repeats == 0:
            return _transformed(band.points_m if is_level else band.rays, matrix, is_level)
        table = band.points_m if is_level else band.rays
        height = band.bottom - band.top
        places = np.empty((height * band.samples * repeats, table.shape[1], 2), np.float32)
        for repeat in range(repeats):
            order = _ORDERS[band.samples][:: -1 if repeat % 2 else 1]
            for sample in range(band.samples):
                share = (repeat + (order[sample] + 0.5) / band.samples) / repeats - 0.5
                moved = matrix.copy()
                moved[:2] += (share * 0.5**band.level) * way[:, None] * matrix[2]
                start = (repeat * band.samples + sample) * height
                places[start : start + height] = _transformed(table[band.rows_of(sample)], moved, is_level)
        return places

    def _read(self, band: _Band, places: Table, rows: Image) -> None:
        seen = look_up(self._mips[band.level], places, self._beyond)
        height = len(rows)
        parts = [seen[start : start + height] for start in range(0, len(seen), height)]
        if len(parts) > 1:
            mean_of(parts, rows)
        else:
            rows[:] = seen

    def _ground_to_floor(self, pose: Pose) -> Doubles:
        """Return the 3 × 3 matrix from metres ahead and left of the car to pixels of the floor's picture."""
        scale = 1.0 / self._floor.metres_per_pixel
        cosine, sine = math.cos(pose.heading_rad) * scale, math.sin(pose.heading_rad) * scale
        column = (pose.x_m - self._floor.left_m) * scale - 0.5
        row = (self._floor.top_m - pose.y_m) * scale - 0.5
        return np.array([[cosine, -sine, column], [-sine, -cosine, row], [0.0, 0.0, 1.0]])


def _transformed(table: Table, matrix: Doubles, is_level: bool) -> Table:
    if is_level:
        return np.asarray(cv2.transform(table, matrix[:2]), np.float32)
    homogeneous = np.zeros((3, 4))
    homogeneous[:, :3] = matrix
    return np.asarray(cv2.perspectiveTransform(table, homogeneous), np.float32)


def _lean(pitch_rad: float, roll_rad: float) -> Doubles:
    """Return the matrix that does to a ray (forward, left, down) what Rays.leaning does."""
    cosine, sine = math.cos(roll_rad), math.sin(roll_rad)
    roll = np.array([[1.0, 0.0, 0.0], [0.0, cosine, sine], [0.0, -sine, cosine]])
    cosine, sine = math.cos(pitch_rad), math.sin(pitch_rad)
    pitch = np.array([[cosine, 0.0, -sine], [0.0, 1.0, 0.0], [sine, 0.0, cosine]])
    return np.asarray(pitch @ roll)


def _mips(image: Image) -> list[Image]:
    levels = [image]
    while len(levels) < _MIP_LEVELS:
        height, width = levels[-1].shape[:2]
        half = cv2.resize(levels[-1], (width // 2, height // 2), interpolation=cv2.INTER_AREA)
        levels.append(np.asarray(half, dtype=np.uint8))
    return levels


def _by_sample(top: int, bottom: int, samples: int) -> Doubles:
    """Return the rows at which pixels of the rows ``top`` to ``bottom`` are sampled, all first samples first."""
    within = (np.arange(samples) + 0.5) / samples - 0.5
    return (within[:, None] + np.arange(top, bottom)[None, :]).ravel()


def _bands(mount: Mount, top: int, level_top: int, metres_per_pixel: float) -> list[_Band]:
    """Group the rows from ``top`` down by the mip level and the number of samples that suit them."""
    bottom = mount.geometry.height
    points_m, _ = lens.ground_points(mount, np.arange(top, bottom, dtype=np.float64))
    wide_m = np.median(np.hypot(*np.gradient(points_m, axis=1).transpose(2, 0, 1)), axis=1)
    long_m = np.median(np.hypot(*np.gradient(points_m, axis=0).transpose(2, 0, 1)), axis=1)
    samples = np.clip(np.ceil(long_m / wide_m), 1, _MAX_SAMPLES).astype(int)
    size = np.maximum(wide_m, long_m / samples) / metres_per_pixel
    levels = np.clip(np.round(np.log2(size)), 0, _MIP_LEVELS - 1).astype(int)
    # Above the level car's horizon are rows that only a leaning one needs; they look as far as there is floor.
    above = np.arange(top, bottom) < level_top
    samples[above], levels[above] = _MAX_SAMPLES, _MIP_LEVELS - 1
    cuts = np.flatnonzero((np.diff(levels) != 0) | (np.diff(samples) != 0) | (np.diff(above) != 0)) + 1
    bands = []
    for start, end in zip([0, *cuts.tolist()], [*cuts.tolist(), len(levels)], strict=True):
        rows = _by_sample(top + start, top + end, int(samples[start]))
        table, _ = lens.ground_points(mount, rows)
        seen = lens.rays(mount, rows)
        rays = np.dstack([seen.forward, seen.left, seen.down]).astype(np.float32)
        long = float(np.median(long_m[start:end]))
        bands.append(
            _Band(top + start, top + end, int(levels[start]), int(samples[start]), table, rays, max(long, 1e-4))
        )
    return bands
