"""Augmented pixels stay pixels, and a mirrored road bends the other way."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

from tests.training.drives import draw
from training.augment import augment, mirror

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
        augmented = augment(images, LABELS, seed(number))[0].numpy()
        assert augmented.shape == images.shape
        assert augmented.dtype == np.float32
        assert np.isfinite(augmented).all()
        assert augmented.min() >= 0
        assert augmented.max() <= 255


def test_the_road_is_still_in_the_picture() -> None:
    steering = RANDOM.uniform(-0.9, 0.9, 64).astype(np.float32)
    images = np.stack([draw(float(value), floor=40) for value in steering])
    augmented, labels = (tensor.numpy() for tensor in augment(images, np.stack([steering, steering], 1), seed(3)))
    for image, label in zip(augmented, labels, strict=True):
        columns = image[20:].mean((0, 2))
        shown = 2 * float(np.argmax(np.convolve(columns, np.ones(9), "same"))) / (len(columns) - 1) - 1
        assert shown == pytest.approx(float(label[0]), abs=0.2)


def test_images_of_one_batch_vary_apart_and_every_batch_anew() -> None:
    images = np.full((64, 20, 30, 3), 120, np.uint8)
    first = augment(images, LABELS, seed(1))[0].numpy()
    assert np.ptp(first.mean((1, 2, 3))) > 30
    assert not np.array_equal(first, augment(images, LABELS, seed(2))[0].numpy())


def test_the_same_seed_gives_the_same_pixels() -> None:
    first, second = (augment(IMAGES, LABELS, seed(7)) for _ in range(2))
    assert np.array_equal(first[0], second[0])
    assert np.array_equal(first[1], second[1])
