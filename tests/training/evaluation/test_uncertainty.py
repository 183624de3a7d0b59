"""How much of a drive a pilot would have been unsure of, counted as on the car."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from hardware.camera import CameraGeometry
from hardware.clock import NS_PER_S
from tests.models.conftest import tiny_models
from tests.models.make_models import HEIGHT, WIDTH
from training.dataset import Dataset, Recording
from training.evaluation.uncertainty import unsure_share

__all__ = ["tiny_models"]

FRAMES = 300
DARK_FROM = 150


@pytest.fixture
def dataset() -> Dataset:
    """Return fifteen seconds of a drive, the second half of which is in the dark."""
    images = np.full((FRAMES, HEIGHT, WIDTH, 3), 102, np.uint8)
    images[DARK_FROM:] = 0
    images[20] = 0
    times_ns = np.arange(FRAMES, dtype=np.int64) * (NS_PER_S // 20)
    labels, origins = np.zeros((FRAMES, 2), np.float32), np.zeros(FRAMES, np.uint8)
    camera = CameraGeometry(WIDTH, HEIGHT)
    return Dataset((Recording("dusk", "5a5e", camera, images, labels, times_ns, origins),), HEIGHT, WIDTH)


def test_a_dark_half_is_unsure_and_one_dark_frame_is_not(dataset: Dataset, tiny_models: Path) -> None:
    share = unsure_share(tiny_models / "unsure.tflite", dataset, [np.arange(FRAMES)])
    # It is averaged, and so takes a few frames to be sure of that.
    assert share == pytest.approx(0.5, abs=0.05)
    assert unsure_share(tiny_models / "unsure.tflite", dataset, [np.arange(DARK_FROM)]) == 0.0


def test_without_frames_there_is_nothing_to_be_unsure_of(dataset: Dataset, tiny_models: Path) -> None:
    assert unsure_share(tiny_models / "unsure.tflite", dataset, [np.arange(0)]) == 0.0


def test_a_model_that_cannot_tell_has_no_share(dataset: Dataset, tiny_models: Path) -> None:
    assert unsure_share(tiny_models / "good.tflite", dataset, [np.arange(FRAMES)]) is None
