"""The networks: each a few convolutions over a picture, chosen by its name.

Shrinking and scaling are layers of the network, so the car has no preprocessing that could differ from the training's.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any, Literal, get_args

import numpy as np

from car.errors import TrainingError
from models.contract import IMAGE_INPUT, OUTPUTS, STATE, UNCERTAINTY
from training.backend import import_keras
from training.networks.binned import expected_steering
from training.networks.fixed import fixed_convolution
from training.networks.recurrent import UNITS, is_recurrent, remembering

SMALL_HEIGHT = 60
"""About as many rows as steering needs: half of them at four times the speed cost no accuracy on recorded drives."""
DROPOUT = 0.3
NetworkName = Literal["small", "wide", "pilotnet", "mobile", "recurrent", "donkey-linear"]
CORE = "core"
"""The name of what is trained, a layer of the pilot."""

STEERING, THROTTLE = OUTPUTS
_DONKEY_DROPOUT = 0.2


@dataclass(frozen=True, slots=True)
class _Network:
    """What sets a network apart.

    ``features`` are its layers from pixels, 0 … 255, to a vector. It is shown frames of about ``rows`` rows, or, where
    that is None, as they are; a picture of fewer than ``least`` rows or columns it cannot take. One that ``remembers``
    has a state between them and its answers.
    """

    features: Callable[[Any, Any], Any]
    rows: int | None = SMALL_HEIGHT
    least: int = 32
    remembers: bool = False

    def shrinks_by(self, height: int) -> int:
        """Return how many rows of a frame of ``height`` become one."""
        return 1 if self.rows is None else max(1, round(height / self.rows))


def network_names() -> tuple[NetworkName, ...]:
    """Return the networks there are to train, the usual one first."""
    return get_args(NetworkName)


def make_shrink(height: int, width: int, network: NetworkName = "small") -> Any:
    """Return a Keras model from camera frames (uint8, height × width × 3) to what ``network`` is shown of them.

    That is float32, 0 … 255. Raises TrainingError when the frames are too small for the network.
    """
    chosen = _NETWORKS[network]
    factor = chosen.shrinks_by(height)
    least = chosen.least * factor
    if height < least or width < least:
        raise TrainingError(
            f"Frames of {width}x{height} are too small; the network {network} needs {least}x{least}. Record larger "
            f"ones{'' if network == 'small' else ', or train the network small'}."
        )
    keras = import_keras()
    image = keras.Input((height, width, 3), dtype="uint8", name=IMAGE_INPUT)
    pixels = keras.layers.Rescaling(1.0, name="as_float")(image)
    if factor > 1:
        pixels = _mean_of(factor)(pixels)
    return keras.Model(image, pixels, name="shrink")


def _mean_of(factor: int) -> Any:
    """Return a layer that makes one pixel of ``factor`` x ``factor``: their mean, as a convolution.

    The runtimes compute it faster than a pooling, above all in int8, and the scaling that follows costs nothing.
    """
    return fixed_convolution(np.tile(np.eye(3) / factor**2, (factor, factor, 1, 1)), factor)


def make_core(shape: tuple[int, int, int], network: NetworkName = "small", *, binned: bool = False) -> Any:
    """Return a Keras model from pictures of ``shape`` (float32, 0 … 255) to ``steering`` and ``throttle``.

    ``shape`` is what ``make_shrink`` gives for the same network. ``small`` is enough for a track or two; ``wide`` has
    room for many looks, at twice the computing; ``mobile`` takes the least computing. ``pilotnet`` has the layers of
    Bojarski and others ("End to end learning for self-driving cars", 2016), ``donkey-linear`` those of Donkey Car's
    linear pilot: they are there to be compared with. ``recurrent`` is ``small`` with a memory of the frames before: it
    also takes and gives a ``state`` (``training.networks.recurrent``). The steering of a ``binned`` one comes from
    ``training.networks.binned``, that of the others from one unit.
    """
    keras = import_keras()
    small = keras.Input(shape, name="small")
    features = _NETWORKS[network].features(keras.layers, small)
    inputs, more = small, {}
    if _NETWORKS[network].remembers:
        state, features, more[STATE] = remembering(small, features)
        inputs = [small, state]
    answers = {
        name: keras.layers.Dense(1, name=name)(features) for name in OUTPUTS if not (binned and name == STEERING)
    }
    if binned:
        answers[STEERING] = expected_steering(features, STEERING)
    return keras.Model(inputs, answers | more, name=CORE)


def join(shrink: Any, core: Any, novelty: Any = None) -> Any:
    """Return the pilot as ``models.contract`` wants it: shrinking, ``core`` and perhaps ``novelty`` in one Keras model.

    For ``novelty``, which gives the pilot's uncertainty, see ``training.networks.novelty``.
    """
    keras = import_keras()
    image = keras.Input(shrink.input_shape[1:], dtype="uint8", name=IMAGE_INPUT)
    inputs, picture = {IMAGE_INPUT: image}, shrink(image)
    shown = picture
    if is_recurrent(core):
        inputs[STATE] = keras.Input((UNITS,), name=STATE)
        shown = [picture, inputs[STATE]]
    more = {} if novelty is None else {UNCERTAINTY: novelty(picture)}
    return keras.Model(inputs, core(shown) | more, name="pilot")


def _plain(filters: Sequence[int], hidden_units: int) -> Callable[[Any, Any], Any]:
    """Return convolutions of so many ``filters``, each of which halves the picture, and one layer after them."""

    def features(layers: Any, pixels: Any) -> Any:
        found = layers.Rescaling(1 / 127.5, -1.0)(pixels)
        for index, count in enumerate(filters):
            size = 5 if index == 0 else 3
            found = layers.Conv2D(count, size, strides=2, padding="same", activation="relu")(found)
        found = layers.Dropout(DROPOUT)(layers.Flatten()(found))
        return layers.Dense(hidden_units, activation="relu")(found)

    return features


def _pilotnet(layers: Any, pixels: Any) -> Any:
    # The paper's frames have 66 rows: of 60 the last two convolutions would leave none without a border.
    found = layers.Rescaling(1 / 127.5, -1.0)(pixels)
    for filters in (24, 36, 48):
        found = layers.Conv2D(filters, 5, strides=2, activation="relu")(found)
    for _ in range(2):
        found = layers.Conv2D(64, 3, padding="same", activation="relu")(found)
    found = layers.Dropout(DROPOUT)(layers.Flatten()(found))
    for units in (100, 50, 10):
        found = layers.Dense(units, activation="relu")(found)
    return found


def _mobile(layers: Any, pixels: Any) -> Any:
    """Depthwise separable convolutions (Howard and others, "MobileNets", 2017): one filter a channel, then a mixture.

    They have no batch normalisation, which helps in deep networks only.
    """
    found = layers.Rescaling(1 / 127.5, -1.0)(pixels)
    found = layers.Conv2D(16, 5, strides=2, padding="same", activation="relu")(found)
    for filters in (32, 48, 64):
        found = layers.DepthwiseConv2D(3, strides=2, padding="same", activation="relu")(found)
        found = layers.Conv2D(filters, 1, activation="relu")(found)
    found = layers.Dropout(DROPOUT)(layers.Flatten()(found))
    return layers.Dense(48, activation="relu")(found)


def _donkey_linear(layers: Any, pixels: Any) -> Any:
    found = layers.Rescaling(1 / 255)(pixels)
    for filters, size, stride in ((24, 5, 2), (32, 5, 2), (64, 5, 2), (64, 3, 1), (64, 3, 1)):
        found = layers.Conv2D(filters, size, strides=stride, activation="relu")(found)
        found = layers.Dropout(_DONKEY_DROPOUT)(found)
    found = layers.Flatten()(found)
    for units in (100, 50):
        found = layers.Dropout(_DONKEY_DROPOUT)(layers.Dense(units, activation="relu")(found))
    return found


_NETWORKS: dict[NetworkName, _Network] = {
    "small": _Network(_plain((16, 24, 32, 48), 48)),
    "wide": _Network(_plain((24, 36, 48, 64), 96)),
    "pilotnet": _Network(_pilotnet),
    "mobile": _Network(_mobile),
    "recurrent": _Network(_plain((16, 24, 32, 48), 48), remembers=True),
    # Its convolutions have no border: of fewer pixels the last would have none to look at.
    "donkey-linear": _Network(_donkey_linear, rows=None, least=61),
}
