"""From a Keras model to a ``.tflite`` file that gives the same values on every runtime that is installed.

The same network can be written in four ways, its variants: ``float32`` as it was trained; ``float16``, its weights in
half the bytes; ``dynamic``, its weights in a quarter and its arithmetic partly in int8; ``int8``, all but the input and
the outputs in int8, by ranges that are calibrated on training frames. Each takes and gives what ``models.contract``
says.
"""

from __future__ import annotations

import json
import subprocess
import sys
import tempfile
import warnings
from collections.abc import Iterable, Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any, Literal, get_args

import numpy as np
from numpy.typing import NDArray

from car.errors import TrainingError
from models.contract import IMAGE_INPUT, OUTPUTS, STATE, UNCERTAINTY
from models.loader import load_model
from models.runtime import installed_runtimes, quiet
from training.backend import import_keras, import_tensorflow
from training.networks.recurrent import is_recurrent

Variant = Literal["float32", "float16", "dynamic", "int8"]
Images = NDArray[np.uint8]
"""Frames, RGB: frames × height × width × 3."""
Values = NDArray[np.float32]
"""Steering and throttle: frames × 2."""

TOLERANCE = 1e-4
INT8_TOLERANCE = 5 * 2 / 255
"""How far the runtimes may be apart where they compute in int8: five of the 255 levels from −1 to 1.

Each rounds in its own way: up to 3 levels were measured on recorded frames.
"""
TOLERANCES: dict[Variant, float] = {
    "float32": TOLERANCE,
    "float16": TOLERANCE,
    "dynamic": INT8_TOLERANCE,
    "int8": INT8_TOLERANCE,
}
_CHECK_TIMEOUT_S = 120
_BATCH = 64


def variant_names() -> tuple[Variant, ...]:
    """Return the variants there are, the usual one first."""
    return get_args(Variant)


def export(
    network: Any, path: Path, sample: Images, variant: Variant = "float32", calibration: Images | None = None
) -> None:
    """Write ``network``, a Keras model as ``models.contract`` wants it, to the file ``path``, without a card.

    Each TFLite runtime that is installed must give the same values for ``sample``, of a recurrent network one frame
    after the other: the network's own to 1e-4 in
    float32, where nothing is rounded; those of the first runtime to ``TOLERANCES`` in another ``variant``. For
    ``calibration`` see ``convert``. Raises TrainingError when one does not, OSError when the file cannot be written.
    """
    path.write_bytes(convert(network, variant, calibration))
    expected = network_values(network, sample) if variant == "float32" else model_values(path, sample)
    for runtime in installed_runtimes():
        check_values(path, sample, expected, runtime, TOLERANCES[variant])


def network_values(
    network: Any, images: Images | Sequence[NDArray[np.uint8]], begins: NDArray[np.bool_] | None = None
) -> Values:
    """Return what the Keras model gives for ``images``.

    A recurrent one is shown them one after the other; it has seen nothing before the first, and before those that
    ``begins`` says so of.
    """
    if is_recurrent(network):
        return np.array([values for values, _ in _steps(network, images, begins)], np.float32)
    starts = range(0, len(images), _BATCH)
    return np.concatenate([_commands(network({IMAGE_INPUT: np.asarray(images[at : at + _BATCH])})) for at in starts])


def _steps(
    network: Any, images: Iterable[NDArray[np.uint8]], begins: NDArray[np.bool_] | None = None
) -> Iterator[tuple[Values, Values]]:
    """Yield what a recurrent network gives for each of ``images``, and the state that it saw it in, 1 × values."""
    tf = import_tensorflow()
    nothing = np.zeros((1, network.output[STATE].shape[1]), np.float32)
    step, state = tf.function(network), nothing
    for number, image in enumerate(images):
        if begins is not None and begins[number]:
            state = nothing
        outputs = step({IMAGE_INPUT: tf.constant(image[np.newaxis]), STATE: tf.constant(state)})
        yield _commands(outputs)[0], state
        state = outputs[STATE].numpy()


def _commands(outputs: Mapping[str, Any]) -> Values:
    return np.stack([np.asarray(outputs[name])[:, 0] for name in OUTPUTS], axis=1)


def model_values(path: Path, images: Images, runtime: str = "") -> Values:
    """Return what the model file gives for ``images`` on the first runtime that is installed, or on the one named."""
    model = load_model(path, runtime)
    return np.array([model.run(image) for image in images], np.float32)


def convert(network: Any, variant: Variant = "float32", calibration: Images | None = None) -> bytes:
    """Return ``network`` as the content of a ``.tflite`` file: a batch of one, named inputs and outputs.

    ``int8`` needs ``calibration``, frames from which the range of each layer is read, and has no uncertainty: what is
    left of one in 255 levels is mostly the rounding. The same network and frames give the same bytes.
    """
    keras, tf = import_keras(), import_tensorflow()
    inputs = {
        name: tf.TensorSpec((1, *tensor.shape[1:]), tensor.dtype, name=name) for name, tensor in network.input.items()
    }
    archive = keras.export.ExportArchive()
    archive.track(network)
    names = [name for name in network.output if variant != "int8" or name != UNCERTAINTY]

    def serve(*values: Any) -> Any:
        outputs = network(dict(zip(inputs, values, strict=True)))
        return {name: outputs[name] for name in names}

    archive.add_endpoint("serve", serve, input_signature=list(inputs.values()))
    with tempfile.TemporaryDirectory() as folder, quiet(), warnings.catch_warnings():
        # The converter calibrates by TensorFlow's own interpreter, which warns of its end.
        warnings.simplefilter("ignore", UserWarning)
        archive.write_out(folder, verbose=False)
        converter = tf.lite.TFLiteConverter.from_saved_model(folder)
        _quantise(converter, network, variant, calibration)
        content: bytes = converter.convert()
    return content


def _quantise(converter: Any, network: Any, variant: Variant, calibration: Images | None) -> None:
    """Tell ``converter`` how to round; the inputs and outputs stay uint8 and float32 in each variant."""
    tf = import_tensorflow()
    if variant == "float32":
        return
    converter.optimizations = [tf.lite.Optimize.DEFAULT]
    if variant == "float16":
        converter.target_spec.supported_types = [tf.float16]
    elif variant == "dynamic":
        # With a scale for each row of a dense layer the file would need an operator that tflite-runtime 2.14 lacks.
        converter._experimental_disable_per_channel_quantization_for_dense_layers = True
    else:
        if calibration is None or not len(calibration):
            raise ValueError("int8 needs frames to calibrate with")
        converter.representative_dataset = lambda: _examples(network, calibration)
        converter.target_spec.supported_ops = [tf.lite.OpsSet.TFLITE_BUILTINS_INT8]


def _examples(network: Any, images: Images) -> Iterator[dict[str, NDArray[Any]]]:
    """Yield what a network is shown with each of ``images``, a recurrent one with the state of those before."""
    if not is_recurrent(network):
        yield from ({IMAGE_INPUT: image[np.newaxis]} for image in images)
        return
    for image, (_, state) in zip(images, _steps(network, images), strict=True):
        yield {IMAGE_INPUT: image[np.newaxis], STATE: state}


def check_values(
    path: Path,
    sample: Images,
    expected: Values,
    runtime: str,
    tolerance: float = TOLERANCE,
    *,
    python: str = sys.executable,
) -> None:
    """Raise TrainingError unless the model gives ``expected`` for ``sample`` on ``runtime`` to ``tolerance``.

    It runs in a process of its own: TensorFlow and tflite-runtime in one process break the latter. ``python`` may be
    the interpreter of another environment that has that runtime.
    """
    with tempfile.TemporaryDirectory() as folder:
        frames = Path(folder) / "frames.npy"
        np.save(frames, sample)
        command = [python, "-P", "-m", "training.export", str(path), str(frames), runtime]
        try:
            done = subprocess.run(command, capture_output=True, timeout=_CHECK_TIMEOUT_S, check=False)  # noqa: S603
        except subprocess.TimeoutExpired as error:
            raise TrainingError(f"{runtime} did not answer in {_CHECK_TIMEOUT_S} s. Export again.") from error
    if done.returncode != 0:
        reason = done.stderr.decode(errors="replace").strip().splitlines()[-1:] or ["no reason given"]
        raise TrainingError(f"{runtime} cannot run the exported model ({reason[0]}). Reinstall that package.")
    difference = float(np.max(np.abs(np.array(json.loads(done.stdout)) - expected)))
    if not difference <= tolerance:
        raise TrainingError(
            f"{runtime} gives values that differ by {difference:.2g} from the network's. "
            "Install the versions that Pocketpilot was tested with."
        )


def _print_values(path: str, frames: str, runtime: str) -> None:
    """Print what the model gives for each frame, as JSON."""
    sys.stdout.write(json.dumps(model_values(Path(path), np.load(frames), runtime).tolist()))


if __name__ == "__main__":
    _print_values(*sys.argv[1:])
