"""What moves from each frame to the next: how much the picture changes, and how far it turns."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, field

import cv2
import numpy as np
from numpy.typing import NDArray

WIDTH = 64
"""Frames are looked at in grey and this wide: enough to see them turn, and soon done."""
MOST_FRAMES = 6000
STRETCH_FRAMES = 300
"""Of a session with more frames than that, stretches of so many are looked at, from all over it."""
COPY_LEVELS = 0.05
NOISE_SHARE = 0.052
"""What is left of a change of mere noise when it is smoothed: 0.02 to 0.05 of its variance, measured on frames of a
real and of simulated cars that stood. As they move, that is 0.2 in the middle, and above 0.07 in nine of ten frames."""
_SMOOTHED_PX = 2.0

Values = NDArray[np.float64]
Indexes = NDArray[np.intp]
Grey = NDArray[np.float32]
Mask = NDArray[np.bool_]


@dataclass(frozen=True, slots=True, eq=False)
class Motion:
    """What changes from each frame ``first`` to the one after it.

    >>> images = np.stack([frame.image for frame in frames])
    >>> len(motion_of(images).first)
    59

    ``is_copy`` where the pixels are the same; ``is_alike`` where nothing but noise has changed, or nothing at all;
    ``yaw_px`` is how far the upper half of the picture, which shows what is far away, went to the left: more than 0 as
    the car turns right, in pixels of a frame ``WIDTH`` wide.
    """

    first: Indexes = field(repr=False)
    is_copy: Mask = field(repr=False)
    is_alike: Mask = field(repr=False)
    yaw_px: Values = field(repr=False)


def motion_of(images: NDArray[np.uint8]) -> Motion:
    """Return the motion in ``images``, RGB, frames × height × width × 3, in the order of time."""
    first: list[int] = []
    copies: list[bool] = []
    alike: list[bool] = []
    yaw_px: list[float] = []
    for stretch in stretches(len(images)):
        earlier: Grey | None = None
        for index in stretch:
            later = _small(images[index])
            if earlier is not None:
                first.append(index - 1)
                change = later - earlier
                copies.append(float(np.abs(change).mean()) < COPY_LEVELS)
                alike.append(copies[-1] or _is_noise(change))
                yaw_px.append(_yaw_px(earlier, later))
            earlier = later
    return Motion(np.array(first, np.intp), np.array(copies, np.bool_), np.array(alike, np.bool_), np.array(yaw_px))


def stretches(count: int) -> Iterator[range]:
    """Yield the frames to look at of ``count``, in stretches without a hole: all of them where they are not many."""
    if count <= MOST_FRAMES:
        yield range(count)
        return
    for start in np.linspace(0, count - STRETCH_FRAMES, MOST_FRAMES // STRETCH_FRAMES).astype(int).tolist():
        yield range(start, start + STRETCH_FRAMES)


def _small(image: NDArray[np.uint8]) -> Grey:
    height = max(8, round(WIDTH * image.shape[0] / image.shape[1]))
    small = cv2.resize(np.asarray(image), (WIDTH, height), interpolation=cv2.INTER_AREA)
    return np.asarray(cv2.cvtColor(small, cv2.COLOR_RGB2GRAY), np.float32)


def _is_noise(change: Grey) -> bool:
    """Tell whether a change has no shape: neighbouring pixels change each for itself, as no scene does that moves."""
    smooth = cv2.GaussianBlur(change, (0, 0), _SMOOTHED_PX)
    return float(smooth.var()) < NOISE_SHARE * float(change.var())


def _yaw_px(earlier: Grey, later: Grey) -> float:
    upper = slice(0, earlier.shape[0] // 2)
    window = cv2.createHanningWindow((WIDTH, upper.stop), cv2.CV_32F)
    # It multiplies the window into the very arrays that it is given.
    (shift_px, _), _ = cv2.phaseCorrelate(earlier[upper].copy(), later[upper].copy(), window)
    return -shift_px
