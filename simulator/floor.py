"""The floor seen from above: a picture of the ground with the track's lines on it, and where in it things are."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import cv2
import numpy as np
from numpy.typing import NDArray

from hardware.camera import Image
from hardware.drivetrain import Pose
from simulator.appearance import Appearance, nominal
from simulator.curves import Points
from simulator.ground import blotches, draw_ground, lay_dirt
from simulator.illumination import CELL, contact_shadows, illuminate, shadows
from simulator.markings import METRES_PER_PIXEL, Corner, Mark, markings, to_pixels
from simulator.obstacles import Obstacle
from simulator.track import Track
from simulator.walls import walls_of

_MARGIN_M = 1.4
_FADE_M = 0.8
_THINNER = 0.04
_PIXEL_MULTIPLE = 64  # so that the mip levels halve exactly


@dataclass(frozen=True, slots=True, eq=False)
class Floor:
    """A picture of the ground from above, y up, and where it lies.

    >>> from simulator.track import make_track
    >>> track = make_track("oval")
    >>> floor = draw_floor(track)
    >>> picture = floor.picture([track.pose_at(progress_m=1.0)])   # RGB, for people to look at

    ``image`` is RGB uint8, read-only, ``metres_per_pixel`` its scale, ``left_m`` and ``top_m`` the outer corner of its
    first pixel. ``light`` is how bright it is there, around 1, by squares of CELL pixels; None where it is even.
    """

    image: Image
    left_m: float
    top_m: float
    metres_per_pixel: float = METRES_PER_PIXEL
    light: NDArray[np.float32] | None = None

    def to_pixels(self, points_m: Points) -> NDArray[np.float64]:
        """Return the pixel coordinates (column, row) of points in metres, both N × 2; pixel centres are whole."""
        return to_pixels(points_m, (self.left_m, self.top_m), self.metres_per_pixel)

    def light_at(self, points_m: Points) -> NDArray[np.float64]:
        """Return how bright it is at points in metres (N × 2), around 1."""
        if self.light is None:
            return np.ones(len(points_m))
        column, row = np.round(self.to_pixels(points_m) / CELL).astype(int).T
        height, width = self.light.shape
        return np.asarray(self.light[np.clip(row, 0, height - 1), np.clip(column, 0, width - 1)], np.float64)

    def picture(
        self, poses: Sequence[Pose] = (), shrink: int = 4, colour: tuple[int, int, int] = (230, 40, 40)
    ) -> Image:
        """Return the floor as RGB uint8, ``shrink`` times smaller, with the path through ``poses`` drawn on it."""
        height, width = (size // shrink for size in self.image.shape[:2])
        picture = cv2.resize(self.image, (width, height), interpolation=cv2.INTER_AREA)
        if poses:
            path_m = np.array([(pose.x_m, pose.y_m) for pose in poses])
            path = np.round((self.to_pixels(path_m) + 0.5) / shrink - 0.5).astype(np.int32)
            cv2.polylines(picture, [path], isClosed=False, color=colour, thickness=2, lineType=cv2.LINE_AA)
        return np.asarray(picture, dtype=np.uint8)


def draw_floor(
    track: Track,
    appearance: Appearance | None = None,
    marks: Sequence[Mark] = (),
    obstacles: Sequence[Obstacle] = (),
) -> Floor:
    """Draw the floor of ``track``, with ``marks`` on it, at 5 mm a pixel; the same arguments give the same picture.

    Of the ``obstacles`` it has the dark spots where they stand.
    """
    appearance = appearance or nominal(track.style)
    rng = np.random.default_rng([appearance.seed, 2])
    lowest, highest = track.points_m.min(axis=0) - _MARGIN_M, track.points_m.max(axis=0) + _MARGIN_M
    width, height = (
        int(np.ceil(size_m / METRES_PER_PIXEL / _PIXEL_MULTIPLE)) * _PIXEL_MULTIPLE for size_m in highest - lowest
    )
    left_m, top_m = float(lowest[0]), float(lowest[1]) + height * METRES_PER_PIXEL

    corner_m, shape = (left_m, top_m), (height, width)
    brightness = draw_ground(rng, appearance.material, width, height)
    lay_dirt(rng, brightness, appearance.dirt)
    brightness = _faded_out(brightness)
    wear = _unworn(rng, appearance.wear, width, height)
    paints = markings(track, appearance, wear, corner_m, marks)
    light, light_map = _light(track, appearance, obstacles, corner_m, shape)
    colour = np.array(appearance.gain) * appearance.light.tint * appearance.light.brightness
    planes = []
    # A plane of each colour at a time: three times as fast as all of a pixel's colours at once.
    for channel in range(3):
        plane = brightness * np.float32(appearance.floor[channel])
        for paint in paints:
            paint.lay(plane, channel)
        plane *= light
        planes.append(cv2.convertScaleAbs(plane, alpha=colour[channel]))
    image = np.asarray(cv2.merge(planes), dtype=np.uint8)
    image.flags.writeable = False
    return Floor(image, left_m, top_m, light=light_map)


def _light(
    track: Track, appearance: Appearance, obstacles: Sequence[Obstacle], corner_m: Corner, shape: tuple[int, int]
) -> tuple[NDArray[np.float32], NDArray[np.float32]]:
    """Return the light on every pixel of the floor, and on squares of CELL pixels."""
    height, width = shape
    row, column = (_share_from_border(size)[CELL // 2 :: CELL] for size in shape)
    squares = illuminate(track, appearance, corner_m, np.minimum(row[:, None], column[None, :]))
    light = np.asarray(cv2.resize(squares, (width, height), interpolation=cv2.INTER_LINEAR), np.float32)
    mask = shadows(track, appearance, corner_m, shape)
    if mask is not None:
        light *= np.float32(1.0) - mask * np.float32(appearance.light.shadow_depth / 255.0)
        squares = np.asarray(cv2.resize(light, squares.shape[::-1], interpolation=cv2.INTER_AREA), np.float32)
    light *= contact_shadows(walls_of(track), obstacles, corner_m, shape)
    return light, squares


def _unworn(rng: np.random.Generator, wear: float, width: int, height: int) -> NDArray[np.float32]:
    """Return the share of paint that is left, 0 … 1: thinner all over, and beyond a little wear gone in patches."""
    left = blotches(rng, width, height, cell=40, strength=0.06)
    left -= np.float32(min(wear, _THINNER))
    np.minimum(left, 1.0, out=left)
    if wear > _THINNER:
        patches = blotches(rng, width, height, cell=16, strength=1.0)
        patches += blotches(rng, width, height, cell=5, strength=0.5)
        bare = np.quantile(patches[::8, ::8], wear - _THINNER)
        left *= np.clip((patches - np.float32(bare)) * np.float32(4.0) + np.float32(0.5), 0.0, 1.0)
    return left


def _faded_out(brightness: NDArray[np.float32]) -> NDArray[np.float32]:
    """Let a brightness become 1 towards the border, so that the plain floor beyond it begins unseen."""
    height, width = brightness.shape
    row, column = (_share_from_border(size) for size in (height, width))
    faded = brightness - np.float32(1.0)
    faded *= np.minimum(row[:, None], column[None, :])
    faded += np.float32(1.0)
    return faded


def _share_from_border(size: int) -> NDArray[np.float32]:
    from_border = np.minimum(np.arange(size), np.arange(size)[::-1])
    return np.minimum(from_border * (METRES_PER_PIXEL / _FADE_M), 1.0).astype(np.float32)
