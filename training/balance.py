"""Frames of rare steering, shown more often: of a drive that is mostly straight on, the bends are to be learned."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from car.sessions.index import HISTOGRAM_BINS
from training.split import Indexes

MOST_TIMES = 5
"""A frame is shown so many times at most: what is rarest may be a mistake of the driver's."""


def balanced(steering: NDArray[np.float32], *, mirrored: bool = False) -> Indexes:
    """Return the frames of one pass over those with this ``steering``, −1 … +1: each once, a rare one up to five times.

    What is rare is told by a histogram, of which every frame's mirror image is a part too where frames are
    ``mirrored``.

    >>> balanced(np.array([0.0, 0.0, 0.0, 0.7], np.float32)).tolist()
    [0, 1, 2, 3, 3, 3]
    """
    steps = np.clip((steering + 1.0) / 2.0 * HISTOGRAM_BINS, 0, HISTOGRAM_BINS - 1).astype(int)
    counts = np.bincount(steps, minlength=HISTOGRAM_BINS)
    if mirrored:
        counts = counts + counts[::-1]
    times = np.clip(np.rint(counts.max() / counts[steps]), 1, MOST_TIMES).astype(int)
    return np.repeat(np.arange(len(steering)), times)
