"""From a Keras model to a ``.tflite`` file that gives the same values on every runtime that is installed."""

from __future__ import annotations

import json
import subprocess
import sys
import tempfile
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from car.errors import TrainingError
from models.contract import IMAGE_INPUT, OUTPUTS
from models.runtime import installed_runtimes, quiet
from training.backend import import_keras, import_tensorflow

TOLERANCE = 1e-4
_CHECK_TIMEOUT_S = 120


def export(network: Any, path: Path, sample: NDArray[np.uint8]) -> None:
    """Write ``network``, a Keras model as ``models.contract`` wants it, to the file ``path``, without a card.

    Each TFLite runtime that is installed must give the network's own values for ``sample`` (frames × height × width ×
    3) to 1e-4. Raises TrainingError when one does not, OSError when the file cannot be written.
    """
    outputs = network({IMAGE_INPUT: sample})
    expected = np.stack([np.asarray(outputs[name])[:, 0] for name in OUTPUTS], axis=1)
    path.write_bytes(convert(network))
    for runtime in installed_runtimes():
        check_values(path, sample, expected, runtime)


def convert(network: Any) -> bytes:
    """Return ``network`` as the content of a ``.tflite`` file: float32, batch of one, named inputs and outputs."""
    keras, tf = import_keras(), import_tensorflow()
    shape = (1, *network.inputs[0].shape[1:])
    archive = keras.export.ExportArchive()
    archive.track(network)
    archive.add_endpoint(
        "serve",
        lambda image: network({IMAGE_INPUT: image}),
        input_signature=[tf.TensorSpec(shape, tf.uint8, name=IMAGE_INPUT)],
    )
    with tempfile.TemporaryDirectory() as folder, quiet():
        archive.write_out(folder, verbose=False)
        content: bytes = tf.lite.TFLiteConverter.from_saved_model(folder).convert()
    return content


def check_values(path: Path, sample: NDArray[np.uint8], expected: NDArray[np.float32], runtime: str) -> None:
    """Raise TrainingError unless the model gives ``expected`` (frames × 2) for ``sample`` on ``runtime`` to 1e-4.

    It runs in a process of its own: TensorFlow and tflite-runtime in one process break the latter.
    """
    with tempfile.TemporaryDirectory() as folder:
        frames = Path(folder) / "frames.npy"
        np.save(frames, sample)
        command = [sys.executable, "-P", "-m", "training.export", str(path), str(frames), runtime]
        try:
            done = subprocess.run(command, capture_output=True, timeout=_CHECK_TIMEOUT_S, check=False)  # noqa: S603
        except subprocess.TimeoutExpired as error:
            raise TrainingError(f"{runtime} did not answer in {_CHECK_TIMEOUT_S} s. Export again.") from error
    if done.returncode != 0:
        reason = done.stderr.decode(errors="replace").strip().splitlines()[-1:] or ["no reason given"]
        raise TrainingError(f"{runtime} cannot run the exported model ({reason[0]}). Reinstall that package.")
    difference = float(np.max(np.abs(np.array(json.loads(done.stdout)) - expected)))
    if not difference <= TOLERANCE:
        raise TrainingError(
            f"{runtime} gives values that differ by {difference:.2g} from the network's. "
            "Install the versions that Pocketpilot was tested with."
        )


def _print_values(path: str, frames: str, runtime: str) -> None:
    """Print what the model gives for each frame, as JSON."""
    from models.loader import load_model

    model = load_model(Path(path), runtime)
    sys.stdout.write(json.dumps([model.run(image) for image in np.load(frames)]))


if __name__ == "__main__":
    _print_values(*sys.argv[1:])
