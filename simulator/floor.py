"""The floor seen from above: a picture of the ground with the track's lines on it, and where in it things are."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import cv2
import numpy as np
from numpy.typing import NDArray

from hardware.camera import Image
from hardware.drivetrain import Pose
from simulator.appearance import Appearance, Colour, Material, nominal
from simulator.curves import Points
from simulator.track import Track

METRES_PER_PIXEL = 0.005
EDGE_WIDTHS_M = {"robocars": 0.076, "tape": 0.05}
CENTRE_WIDTH_M = 0.05
DASH_M = 0.25

_MARGIN_M = 1.4
_FADE_M = 0.8
_PIXEL_MULTIPLE = 64  # so that the mip levels halve exactly
_SUBPIXEL_BITS = 6


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
        offset_m = np.asarray(points_m, dtype=np.float64) - (self.left_m, self.top_m)
        return offset_m * (1.0, -1.0) / self.metres_per_pixel - 0.5

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


def draw_floor(track: Track, appearance: Appearance | None = None) -> Floor:
    """Draw the floor of ``track`` at 5 mm a pixel; the same arguments give the same picture."""
    appearance = appearance or nominal(track.style)
    rng = np.random.default_rng([appearance.seed, 2])
    lowest, highest = track.points_m.min(axis=0) - _MARGIN_M, track.points_m.max(axis=0) + _MARGIN_M
    width, height = (
        int(np.ceil(size_m / METRES_PER_PIXEL / _PIXEL_MULTIPLE)) * _PIXEL_MULTIPLE for size_m in highest - lowest
    )
    blank = Floor(np.zeros((0, 0, 3), np.uint8), float(lowest[0]), float(lowest[1]) + height * METRES_PER_PIXEL)

    brightness = _faded_out(_ground(rng, appearance.material, width, height))
    wear = np.minimum(_blotches(rng, width, height, cell=40, strength=0.06) - 0.04, 1.0)
    paints = [_Paint(_edges(track, blank, width, height), wear, appearance.line)]
    if track.style == "robocars":
        paints.append(_Paint(_dashes(track, blank, width, height), wear, appearance.centre))
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
    return Floor(image, blank.left_m, blank.top_m)


class _Paint:
    """A colour that covers the ground where ``mask`` (0 … 255) says, worn off to the share ``wear`` (0 … 1)."""

    def __init__(self, mask: NDArray[np.uint8], wear: NDArray[np.float32], colour: Colour) -> None:
        self._where = np.flatnonzero(mask > 0)
        self._share = mask.ravel()[self._where].astype(np.float32) / np.float32(255.0) * wear.ravel()[self._where]
        self._colour = colour

    def lay(self, plane: NDArray[np.float32], channel: int) -> None:
        """Paint one colour channel of the ground, height × width, leaving the rest untouched."""
        ground = plane.reshape(-1)
        bare = ground[self._where]
        ground[self._where] = bare + self._share * (np.float32(self._colour[channel]) - bare)


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


def _edges(track: Track, floor: Floor, width: int, height: int) -> NDArray[np.uint8]:
    mask = np.zeros((height, width), np.uint8)
    tape_m = EDGE_WIDTHS_M[track.style]
    for side_m in (-track.half_width_m, track.half_width_m):
        # Two outlines in one call: what lies between them is filled.
        _fill(mask, [_offset(track, floor, side_m + half_m) for half_m in (-0.5 * tape_m, 0.5 * tape_m)])
    return mask


def _dashes(track: Track, floor: Floor, width: int, height: int) -> NDArray[np.uint8]:
    mask = np.zeros((height, width), np.uint8)
    left, right = (_offset(track, floor, side_m) for side_m in (-0.5 * CENTRE_WIDTH_M, 0.5 * CENTRE_WIDTH_M))
    dashes = round(track.length_m / (2.0 * DASH_M))
    ends = np.linspace(0, len(left), 2 * dashes, endpoint=False).astype(int)
    for start, end in zip(ends[::2], ends[1::2], strict=True):
        _fill(mask, [np.vstack([left[start : end + 1], right[start : end + 1][::-1]])])
    return mask


def _offset(track: Track, floor: Floor, lateral_m: float) -> NDArray[np.float64]:
    """Pixels of the centre line moved ``lateral_m`` to the right."""
    right = np.column_stack([np.sin(track.heading_rad), -np.cos(track.heading_rad)])
    return floor.to_pixels(track.points_m + lateral_m * right)


def _fill(mask: NDArray[np.uint8], outlines: list[NDArray[np.float64]]) -> None:
    fixed = [np.round(outline * 2**_SUBPIXEL_BITS).astype(np.int32) for outline in outlines]
    cv2.fillPoly(mask, fixed, 255, lineType=cv2.LINE_AA, shift=_SUBPIXEL_BITS)
