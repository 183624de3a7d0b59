"""Draws what the camera of a simulated car sees: a flat floor and a room around it, at about a millisecond a frame.

Per lens, a table says where on the ground each pixel looks. Per frame, one affine transform turns it to where the car
is and ``cv2.remap`` takes the colours from the floor's picture. So that nothing shimmers, each band of rows reads the
picture at the mip level that fits the width of its pixels, and is sampled several times where pixels are longer than
wide.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass, replace

import cv2
import numpy as np
from numpy.typing import NDArray

from hardware.camera import CameraGeometry, Image
from hardware.drivetrain import Pose
from simulator import lens
from simulator.appearance import Appearance, varied
from simulator.body import STILL, Body
from simulator.floor import Floor, draw_floor
from simulator.lens import Table
from simulator.markings import Mark
from simulator.obstacles import Obstacle
from simulator.room import HIGHEST_DEG, PIXELS_PER_DEG, draw_room
from simulator.track import Track

Scene = tuple[Floor, "Renderer"]
"""A floor, and what a camera sees there; any number of cars may share it."""

_MIP_LEVELS = 7
_MAX_SAMPLES = 4
_NOISE_SHIFTS = 32


@dataclass(frozen=True, slots=True, eq=False)
class _Band:
    """Image rows ``top`` to ``bottom`` that read one mip level with the same number of samples one above the other."""

    top: int
    bottom: int
    level: int
    samples: int
    points_m: Table


class Renderer:
    """Renders one camera in one room.

    >>> from simulator.appearance import nominal
    >>> from simulator.floor import draw_floor
    >>> from simulator.track import make_track
    >>> track = make_track("oval")
    >>> renderer = Renderer(CameraGeometry(), draw_floor(track), nominal(track.style))
    >>> renderer.render(track.pose_at(progress_m=0.0)).shape
    (120, 160, 3)

    Raises ValueError for a lens that is not known and a camera that sees no floor.
    """

    def __init__(
        self, geometry: CameraGeometry, floor: Floor, appearance: Appearance, obstacles: Sequence[Obstacle] = ()
    ) -> None:
        self.geometry = geometry
        self.obstacles = tuple(obstacles)
        looking = replace(geometry, pitch_deg=geometry.pitch_deg + appearance.pitch_error_deg)
        self._floor = floor
        # The outermost pixels are those of the plain floor.
        self._beyond = tuple(float(value) for value in floor.image[0].mean(axis=0))
        self._mips = _mips(floor.image)
        self._room = draw_room(appearance)
        floor_share = _floor_share(looking)
        # The first row with any floor in it, and the first below which there is nothing else.
        self._top = int((floor_share.max(axis=1) == 0.0).sum())
        self._bottom = int((floor_share.min(axis=1) < 1.0).sum())
        if self._top > geometry.height - 2:
            raise ValueError(f"A camera pitched by {geometry.pitch_deg:g}° sees no floor. Tilt it further down.")
        self._bands = _bands(looking, self._top, floor.metres_per_pixel)
        self._room_map = _room_map(looking, self._bottom)
        self._floor_weight = np.ascontiguousarray(floor_share[self._top : self._bottom])
        self._vignette = _vignette(geometry, appearance.vignette)
        self._brighter, self._darker = _noise(geometry, appearance)

    def render(self, pose: Pose, number: int = 0, body: Body = STILL) -> Image:
        """Return what the camera sees from ``pose``: RGB uint8, height × width × 3, read-only.

        ``number`` picks the sensor's noise, ``body`` is how the car leans and moves: the same three give the same
        picture.
        """
        image = np.empty((self.geometry.height, self.geometry.width, 3), np.uint8)
        for band in self._bands:
            self._draw_band(band, pose, image[band.top : band.bottom])
        self._draw_room(pose, image)
        cv2.multiply(image, self._vignette, dst=image, scale=1.0 / 255.0)
        self._add_noise(image, number)
        image.flags.writeable = False
        return image

    def _draw_band(self, band: _Band, pose: Pose, rows: Image) -> None:
        pixels = cv2.transform(band.points_m, self._ground_to_pixels(pose, band.level))
        target = rows if band.samples == 1 else None
        drawn = cv2.remap(
            self._mips[band.level],
            pixels,
            None,  # type: ignore[call-overload]  # the stubs want two maps; one of two channels is documented too
            cv2.INTER_LINEAR,
            dst=target,
            borderMode=cv2.BORDER_CONSTANT,
            borderValue=self._beyond,
        )
        if band.samples > 1:
            cv2.resize(drawn, (rows.shape[1], rows.shape[0]), dst=rows, interpolation=cv2.INTER_AREA)

    def _ground_to_pixels(self, pose: Pose, level: int) -> NDArray[np.float64]:
        """Return the 2 × 3 matrix from metres ahead and left of the car to pixels of a mip level."""
        scale = 1.0 / (self._floor.metres_per_pixel * 2**level)
        cosine, sine = math.cos(pose.heading_rad) * scale, math.sin(pose.heading_rad) * scale
        column = (pose.x_m - self._floor.left_m) * scale - 0.5
        row = (self._floor.top_m - pose.y_m) * scale - 0.5
        return np.array([[cosine, -sine, column], [-sine, -cosine, row]])

    def _draw_room(self, pose: Pose, image: Image) -> None:
        if self._bottom == 0:
            return
        turned = (math.degrees(pose.heading_rad) % 360.0) * PIXELS_PER_DEG
        pixels = cv2.transform(self._room_map, np.array([[1.0, 0.0, turned], [0.0, 1.0, 0.0]]))
        room = cv2.remap(self._room, pixels, None, cv2.INTER_LINEAR)  # type: ignore[call-overload]
        image[: self._top] = room[: self._top]
        if self._top < self._bottom:
            mixed = image[self._top : self._bottom]
            cv2.blendLinear(mixed, room[self._top :], self._floor_weight, 1.0 - self._floor_weight, dst=mixed)

    def _add_noise(self, image: Image, number: int) -> None:
        shift = number * 389 % _NOISE_SHIFTS**2  # a prime, so that all windows are used before one comes again
        rows = slice(shift // _NOISE_SHIFTS, shift // _NOISE_SHIFTS + image.shape[0])
        columns = slice(shift % _NOISE_SHIFTS, shift % _NOISE_SHIFTS + image.shape[1])
        cv2.add(image, self._brighter[rows, columns], dst=image)
        cv2.subtract(image, self._darker[rows, columns], dst=image)


def draw_scene(
    track: Track,
    geometry: CameraGeometry,
    seed: int = 0,
    appearance: Appearance | None = None,
    obstacles: Sequence[Obstacle] = (),
    marks: Sequence[Mark] = (),
) -> Scene:
    """Return the floor with ``track`` on it, and what a camera sees there, in the light and the colours of ``seed``.

    ``marks`` are painted over the lines. Where an ``appearance`` is given, that is used. Raises what Renderer raises.
    """
    appearance = appearance or varied(track.style, seed)
    floor = draw_floor(track, appearance, marks)
    return floor, Renderer(geometry, floor, appearance, obstacles)


def _mips(image: Image) -> list[Image]:
    levels = [image]
    while len(levels) < _MIP_LEVELS:
        height, width = levels[-1].shape[:2]
        half = cv2.resize(levels[-1], (width // 2, height // 2), interpolation=cv2.INTER_AREA)
        levels.append(np.asarray(half, dtype=np.uint8))
    return levels


def _floor_share(geometry: CameraGeometry) -> NDArray[np.float32]:
    """Return how much of each pixel is floor, 0 … 1, height × width."""
    _, is_floor = lens.ground_points(geometry, _sample_rows(0, geometry.height, _MAX_SAMPLES))
    by_pixel = is_floor.reshape(geometry.height, _MAX_SAMPLES, geometry.width)
    return np.asarray(by_pixel.mean(axis=1), dtype=np.float32)


def _sample_rows(top: int, bottom: int, samples: int) -> NDArray[np.float64]:
    return (np.arange((bottom - top) * samples) + 0.5) / samples - 0.5 + top


def _bands(geometry: CameraGeometry, top: int, metres_per_pixel: float) -> list[_Band]:
    """Group the rows from ``top`` down by the mip level and the number of samples that suit them."""
    points_m, _ = lens.ground_points(geometry, np.arange(top, geometry.height, dtype=np.float64))
    wide_m = np.median(np.hypot(*np.gradient(points_m, axis=1).transpose(2, 0, 1)), axis=1)
    long_m = np.median(np.hypot(*np.gradient(points_m, axis=0).transpose(2, 0, 1)), axis=1)
    samples = np.clip(np.ceil(long_m / wide_m), 1, _MAX_SAMPLES).astype(int)
    size = np.maximum(wide_m, long_m / samples) / metres_per_pixel
    levels = np.clip(np.round(np.log2(size)), 0, _MIP_LEVELS - 1).astype(int)
    cuts = np.flatnonzero((np.diff(levels) != 0) | (np.diff(samples) != 0)) + 1
    bands = []
    for start, end in zip([0, *cuts.tolist()], [*cuts.tolist(), len(levels)], strict=True):
        rows = _sample_rows(top + start, top + end, int(samples[start]))
        table, _ = lens.ground_points(geometry, rows)
        bands.append(_Band(top + start, top + end, int(levels[start]), int(samples[start]), table))
    return bands


def _room_map(geometry: CameraGeometry, bottom: int) -> Table:
    """Return the panorama's pixels seen in the rows above ``bottom`` when the car's heading is 0."""
    bearings_deg = lens.bearings(geometry, np.arange(bottom, dtype=np.float64))
    origin = np.array([180.0, HIGHEST_DEG])
    return np.asarray((bearings_deg * (1.0, -1.0) + origin) * PIXELS_PER_DEG - 0.5, dtype=np.float32)


def _vignette(geometry: CameraGeometry, loss: float) -> Image:
    y, x = np.mgrid[-1.0 : 1.0 : geometry.height * 1j, -1.0 : 1.0 : geometry.width * 1j]
    light = 255.0 * (1.0 - loss * 0.5 * (x**2 + y**2))
    return np.repeat(np.round(light).astype(np.uint8)[:, :, None], 3, axis=2)


def _noise(geometry: CameraGeometry, appearance: Appearance) -> tuple[Image, Image]:
    """Return noise in two halves, what to add and what to take away, larger than a frame to be shifted about."""
    rng = np.random.default_rng([appearance.seed, 4])
    shape = (geometry.height + _NOISE_SHIFTS, geometry.width + _NOISE_SHIFTS, 3)
    noise = np.round(rng.normal(0.0, appearance.noise, shape))
    return np.clip(noise, 0, 255).astype(np.uint8), np.clip(-noise, 0, 255).astype(np.uint8)
