"""A pilot model that is ready to run."""

from __future__ import annotations

import time
from collections.abc import Mapping
from typing import Any

import numpy as np
from numpy.typing import NDArray

from models.contract import IMAGE_INPUT, OUTPUTS, STATE, UNCERTAINTY, ModelCard, Tensors, Wiring, shape_of
from models.donkey import CATEGORICAL, DEFAULT_THROTTLE_RANGE, THROTTLE_RANGE, bare_name, decode, is_donkey, read_donkey
from models.errors import ModelError
from models.runtime import refusals


class Model:
    """A pilot model ready to run, for one thread at a time; ``models.loader.load_model`` makes them.

    >>> from models.loader import load_model
    >>> model = load_model(model_path)
    >>> model.check_fits(height=120, width=160)
    >>> steering, throttle = model.run(frame.image)

    ``height`` and ``width`` are the frame it takes; ``card`` is None when the file has none; ``donkey_type`` is which
    of Donkey Car's pilots it is (see ``models.donkey``), empty for one of ours; ``warnings`` are sentences for the
    person who starts the car; ``invoke_ns`` is how long the runtime's own invoke took in the latest ``run``, and
    ``uncertainty`` how unlike what it learned from the frame was, 0 for a model that cannot tell.
    """

    def __init__(self, name: str, interpreter: Any, card: ModelCard | None) -> None:
        self.name = name
        self.card = card
        self.invoke_ns = 0
        self.uncertainty = 0.0
        with refusals():
            wiring = _read_wiring(interpreter)
        self.donkey_type = wiring.donkey_type
        # Indexes once, by name: the order of the outputs is not that of the signature, and a signature runner would
        # allocate again at every call.
        self._image, self._steering, self._throttle = wiring.image, wiring.steering, wiring.throttle
        self._state, self._uncertainty = wiring.state, wiring.uncertainty
        self._throttle_range = _throttle_range(card)
        self._shape = wiring.shape
        self._brightness = np.zeros((1, *self._shape), np.float32) if wiring.donkey_type else None
        self.height, self.width = self._shape[:2]
        self._interpreter = interpreter
        # The first invoke is the slowest; the car should not drive with it.
        with refusals():
            self.run(np.zeros(self._shape, np.uint8))
            self.reset()

    def run(self, image: NDArray[np.uint8]) -> tuple[float, float]:
        """Return steering and throttle, as the network gives them, for ``image`` (uint8 RGB, height × width × 3).

        Raises ModelError when the image is of another size or type.
        """
        if image.shape != self._shape or image.dtype != np.uint8:
            raise ModelError(
                f"{self.name} takes uint8 images of shape {self._shape}, not {image.dtype} of {image.shape}. "
                "Set the camera to that size or train a model for this one."
            )
        interpreter = self._interpreter
        interpreter.set_tensor(self._image, self._as_input(image))
        started_ns = time.perf_counter_ns()
        interpreter.invoke()
        self.invoke_ns = time.perf_counter_ns() - started_ns
        if self._state is not None:
            interpreter.set_tensor(self._state[0], interpreter.get_tensor(self._state[1]))
        if self._uncertainty is not None:
            self.uncertainty = interpreter.get_tensor(self._uncertainty).item()
        steering, throttle = interpreter.get_tensor(self._steering), interpreter.get_tensor(self._throttle)
        if self.donkey_type:
            return decode(self.donkey_type, steering, throttle, self._throttle_range)
        return steering.item(), throttle.item()

    @property
    def tells_uncertainty(self) -> bool:
        """Whether it says how little it knows of a frame."""
        return self._uncertainty is not None

    @property
    def warnings(self) -> tuple[str, ...]:
        """What the person who starts the car ought to know, in sentences."""
        if self.card is not None:
            return ()
        if not self.donkey_type:
            return (f"{self.name} has no model card: nobody can say what it was trained on.",)
        is_categorical = self.donkey_type == CATEGORICAL
        throttle = f", and a throttle range of {DEFAULT_THROTTLE_RANGE:g}" if is_categorical else ""
        return (
            f"{self.name} is a {self.donkey_type} pilot of Donkey Car without a card: it is taken to have learned from "
            f"whole frames, without TRANSFORMATIONS{throttle}. Give it a card with `car models import`.",
        )

    def _as_input(self, image: NDArray[np.uint8]) -> NDArray[np.uint8] | NDArray[np.float32]:
        """Return ``image`` as the network takes it: Donkey Car's see shares of full brightness."""
        if self._brightness is None:
            return image[np.newaxis]
        np.divide(image, 255.0, out=self._brightness[0], dtype=np.float32)
        return self._brightness

    def reset(self) -> None:
        """Make a recurrent model forget what it has seen; does nothing for the others."""
        if self._state is not None:
            index = self._state[0]
            self._interpreter.set_tensor(index, np.zeros_like(self._interpreter.get_tensor(index)))

    def check_fits(self, height: int, width: int) -> None:
        """Raise ModelError unless the model takes frames of ``height`` × ``width`` pixels."""
        if (self.height, self.width) != (height, width):
            raise ModelError(
                f"{self.name} takes frames of {self.width}x{self.height}, this camera gives {width}x{height}. "
                f"Set the camera to {self.width}x{self.height} or train a model for this one."
            )

    def camera_differences(self, camera: Mapping[str, float | str]) -> tuple[str, ...]:
        """Say, one sentence each, how ``camera`` (geometry as a mapping) differs from what the model was trained with.

        Empty when nothing differs or the model does not say what it was trained with.
        """
        trained = self.card.camera if self.card else {}
        return tuple(
            f"{self.name} was trained with a camera of {key} {trained[key]}, this one has {camera[key]}."
            for key in camera
            if key in trained and trained[key] != camera[key]
        )


def _read_wiring(interpreter: Any) -> Wiring:
    """Return how the model is wired; raises ModelError when it is neither of our contract nor Donkey Car's."""
    signatures = list(interpreter.get_signature_list())
    inputs, outputs = _read_tensors(interpreter, signatures)
    if is_donkey(inputs):
        return read_donkey(inputs, outputs)
    if len(signatures) != 1:
        raise ModelError(
            f"The model has {len(signatures)} signatures, not one, so its inputs have no names. "
            "Export it with `car train`, or with Keras's ExportArchive."
        )
    state = [STATE] if STATE in inputs or STATE in outputs else []
    _check_names("inputs", inputs, [IMAGE_INPUT, *state])
    uncertainty = [UNCERTAINTY] if UNCERTAINTY in outputs else []
    _check_names("outputs", outputs, [*OUTPUTS, *uncertainty, *state])
    image = shape_of(inputs[IMAGE_INPUT])
    _check_tensor("input image", inputs[IMAGE_INPUT], np.uint8, len(image) == 4 and image[0] == 1 and image[3] == 3)
    for name in (*OUTPUTS, *uncertainty):
        _check_tensor(f"output {name}", outputs[name], np.float32, np.prod(shape_of(outputs[name])) == 1)
    for tensors in (inputs, outputs) if state else ():
        _check_tensor(STATE, tensors[STATE], np.float32, shape_of(inputs[STATE]) == shape_of(outputs[STATE]))
    steering, throttle = (outputs[name]["index"] for name in OUTPUTS)
    states = (inputs[STATE]["index"], outputs[STATE]["index"]) if state else None
    unsure = outputs[UNCERTAINTY]["index"] if uncertainty else None
    return Wiring(image[1:], inputs[IMAGE_INPUT]["index"], steering, throttle, states, uncertainty=unsure)


def _read_tensors(interpreter: Any, signatures: list[str]) -> tuple[Tensors, Tensors]:
    """Return inputs and outputs by the names that the signature gives them, or without one by their own."""
    if len(signatures) == 1:
        runner = interpreter.get_signature_runner(signatures[0])
        return runner.get_input_details(), runner.get_output_details()
    inputs, outputs = interpreter.get_input_details(), interpreter.get_output_details()
    return {bare_name(tensor["name"]): tensor for tensor in inputs}, {tensor["name"]: tensor for tensor in outputs}


def _throttle_range(card: ModelCard | None) -> float:
    """Return the range of throttles that a categorical pilot of Donkey Car learned; raises ModelError for none."""
    value = card.training.get(THROTTLE_RANGE, DEFAULT_THROTTLE_RANGE) if card else DEFAULT_THROTTLE_RANGE
    if not isinstance(value, int | float) or not 0 < value <= 1:
        raise ModelError(f"The model's card has a {THROTTLE_RANGE} of {value!r}, and it is in 0 … 1. Import it again.")
    return float(value)


def _check_names(kind: str, tensors: Tensors, expected: list[str]) -> None:
    if set(tensors) != set(expected):
        raise ModelError(
            f"The model's {kind} are named {', '.join(sorted(tensors)) or 'nothing'}; they must be "
            f"{', '.join(expected)}. Export it with `car train`."
        )


def _check_tensor(what: str, tensor: Mapping[str, Any], dtype: type, shape_fits: bool) -> None:
    if tensor["dtype"] is not dtype or not shape_fits:
        raise ModelError(
            f"The model's {what} is {tensor['dtype'].__name__} of shape {shape_of(tensor)}; a pilot takes a uint8 "
            "image (1, height, width, 3) and gives float32 numbers. Export it with `car train`."
        )
