"""The lines of a track, painted on the ground."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass

import cv2
import numpy as np
from numpy.typing import NDArray

from simulator.appearance import Appearance, Colour
from simulator.curves import Points
from simulator.track import Style, Track

METRES_PER_PIXEL = 0.005
EDGE_WIDTHS_M: dict[Style, float] = {"robocars": 0.076, "tape": 0.05, "road": 0.05}
"""The width of the lines at the edges, of those styles that have any."""
CENTRE_WIDTH_M = 0.05
LINE_WIDTH_M = 0.05
DASH_M = 0.25
WHITE: Colour = (226.0, 226.0, 220.0)
TARMAC: Colour = (56.0, 57.0, 60.0)

_TARMAC_SHARE = 0.85
"""How much of the ground's texture tarmac covers: a little is left, or it would look like paper."""
_LEAST_CONTRAST = 55.0
_BEYOND_M = 0.5

_SUBPIXEL_BITS = 6

Corner = tuple[float, float]
"""Left and top of the ground's picture in metres."""


def to_pixels(points_m: Points, corner_m: Corner, metres_per_pixel: float = METRES_PER_PIXEL) -> NDArray[np.float64]:
    """Return the pixel coordinates (column, row) of points in metres, both N × 2; pixel centres are whole."""
    offset_m = np.asarray(points_m, dtype=np.float64) - corner_m
    return offset_m * (1.0, -1.0) / metres_per_pixel - 0.5


@dataclass(frozen=True, slots=True)
class Mark:
    """A stripe on the floor that is no line of the lane: something that a pilot should drive on across.

    From ``start_m`` to ``end_m`` (x, y in metres), ``width_m`` wide.

    >>> from simulator.track import make_track
    >>> line = crossing_line(make_track("oval"), progress_m=3.0)
    >>> line.width_m
    0.05
    """

    start_m: tuple[float, float]
    end_m: tuple[float, float]
    width_m: float = LINE_WIDTH_M
    colour: Colour = WHITE


def crossing_line(
    track: Track,
    progress_m: float,
    angle_deg: float = 90.0,
    width_m: float = LINE_WIDTH_M,
    colour: Colour = WHITE,
) -> Mark:
    """Return a line straight over the lane and half a metre beyond both its edges.

    ``angle_deg`` is the one to the lane, 30 … 150.
    """
    middle = track.pose_at(progress_m)
    half_m = (track.half_width_m + _BEYOND_M) / math.sin(math.radians(angle_deg))
    course_rad = middle.heading_rad + math.radians(angle_deg)
    dx_m, dy_m = half_m * math.cos(course_rad), half_m * math.sin(course_rad)
    return Mark(
        (middle.x_m - dx_m, middle.y_m - dy_m), (middle.x_m + dx_m, middle.y_m + dy_m), width_m=width_m, colour=colour
    )


def markings(
    track: Track,
    appearance: Appearance,
    wear: NDArray[np.float32],
    corner_m: Corner,
    marks: Sequence[Mark] = (),
) -> list[Paint]:
    """Return the paints of ``track`` and of ``marks`` in the order in which they lie on each other.

    ``wear`` (height × width) is the share of paint that is left, 0 … 1.
    """
    paints = []
    if track.style == "road":
        tarmac = np.full_like(wear, _TARMAC_SHARE)
        paints.append(Paint(_tarmac(track, corner_m, wear.shape), tarmac, TARMAC))
    if track.style in EDGE_WIDTHS_M:
        paints.append(Paint(_edges(track, corner_m, wear.shape), wear, appearance.line))
    if track.style in ("robocars", "road"):
        paints.append(Paint(_dashes(track, corner_m, wear.shape), wear, appearance.centre))
    if track.style == "line":
        paints.append(Paint(_middle(track, corner_m, wear.shape), wear, _seen_on(appearance.floor, appearance.line)))
    return [*paints, *(Paint(_stripe(mark, corner_m, wear.shape), wear, mark.colour) for mark in marks)]


class Paint:
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


def _tarmac(track: Track, corner_m: Corner, shape: tuple[int, ...]) -> NDArray[np.uint8]:
    mask = np.zeros(shape, np.uint8)
    half_m = track.half_width_m + 0.5 * EDGE_WIDTHS_M[track.style]
    _fill_along(mask, track, corner_m, -half_m, half_m)
    return mask


def _edges(track: Track, corner_m: Corner, shape: tuple[int, ...]) -> NDArray[np.uint8]:
    mask = np.zeros(shape, np.uint8)
    tape_m = EDGE_WIDTHS_M[track.style]
    for side_m in (-track.half_width_m, track.half_width_m):
        _fill_along(mask, track, corner_m, side_m - 0.5 * tape_m, side_m + 0.5 * tape_m)
    # Lines end at a crossing, as people tape it: none of them lies in the lane of the other way.
    inside_m = track.half_width_m - 0.5 * tape_m
    for piece in _crossing_pieces(track, corner_m, -inside_m, inside_m):
        _fill(mask, [piece], 0)
    return mask


def _middle(track: Track, corner_m: Corner, shape: tuple[int, ...]) -> NDArray[np.uint8]:
    mask = np.zeros(shape, np.uint8)
    _fill_along(mask, track, corner_m, -0.5 * LINE_WIDTH_M, 0.5 * LINE_WIDTH_M)
    return mask


def _stripe(mark: Mark, corner_m: Corner, shape: tuple[int, ...]) -> NDArray[np.uint8]:
    mask = np.zeros(shape, np.uint8)
    start_m, end_m = np.array(mark.start_m), np.array(mark.end_m)
    along = (end_m - start_m) / max(math.dist(mark.start_m, mark.end_m), 1e-9)
    aside_m = 0.5 * mark.width_m * np.array([-along[1], along[0]])
    outline_m = np.array([start_m + aside_m, end_m + aside_m, end_m - aside_m, start_m - aside_m])
    _fill(mask, [to_pixels(outline_m, corner_m)])
    return mask


def _dashes(track: Track, corner_m: Corner, shape: tuple[int, ...]) -> NDArray[np.uint8]:
    mask = np.zeros(shape, np.uint8)
    left, right = (
        to_pixels(track.offset_m(side_m), corner_m) for side_m in (-0.5 * CENTRE_WIDTH_M, 0.5 * CENTRE_WIDTH_M)
    )
    dashes = round(track.length_m / (2.0 * DASH_M))
    ends = np.linspace(0, len(left), 2 * dashes, endpoint=False).astype(int)
    for start, end in zip(ends[::2], ends[1::2], strict=True):
        _fill(mask, [np.vstack([left[start : end + 1], right[start : end + 1][::-1]])])
    # No dash within the crossing, nor a stub of one at its border.
    clear_m = track.half_width_m + 0.5 * DASH_M
    pieces = _crossing_pieces(track, corner_m, -clear_m, clear_m)
    for first, second in zip(pieces[::2], pieces[1::2], strict=True):
        lanes = np.zeros((2, *shape), np.uint8)
        _fill(lanes[0], [first])
        _fill(lanes[1], [second])
        mask[lanes.all(axis=0)] = 0
    return mask


def _seen_on(floor: Colour, line: Colour) -> Colour:
    """Return the colour of a line, dark or light, by which it is seen on ``floor``."""
    if abs(sum(line) - sum(floor)) >= 3.0 * _LEAST_CONTRAST:
        return line
    red, green, blue = (255.0 - value for value in line)
    return red, green, blue


def _fill_along(mask: NDArray[np.uint8], track: Track, corner_m: Corner, from_m: float, to_m: float) -> None:
    """Fill what lies between two distances to the right of the centre line."""
    # Two outlines in one call: what lies between them is filled, but for where they cross themselves.
    _fill(mask, [to_pixels(track.offset_m(side_m), corner_m) for side_m in (from_m, to_m)])
    for piece in _crossing_pieces(track, corner_m, from_m, to_m):
        _fill(mask, [piece])


def _crossing_pieces(track: Track, corner_m: Corner, from_m: float, to_m: float) -> list[NDArray[np.float64]]:
    """Return the outlines in pixels of what lies between two distances, of both ways over each crossing in turn."""
    pieces = []
    sides = [track.offset_m(side_m) for side_m in (from_m, to_m)]
    for crossing in track.crossings:
        reach = round(2.0 * track.crossing_reach_m(crossing) / track.step_m)
        for way_m in crossing.ways_m:
            around = np.arange(-reach, reach + 1) + round(way_m / track.step_m)
            left, right = (side.take(around, axis=0, mode="wrap") for side in sides)
            pieces.append(to_pixels(np.vstack([left, right[::-1]]), corner_m))
    return pieces


def _fill(mask: NDArray[np.uint8], outlines: list[NDArray[np.float64]], value: int = 255) -> None:
    fixed = [np.round(outline * 2**_SUBPIXEL_BITS).astype(np.int32) for outline in outlines]
    cv2.fillPoly(mask, fixed, value, lineType=cv2.LINE_AA, shift=_SUBPIXEL_BITS)
