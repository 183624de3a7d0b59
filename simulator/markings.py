"""The lines of a track, painted on the ground."""

from __future__ import annotations

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
DASH_M = 0.25

_SUBPIXEL_BITS = 6

Corner = tuple[float, float]
"""Left and top of the ground's picture in metres."""


def to_pixels(points_m: Points, corner_m: Corner, metres_per_pixel: float = METRES_PER_PIXEL) -> NDArray[np.float64]:
    """Return the pixel coordinates (column, row) of points in metres, both N × 2; pixel centres are whole."""
    offset_m = np.asarray(points_m, dtype=np.float64) - corner_m
    return offset_m * (1.0, -1.0) / metres_per_pixel - 0.5


def markings(track: Track, appearance: Appearance, wear: NDArray[np.float32], corner_m: Corner) -> list[Paint]:
    """Return the paints of ``track`` in the order in which they lie on each other.

    ``wear`` (height × width) is the share of paint that is left, 0 … 1.
    """
    paints = []
    if track.style in EDGE_WIDTHS_M:
        paints.append(Paint(_edges(track, corner_m, wear.shape), wear, appearance.line))
    if track.style in ("robocars", "road"):
        paints.append(Paint(_dashes(track, corner_m, wear.shape), wear, appearance.centre))
    return paints


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


def _edges(track: Track, corner_m: Corner, shape: tuple[int, ...]) -> NDArray[np.uint8]:
    mask = np.zeros(shape, np.uint8)
    tape_m = EDGE_WIDTHS_M[track.style]
    for side_m in (-track.half_width_m, track.half_width_m):
        # Two outlines in one call: what lies between them is filled.
        _fill(mask, [to_pixels(track.offset_m(side_m + half_m), corner_m) for half_m in (-0.5 * tape_m, 0.5 * tape_m)])
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
    return mask


def _fill(mask: NDArray[np.uint8], outlines: list[NDArray[np.float64]]) -> None:
    fixed = [np.round(outline * 2**_SUBPIXEL_BITS).astype(np.int32) for outline in outlines]
    cv2.fillPoly(mask, fixed, 255, lineType=cv2.LINE_AA, shift=_SUBPIXEL_BITS)
