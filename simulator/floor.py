"""The floor seen from above: a picture of the ground with the track's lines on it, and where in it things are."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import cv2
import numpy as np
from numpy.typing import NDArray

from hardware.camera import Image
from hardware.drivetrain import Pose
from simulator.appearance import Appearance, Material, nominal
from simulator.curves import Points
from simulator.markings import METRES_PER_PIXEL, Mark, markings, to_pixels
from simulator.track import Track

_MARGIN_M = 1.4
_FADE_M = 0.8
_PIXEL_MULTIPLE = 64  # so that the mip levels halve exactly


@dataclass(frozen=True, slots=True, eq=False)
class Floor:
    """A picture of the ground from above, y up, and where it lies.

    >>> from simulator.track import make_track
    >>> track = make_track("oval")
    >>> floor = draw_floor(track)
    >>> picture = floor.picture([track.pose_at(progress_m=1.0)])   # RGB, for people to look at

    ``image`` is RGB uint8, read-only, ``metres_per_pixel`` its scale, ``left_m`` and ``top_m`` the outer corner of its
    first pixel.
    """

    image: Image
    left_m: float
    top_m: float
    metres_per_pixel: float = METRES_PER_PIXEL

    def to_pixels(self, points_m: Points) -> NDArray[np.float64]:
        """Return the pixel coordinates (column, row) of points in metres, both N × 2; pixel centres are whole."""
        return to_pixels(points_m, (self.left_m, self.top_m), self.metres_per_pixel)

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


def draw_floor(track: Track, appearance: Appearance | None = None, marks: Sequence[Mark] = ()) -> Floor:
    """Draw the floor of ``track``, with ``marks`` on it, at 5 mm a pixel; the same arguments give the same picture."""
    appearance = appearance or nominal(track.style)
    rng = np.random.default_rng([appearance.seed, 2])
    lowest, highest = track.points_m.min(axis=0) - _MARGIN_M, track.points_m.max(axis=0) + _MARGIN_M
    width, height = (
        int(np.ceil(size_m / METRES_PER_PIXEL / _PIXEL_MULTIPLE)) * _PIXEL_MULTIPLE for size_m in highest - lowest
    )
    left_m, top_m = float(lowest[0]), float(lowest[1]) + height * METRES_PER_PIXEL

    brightness = _faded_out(_ground(rng, appearance.material, width, height))
    wear = np.minimum(_blotches(rng, width, height, cell=40, strength=0.06) - 0.04, 1.0)
    paints = markings(track, appearance, wear, (left_m, top_m), marks)
    light = _faded_out(_blotches(rng, width, height, cell=400, strength=0.09))
    planes = []
    # A plane of each colour at a time: three times as fast as all of a pixel's colours at once.
    for channel in range(3):
        plane = brightness * np.float32(appearance.floor[channel])
        for paint in paints:
            paint.lay(plane, channel)
        plane *= light * np.float32(appearance.gain[channel])
        planes.append(np.clip(plane, 0.0, 255.0, out=plane).astype(np.uint8))
    image = np.asarray(cv2.merge(planes), dtype=np.uint8)
    image.flags.writeable = False
    return Floor(image, left_m, top_m)


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


def _blotches(rng: np.random.Generator, width: int, height: int, cell: int, strength: float) -> NDArray[np.float32]:
    """Smooth noise around 1 with features of ``cell`` pixels."""
    return _stretched(rng.normal(1.0, strength, (height // cell + 3, width // cell + 3)), width, height)


def _stretched(grid: NDArray[np.float64], width: int, height: int) -> NDArray[np.float32]:
    picture = cv2.resize(grid.astype(np.float32), (width, height), interpolation=cv2.INTER_CUBIC)
    return np.asarray(picture, dtype=np.float32)


def _ground(rng: np.random.Generator, material: Material, width: int, height: int) -> NDArray[np.float32]:
    """Brightness of the bare floor around 1, height × width."""
    if material == "wood":
        return _planks(rng, width, height)
    ground = _blotches(rng, width, height, cell=150, strength=0.04)
    ground *= _blotches(rng, width, height, cell=24, strength=0.03)
    pile, strength = (3, 0.1) if material == "carpet" else (2, 0.05)
    ground *= _blotches(rng, width, height, cell=pile, strength=strength)
    return ground


def _planks(rng: np.random.Generator, width: int, height: int) -> NDArray[np.float32]:
    """Boards 12 cm wide and 1.2 m long, each of its own tone, with grain along them and dark joints."""
    breadth, length = round(0.12 / METRES_PER_PIXEL), round(1.2 / METRES_PER_PIXEL)
    row, column = np.arange(height) // breadth, np.arange(width)
    shift = rng.integers(0, length, row[-1] + 1)[row]
    board = (column[None, :] + shift[:, None]) // length
    tones = rng.normal(1.0, 0.07, (row[-1] + 1, width // length + 3))
    grain = _stretched(rng.normal(1.0, 0.05, (height // 2, width // 60 + 3)), width, height)
    grain *= tones[row[:, None], board].astype(np.float32)
    joints = (np.arange(height) % breadth == 0)[:, None] | ((column[None, :] + shift[:, None]) % length == 0)
    grain[joints] *= 0.72
    return grain
