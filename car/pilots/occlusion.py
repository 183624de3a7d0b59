"""What a pilot looked at: where hiding a part of the frame changes its steering.

It works for any pilot, since nothing of its inside is needed: occlusion sensitivity, of Zeiler and Fergus, "Visualizing
and understanding convolutional networks", ECCV 2014. What is hidden is blurred rather than painted grey, which would be
an object of its own.
"""

from __future__ import annotations

from collections.abc import Callable

import cv2
import numpy as np
from numpy.typing import NDArray

from car.kinds.pilot import Pilot
from hardware.camera import Frame, Image

ROWS, COLUMNS = 12, 16
"""So many places are hidden one after the other, each twice as wide and as high as the step to the next."""
BLUR_SHARE = 0.15
"""What is hidden is blurred by this share of the frame's height: no line or edge is left of it."""
LEAST_CHANGE = 0.1
"""A map is as bright as its greatest change, but where nothing changes the steering by so much it stays darker."""
LIGHT = (255.0, 120.0, 0.0)
OPACITY = 0.6

Map = NDArray[np.float64]
Steer = Callable[[Image], float]


def steering_of(pilot: Pilot) -> Steer:
    """Return how ``pilot`` steers on seeing an image, as if it had seen nothing before."""

    def steer(image: Image) -> float:
        pilot.reset()
        return pilot.drive(Frame(image, 0, 0)).command.steering

    return steer


def occlusion_map(steer: Steer, image: Image) -> Map:
    """Return by how much the steering changes when each place of ``image`` is hidden, ``ROWS`` × ``COLUMNS``.

    >>> dark = np.zeros((60, 80, 3), np.uint8)
    >>> dark[40:50, 60:70] = 255
    >>> seen = occlusion_map(lambda image: image[40:50, 60:70].mean() / 255.0, dark)
    >>> [int(place) for place in np.unravel_index(seen.argmax(), seen.shape)], float(seen[:6].max())
    ([8, 12], 0.0)

    The steering is asked for ``ROWS`` × ``COLUMNS`` + 1 times. ``image`` is uint8 RGB, height × width × 3; where the
    pilot gives no number there is no change.
    """
    height, width = image.shape[:2]
    blurred = cv2.GaussianBlur(image, (0, 0), BLUR_SHARE * height)
    hidden = image.copy()
    shown = hidden.view()
    shown.flags.writeable = False
    seen = steer(shown)
    changes = np.zeros((ROWS, COLUMNS))
    for row, rows in enumerate(_stretches(height, ROWS)):
        for column, columns in enumerate(_stretches(width, COLUMNS)):
            hidden[rows, columns] = blurred[rows, columns]
            changes[row, column] = abs(steer(shown) - seen)
            hidden[rows, columns] = image[rows, columns]
    return np.nan_to_num(changes, posinf=0.0, neginf=0.0)


def draw_occlusion(image: Image, changes: Map) -> Image:
    """Return ``image`` with an orange light where hiding changes the steering; the more, the brighter."""
    height, width = image.shape[:2]
    shares = np.clip(changes / max(LEAST_CHANGE, float(changes.max())), 0.0, 1.0)
    light = np.asarray(cv2.resize(shares, (width, height), interpolation=cv2.INTER_LINEAR), np.float64)
    opacity = OPACITY * light[..., np.newaxis]
    return np.asarray(np.round(image * (1.0 - opacity) + np.array(LIGHT) * opacity), np.uint8)


def _stretches(length: int, count: int) -> list[slice]:
    """Return ``count`` stretches of ``length`` pixels, each of which overlaps half of its neighbours."""
    middles = (np.arange(count) + 0.5) * length / count
    return [
        slice(max(0, round(middle - length / count)), min(length, round(middle + length / count)))
        for middle in middles.tolist()
    ]
