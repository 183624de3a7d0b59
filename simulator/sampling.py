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


def mean_of(pictures: Sequence[Image] | Image, into: Image) -> None:
    """Write the mean of ``pictures`` to ``into``.

    Two at a time: five times as fast as shrinking all of them together.
    """
    if len(pictures) == 1:
        into[:] = pictures[0]
    else:
        _write_mean(pictures, into)


def _mean(pictures: Sequence[Image] | Image) -> Image:
    return pictures[0] if len(pictures) == 1 else _write_mean(pictures, None)


def _write_mean(pictures: Sequence[Image] | Image, into: Image | None) -> Image:
    half = len(pictures) // 2
    share = half / len(pictures)
    first, second = _mean(pictures[:half]), _mean(pictures[half:])
    return np.asarray(cv2.addWeighted(first, share, second, 1.0 - share, 0.0, dst=into), np.uint8)
