"""Writes the models that the tests load; run as a program of its own, so that no test process imports TensorFlow.

Each is a constant function of its image's mean, made directly from a SavedModel signature.
"""

from __future__ import annotations

import os
import sys
from pathlib import Path
from typing import Any

HEIGHT, WIDTH = 24, 32


def write_models(folder: Path) -> None:
    os.environ["TF_CPP_MIN_LOG_LEVEL"] = "3"
    import tensorflow as tf

    frame = tf.TensorSpec((1, HEIGHT, WIDTH, 3), tf.uint8, name="image")
    floats = tf.TensorSpec((1, HEIGHT, WIDTH, 3), tf.float32, name="image")
    pair = tf.TensorSpec((2, HEIGHT, WIDTH, 3), tf.uint8, name="image")
    other_name = tf.TensorSpec((1, HEIGHT, WIDTH, 3), tf.uint8, name="img_in")
    state = tf.TensorSpec((1, 2), tf.float32, name="state")

    def commands(image: Any) -> dict[str, Any]:
        """Left half's brightness steers left, the right half's right; the whole is the throttle."""
        grey = tf.reduce_mean(tf.cast(image, tf.float32), [0, 1, 3])[None, :] / 255.0
        left, right = tf.reduce_mean(grey[:, : WIDTH // 2]), tf.reduce_mean(grey[:, WIDTH // 2 :])
        return {"steering": tf.reshape(right - left, (1, 1)), "throttle": tf.reshape((left + right) / 2, (1, 1))}

    def broken(image: Any) -> dict[str, Any]:
        """NaN and far out of range."""
        out = commands(image)
        return {"steering": tf.math.log(out["steering"] - 2.0), "throttle": 5.0 * out["throttle"] + 2.0}

    def recurrent(image: Any, state: Any) -> dict[str, Any]:
        """Steering counts the frames seen."""
        return {**commands(image), "steering": (state[:, :1] + 1.0) / 10.0, "state": state + 1.0}

    def renamed(image: Any) -> dict[str, Any]:
        out = commands(image)
        return {"angle": out["steering"], "throttle": out["throttle"]}

    def grid(image: Any) -> dict[str, Any]:
        out = commands(image)
        return {"steering": tf.tile(out["steering"], (1, 15)), "throttle": out["throttle"]}

    def unsure(image: Any) -> dict[str, Any]:
        """The darker, the less it knows."""
        out = commands(image)
        return {**out, "uncertainty": 2.0 - 4.0 * out["throttle"]}

    def unsure_of_two(image: Any) -> dict[str, Any]:
        out = commands(image)
        return {**out, "uncertainty": tf.tile(out["throttle"], (1, 2))}

    cases: dict[str, tuple[Any, list[Any]]] = {
        "good": (commands, [frame]),
        "broken": (broken, [frame]),
        "recurrent": (recurrent, [frame, state]),
        "unsure": (unsure, [frame]),
        "unsure_of_two": (unsure_of_two, [frame]),
        "float_input": (commands, [floats]),
        "batch_of_two": (commands, [pair]),
        "renamed_outputs": (renamed, [frame]),
        "fifteen_steerings": (grid, [frame]),
        "renamed_input": (lambda img_in: commands(img_in), [other_name]),
    }
    for name, (function, inputs) in cases.items():
        module = tf.Module()
        module.serve = tf.function(function, input_signature=inputs)
        saved = folder / "saved" / name
        tf.saved_model.save(module, str(saved), signatures={"serving_default": module.serve})
        converter = tf.lite.TFLiteConverter.from_saved_model(str(saved))
        (folder / f"{name}.tflite").write_bytes(converter.convert())


if __name__ == "__main__":
    write_models(Path(sys.argv[1]))
