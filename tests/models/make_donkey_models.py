"""Writes pilots as Donkey Car's versions do, tiny ones; run as a program of its own, as ``make_models`` is.

A version is a way of naming: 5.3's signature has the layers' names, 5.4's comes from Keras 3 and numbers the outputs,
and older converters wrote no signature and named the tensors in one of two ways. Each pilot steers by the brightness of
the left half and takes that of the right half for its throttle, so that outputs which are mixed up are seen.
"""

from __future__ import annotations

import os
import sys
from pathlib import Path
from typing import Any

HEIGHT, WIDTH = 24, 32
STEERING_BINS, THROTTLE_BINS = 15, 20


def write_models(folder: Path) -> None:
    os.environ["TF_CPP_MIN_LOG_LEVEL"] = "3"
    import keras
    import tensorflow as tf
    from tensorflow.lite.tools import flatbuffer_utils

    frame = tf.TensorSpec((1, HEIGHT, WIDTH, 3), tf.float32, name="img_in")

    def halves(image: Any) -> tuple[Any, Any]:
        """The brightness of both halves, as the network's own shares of full brightness."""
        left, right = image[:, :, : WIDTH // 2], image[:, :, WIDTH // 2 :]
        return tuple(tf.reshape(tf.reduce_mean(half), (1, 1)) for half in (left, right))

    def peak(place: Any, bins: int) -> Any:
        """Shares with the greatest one where ``place``, in 0 … 1, is among the bins."""
        return tf.nn.softmax(-tf.square(tf.range(bins, dtype=tf.float32)[None] - place * (bins - 1)))

    def linear(img_in: Any) -> dict[str, Any]:
        left, right = halves(img_in)
        return {"n_outputs0": 2.0 * left, "n_outputs1": right}

    def categorical(img_in: Any) -> dict[str, Any]:
        left, right = halves(img_in)
        return {"angle_out": peak(left, STEERING_BINS), "throttle_out": peak(right, THROTTLE_BINS)}

    def not_numbers(img_in: Any) -> dict[str, Any]:
        """Shares that are NaN in a dark frame."""
        return {name: share * tf.math.log(halves(img_in)[0]) for name, share in categorical(img_in).items()}

    def with_signature(name: str, function: Any, *inputs: Any) -> None:
        module = tf.Module()
        module.serve = tf.function(function, input_signature=inputs)
        saved = folder / "saved" / name
        tf.saved_model.save(module, str(saved), signatures={"serving_default": module.serve})
        (folder / f"{name}.tflite").write_bytes(tf.lite.TFLiteConverter.from_saved_model(str(saved)).convert())

    def without_signature(name: str, function: Any) -> None:
        concrete = tf.function(lambda img_in: tuple(function(img_in).values()), input_signature=[frame])
        converter = tf.lite.TFLiteConverter.from_concrete_functions([concrete.get_concrete_function()])
        (folder / f"{name}.tflite").write_bytes(converter.convert())

    def stripped(name: str, of: str) -> None:
        """Write a model without its signature: its tensors keep their names."""
        model = flatbuffer_utils.read_model(str(folder / f"{of}.tflite"))
        model.signatureDefs = []
        flatbuffer_utils.write_model(model, str(folder / f"{name}.tflite"))

    def with_numbers(name: str, shares: Any) -> None:
        image = keras.Input((HEIGHT, WIDTH, 3), name="img_in")
        half = keras.layers.AveragePooling2D((HEIGHT, WIDTH // 2))(image)
        grey = keras.layers.Flatten()(
            keras.layers.Conv2D(1, 1, kernel_initializer=keras.initializers.Constant(1 / 3))(half)
        )
        outputs = keras.layers.Lambda(shares)(grey)
        converter = tf.lite.TFLiteConverter.from_keras_model(keras.Model(image, outputs))
        (folder / f"{name}.tflite").write_bytes(converter.convert())

    with_signature("linear-5.3", linear, frame)
    with_signature("categorical-5.3", categorical, frame)
    without_signature("linear-2020", linear)
    without_signature("categorical-2020", categorical)
    with_numbers("linear-5.4", lambda grey: [2.0 * grey[:, :1], grey[:, 1:]])
    with_numbers("categorical-5.4", lambda grey: [peak(grey[:, :1], STEERING_BINS), peak(grey[:, 1:], THROTTLE_BINS)])
    for kind in ("linear", "categorical"):
        stripped(f"{kind}-2021", f"{kind}-5.4")
    with_signature("not-numbers", not_numbers, frame)

    memory = tf.TensorSpec((1, 6), tf.float32, name="mem_in")
    measured = tf.TensorSpec((1, 6), tf.float32, name="imu_in")
    wanted = tf.TensorSpec((1, 2), tf.float32, name="xbehavior_in")
    frames = tf.TensorSpec((1, 3, HEIGHT, WIDTH, 3), tf.float32, name="img_in")
    grey = tf.TensorSpec((1, HEIGHT, WIDTH, 1), tf.float32, name="img_in")

    def beside(img_in: Any, other: Any) -> dict[str, Any]:
        return {name: value + 0.0 * tf.reduce_sum(other) for name, value in linear(img_in).items()}

    with_signature("memory", lambda img_in, mem_in: beside(img_in, mem_in), frame, memory)
    with_signature("imu", lambda img_in, imu_in: beside(img_in, imu_in), frame, measured)
    with_signature("behavior", lambda img_in, xbehavior_in: beside(img_in, xbehavior_in), frame, wanted)
    with_signature("inferred", lambda img_in: {"n_outputs0": linear(img_in)["n_outputs0"]}, frame)
    with_signature("localizer", lambda img_in: {**linear(img_in), "zloc": 0.5 * halves(img_in)[0]}, frame)
    with_signature("rnn", lambda img_in: {"model_outputs": tf.reshape(tf.reduce_mean(img_in), (1, 1))}, frames)
    with_signature("grey", linear, grey)
    with_signature("others", lambda img_in: {"first": halves(img_in)[0], "second": halves(img_in)[1]}, frame)
    with_signature(
        "ten_bins", lambda img_in: {"angle_out": peak(halves(img_in)[0], 10), "throttle_out": halves(img_in)[1]}, frame
    )


if __name__ == "__main__":
    write_models(Path(sys.argv[1]))
