"""Taking colours from a picture at places between its pixels."""

from __future__ import annotations

from collections.abc import Sequence

import cv2
import numpy as np

from hardware.camera import Image
from simulator.lens import Table


def look_up(picture: Image, places: Table, beyond: Sequence[float] | None = None, into: Image | None = None) -> Image:
    """Return what ``picture`` shows at ``places`` (rows × columns × 2: column and row there), as RGB uint8.

    Beyond its border there is the colour ``beyond``, or where none is given that of the border. It is written to
    ``into`` where that is given. Places are rounded to a thirty-second of a pixel, which OpenCV would do anyway: done
    beforehand it is a quarter faster.
    """
    whole, part = cv2.convertMaps(places, None, cv2.CV_16SC2)  # type: ignore[call-overload]  # one map of two channels
    if beyond is None:
        seen = cv2.remap(picture, whole, part, cv2.INTER_LINEAR, dst=into, borderMode=cv2.BORDER_REPLICATE)
    else:
        seen = cv2.remap(
            picture, whole, part, cv2.INTER_LINEAR, dst=into, borderMode=cv2.BORDER_CONSTANT, borderValue=beyond
        )
    return np.asarray(seen, np.uint8)


_HALVES_UP = 0.01
"""OpenCV rounds halves to even; no other mean of a few whole numbers is so close to a half."""


def mean_of(pictures: Image, into: Image) -> None:
    """Write the mean of ``pictures`` (uint8, count × height × width × 3) to ``into``, whose rows follow each other.

    It is rounded once, and halves go up: means of means, each rounded to even, made still texture shimmer by a tenth
    of a grey level when the camera moved.
    """
    if len(pictures) == 1:
        into[:] = pictures[0]
        return
    levels = cv2.reduce(pictures.reshape(len(pictures), -1), 0, cv2.REDUCE_AVG, dtype=cv2.CV_32F)
    cv2.convertScaleAbs(levels, dst=into.reshape(1, -1), beta=_HALVES_UP)
