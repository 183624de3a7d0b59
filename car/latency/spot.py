"""Where in the picture an LED blinks."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import cv2
import numpy as np
from numpy.typing import NDArray

from car.errors import LatencyError
from hardware.camera import Image

Grey = NDArray[np.float32]
"""A picture's grey levels, 0 to 255, height × width."""

SEEN_LEVELS, SURE_LEVELS = 3.0, 10.0
"""Twelve pictures of a Pi camera's noise, averaged as here, differ nowhere by 3 grey levels in every pair alike."""
STEADY = 0.5
"""The least of the differences, as a share of the middle one: what moves, differs in some pairs and not in others."""
FULL_LEVEL, FULL_SHARE = 250.0, 0.5

NOT_SEEN = (
    "No blinking LED is in the picture. Bring it before the lens, within the middle half of the picture, and check "
    "that it blinks: its longer leg goes to GPIO {gpio}, the other by 330 Ω to ground."
)
TOO_DIM = (
    "The LED in the picture is too dim: it adds {levels:.0f} grey levels where {sure:.0f} are needed. "
    "Bring it nearer to the lens, or make the room darker."
)
TOO_BRIGHT = "The picture is too bright to see an LED in it: {share:.0%} of it is white. Make the room darker."


@dataclass(frozen=True, slots=True)
class Spot:
    """The pixels in which the LED is seen, and the grey level half way from dark to lit.

    >>> dark, lit = np.zeros((12, 16), np.float32), np.zeros((12, 16), np.float32)
    >>> lit[4:7, 8:11] = 200.0
    >>> spot = find_spot([dark, dark], [lit, lit], gpio=26)
    >>> spot.place, spot.shows(np.full((12, 16, 3), 255, np.uint8))
    ((9, 5), True)
    """

    mask: NDArray[np.uint8]
    half_level: float
    levels: float
    place: tuple[int, int]

    def shows(self, image: Image) -> bool:
        """Tell whether the LED is lit in ``image``, for more than half of the exposure."""
        return cv2.mean(grey(image), self.mask)[0] > self.half_level


def grey(image: Image) -> Grey:
    """Return the grey levels of ``image``."""
    return cv2.cvtColor(image, cv2.COLOR_RGB2GRAY).astype(np.float32)


def find_spot(dark: Sequence[Grey], lit: Sequence[Grey], gpio: int) -> Spot:
    """Return where pictures that alternate, ``dark`` and then ``lit``, differ in every pair alike.

    Raises LatencyError that says what is wrong when that is nowhere.
    """
    differences = np.stack([cv2.blur(on - off, (3, 3)) for off, on in zip(dark, lit, strict=True)])
    middle = np.median(differences, axis=0)
    middle[differences.min(axis=0) < STEADY * middle] = 0.0
    row, column = (int(place) for place in np.unravel_index(np.argmax(middle), middle.shape))
    levels = float(middle[row, column])
    if levels < SURE_LEVELS:
        share = float(np.mean(np.mean(dark, axis=0) >= FULL_LEVEL))
        if share > FULL_SHARE:
            raise LatencyError(TOO_BRIGHT.format(share=share))
        if levels < SEEN_LEVELS:
            raise LatencyError(NOT_SEEN.format(gpio=gpio))
        raise LatencyError(TOO_DIM.format(levels=levels, sure=SURE_LEVELS))
    _, parts = cv2.connectedComponents((middle > levels / 2).astype(np.uint8))
    mask = (parts == parts[row, column]).astype(np.uint8)
    off, on = (cv2.mean(np.mean(pictures, axis=0), mask)[0] for pictures in (dark, lit))
    return Spot(mask, (off + on) / 2, levels, (column, row))
