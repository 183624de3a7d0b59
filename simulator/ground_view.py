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
from numpy.typing import NDArray

from hardware.camera import Image
from hardware.drivetrain import Pose
from simulator import lens
from simulator.body import Body
from simulator.floor import Floor
from simulator.lens import LENS_AHEAD_M, Mount, Table

MAX_SAMPLES = 4

_MIP_LEVELS = 7
_BLUR_STEP = 1.0  # Pixels that a row may move between two places of the car in one exposure.
_MOST_PLACES = 6
# When the samples of a pixel, from its upper edge down, are taken: the upper late, or motion would undo their spread.
_ORDERS = {1: (0,), 2: (1, 0), 3: (2, 0, 1), 4: (2, 0, 3, 1)}


@dataclass(frozen=True, slots=True, eq=False)
class _Band:
    """Image rows ``top`` to ``bottom`` that read one mip level with the same number of samples one above the other.

    ``points_m`` is where they look on the floor of a level car, ``rays`` where they look: forward, left, down.
    ``pixel_m`` is how much floor a pixel shows from top to bottom.
    """

    top: int
    bottom: int
    level: int
    samples: int
    points_m: Table
    rays: Table
    pixel_m: float


class GroundView:
    """The floor that one camera sees, in the image rows from ``top``; from ``level_top`` where the car is level."""

    def __init__(self, mount: Mount, floor: Floor, top: int, level_top: int) -> None:
        self._mount = mount
        self._floor = floor
        # The outermost pixels are those of the plain floor.
        self._beyond = tuple(float(value) for value in floor.image[0].mean(axis=0))
        self._mips = _mips(floor.image)
        self._bands = _bands(mount, top, level_top, floor.metres_per_pixel)

    def draw(self, pose: Pose, body: Body, exposure_s: float, top: int, image: Image) -> None:
        """Draw the rows of ``image`` from ``top`` down as seen from ``pose`` while the car leans and moves."""
        way_m = (body.forward_m_s * exposure_s, body.leftward_m_s * exposure_s)
        for band in self._bands:
            if band.bottom > top:
                self._draw_band(band, pose, body, way_m, image[band.top : band.bottom])

    def _draw_band(self, band: _Band, pose: Pose, body: Body, way_m: tuple[float, float], rows: Image) -> None:
        moved = math.hypot(*way_m) / band.pixel_m
        repeats = min(math.ceil(moved / (_BLUR_STEP * band.samples)), _MOST_PLACES) if moved > 0.5 else 1
        if repeats * band.samples == 1:
            self._read(band, self._pixels(band, 0, pose, body), rows)
            return
        if moved <= 0.5:
            pixels = self._pixels(band, None, pose, body)
        else:
            pixels = self._pixels_on_the_way(band, repeats, pose, body, way_m)
        drawn = self._read(band, pixels)
        cv2.resize(drawn, (rows.shape[1], rows.shape[0]), dst=rows, interpolation=cv2.INTER_AREA)

    def _pixels(self, band: _Band, sample: int | None, pose: Pose, body: Body) -> Table:
        """Return the mip level's pixels that ``band`` looks at, in one of its samples or in all, row by row."""
        to_pixels = self._ground_to_pixels(pose, band.level)
        which = slice(sample, None, 1 if sample is None else band.samples)
        if body.pitch_rad == 0.0 and body.roll_rad == 0.0:
            return np.asarray(cv2.transform(band.points_m[which], to_pixels), np.float32)
        return np.asarray(cv2.perspectiveTransform(band.rays[which], self._ray_to_pixels(to_pixels, body)), np.float32)

    def _pixels_on_the_way(
        self, band: _Band, repeats: int, pose: Pose, body: Body, way_m: tuple[float, float]
    ) -> Table:
        height, width = band.bottom - band.top, band.points_m.shape[1]
        pixels = np.empty((height, repeats, band.samples, width, 2), np.float32)
        for repeat in range(repeats):
            order = _ORDERS[band.samples][:: -1 if repeat % 2 else 1]
            for sample in range(band.samples):
                share = (repeat + (order[sample] + 0.5) / band.samples) / repeats - 0.5
                pixels[:, repeat, sample] = self._pixels(band, sample, _moved(pose, way_m, share), body)
        return pixels.reshape(-1, width, 2)

    def _read(self, band: _Band, pixels: Table, rows: Image | None = None) -> Image:
        drawn = cv2.remap(
            self._mips[band.level],
            pixels,
            None,  # type: ignore[call-overload]  # the stubs want two maps; one of two channels is documented too
            cv2.INTER_LINEAR,
            dst=rows,
            borderMode=cv2.BORDER_CONSTANT,
            borderValue=self._beyond,
        )
        return np.asarray(drawn, np.uint8)

    def _ground_to_pixels(self, pose: Pose, level: int) -> NDArray[np.float64]:
        """Return the 2 × 3 matrix from metres ahead and left of the car to pixels of a mip level."""
        scale = 1.0 / (self._floor.metres_per_pixel * 2**level)
        cosine, sine = math.cos(pose.heading_rad) * scale, math.sin(pose.heading_rad) * scale
        column = (pose.x_m - self._floor.left_m) * scale - 0.5
        row = (self._floor.top_m - pose.y_m) * scale - 0.5
        return np.array([[cosine, -sine, column], [-sine, -cosine, row]])

    def _ray_to_pixels(self, ground_to_pixels: NDArray[np.float64], body: Body) -> NDArray[np.float64]:
        """Return the 3 × 4 matrix from rays (forward, left, down) of a leaning car to pixels, in homogeneous terms."""
        height_m = self._mount.geometry.mount_height_m
        # What lies at (x, y) metres for a ray that goes down by 1: the lens, and its height times the way to the side.
        to_ground = np.array([[height_m, 0.0, LENS_AHEAD_M], [0.0, height_m, self._mount.left_m], [0.0, 0.0, 1.0]])
        lean = _lean(body.pitch_rad, body.roll_rad)
        to_pixels = np.vstack([ground_to_pixels, [0.0, 0.0, 1.0]]) @ to_ground @ lean
        return np.column_stack([to_pixels, np.zeros(3)])


def _lean(pitch_rad: float, roll_rad: float) -> NDArray[np.float64]:
    """Return the matrix that does to a ray (forward, left, down) what Rays.leaning does."""
    cosine, sine = math.cos(roll_rad), math.sin(roll_rad)
    roll = np.array([[1.0, 0.0, 0.0], [0.0, cosine, sine], [0.0, -sine, cosine]])
    cosine, sine = math.cos(pitch_rad), math.sin(pitch_rad)
    pitch = np.array([[cosine, 0.0, -sine], [0.0, 1.0, 0.0], [sine, 0.0, cosine]])
    return np.asarray(pitch @ roll)


def _moved(pose: Pose, way_m: tuple[float, float], share: float) -> Pose:
    ahead_m, left_m = way_m[0] * share, way_m[1] * share
    cosine, sine = math.cos(pose.heading_rad), math.sin(pose.heading_rad)
    return Pose(
        pose.x_m + cosine * ahead_m - sine * left_m, pose.y_m + sine * ahead_m + cosine * left_m, pose.heading_rad
    )


def _mips(image: Image) -> list[Image]:
    levels = [image]
    while len(levels) < _MIP_LEVELS:
        height, width = levels[-1].shape[:2]
        half = cv2.resize(levels[-1], (width // 2, height // 2), interpolation=cv2.INTER_AREA)
        levels.append(np.asarray(half, dtype=np.uint8))
    return levels


def sample_rows(top: int, bottom: int, samples: int) -> NDArray[np.float64]:
    """Return the rows at which pixels of the rows ``top`` to ``bottom`` are sampled, ``samples`` times each."""
    return (np.arange((bottom - top) * samples) + 0.5) / samples - 0.5 + top


def _bands(mount: Mount, top: int, level_top: int, metres_per_pixel: float) -> list[_Band]:
    """Group the rows from ``top`` down by the mip level and the number of samples that suit them."""
    bottom = mount.geometry.height
    points_m, _ = lens.ground_points(mount, np.arange(top, bottom, dtype=np.float64))
    wide_m = np.median(np.hypot(*np.gradient(points_m, axis=1).transpose(2, 0, 1)), axis=1)
    long_m = np.median(np.hypot(*np.gradient(points_m, axis=0).transpose(2, 0, 1)), axis=1)
    samples = np.clip(np.ceil(long_m / wide_m), 1, MAX_SAMPLES).astype(int)
    size = np.maximum(wide_m, long_m / samples) / metres_per_pixel
    levels = np.clip(np.round(np.log2(size)), 0, _MIP_LEVELS - 1).astype(int)
    # Above the level car's horizon are rows that only a leaning one needs; they look as far as there is floor.
    above = np.arange(top, bottom) < level_top
    samples[above], levels[above] = MAX_SAMPLES, _MIP_LEVELS - 1
    cuts = np.flatnonzero((np.diff(levels) != 0) | (np.diff(samples) != 0) | (np.diff(above) != 0)) + 1
    bands = []
    for start, end in zip([0, *cuts.tolist()], [*cuts.tolist(), len(levels)], strict=True):
        rows = sample_rows(top + start, top + end, int(samples[start]))
        table, _ = lens.ground_points(mount, rows)
        seen = lens.rays(mount, rows)
        rays = np.dstack([seen.forward, seen.left, seen.down]).astype(np.float32)
        long = float(np.median(long_m[start:end]))
        bands.append(
            _Band(top + start, top + end, int(levels[start]), int(samples[start]), table, rays, max(long, 1e-4))
        )
    return bands
