"""How unlike all that was learned from a picture is: a small network beside the pilot's, in the same file.

It does not look at what the pilot makes of the picture, since a pilot makes the familiar of what it does not know: of
departures in strange worlds, distances between its own features foretold fewer than one in six. It looks at where in
the lower two thirds there are edges, how steep beside the others of the picture, and how much of that is no mixture of
the patterns that were there in training (the first principal components): a histogram of gradients, as in Dalal and
Triggs, "Histograms of oriented gradients for human detection" (2005), and the error of its reconstruction. More or less
light changes neither. ``tests.benchmarks.uncertainty`` measures what it foretells.
"""

from __future__ import annotations

import math
from collections.abc import Iterable
from typing import Any

import numpy as np
from numpy.typing import NDArray

from car.pilots.smoothed import Smoothed
from models.contract import UNCERTAINTY
from training.backend import import_keras
from training.networks.fixed import fixed_convolution

Pictures = NDArray[np.uint8]
"""What a network is shown: frames × height × width × 3."""

PATTERNS = 12
ROWS = 30
"""The edges are those of a picture of about so many rows."""
FAMILIAR_SHARE = 1.2
"""Up to so many times the most that the validation frames came to is still familiar."""
_SKY = 1 / 3
"""Above the horizon a room changes with every step, and nothing there says where to go."""
_PARTS = 2  # edges are pooled in squares of so many pixels
_FLAT = 1.0  # in grey levels from pixel to pixel: a picture without any edge is not one of noise
_LEAST = 1.0  # training frames that are all but the same leave room for the sensor's noise
_MOST_PICTURES = 4000
_BATCH = 256


def fit_novelty(pictures: Pictures, runs: Iterable[tuple[Pictures, NDArray[np.int64]]], *, mirror: bool) -> Any:
    """Return a Keras model from pictures (float32, 0 … 255) to how unlike ``pictures`` they are, batch × 1.

    With ``mirror`` their mirror images are as familiar. What comes out is 1 at ``FAMILIAR_SHARE`` times the most that
    ``runs`` come to, which are pictures that were not learned from, in their order, with their times in ns; it is
    averaged over time first, as on the car.
    """
    edges = _make_edges(pictures.shape[1:])
    known = pictures[:: max(1, math.ceil(len(pictures) / _MOST_PICTURES))]
    vectors = _values(edges, known)
    if mirror:
        vectors = np.concatenate([vectors, _values(edges, known[:, :, ::-1])])
    mean, patterns = _principal(vectors)
    unscaled = _make_novelty(edges, mean, patterns, 1.0)
    most = max((_most(_values(unscaled, run)[:, 0], times) for run, times in runs), default=0.0)
    return _make_novelty(edges, mean, patterns, 1.0 / (FAMILIAR_SHARE * max(most, _LEAST)))


def _make_edges(shape: tuple[int, ...]) -> Any:
    """Return a Keras model from pictures to how steep the edges are, sideways and down, in each part of them."""
    keras = import_keras()
    picture = keras.Input(shape, name="picture")
    factor = max(1, round(shape[0] / ROWS))
    # As most networks begin, so that the converter makes one of both; levels come out again.
    scaled = keras.layers.Rescaling(1 / 127.5, -1.0)(picture)
    grey = fixed_convolution(np.full((factor, factor, 3, 1), 127.5 / (3 * factor**2)), factor)(scaled)
    floor = keras.layers.Cropping2D(((int(grey.shape[1] * _SKY), 0), (0, 0)))(grey)
    slopes = np.zeros((2, 2, 1, 2))
    slopes[0, :, 0, 0] = slopes[:, 0, 0, 1] = -1.0, 1.0
    steepness = keras.layers.AveragePooling2D(_PARTS)(keras.ops.absolute(fixed_convolution(slopes, 1)(floor)))
    vector = keras.layers.Flatten()(steepness)
    usual = keras.ops.sqrt(keras.ops.mean(keras.ops.square(vector), axis=1, keepdims=True))
    return keras.Model(picture, vector / (usual + _FLAT))


def _make_novelty(edges: Any, mean: NDArray[np.float32], patterns: NDArray[np.float32], scale: float) -> Any:
    keras = import_keras()
    picture = keras.Input(edges.input_shape[1:], name="picture")
    off = edges(picture) - mean
    rest = off - keras.ops.matmul(keras.ops.matmul(off, patterns), patterns.T)
    size = keras.ops.sqrt(keras.ops.sum(keras.ops.square(rest), axis=1, keepdims=True))
    return keras.Model(picture, size * np.float32(scale), name=UNCERTAINTY)


def _values(model: Any, pictures: Pictures) -> NDArray[np.float32]:
    batches = [pictures[start : start + _BATCH] for start in range(0, len(pictures), _BATCH)]
    return np.concatenate([np.asarray(model(batch.astype(np.float32))) for batch in batches])


def _principal(vectors: NDArray[np.float32]) -> tuple[NDArray[np.float32], NDArray[np.float32]]:
    """Return the mean of ``vectors`` and the directions in which they differ most, as columns."""
    mean = vectors.mean(axis=0, dtype=np.float64)
    off = vectors - mean
    _, directions = np.linalg.eigh(off.T @ off)
    return mean.astype(np.float32), directions[:, ::-1][:, :PATTERNS].astype(np.float32)


def _most(values: NDArray[np.float32], times_ns: NDArray[np.int64]) -> float:
    smoothed = Smoothed()
    return max(smoothed.add(value, now_ns) for value, now_ns in zip(values.tolist(), times_ns.tolist(), strict=True))
