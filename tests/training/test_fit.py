"""Training learns what the driver did, the same way every time."""

from __future__ import annotations

import math
from dataclasses import replace
from typing import Any

import numpy as np
import pytest

from car.errors import TrainingError
from hardware.camera import CameraGeometry
from models.contract import OUTPUTS
from tests.training.drives import draw, write_drive
from training.dataset import Dataset, load_dataset
from training.fit import HUBER_DELTA, Fitted, TrainSettings, fit, training_batches
from training.lead import with_lead
from training.networks.binned import CENTRES
from training.networks.steering import CORE, NetworkName, network_names
from training.progress import Progress
from training.split import Split, split_recordings

pytestmark = pytest.mark.usefixtures("needs_keras")

SHORT = TrainSettings(epochs=2, batch_size=32)
QUICK = replace(SHORT, mirror=False)


@pytest.fixture(scope="module")
def drive(needs_keras: None, tmp_path_factory: pytest.TempPathFactory) -> tuple[Dataset, Split]:
    dataset = load_dataset([write_drive(tmp_path_factory.mktemp("car") / "monday.mcap", frames=300)])
    return dataset, split_recordings([recording.captured_ns for recording in dataset.recordings])


def answers(fitted: Fitted) -> list[float]:
    frames = np.stack([draw(steering) for steering in (-0.8, -0.3, 0.0, 0.3, 0.8)])
    values: list[float] = fitted.network({"image": frames})["steering"].numpy()[:, 0].tolist()
    return values


def test_the_network_steers_to_where_the_bar_stands(drive: tuple[Dataset, Split]) -> None:
    fitted = fit(*drive, TrainSettings(epochs=15, batch_size=16, learning_rate=2e-3))
    assert answers(fitted) == pytest.approx([-0.8, -0.3, 0.0, 0.3, 0.8], abs=0.25)
    assert 1 <= fitted.best_epoch <= fitted.epochs <= 15
    assert fitted.images_per_cpu_s > 0


def test_the_seed_decides_everything(drive: tuple[Dataset, Split]) -> None:
    first, again = (answers(fit(*drive, SHORT)) for _ in range(2))
    assert first == pytest.approx(again, abs=1e-4)
    assert first != pytest.approx(answers(fit(*drive, TrainSettings(epochs=2, batch_size=32, seed=1))), abs=1e-3)


def test_displaced_views_are_learned_from_too(drive: tuple[Dataset, Split]) -> None:
    plain = fit(*drive, SHORT)
    with_views = fit(*drive, replace(SHORT, displaced_views=0.5))
    assert answers(with_views) != pytest.approx(answers(plain), abs=1e-3)


def test_a_share_of_views_that_is_none_is_refused() -> None:
    with pytest.raises(TrainingError, match="no share"):
        TrainSettings(displaced_views=1.5)


def test_validation_frames_are_not_learned_from(drive: tuple[Dataset, Split]) -> None:
    dataset, split = drive
    (recording,) = dataset.recordings
    (held_out,) = split.validation
    labels = recording.labels.copy()
    labels[held_out] = 1.0
    changed = replace(dataset, recordings=(replace(recording, labels=labels),))
    settings = TrainSettings(epochs=1, batch_size=32)
    assert answers(fit(changed, split, settings)) == pytest.approx(answers(fit(dataset, split, settings)), abs=1e-4)


def test_training_stops_when_validation_gets_no_better_and_takes_the_best_weights(drive: tuple[Dataset, Split]) -> None:
    dataset, split = drive
    (recording,) = dataset.recordings
    labels = recording.labels.copy()
    # What is learned is wrong for validation: its first epoch stays the best or nearly so.
    labels[split.train[0]] *= -1
    changed = replace(dataset, recordings=(replace(recording, labels=labels),))
    fitted = fit(changed, split, TrainSettings(epochs=30, batch_size=16, learning_rate=3e-3, patience=2))
    assert fitted.epochs == fitted.best_epoch + 2 < 30
    (held_out,) = split.validation
    outputs = fitted.network({"image": recording.images[held_out]})
    errors = [outputs[name].numpy()[:, 0] - labels[held_out, index] for index, name in enumerate(OUTPUTS)]
    assert sum(np.mean(error**2) for error in errors) == pytest.approx(fitted.validation_loss, rel=0.02)


def test_progress_counts_every_step_and_ends_with_nothing_left(drive: tuple[Dataset, Split]) -> None:
    told: list[Progress] = []
    fit(*drive, SHORT, told.append)
    assert {item.stage for item in told} == {"train"}
    assert told[-1].done == told[-1].total == 2 * math.ceil(len(drive[1].train[0]) / SHORT.batch_size)
    assert told[-1].seconds_left == 0.0
    assert told[-1].note.startswith("epoch 2: loss 0.")


def test_a_training_that_diverges_says_so(drive: tuple[Dataset, Split]) -> None:
    with pytest.raises(TrainingError, match="diverged"):
        fit(*drive, TrainSettings(epochs=3, batch_size=32, learning_rate=1e30))


@pytest.mark.parametrize(
    "wrong",
    [
        {"epochs": 0},
        {"batch_size": -1},
        {"patience": 0},
        {"learning_rate": 0.0},
        {"seed": -1},
        {"seed": 2**31},
        {"network": "huge"},
        {"loss": "mae"},
        {"lead_ms": -1},
        {"lead_ms": 1001},
    ],
)
def test_a_setting_that_no_training_can_use_is_refused_before_it_starts(wrong: dict[str, Any]) -> None:
    with pytest.raises(TrainingError, match="Give "):
        TrainSettings(**wrong)


def errors_of(fitted: Fitted, part: Any) -> Any:
    (recording,) = fitted.dataset.recordings
    outputs = fitted.network({"image": recording.images[part]})
    return np.abs(np.stack([outputs[name].numpy()[:, 0] for name in OUTPUTS], 1) - recording.labels[part])


def test_hubers_loss_is_linear_for_labels_that_are_far_off(drive: tuple[Dataset, Split]) -> None:
    dataset, split = drive
    (recording,) = dataset.recordings
    labels = recording.labels.copy()
    labels[split.validation[0][::2]] = -1.0
    changed = replace(dataset, recordings=(replace(recording, labels=labels),))
    fitted = fit(changed, split, replace(QUICK, loss="huber"))
    errors = errors_of(fitted, split.validation[0])
    assert 0.2 < (errors > HUBER_DELTA).mean() < 0.8
    huber = np.where(errors <= HUBER_DELTA, errors**2 / 2, HUBER_DELTA * (errors - HUBER_DELTA / 2))
    assert huber.mean(axis=0).sum() == pytest.approx(fitted.validation_loss, rel=0.02)


def test_a_network_with_bins_gives_the_steering_that_is_to_be_expected(drive: tuple[Dataset, Split]) -> None:
    fitted = fit(*drive, TrainSettings(epochs=15, batch_size=16, learning_rate=2e-3, loss="binned", mirror=False))
    assert answers(fitted) == pytest.approx([-0.8, -0.3, 0.0, 0.3, 0.8], abs=0.25)
    # Nothing was learned of what a bin stands for.
    assert np.array_equal(fitted.network.get_layer(CORE).get_layer("steering").get_weights()[0][:, 0], CENTRES)


def test_what_leads_is_learned_and_judged_by(drive: tuple[Dataset, Split]) -> None:
    dataset, split = drive
    fitted = fit(dataset, split, replace(QUICK, lead_ms=200))
    led, left = with_lead(dataset, split, 200)
    assert fitted.split.words == left.words
    assert np.array_equal(fitted.dataset.recordings[0].labels, led.recordings[0].labels)
    assert answers(fitted) == pytest.approx(answers(fit(led, left, QUICK)), abs=1e-4)


def test_a_rate_that_does_not_decay_teaches_something_else(drive: tuple[Dataset, Split]) -> None:
    constant = fit(*drive, replace(QUICK, decays=False))
    assert answers(constant) != pytest.approx(answers(fit(*drive, QUICK)), abs=1e-3)


def drawn(steering: Any, settings: TrainSettings) -> list[tuple[Any, float]]:
    """Return the images of an epoch, which all have the level 100 * steering + 100, and their steering."""
    images = np.broadcast_to((100 + 100 * steering).astype(np.uint8)[:, None, None, None], (len(steering), 8, 16, 3))
    labels = np.stack([steering, steering], 1).astype(np.float32)
    batches = training_batches(np.ascontiguousarray(images), labels, settings).take(
        len(steering) // settings.batch_size
    )
    return [
        (image, float(label[0]))
        for images, named in batches.as_numpy_iterator()
        for image, label in zip(images, named["steering"], strict=True)
    ]


def test_only_balanced_frames_are_drawn_more_often(needs_keras: None) -> None:
    steering = np.repeat(np.array([-0.5, 0.0, 1.0]), [40, 840, 80])
    settings = TrainSettings(batch_size=96, mirror=False, augmented=False)
    plain = [value for _, value in drawn(steering, settings)]
    assert sorted(plain) == steering.tolist()
    balanced = np.array([value for _, value in drawn(steering, replace(settings, balance=True))])
    # Of 1,440 in a pass, 200 and 400.
    assert (balanced == -0.5).mean() == pytest.approx(200 / 1440, abs=0.04)
    assert (balanced == 1.0).mean() == pytest.approx(400 / 1440, abs=0.05)


def test_frames_that_are_not_augmented_are_shown_as_they_are(needs_keras: None) -> None:
    steering = np.linspace(-1, 1, 64)
    settings = TrainSettings(batch_size=32, mirror=False, augmented=False)
    assert all((image == int(100 + 100 * value)).all() for image, value in drawn(steering, settings))
    augmented = drawn(steering, replace(settings, augmented=True))
    assert sum(abs(image.mean() - (100 + 100 * value)) > 2 for image, value in augmented) > 32
    mirrored = drawn(steering, replace(settings, mirror=True))
    assert 8 < sum(abs(image.mean() - (100 + 100 * value)) > 2 for image, value in mirrored) < 56


@pytest.mark.parametrize("network", network_names())
def test_every_network_learns_and_goes_on_from_what_it_learned(
    network: NetworkName, tmp_path_factory: pytest.TempPathFactory
) -> None:
    session = write_drive(tmp_path_factory.mktemp("car") / "large.mcap", frames=300, geometry=CameraGeometry(72, 64))
    dataset = load_dataset([session])
    split = split_recordings([recording.captured_ns for recording in dataset.recordings])
    settings = TrainSettings(epochs=2, batch_size=16, network=network, mirror=False)
    first = fit(dataset, split, settings)
    later = fit(dataset, split, replace(settings, epochs=1, learning_rate=1e-9, augmented=False), start=first.network)
    assert later.validation_loss == pytest.approx(first.validation_loss, rel=1e-3)


def test_frames_too_small_for_the_network_are_refused(drive: tuple[Dataset, Split]) -> None:
    with pytest.raises(TrainingError, match="48x36 are too small; the network donkey-linear needs 61x61"):
        fit(*drive, replace(SHORT, network="donkey-linear"))
