"""Donkey Car's pilots, told by their tensors: what they take, and how their answers become steering and throttle.

Its TFLite files take ``img_in``, float32 ``[1, height, width, 3]`` RGB in 0 … 1, and nothing says what their outputs
mean but their names and sizes. Those of version 5.3 have a signature with the layers' names, those of 5.4 one that
numbers them, and older ones none: there the tensors' own names number them. The order in which a runtime lists outputs
is another.

=============  ============================  ==========================================================
type           outputs                       steering and throttle
=============  ============================  ==========================================================
linear         two numbers                   as they are, without bounds
categorical    15 and 20 shares              the greatest one's place, in −1 … +1 and in 0 … 19/20 of a range
=============  ============================  ==========================================================
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Any

import numpy as np
from numpy.typing import NDArray

from models.contract import Tensors, Wiring, shape_of
from models.errors import ModelError

IMAGE_INPUT = "img_in"
LINEAR = "linear"
CATEGORICAL = "categorical"
STEERING_BINS = 15
THROTTLE_BINS = 20
THROTTLE_RANGE = "categorical_throttle_range"
"""Under which name the card of a categorical pilot keeps, in ``training``, the throttle range that it learned with."""
DEFAULT_THROTTLE_RANGE = 0.8
"""What Donkey Car's configuration has for MODEL_CATEGORICAL_MAX_THROTTLE_RANGE."""
WHAT_TO_DO = (
    "Train one of those there, with --type linear, or bring its tubs here with `car sessions import` and train with "
    "`car train`."
)

_SIZES = {(1, 1): LINEAR, (STEERING_BINS, THROTTLE_BINS): CATEGORICAL}
_PLACES = {
    0: re.compile(r"(?:n_outputs0|angle_out|output_0|Identity$|(?:Stateful)?PartitionedCall(?:_\d+)?:0$)"),
    1: re.compile(r"(?:n_outputs1|throttle_out|output_1|Identity_1$|(?:Stateful)?PartitionedCall(?:_\d+)?:1$)"),
}
"""The names that steering and throttle have, by version and converter."""


def bare_name(name: str) -> str:
    """Return a tensor's name as a signature would have it.

    >>> bare_name("serving_default_img_in:0")
    'img_in'
    """
    return name.removeprefix("serving_default_").removesuffix(":0")


def is_donkey(inputs: Tensors) -> bool:
    """Tell whether a model with these inputs, by ``bare_name``, is one of Donkey Car's, of whatever type."""
    return IMAGE_INPUT in inputs and inputs[IMAGE_INPUT]["dtype"] is np.float32


def read_donkey(inputs: Tensors, outputs: Tensors) -> Wiring:
    """Return how the Donkey Car pilot with these tensors is wired; raises ModelError for a type that cannot drive."""
    shape = shape_of(inputs[IMAGE_INPUT])
    if (other := _other_type(inputs, outputs, shape)) is not None:
        raise ModelError(
            f"This is a Donkey Car pilot {other}; only linear and categorical ones drive here. {WHAT_TO_DO}"
        )
    steering, throttle = _in_order(outputs)
    sizes = (int(np.prod(shape_of(steering))), int(np.prod(shape_of(throttle))))
    floats = all(tensor["dtype"] is np.float32 for tensor in (steering, throttle))
    if sizes not in _SIZES or not floats:
        raise ModelError(
            f"This is a Donkey Car pilot with outputs of {sizes[0]} and {sizes[1]} values; only linear ones (1 and 1) "
            f"and categorical ones ({STEERING_BINS} and {THROTTLE_BINS}) drive here. {WHAT_TO_DO}"
        )
    image, steers, accelerates = (int(tensor["index"]) for tensor in (inputs[IMAGE_INPUT], steering, throttle))
    return Wiring(shape[1:], image, steers, accelerates, donkey_type=_SIZES[sizes])


def decode(
    pilot_type: str, steering: NDArray[np.float32], throttle: NDArray[np.float32], throttle_range: float
) -> tuple[float, float]:
    """Return the steering and throttle that a pilot's outputs mean.

    A categorical one that answers something else than numbers has no greatest share, so its answer is NaN.
    """
    if pilot_type == LINEAR:
        return steering.item(), throttle.item()
    return (
        _place(steering) * 2.0 / (STEERING_BINS - 1) - 1.0,
        _place(throttle) * throttle_range / THROTTLE_BINS,
    )


def _place(shares: NDArray[np.float32]) -> float:
    return float(np.argmax(shares)) if np.isfinite(shares).all() else float("nan")


def _other_type(inputs: Tensors, outputs: Tensors, shape: tuple[int, ...]) -> str | None:
    """Return in words which type a pilot is that cannot drive here, None for one that may."""
    second = {"mem_in": "memory", "imu_in": "imu", "xbehavior_in": "behavior"}
    if others := sorted(set(inputs) - {IMAGE_INPUT}):
        return f"of the type {second.get(others[0], f'with the input {others[0]}')}"
    if len(shape) == 5:
        return "that looks at several frames at once (rnn, 3d)"
    if len(shape) != 4 or shape[0] != 1 or shape[3] != 3:
        return f"for inputs of the shape {shape} instead of colour frames"
    return {1: "of the type inferred", 2: None, 3: "of the type localizer"}.get(
        len(outputs), f"with {len(outputs)} outputs"
    )


def _in_order(outputs: Tensors) -> list[Mapping[str, Any]]:
    """Return the output that steers and the one that is the throttle, by their sizes or else their names."""
    by_size = {int(np.prod(shape_of(tensor))): tensor for tensor in outputs.values()}
    if by_size.keys() == {STEERING_BINS, THROTTLE_BINS}:
        return [by_size[STEERING_BINS], by_size[THROTTLE_BINS]]
    found = [[tensor for name, tensor in outputs.items() if pattern.match(name)] for pattern in _PLACES.values()]
    if [len(tensors) for tensors in found] != [1, 1]:
        names = " and ".join(sorted(outputs))
        raise ModelError(
            f"This is a Donkey Car pilot with the outputs {names}, and nothing says which one steers. {WHAT_TO_DO}"
        )
    return [tensor for (tensor,) in found]
