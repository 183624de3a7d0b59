"""The network: a few convolutions over a small picture.

Shrinking and scaling are layers of the network, so the car has no preprocessing that could differ from the training's.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, Literal, get_args

from car.errors import TrainingError
from models.contract import IMAGE_INPUT, OUTPUTS
from training.backend import import_keras

SMALL_HEIGHT = 60
"""About as many rows as steering needs: half of them at four times the speed cost no accuracy on recorded drives."""
MIN_HEIGHT = 32
DROPOUT = 0.3
NetworkName = Literal["small", "wide"]
CORE = "core"
"""The name of what is trained, a layer of the pilot."""


@dataclass(frozen=True, slots=True)
class _Size:
    """How many filters each convolution has, and units the layer after them."""

    filters: tuple[int, ...]
    hidden_units: int


_SIZES: dict[NetworkName, _Size] = {
    "small": _Size((16, 24, 32, 48), 48),
    "wide": _Size((24, 36, 48, 64), 96),
}


def network_names() -> tuple[NetworkName, ...]:
    """Return the networks there are to train, the usual one first."""
    return get_args(NetworkName)


def make_shrink(height: int, width: int) -> Any:
    """Return a Keras model from camera frames (uint8, height × width × 3) to small ones (float32, 0 … 255).

    Raises TrainingError when the frames are too small to learn from.
    """
    if height < MIN_HEIGHT or width < MIN_HEIGHT:
        raise TrainingError(
            f"Frames of {width}x{height} are too small; a pilot needs {MIN_HEIGHT}x{MIN_HEIGHT}. Record larger ones."
        )
    keras = import_keras()
    image = keras.Input((height, width, 3), dtype="uint8", name=IMAGE_INPUT)
    pixels = keras.layers.Rescaling(1.0, name="as_float")(image)
    factor = max(1, round(height / SMALL_HEIGHT))
    if factor > 1:
        pixels = keras.layers.AveragePooling2D(factor, name="shrink")(pixels)
    return keras.Model(image, pixels, name="shrink")


def make_core(shape: tuple[int, int, int], network: NetworkName = "small") -> Any:
    """Return a Keras model from small frames of ``shape`` (float32, 0 … 255) to ``steering`` and ``throttle``.

    ``small`` is enough for a track or two; ``wide`` has room for many looks, at twice the computing.
    """
    chosen = _SIZES[network]
    keras = import_keras()
    layers = keras.layers
    small = keras.Input(shape, name="small")
    features = layers.Rescaling(1 / 127.5, -1.0)(small)
    for index, filters in enumerate(chosen.filters):
        size = 5 if index == 0 else 3
        features = layers.Conv2D(filters, size, strides=2, padding="same", activation="relu")(features)
    features = layers.Dropout(DROPOUT)(layers.Flatten()(features))
    features = layers.Dense(chosen.hidden_units, activation="relu")(features)
    return keras.Model(small, {name: layers.Dense(1, name=name)(features) for name in OUTPUTS}, name=CORE)


def join(shrink: Any, core: Any) -> Any:
    """Return the pilot as ``models.contract`` wants it: shrinking and ``core`` in one Keras model."""
    keras = import_keras()
    image = keras.Input(shrink.input_shape[1:], dtype="uint8", name=IMAGE_INPUT)
    return keras.Model({IMAGE_INPUT: image}, core(shrink(image)), name="pilot")
