"""How sure a figure is: what it would be if the drive's parts were drawn again.

Neighbouring frames are all but equal, so that a thousand of them say no more than a few bends do. Blocks of 50 frames,
two seconds or so of driving, are drawn with replacement, not frames (the block bootstrap: Künsch, "The jackknife and
the bootstrap for general stationary observations", Annals of Statistics 1989).
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

BLOCK_FRAMES = 50
LEAST_BLOCKS = 8
"""Of fewer nothing can be said."""
LEAST_CHANGE = 1e-6
"""Labels that differ by less are equal: it is what storing them as float32 may change."""
RESAMPLES = 2000
PERCENTILES = (2.5, 97.5)

Values = NDArray[np.float64]


@dataclass(frozen=True, slots=True)
class Interval:
    """What a figure lies between with 95 % confidence.

    >>> Interval(0.01, 0.09).is_above(0.0)
    True
    """

    low: float
    high: float

    def is_above(self, value: float) -> bool:
        """Whether the whole interval is above ``value``."""
        return self.low > value


def r2_interval(predicted: Values, labels: Values) -> Interval | None:
    """Return the interval of R²; None of too few frames, or of labels that never change."""
    drawn = _drawn(labels, predicted)
    return None if drawn is None else _interval(drawn[0])


def r2_lead(predicted: Values, other: Values, labels: Values) -> Interval | None:
    """Return the interval of how much higher the R² of ``predicted`` is than that of ``other``, on the same blocks."""
    drawn = _drawn(labels, predicted, other)
    return None if drawn is None else _interval(drawn[0] - drawn[1])


def mean_interval(values: Values) -> Interval | None:
    """Return the interval of the mean of ``values``, one for each frame; None of too few frames.

    Of absolute errors that is the interval of the MAE, of errors that of the bias, and of the differences of two
    models' absolute errors that of how much larger the MAE of the one is, on the same blocks.
    """
    blocks = len(values) // BLOCK_FRAMES
    if blocks < LEAST_BLOCKS:
        return None
    means = values[: blocks * BLOCK_FRAMES].reshape(blocks, BLOCK_FRAMES).mean(axis=1)
    return _interval(np.asarray(means[_chosen(blocks)].mean(axis=1), np.float64))


def _interval(figures: Values) -> Interval:
    low, high = np.percentile(figures, PERCENTILES)
    return Interval(float(low), float(high))


def _drawn(labels: Values, *predictions: Values) -> list[Values] | None:
    """Return the R² of each of ``predictions`` in every resample, the same blocks for all."""
    blocks = len(labels) // BLOCK_FRAMES
    if blocks < LEAST_BLOCKS or not np.ptp(labels) > LEAST_CHANGE:
        return None
    chosen = _chosen(blocks)

    def summed(values: Values) -> Values:
        sums: Values = values[: blocks * BLOCK_FRAMES].reshape(blocks, BLOCK_FRAMES).sum(axis=1)
        return np.asarray(sums[chosen].sum(axis=1), np.float64)

    frames = blocks * BLOCK_FRAMES
    # Of one stretch that was driven straight on there may be nothing else in a resample.
    spread = np.maximum(summed(labels**2) - summed(labels) ** 2 / frames, np.finfo(float).eps * frames)
    return [1.0 - summed((predicted - labels) ** 2) / spread for predicted in predictions]


def _chosen(blocks: int) -> NDArray[np.int64]:
    """Return which blocks are in each resample, the same for every figure of as many."""
    return np.random.default_rng(0).integers(blocks, size=(RESAMPLES, blocks))
