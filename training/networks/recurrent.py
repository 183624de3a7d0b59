"""What a network remembers: a gated recurrent unit (Cho and others, 2014) between a picture's features and the answers.

On the car it takes one step a frame, with the state as one more input and output. In training the same layers are
shown stretches of frames, each from a state of zeros; the steps are laid out one after the other, since a loop takes
several times as long.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from models.contract import STATE
from training.backend import import_keras

UNITS = 32
"""How many values the state has."""
STRETCH_FRAMES = 16
"""A stretch is so many frames: 0.8 s of them at 20 per second."""
_FEATURES = "features"
_MEMORY = "memory"


def remembering(picture: Any, features: Any) -> tuple[Any, Any, Any]:
    """Return the state before a picture, what is known after it, and the state then; each batch × ``UNITS``.

    ``features`` are what a network makes of ``picture``.
    """
    keras = import_keras()
    state = keras.Input((UNITS,), name=STATE)
    seen = keras.Model(picture, features, name=_FEATURES)
    known, (after,) = keras.layers.GRUCell(UNITS, name=_MEMORY)(seen(picture), [state])
    return state, known, after


def is_recurrent(network: Any) -> bool:
    """Tell whether ``network``, a pilot or the core of one, takes and gives a state."""
    return STATE in network.output


def over_stretches(core: Any, answers: Mapping[str, str]) -> Any:
    """Return a Keras model with the layers of ``core``, a recurrent network, that is shown whole stretches.

    It takes pictures, batch × ``STRETCH_FRAMES`` × height × width × 3, and gives each of ``answers``, which names the
    layer that each comes from, as batch × ``STRETCH_FRAMES`` × values.
    """
    keras = import_keras()
    seen = core.get_layer(_FEATURES)
    shape = seen.input_shape[1:]
    pictures = keras.Input((STRETCH_FRAMES, *shape))
    features = seen(keras.ops.reshape(pictures, (-1, *shape)))
    features = keras.ops.reshape(features, (-1, STRETCH_FRAMES, features.shape[-1]))
    known = keras.layers.RNN(core.get_layer(_MEMORY), return_sequences=True, unroll=True)(features)
    return keras.Model(pictures, {name: core.get_layer(layer)(known) for name, layer in answers.items()})
