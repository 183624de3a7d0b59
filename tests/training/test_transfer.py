"""A training may begin with what an earlier pilot learned, and with no other's."""

from __future__ import annotations

import hashlib
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest

import models
from car.errors import TrainingError
from models.contract import MADE_BY, ModelCard, TrainingSession
from models.errors import ModelError
from models.loader import append_card, load_model
from tests.system.car_process import assert_refused, run_car
from tests.training.conftest import Trained
from tests.training.drives import draw, write_drive
from training.dataset import load_dataset
from training.export import convert
from training.fit import TrainSettings
from training.networks.steering import CORE, NetworkName, join, make_core, make_shrink
from training.pipeline import train
from training.split import split_recordings
from training.transfer import Earlier, read_earlier

pytestmark = pytest.mark.usefixtures("needs_keras")


def exported(path: Path, network: NetworkName, height: int, width: int, **training: Any) -> list[Any]:
    """Write a pilot of random weights to ``path``, with a card; return its core's weights."""
    shrink = make_shrink(height, width, network)
    core = make_core(shrink.output_shape[1:], network, binned=training.get("loss") == "binned")
    rng = np.random.default_rng(4)
    for variable in core.trainable_variables:
        variable.assign(variable + rng.normal(0.0, 0.02, variable.shape).astype(np.float32))
    path.write_bytes(convert(join(shrink, core)))
    append_card(path, ModelCard("kitchen", height, width, training={"network": network, **training}))
    weights: list[Any] = core.get_weights()
    return weights


def test_every_weight_is_read_back_to_the_bit(tmp_path: Path) -> None:
    weights = exported(tmp_path / "kitchen.tflite", "mobile", 120, 160, loss="binned")
    earlier = read_earlier(tmp_path / "kitchen.tflite", "mobile", binned=True)
    again = earlier.network.get_layer(CORE).get_weights()
    assert len(again) == len(weights)
    assert all(np.array_equal(one, other) for one, other in zip(again, weights, strict=True))


def test_the_pilot_that_ships_can_be_begun_from() -> None:
    shipped = Path(models.__file__).parent / "simulated-lane.tflite"
    assert read_earlier(shipped, "wide").card.name == "simulated-lane"
    with pytest.raises(TrainingError, match=r"simulated-lane\.tflite is not of the network small .*--network"):
        read_earlier(shipped, "small")


def test_weights_that_the_converter_merged_with_something_else_are_not_taken_for_what_was_learned(
    tmp_path: Path,
) -> None:
    exported(tmp_path / "kitchen.tflite", "donkey-linear", 64, 64)
    with pytest.raises(TrainingError, match=r"kitchen\.tflite cannot be read back as they were learned\. Begin"):
        read_earlier(tmp_path / "kitchen.tflite", "donkey-linear")


@pytest.mark.parametrize(
    ("told", "network", "binned", "words"),
    [
        ({}, "mobile", False, r"is of the network small, not mobile\. Add --network small\."),
        ({}, "small", True, r"has no bins of steering\. Leave out --loss binned\."),
        ({"loss": "binned"}, "small", False, r"has bins of steering\. Add --loss binned\."),
        ({"variant": "int8"}, "small", False, r"were rounded to int8\. Begin from a pilot in float32\."),
        ({MADE_BY: "another program"}, "small", False, r"a model of unknown origin, not one of `car train`\. Begin"),
        # A card that says less than today's leaves it to the weights.
        ({"network": None, "loss": None}, "wide", False, r"is not of the network wide"),
        ({"network": None, "loss": None}, "mobile", False, r"is not of the network mobile"),
        ({"loss": None}, "small", True, r"is not of the network small"),
    ],
)
def test_a_pilot_of_another_kind_is_refused_with_what_to_do(
    told: dict[str, Any], network: NetworkName, binned: bool, words: str, trained: Trained, tmp_path: Path
) -> None:
    copy = tmp_path / "bar.tflite"
    copy.write_bytes(trained.model.read_bytes())
    training = {key: value for key, value in ({**trained.card.training, **told}).items() if value is not None}
    append_card(copy, replace(trained.card, training=training))
    with pytest.raises(TrainingError, match=words):
        read_earlier(copy, network, binned=binned)


def test_a_file_that_is_no_model_or_has_no_card_is_refused(trained: Trained, tmp_path: Path) -> None:
    nameless = tmp_path / "found.tflite"
    content = trained.model.read_bytes()
    nameless.write_bytes(content[: content.index(b"PK\x03\x04")])
    with pytest.raises(TrainingError, match=r"found\.tflite is a model of unknown origin"):
        read_earlier(nameless, "small")
    nameless.write_bytes(b"no model")
    with pytest.raises(ModelError, match=r"found\.tflite"):
        read_earlier(nameless, "small")
    with pytest.raises(ModelError, match="no such file"):
        read_earlier(tmp_path / "lost.tflite", "small")


@pytest.fixture(scope="module")
def heir(trained: Trained, tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, ModelCard, list[str]]:
    """Return a pilot that began from the one that was trained, its card, and what was said meanwhile."""
    folder = tmp_path_factory.mktemp("heir")
    session = write_drive(folder / "tuesday.mcap", frames=160, seed=9)
    said: list[str] = []
    settings = TrainSettings(epochs=1, batch_size=32, learning_rate=1e-6, mirror=False)
    card = train([session], folder / "heir.tflite", settings, start=trained.model, say=said.append)
    return folder / "heir.tflite", card, said


def test_a_training_begins_with_what_the_earlier_pilot_knew(
    heir: tuple[Path, ModelCard, list[str]], trained: Trained
) -> None:
    before, after = (load_model(path) for path in (trained.model, heir[0]))
    for steering in (-0.7, 0.0, 0.7):
        # As good as nothing was learned at that rate.
        assert after.run(draw(steering)) == pytest.approx(before.run(draw(steering)), abs=0.01)
    assert after.tells_uncertainty


def test_the_card_says_what_it_came_from_and_what_that_learned_from(
    heir: tuple[Path, ModelCard, list[str]], trained: Trained
) -> None:
    _, card, said = heir
    assert card.training["begun from"] == f"bar ({trained.card.model_sha256[:12]})"
    assert [session.name for session in card.sessions] == ["tuesday", "drive-0", "drive-1", "drive-2"]
    assert card.sessions[1:] == trained.card.sessions
    assert said == []
    assert "test frames it had learned from" not in card.training
    assert "begun from" not in trained.card.training


def test_frames_of_another_size_than_the_earlier_pilots_are_refused(trained: Trained, tmp_path: Path) -> None:
    from hardware.camera import CameraGeometry

    session = write_drive(tmp_path / "large.mcap", frames=160, geometry=CameraGeometry(64, 48))
    with pytest.raises(TrainingError, match=r"bar takes frames of 48x36, and these sessions have 64x48\. Begin"):
        train([session], tmp_path / "pilot.tflite", start=trained.model)
    assert not (tmp_path / "pilot.tflite").exists()


def seen(trained: Trained, learned: int, words: str) -> int:
    """Return how many test frames of one session count as seen by a pilot that learned from ``learned`` of it."""
    dataset = load_dataset(trained.sessions[:1])
    split = split_recordings([recording.captured_ns for recording in dataset.recordings])
    sessions = (TrainingSession("drive-0", dataset.recordings[0].sha256, learned),)
    earlier = Earlier(None, ModelCard("bar", 36, 48, sessions=sessions, split=words))
    return earlier.seen_test_frames(dataset, split)


def test_test_frames_that_the_earlier_pilot_learned_from_are_counted(trained: Trained) -> None:
    ends = trained.card.split
    assert seen(trained, 214, ends) == 0  # It held out the same end.
    assert seen(trained, 400, "1 of 5 whole sessions for the test") == 80
    assert seen(trained, 399, ends) == 80
    assert seen(trained, 0, ends) == 0


def test_of_a_session_that_both_learned_from_the_greater_part_counts() -> None:
    hashes = [hashlib.sha256(name.encode()).hexdigest() for name in "abc"]
    mine = [TrainingSession("a", hashes[0], 10), TrainingSession("b", hashes[1], 20)]
    its = (
        TrainingSession("b-older", hashes[1], 30),
        TrainingSession("a", hashes[0], 5),
        TrainingSession("c", hashes[2], 1),
    )
    merged = Earlier(None, ModelCard("bar", 36, 48, sessions=its)).with_its_sessions(mine)
    assert [(session.name, session.frames) for session in merged] == [("a", 10), ("b-older", 30), ("c", 1)]


def test_a_pilot_that_does_not_suit_and_rounds_are_refused_as_typed(tmp_path: Path) -> None:
    write_drive(tmp_path / "monday.mcap", frames=3)
    done = run_car("train", "monday.mcap", "--from", "simulated-lane", cwd=tmp_path)
    assert_refused(done, "simulated-lane.tflite is not of the network small")
    assert_refused(run_car("train", "--from", "simulated-lane", "--dagger", "1", cwd=tmp_path), "--from or --dagger")
