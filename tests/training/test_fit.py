"""Training learns what the driver did, the same way every time."""

from __future__ import annotations

import math
from dataclasses import replace
from typing import Any

import numpy as np
import pytest

from car.errors import TrainingError
from models.contract import OUTPUTS
from tests.training.drives import draw, write_drive
from training.dataset import Dataset, load_dataset
from training.fit import Fitted, TrainSettings, fit
from training.progress import Progress
from training.split import Split, split_recordings

pytestmark = pytest.mark.usefixtures("needs_keras")

SHORT = TrainSettings(epochs=2, batch_size=32)


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
    ],
)
def test_a_setting_that_no_training_can_use_is_refused_before_it_starts(wrong: dict[str, Any]) -> None:
    with pytest.raises(TrainingError, match="Give "):
        TrainSettings(**wrong)
