"""A convolution that learns nothing: what is known of a picture before any training."""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

from training.backend import import_keras


def fixed_convolution(kernel: NDArray[np.float64], strides: int) -> Any:
    """Return a Keras layer with the weights ``kernel``, height × width × channels × filters."""
    height, width, channels, filters = kernel.shape
    layers = import_keras().layers
    layer = layers.Conv2D(filters, (height, width), strides=strides, use_bias=False, trainable=False)
    layer.build((None, None, None, channels))
    layer.set_weights([kernel.astype(np.float32)])
    return layer
