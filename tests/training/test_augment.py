"""Augmented pixels stay pixels, and a mirrored road bends the other way."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

from tests.training.drives import draw
from training.augment import BLUR_SHARE, augment, mirror

pytestmark = pytest.mark.usefixtures("needs_keras")

RANDOM = np.random.default_rng(0)
IMAGES = RANDOM.integers(0, 256, (64, 20, 30, 3), np.uint8)
LABELS = RANDOM.uniform(-1, 1, (64, 2)).astype(np.float32)


def seed(number: int) -> Any:
    return np.array([0, number], np.int32)


def test_a_mirrored_image_has_its_steering_negated_and_its_throttle_kept() -> None:
    images, labels = (tensor.numpy() for tensor in mirror(IMAGES, LABELS, seed(1)))
    flipped = [bool((image == original[:, ::-1]).all()) for image, original in zip(images, IMAGES, strict=True)]
    for index, is_flipped in enumerate(flipped):
        assert np.array_equal(images[index], IMAGES[index, :, ::-1] if is_flipped else IMAGES[index])
        assert labels[index].tolist() == (LABELS[index] * ([-1, 1] if is_flipped else [1, 1])).tolist()
    assert 16 < sum(flipped) < 48


def test_what_is_mirrored_shows_its_new_steering() -> None:
    steering = np.linspace(-0.8, 0.8, 64, dtype=np.float32)
    images = np.stack([draw(float(value)) for value in steering])
    mirrored, labels = (tensor.numpy() for tensor in mirror(images, np.stack([steering, steering], 1), seed(2)))
    for image, label in zip(mirrored, labels, strict=True):
        assert np.abs(image.astype(int) - draw(float(label[0]))).mean() < 8


@pytest.mark.parametrize("number", range(20))
def test_pixels_stay_pixels(number: int) -> None:
    for images in (IMAGES, np.zeros_like(IMAGES), np.full_like(IMAGES, 255)):
        augmented = augment(images, seed(number)).numpy()
        assert augmented.shape == images.shape
        assert augmented.dtype == np.float32
        assert np.isfinite(augmented).all()
        assert augmented.min() >= 0
        assert augmented.max() <= 255


def test_the_road_is_still_in_the_picture() -> None:
    steering = RANDOM.uniform(-0.9, 0.9, 64).astype(np.float32)
    images = np.stack([draw(float(value), floor=40) for value in steering])
    for image, label in zip(augment(images, seed(3)).numpy(), steering, strict=True):
        columns = image[20:].mean((0, 2))
        shown = 2 * float(np.argmax(np.convolve(columns, np.ones(9), "same"))) / (len(columns) - 1) - 1
        assert shown == pytest.approx(float(label), abs=0.2)


def test_images_of_one_batch_vary_apart_and_every_batch_anew() -> None:
    images = np.full((64, 20, 30, 3), 120, np.uint8)
    first = augment(images, seed(1)).numpy()
    assert np.ptp(first.mean((1, 2, 3))) > 30
    assert not np.array_equal(first, augment(images, seed(2)).numpy())


def test_the_same_seed_gives_the_same_pixels() -> None:
    first, second = (augment(IMAGES, seed(7)).numpy() for _ in range(2))
    assert np.array_equal(first, second)


def test_some_images_are_blurred_sideways_and_none_upwards() -> None:
    stripes = np.tile(np.array([40, 160], np.uint8).repeat(2), 16)[:, None]
    upright = np.broadcast_to(stripes[None, None], (64, 48, 64, 3))
    lying = np.broadcast_to(stripes[None, :, None], (64, 64, 48, 3))
    contrast = {}
    for name, images in (("upright", upright), ("lying", lying)):
        batches = np.stack([augment(images, seed(number)).numpy() for number in range(6)])
        blurred = batches[:, : round(64 * BLUR_SHARE)]
        contrast[name] = blurred.std((2, 3, 4)).mean() / batches[:, len(blurred[0]) :].std((2, 3, 4)).mean()
    assert contrast["upright"] < 0.8
    assert contrast["lying"] > 0.85


def test_some_images_are_too_dark_or_too_bright_and_most_are_not() -> None:
    # What no other variation does to a bright and to a dark image.
    bright, dark = (
        np.concatenate([augment(np.full_like(IMAGES, level), seed(number)).numpy() for number in range(10)]).max(
            (1, 2, 3)
        )
        for level in (200, 80)
    )
    assert 0 < (bright < 115).sum() < 64
    assert 0 < (dark > 180).sum() < 64
