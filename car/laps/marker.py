"""The marker at the start line: finding it in a frame, and the sheet of paper that it is on."""

from __future__ import annotations

from pathlib import Path

import cv2

from car import files
from hardware.camera import Image

MARKERS = 50
MARKER_MM = 160.0
QUIET_MM = 20.0
"""White around the marker, without which no detector finds it."""
A4_MM = (210.0, 297.0)
SMALLEST_WIDTH = 320
"""A frame that is not as wide is doubled: the marker is then found at 14 of its pixels instead of 18."""


class MarkerFinder:
    """Finds one of the ``MARKERS`` markers, by OpenCV's own detector (ArUco, 4x4).

    >>> import numpy as np
    >>> MarkerFinder(0).side_px(np.full((120, 160, 3), 120, np.uint8)) is None
    True
    """

    def __init__(self, number: int) -> None:
        self._number = number
        self._detector = cv2.aruco.ArucoDetector(_dictionary(), cv2.aruco.DetectorParameters())

    def side_px(self, image: Image) -> float | None:
        """Return how large the marker is, the nearest where there are two of it; None where it is not seen.

        It is the mean of its sides, in pixels of ``image``; markers of another number are not looked at.
        """
        grey, scale = cv2.cvtColor(image, cv2.COLOR_RGB2GRAY), 1.0
        if image.shape[1] < SMALLEST_WIDTH:
            grey, scale = cv2.resize(grey, None, fx=2, fy=2, interpolation=cv2.INTER_CUBIC), 2.0
        corners, numbers, _ = self._detector.detectMarkers(grey)
        if not corners:
            return None
        found = zip(corners, numbers.ravel(), strict=True)
        sides = [cv2.arcLength(square, True) / 4 / scale for square, number in found if number == self._number]
        return max(sides, default=None)


def marker_svg(number: int) -> str:
    """Return an A4 page with the marker, in its size, and how it is to be put up.

    >>> page = marker_svg(0)
    >>> 'width="210mm"' in page, "160 mm" in page
    (True, True)
    """
    cells = cv2.aruco.generateImageMarker(_dictionary(), number, 6)
    width, height = A4_MM
    # At the foot of the page: what is higher than the lens may be above the picture.
    cell, left, top = MARKER_MM / 6, (width - MARKER_MM) / 2, height - QUIET_MM - MARKER_MM
    black = "".join(
        f'<rect x="{left + column * cell:.3f}" y="{top + row * cell:.3f}" width="{cell:.3f}" height="{cell:.3f}"/>'
        for row in range(6)
        for column in range(6)
        if cells[row, column] == 0
    )
    lines = (
        f"Start line, marker {number}. Printed at 100 % this line is {MARKER_MM:.0f} mm.",
        "Keep the white around the black. Stiffen it with cardboard and stand it upright beside the start line, its",
        "lower edge on the floor, its face to the cars that come, 30 to 50 cm from the middle of the lane.",
        f'car.toml:  [lap]  marker = "aruco"  number = {number}',
    )
    texts = "".join(
        f'<text x="{left}" y="{25 + 7 * row}" font-size="3.4" font-family="sans-serif">{line}</text>'
        for row, line in enumerate(lines)
    )
    return (
        f'<svg xmlns="http://www.w3.org/2000/svg" width="{width:g}mm" height="{height:g}mm" '
        f'viewBox="0 0 {width:g} {height:g}"><rect width="{width:g}" height="{height:g}" fill="white"/>'
        f'<g shape-rendering="crispEdges">{black}</g>'
        f'<path d="M{left} 14v3m0-1.5h{MARKER_MM:g}m0-1.5v3" stroke="black" stroke-width="0.4" fill="none"/>'
        f"{texts}</svg>\n"
    )


def write_marker(number: int, path: Path) -> None:
    """Write the page to ``path``, as a whole or not at all; raises OSError."""
    with files.replacing(path) as page:
        page.write(marker_svg(number).encode())


def _dictionary() -> cv2.aruco.Dictionary:
    return cv2.aruco.getPredefinedDictionary(cv2.aruco.DICT_4X4_50)
