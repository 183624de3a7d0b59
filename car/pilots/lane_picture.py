"""What a pilot that looks for lines has found, drawn into the picture that it looked at."""

from __future__ import annotations

import math

import cv2
import numpy as np
from numpy.typing import NDArray

from hardware.camera import Image

WIDTH = 480
"""A smaller picture is drawn larger by a whole factor, so that what is drawn into it stays thin beside the road."""
DOT, RING = 2, 9
FOUND, SIDES, MIDDLE = (255, 64, 129), (61, 220, 181), (255, 209, 102)

Points = NDArray[np.float32]


def lane_picture(image: Image, found: Points, lane: Points, aim: Points) -> Image:
    """Return a larger copy of ``image`` with dots at ``found``, the lines of ``lane`` and a ring around ``aim``.

    >>> lines = np.zeros((3, 20, 2), np.float32)
    >>> lane_picture(np.zeros((120, 160, 3), np.uint8), lines[0], lines, lines[0, 0]).shape
    (360, 480, 3)

    Images are RGB uint8. Points are column and row in pixels of ``image``: ``found`` is points × 2, ``lane``
    is left, middle and right × points × 2, ``aim`` is 2. What is outside the image is left out.
    """
    factor = max(1, math.ceil(WIDTH / image.shape[1]))
    picture = cv2.resize(image, None, fx=factor, fy=factor, interpolation=cv2.INTER_NEAREST)
    for column, row in _enlarged(found, factor):
        cv2.circle(picture, (int(column), int(row)), DOT, FOUND, cv2.FILLED)
    for line, colour in zip(lane, (SIDES, MIDDLE, SIDES), strict=True):
        cv2.polylines(
            picture, [_enlarged(line, factor)], isClosed=False, color=colour, thickness=2, lineType=cv2.LINE_AA
        )
    column, row = _enlarged(aim, factor)
    cv2.circle(picture, (int(column), int(row)), RING, MIDDLE, 2, cv2.LINE_AA)
    return np.asarray(picture, np.uint8)


def _enlarged(points: Points, factor: int) -> NDArray[np.int32]:
    """Return the same points in a picture so many times larger; what is far outside may not overflow."""
    far = 10_000.0
    return np.asarray(np.rint(np.clip((points + 0.5) * factor - 0.5, -far, far)), np.int32)
