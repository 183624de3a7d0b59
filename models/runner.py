"""A pilot model that is ready to run."""

from __future__ import annotations

import time
from collections.abc import Mapping
from typing import Any

import numpy as np
from numpy.typing import NDArray

from models.contract import IMAGE_INPUT, OUTPUTS, STATE, ModelCard
from models.errors import ModelError
from models.runtime import refusals

Tensors = Mapping[str, Mapping[str, Any]]


class Model:
    """A pilot model ready to run, for one thread at a time; ``models.loader.load_model`` makes them.

    >>> from models.loader import load_model
    >>> model = load_model(model_path)
    >>> model.check_fits(height=120, width=160)
    >>> steering, throttle = model.run(frame.image)

    ``height`` and ``width`` are the frame it takes; ``card`` is None when the file has none; ``warnings`` are sentences
    for the person who starts the car; ``invoke_ns`` is how long the runtime's own invoke took in the latest ``run``.
    """

    def __init__(self, name: str, interpreter: Any, card: ModelCard | None, warnings: tuple[str, ...] = ()) -> None:
        self.name = name
        self.card = card
        self.warnings = warnings
        self.invoke_ns = 0
        with refusals():
            inputs, outputs = _read_signature(interpreter)
        # Indexes once, by name: the order of the outputs is not that of the signature, and a signature runner would
        # allocate again at every call.
        self._image = inputs[IMAGE_INPUT]["index"]
        self._steering, self._throttle = (outputs[output]["index"] for output in OUTPUTS)
        self._state = (inputs[STATE]["index"], outputs[STATE]["index"]) if STATE in inputs else None
        self._shape = _shape(inputs[IMAGE_INPUT])[1:]
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
        interpreter.set_tensor(self._image, image[np.newaxis])
        started_ns = time.perf_counter_ns()
        interpreter.invoke()
        self.invoke_ns = time.perf_counter_ns() - started_ns
        if self._state is not None:
            interpreter.set_tensor(self._state[0], interpreter.get_tensor(self._state[1]))
        return interpreter.get_tensor(self._steering).item(), interpreter.get_tensor(self._throttle).item()

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


def _read_signature(interpreter: Any) -> tuple[Tensors, Tensors]:
    """Return the tensors of the model's signature by name; raises ModelError when they break the contract."""
    signatures = list(interpreter.get_signature_list())
    if len(signatures) != 1:
        raise ModelError(
            f"The model has {len(signatures)} signatures, not one, so its inputs have no names. "
            "Export it with `car train`, or with Keras's ExportArchive."
        )
    runner = interpreter.get_signature_runner(signatures[0])
    inputs, outputs = runner.get_input_details(), runner.get_output_details()
    state = [STATE] if STATE in inputs or STATE in outputs else []
    _check_names("inputs", inputs, [IMAGE_INPUT, *state])
    _check_names("outputs", outputs, [*OUTPUTS, *state])
    image = _shape(inputs[IMAGE_INPUT])
    _check_tensor("input image", inputs[IMAGE_INPUT], np.uint8, len(image) == 4 and image[0] == 1 and image[3] == 3)
    for name in OUTPUTS:
        _check_tensor(f"output {name}", outputs[name], np.float32, np.prod(_shape(outputs[name])) == 1)
    for tensors in (inputs, outputs) if state else ():
        _check_tensor(STATE, tensors[STATE], np.float32, _shape(inputs[STATE]) == _shape(outputs[STATE]))
    return inputs, outputs


def _check_names(kind: str, tensors: Tensors, expected: list[str]) -> None:
    if set(tensors) != set(expected):
        raise ModelError(
            f"The model's {kind} are named {', '.join(sorted(tensors)) or 'nothing'}; they must be "
            f"{', '.join(expected)}. Export it with `car train`."
        )


def _check_tensor(what: str, tensor: Mapping[str, Any], dtype: type, shape_fits: bool) -> None:
    if tensor["dtype"] is not dtype or not shape_fits:
        raise ModelError(
            f"The model's {what} is {tensor['dtype'].__name__} of shape {_shape(tensor)}; a pilot takes a uint8 image "
            "(1, height, width, 3) and gives float32 numbers. Export it with `car train`."
        )


def _shape(tensor: Mapping[str, Any]) -> tuple[int, ...]:
    return tuple(int(size) for size in tensor["shape"])
