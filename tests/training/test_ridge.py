"""A linear model is fitted in seconds, and tells whether mirrored frames suit what was recorded."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest
from numpy.typing import NDArray

from hardware.camera import CameraGeometry
from hardware.clock import NS_PER_S
from training.dataset import Dataset, Recording
from training.ridge import Features, fit_ridge, mirroring_suits, predict_by_the_rest
from training.split import Split, split_recordings

SECONDS, RATE_HZ = 60, 10
HEIGHT, WIDTH = 36, 48


def drive_of(images: NDArray[np.uint8], steering: NDArray[np.float64]) -> tuple[Dataset, Split]:
    """Return a dataset of one recording and its split."""
    labels = np.stack((steering, np.full(len(images), 0.3)), axis=1).astype(np.float32)
    captured_ns = np.arange(len(images), dtype=np.int64) * (NS_PER_S // RATE_HZ)
    recording = Recording("drive", "", CameraGeometry(), images, labels, captured_ns, np.zeros(len(labels), np.uint8))
    return Dataset((recording,), HEIGHT, WIDTH), split_recordings([captured_ns])


def lanes(seed: int, *, window: bool = False) -> tuple[Dataset, Split]:
    """Return a drive along a bright line, to the middle of which the driver steers.

    With a ``window``, there is no line: how high the window is seen straight ahead tells which way the bend goes.
    """
    rng = np.random.default_rng(seed)
    count = SECONDS * RATE_HZ
    steering = np.sin(np.arange(count) / 9.0 + seed) * 0.8
    images = rng.integers(40, 60, (count, HEIGHT, WIDTH, 3)).astype(np.uint8)
    for image, wanted in zip(images, steering, strict=True):
        if window:
            # The mirrored picture is the same, and would be said to be of a bend to the other side.
            top = round(12 + 12 * wanted)
            image[top : top + 6, WIDTH // 2 - 4 : WIDTH // 2 + 4] = 220
        else:
            middle = round(WIDTH / 2 + wanted * WIDTH / 3)
            image[20:, middle - 2 : middle + 2] = 220
    return drive_of(images, steering)


@pytest.mark.parametrize("features", ["grey", "random convolutions"])
def test_a_line_is_followed_after_seconds_of_fitting(features: Features) -> None:
    dataset, split = lanes(1)
    ridge = fit_ridge(dataset, split.train, split.validation, features)
    assert ridge.validation_r2 > 0.9
    tested = split.test[0]
    given = ridge.predict(dataset.recordings[0].images[tested])
    assert np.abs(given[:, 0] - dataset.recordings[0].labels[tested, 0]).mean() < 0.1
    assert given[:, 1] == pytest.approx(0.3, abs=0.05)


def test_a_line_looks_the_same_from_the_other_side_and_a_window_does_not() -> None:
    for seed in (1, 2):
        dataset, split = lanes(seed)
        assert mirroring_suits(dataset, split.train, split.validation)
        dataset, split = lanes(seed, window=True)
        assert not mirroring_suits(dataset, split.train, split.validation)


def test_labels_that_never_change_explain_nothing() -> None:
    dataset, split = lanes(1)
    for steering in (0.0, 0.3):
        still = drive_of(dataset.recordings[0].images, np.full(SECONDS * RATE_HZ, steering))[0]
        assert np.isnan(fit_ridge(still, split.train, split.validation).validation_r2)
        assert mirroring_suits(still, split.train, split.validation)


def test_frames_are_answered_alike_however_many_there_are(monkeypatch: pytest.MonkeyPatch) -> None:
    dataset, split = lanes(1)
    ridge = fit_ridge(dataset, split.train, split.validation)
    monkeypatch.setattr("training.ridge._BATCH", 7)
    tested = ridge.predict(dataset.recordings[0].images[split.test[0]])
    assert ridge.predict_all(dataset, split.test) == pytest.approx(tested)


def test_the_same_frames_give_the_same_ridge() -> None:
    dataset, split = lanes(3)
    first, second = (fit_ridge(dataset, split.train, split.validation) for _ in range(2))
    assert (first.weights == second.weights).all()


@pytest.mark.parametrize("features", ["grey", "random convolutions"])
def test_each_part_of_a_drive_is_predicted_by_the_rest(features: Features) -> None:
    (recording,), everything = lanes(1)[0].recordings, np.arange(SECONDS * RATE_HZ)
    given = predict_by_the_rest([longer(recording)], [np.arange(3 * len(everything))], features)
    assert given is not None
    assert np.abs(given[:, 0] - longer(recording).labels[:, 0]).mean() < 0.15


def test_what_was_driven_on_a_frame_has_no_say_in_what_is_predicted_for_it() -> None:
    recording = longer(lanes(2)[0].recordings[0])
    last = np.arange(len(recording.labels) * 4 // 5, len(recording.labels))
    other = recording.labels.copy()
    other[last] *= -1.0
    one, another = (
        predict_by_the_rest([replace(recording, labels=labels)], [last], "grey") for labels in (recording.labels, other)
    )
    assert one is not None
    assert another is not None
    assert np.array_equal(one, another)


def test_of_too_short_a_drive_nothing_is_predicted() -> None:
    recording = lanes(1)[0].recordings[0]
    assert predict_by_the_rest([recording], [np.arange(50)]) is None


def longer(recording: Recording) -> Recording:
    """Return three such drives, one after the other, in one."""
    count = 3 * len(recording.labels)
    return replace(
        recording,
        images=np.concatenate([recording.images] * 3),
        labels=np.concatenate([recording.labels] * 3),
        captured_ns=np.arange(count, dtype=np.int64) * (NS_PER_S // RATE_HZ),
        origins=np.zeros(count, np.uint8),
    )
