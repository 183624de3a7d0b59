"""Steering in bins: how likely each is, and what is to be expected of all of them.

A label between two bins is a part of either, so the mean of what was driven is what is best expected, as with a squared
error. Inside, a network may hold two answers apart, such as left and right of an obstacle; what it gives is still one.
"""

from __future__ import annotations

from typing import Any

import numpy as np

from training.backend import import_keras

CENTRES = np.linspace(-1.0, 1.0, 21, dtype=np.float32)
"""The steering that each bin stands for."""
LOGITS = "steering_bins"
"""The name of the layer whose values say how likely each bin is, as logits; they leave the network no other way."""
_WEIGHT = 0.1
"""Where a picture leaves 0.22 of full lock open, an error counts by it about as much as squared: 2 * 0.22² ≈ 0.1.

Without it the throttle, whose error is squared, would be next to nothing beside the steering.
"""


def expected_steering(features: Any, name: str) -> Any:
    """Return the steering, batch × 1, that is to be expected from ``features``, as a layer called ``name`` gives it."""
    layers = import_keras().layers
    likely = layers.Softmax()(layers.Dense(len(CENTRES), name=LOGITS)(features))
    mean = layers.Dense(1, use_bias=False, trainable=False, name=name)
    mean.build((None, len(CENTRES)))
    mean.set_weights([CENTRES[:, None]])
    return mean(likely)


def binned_loss(steering: Any, logits: Any) -> Any:
    """Return how badly ``logits``, batch × bins, foretell what was driven, ``steering``, batch × 1: cross-entropy."""
    keras = import_keras()
    step = 2.0 / (len(CENTRES) - 1)
    away = keras.ops.abs(keras.ops.clip(steering, -1.0, 1.0) - CENTRES) / step
    shares = keras.ops.maximum(1.0 - away, 0.0)
    return _WEIGHT * keras.losses.categorical_crossentropy(shares, logits, from_logits=True)
