"""A network that remembers: what earlier frames showed decides, and the file's state is the network's own."""

from __future__ import annotations

from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from car.errors import TrainingError
from hardware.camera import Frame
from hardware.clock import NS_PER_S
from hardware.drivetrain import Command
from models.contract import STATE, ModelCard
from models.loader import load_model
from tests.training.drives import GEOMETRY, RATE_HZ, draw, record, steer, write_rows
from training.dataset import Dataset, load_dataset
from training.export import TOLERANCE, Variant, convert, export, model_values, network_values, variant_names
from training.fit import Fitted, TrainSettings, fit, training_batches
from training.networks.binned import CENTRES, LOGITS
from training.networks.recurrent import STRETCH_FRAMES, UNITS, over_stretches
from training.networks.steering import NetworkName, join, make_core, make_shrink
from training.pipeline import train
from training.split import Split, split_dataset
from training.transfer import read_earlier
from training.variants import Judging

pytestmark = pytest.mark.usefixtures("needs_keras")

SHOWN_EVERY = 4
SETTINGS = TrainSettings(epochs=12, batch_size=32, network="recurrent", mirror=False, learning_rate=4e-3)
BLANK = draw(-9.0)
"""A frame without a bar."""


def write_blinking(path: Path, frames: int, seed: int) -> Path:
    """Record a drive whose bar is in every fourth frame alone: in the others only a memory knows where to steer."""
    rows, steering = [], 0.0
    for number, wanted in enumerate(steer(frames, seed)):
        is_shown = number % SHOWN_EVERY == 0
        steering = wanted if is_shown else steering
        frame = Frame(draw(steering) if is_shown else BLANK, round(number * NS_PER_S / RATE_HZ), number)
        rows.append((frame, record(frame, Command(steering, 0.3))))
    return write_rows(path, rows)


@dataclass(frozen=True, slots=True)
class Drives:
    """Drives whose bar blinks."""

    sessions: list[Path]
    dataset: Dataset
    split: Split


@pytest.fixture(scope="module")
def drives(needs_keras: None, tmp_path_factory: pytest.TempPathFactory) -> Drives:
    folder = tmp_path_factory.mktemp("blinking")
    sessions = [write_blinking(folder / f"drive-{seed}.mcap", 400, seed) for seed in range(3)]
    dataset = load_dataset(sessions)
    return Drives(sessions, dataset, split_dataset(dataset))


@pytest.fixture(scope="module")
def pilot(drives: Drives, tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, ModelCard]:
    """Return the file and the card of a pilot that was trained on them."""
    path = tmp_path_factory.mktemp("pilot") / "pilot.tflite"
    return path, train(drives.sessions, path, SETTINGS)


@pytest.fixture(scope="module")
def fitted(drives: Drives) -> Fitted:
    """Return a network that has learned a little of them."""
    return fit(drives.dataset, drives.split, replace(SETTINGS, epochs=1))


def test_it_drives_by_what_earlier_frames_showed(pilot: tuple[Path, ModelCard]) -> None:
    steering = pilot[1].metrics["steering"]
    # Of three frames in four a picture alone tells nothing, and the linear models beside it have no more than that.
    assert steering["r2"] > 0.8
    assert steering["ridge_r2"] < 0.4


def test_the_card_says_that_it_has_a_state_and_the_file_has_it(pilot: tuple[Path, ModelCard]) -> None:
    path, card = pilot
    assert card.training["network"] == "recurrent"
    assert card.training["state"] == f"{UNITS} values, from stretches of {STRETCH_FRAMES} frames"
    model = load_model(path)
    shown, forgotten = model.run(draw(0.8))[0], model.run(BLANK)[0]
    model.reset()
    assert model.run(BLANK)[0] < forgotten - 0.3
    assert forgotten == pytest.approx(shown, abs=0.3)
    assert model.tells_uncertainty


def random_pilot(seed: int, *, binned: bool = False) -> tuple[Any, Any]:
    """Return a pilot of random weights and its core."""
    shrink = make_shrink(72, 96, "recurrent")
    core = make_core(shrink.output_shape[1:], "recurrent", binned=binned)
    rng = np.random.default_rng(seed)
    for variable in core.trainable_variables:
        # A state that matters: as it is drawn by Keras it hardly does.
        variable.assign(variable + rng.normal(0.0, 0.1, variable.shape).astype(np.float32))
    return join(shrink, core), core


def moving(frames: int) -> np.ndarray:
    geometry = replace(GEOMETRY, height=72, width=96)
    return np.stack([draw(steering, geometry) for steering in steer(frames, seed=3)])


@pytest.mark.parametrize("binned", [False, True], ids=["squared", "binned"])
def test_one_frame_at_a_time_the_file_gives_what_training_saw_over_a_whole_stretch(
    binned: bool, tmp_path: Path
) -> None:
    network, core = random_pilot(1, binned=binned)
    frames = moving(STRETCH_FRAMES)
    export(network, tmp_path / "pilot.tflite", frames)
    pictures = make_shrink(72, 96, "recurrent")(frames).numpy()
    learner = over_stretches(core, {"steering": LOGITS if binned else "steering", "throttle": "throttle"})
    steering, throttle = (np.asarray(learner(pictures[np.newaxis])[name])[0] for name in ("steering", "throttle"))
    if binned:
        shares = np.exp(steering)
        steering = shares @ CENTRES[:, np.newaxis] / shares.sum(axis=1, keepdims=True)
    expected = np.concatenate([steering, throttle], axis=1)
    assert np.abs(model_values(tmp_path / "pilot.tflite", frames) - expected).max() < TOLERANCE
    assert np.abs(network_values(network, frames) - expected).max() < TOLERANCE
    # Frames by themselves are answered otherwise, or there would be nothing to remember.
    alone = network({"image": frames, STATE: np.zeros((STRETCH_FRAMES, UNITS), np.float32)})["steering"]
    assert np.abs(np.asarray(alone)[:, 0] - expected[:, 0]).max() > 100 * TOLERANCE


def test_a_frame_that_begins_is_answered_as_the_first_one_was() -> None:
    network, _ = random_pilot(2)
    twice = [*moving(4), *moving(4)]
    kept = network_values(network, twice)
    begun = network_values(network, twice, np.arange(8) % 4 == 0)
    assert np.array_equal(begun[:4], begun[4:])
    assert np.abs(kept[4:] - begun[4:]).max() > 100 * TOLERANCE


@pytest.mark.parametrize(("variant", "close"), list(zip(variant_names(), (1e-4, 2e-3, 0.05, 0.1), strict=True)))
def test_every_variant_carries_the_state(
    variant: Variant, close: float, drives: Drives, fitted: Fitted, tmp_path: Path
) -> None:
    judging = Judging.of(drives.dataset, drives.split, seed=0, in_a_row=True)
    assert judging.begins.sum() == 3  # The sessions.
    (tmp_path / "pilot.tflite").write_bytes(convert(fitted.network, variant, judging.calibration))
    frames = np.stack(judging.images[: np.flatnonzero(judging.begins)[1]])  # Those of the first.
    expected = network_values(fitted.network, frames)
    assert np.abs(model_values(tmp_path / "pilot.tflite", frames) - expected).max() < close


def test_the_seed_decides_everything(drives: Drives) -> None:
    short = replace(SETTINGS, epochs=1, mirror=True, balance=True, loss="binned")
    first, again = (
        network_values(fit(drives.dataset, drives.split, short).network, [draw(0.5), BLANK]) for _ in range(2)
    )
    assert np.abs(first - again).max() < 1e-4


def shown(settings: TrainSettings) -> list[tuple[np.ndarray, np.ndarray]]:
    """Return the stretches of a batch and their steering; frame and steering of number n are of level and value n."""
    levels = np.arange(10, 74)
    images = np.broadcast_to(levels.astype(np.uint8)[:, None, None, None], (64, 8, 16, 3)).copy()
    images[:, :, 8:] += 100
    labels = np.stack([levels / 100, levels / 100], 1).astype(np.float32)
    rows = np.arange(0, 49)[:, None] + np.arange(STRETCH_FRAMES)
    (batch,) = training_batches(images, labels, settings, rows=rows).take(1).as_numpy_iterator()
    return list(zip(*(batch[0], batch[1]["steering"][..., 0]), strict=True))


def test_all_frames_of_a_stretch_are_mirrored_or_none() -> None:
    stretches = shown(replace(SETTINGS, mirror=True, augmented=False, batch_size=256))
    assert len(stretches) > 8
    sides = set()
    for pictures, steering in stretches:
        assert pictures.shape == (STRETCH_FRAMES, 8, 16, 3)
        mirrored = (pictures[:, :, 0] > pictures[:, :, -1]).all(axis=(1, 2))
        assert mirrored.all() or not mirrored.any()
        sides.add(bool(mirrored.all()))
        assert ((steering < 0) == mirrored).all()
        assert np.abs(np.diff(np.abs(steering))) == pytest.approx(0.01, abs=1e-5)
        assert pictures.min(axis=(1, 2, 3)) == pytest.approx(100 * np.abs(steering), abs=1e-3)
    assert sides == {True, False}


def test_light_and_shadow_are_the_same_for_all_frames_of_a_stretch() -> None:
    levels = np.full((64, 8, 16, 3), 128, np.uint8)
    rows = np.arange(0, 49)[:, None] + np.arange(STRETCH_FRAMES)
    labels = np.zeros((64, 2), np.float32)
    settings = replace(SETTINGS, batch_size=256)
    (batch,) = training_batches(levels, labels, settings, rows=rows).take(1).as_numpy_iterator()
    means = batch[0].mean(axis=4)
    # Noise alone is of each frame.
    assert np.abs(means - means.mean(axis=1, keepdims=True)).max() < 15
    assert np.ptp(means.mean(axis=(1, 2, 3))) > 15


def test_a_stretch_is_balanced_by_its_last_frame() -> None:
    labels = np.zeros((64, 2), np.float32)
    labels[63] = 1.0
    rows = np.arange(0, 49)[:, None] + np.arange(STRETCH_FRAMES)
    settings = replace(SETTINGS, balance=True, augmented=False, batch_size=53 * 16)
    (batch,) = training_batches(np.zeros((64, 8, 16, 3), np.uint8), labels, settings, rows=rows).take(1)
    assert int((batch[1]["steering"].numpy()[:, -1, 0] == 1.0).sum()) == 5


def test_views_from_beside_the_path_are_refused() -> None:
    with pytest.raises(TrainingError, match=r"recurrent learns from frames in a row.* Leave out --displaced-views, or"):
        TrainSettings(network="recurrent", displaced_views=0.3)


@pytest.mark.parametrize("network", ["recurrent", "small"])
def test_it_is_not_begun_from_and_says_so(network: NetworkName, pilot: tuple[Path, ModelCard]) -> None:
    with pytest.raises(TrainingError, match=r"pilot\.tflite is recurrent, .* Begin from another pilot, or leave out"):
        read_earlier(pilot[0], network)


def test_a_later_round_goes_on_from_its_weights(drives: Drives, fitted: Fitted) -> None:
    slow = replace(SETTINGS, epochs=1, learning_rate=1e-9, augmented=False)
    later = fit(drives.dataset, drives.split, slow, start=fitted.network)
    assert later.validation_loss == pytest.approx(fitted.validation_loss, rel=1e-3)
