"""What a camera might also have seen: mirrored, lit differently, badly exposed, in shadow, blurred, noisy.

Works on whole batches inside tf.data. Pixels stay pixels: float32 in 0 … 255. Nothing is shifted: on recorded drives
each pixel of it cost 0.02 of the R² for steering, because where the road lies is what the steering is learned from.
"""

from __future__ import annotations

from typing import Any

from training.backend import import_tensorflow

CONTRAST = (0.75, 1.3)
BRIGHTNESS_LEVELS = 25.0
GAMMA_EXPONENT = (0.8, 1.25)
EXPOSURE_SHARE = 0.1
EXPOSURE_STOPS = 1.3
"""So far an image is over- or underexposed at most: of what is too bright for the sensor nothing is left."""
COLOUR_CAST = 0.06
SHADOW_DEPTH = 0.6
SHADOW_SHARE = 0.2
NOISE_LEVELS = 5.0
BLUR_SHARE = 0.125
BLUR_WIDTH = 1 / 16
"""The share of the picture's width that passes while the shutter is open, at most: a turn of 4° or so in a dim room."""


def augment(images: Any, seed: Any, frames: int = 1) -> Any:
    """Return ``images`` (uint8, batch × height × width × 3) varied, as float32.

    Their order is to be a random one: the first of them are those that are blurred. ``seed`` is an int32 tensor of two
    numbers; the same one gives the same variation. An image may be several ``frames`` of a drive, one below the other:
    they are varied alike, but for the noise.
    """
    tf = import_tensorflow()
    blur, light, shadow, noise = tf.unstack(tf.random.split(seed, num=4))
    images = _relight(_blur(images, blur), light)
    count, height, width, _ = tf.unstack(tf.shape(images))
    images = images * tf.tile(_shadows([count, height // frames, width], shadow), [1, frames, 1, 1])
    images = _add_noise(images, noise)
    return tf.clip_by_value(images, 0.0, 255.0)


def mirror(images: Any, labels: Any, seed: Any) -> tuple[Any, Any]:
    """Mirror half of the images, left to right, and negate the steering in their labels.

    Those are batch × 2, or batch × frames × 2 where an image is several frames; ``seed`` is as for ``augment``.
    """
    tf = import_tensorflow()
    flipped = tf.random.stateless_uniform([tf.shape(images)[0]], seed) < 0.5
    images = tf.where(flipped[:, None, None, None], tf.reverse(images, [2]), images)
    turned = tf.reshape(flipped, [-1] + [1] * (len(labels.shape) - 1))
    return images, tf.where(turned, labels * tf.constant([-1.0, 1.0]), labels)


def _blur(images: Any, seed: Any) -> Any:
    """Blur the first images of the batch sideways, each more or less, as a turn does while the shutter is open.

    The others are not computed at all: to blur every image and to keep some takes several times as long.
    """
    tf = import_tensorflow()
    count = tf.cast(tf.math.ceil(BLUR_SHARE * tf.cast(tf.shape(images)[0], tf.float32)), tf.int32)
    sharp = tf.cast(images[:count], tf.float32)
    passing = max(2, round(BLUR_WIDTH * images.shape[2]))
    blurred = tf.nn.avg_pool2d(sharp, [1, passing], 1, "SAME")
    mixed = sharp + (blurred - sharp) * _uniform([count, 1, 1, 1], seed, 0.0, 1.0)
    return tf.concat([tf.cast(tf.round(mixed), tf.uint8), images[count:]], 0)


def _relight(images: Any, seed: Any) -> Any:
    """Vary contrast, brightness and gamma of each image, and its colours a little; expose some of them badly."""
    tf = import_tensorflow()
    count = tf.shape(images)[0]
    contrast, brightness, gamma, cast, stops, shares = tf.unstack(tf.random.split(seed, num=6))
    levels = tf.range(256, dtype=tf.float32)[None, :]
    exposure = tf.pow(2.0, _uniform([count, 1], stops, -EXPOSURE_STOPS, EXPOSURE_STOPS))
    is_bad = _uniform([count, 1], shares, 0.0, 1.0) < EXPOSURE_SHARE
    levels = tf.where(is_bad, tf.minimum(levels * exposure, 255.0), levels)
    levels = (levels - 128.0) * _uniform([count, 1], contrast, *CONTRAST) + 128.0
    levels += _uniform([count, 1], brightness, -BRIGHTNESS_LEVELS, BRIGHTNESS_LEVELS)
    levels = tf.clip_by_value(levels, 0.0, 255.0) / 255.0
    # A table of 256 levels per image: a power per pixel would take longer than the training step.
    levels = 255.0 * tf.pow(levels, _uniform([count, 1], gamma, *GAMMA_EXPONENT))
    lit = tf.gather(levels, tf.cast(images, tf.int32), batch_dims=1)
    return lit * _uniform([count, 1, 1, 3], cast, 1.0 - COLOUR_CAST, 1.0 + COLOUR_CAST)


def _shadows(shape: Any, seed: Any) -> Any:
    """Return factors (batch × height × width × 1) that darken one side of a random line in some of the images."""
    tf = import_tensorflow()
    count, height, width = shape[0], shape[1], shape[2]
    angles, places, depths, shares = tf.unstack(tf.random.split(seed, num=4))
    angle = _uniform([count, 1, 1, 1], angles, 0.0, 6.2832)
    rows = tf.linspace(-1.0, 1.0, height)[None, :, None, None]
    columns = tf.linspace(-1.0, 1.0, width)[None, None, :, None]
    side = rows * tf.sin(angle) + columns * tf.cos(angle) > _uniform([count, 1, 1, 1], places, -0.7, 0.7)
    present = _uniform([count, 1, 1, 1], shares, 0.0, 1.0) < SHADOW_SHARE
    return tf.where(side & present, _uniform([count, 1, 1, 1], depths, 1.0 - SHADOW_DEPTH, 1.0), 1.0)


def _add_noise(images: Any, seed: Any) -> Any:
    """Add one pattern of noise to the batch, stronger or weaker, or negative, for each image."""
    tf = import_tensorflow()
    pattern, strength = tf.unstack(tf.random.split(seed, num=2))
    shape = tf.shape(images)
    noise = tf.random.stateless_normal(tf.concat([[1], shape[1:]], 0), pattern)
    return images + noise * _uniform([shape[0], 1, 1, 1], strength, -NOISE_LEVELS, NOISE_LEVELS)


def _uniform(shape: Any, seed: Any, low: float, high: float) -> Any:
    return import_tensorflow().random.stateless_uniform(shape, seed, low, high)
