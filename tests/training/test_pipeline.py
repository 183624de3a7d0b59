"""From sessions to a described pilot in one call."""

from __future__ import annotations

import sys
from pathlib import Path

import numpy as np
import pytest

from car.errors import MissingPackage, TrainingError
from hardware.camera import Frame
from models.loader import load_model, read_card
from tests.training.conftest import Trained
from tests.training.drives import draw, write_drive
from training.dataset import load_dataset
from training.evaluation.offline import evaluate_frames
from training.fit import TrainSettings
from training.pipeline import train
from training.progress import Progress
from training.split import split_recordings

BRIEF = TrainSettings(epochs=1, batch_size=32)


def test_the_pilot_steers_to_where_the_bar_stands(trained: Trained) -> None:
    model = load_model(trained.model)
    answers = [model.run(draw(steering))[0] for steering in (-0.7, 0.0, 0.7)]
    assert answers == pytest.approx([-0.7, 0.0, 0.7], abs=0.3)


def test_the_card_is_in_the_file_and_tells_the_whole_story(trained: Trained) -> None:
    card = trained.card
    assert read_card(trained.model) == card
    assert (card.name, card.height, card.width) == ("bar", 36, 48)
    assert card.camera == {
        "width": 48,
        "height": 36,
        "fov_deg": 100.0,
        "mount_height_m": 0.13,
        "pitch_deg": 20.0,
        "lens": "rectilinear",
    }
    hashes = [recording.sha256 for recording in load_dataset(trained.sessions).recordings]
    # Of 20 s each, the last 4 are for the test, 1.4 for validation, and the 2 before either for nothing.
    expected = [(f"drive-{seed}", hashes[seed], 214) for seed in range(3)]
    assert [(session.name, session.sha256, session.frames) for session in card.sessions] == expected
    assert card.split.startswith("the last 20% of each session for the test")
    assert card.training["mirrored"] in ("yes", "no")
    told = {key: card.training[key] for key in ("network", "loss", "label lead", "balanced", "augmented", "seed")}
    assert told == {
        "network": "small",
        "loss": "mse",
        "label lead": "0 ms",
        "balanced": "no",
        "augmented": "yes",
        "seed": 0,
    }
    assert card.command == "car train"
    assert card.created.endswith("+00:00")
    assert {"pocketpilot", "keras", "numpy", "python"} <= card.software.keys()


def test_the_figures_are_those_of_the_file_on_the_frames_held_out(trained: Trained) -> None:
    dataset = load_dataset(trained.sessions)
    split = split_recordings([recording.captured_ns for recording in dataset.recordings])
    drives = [
        [
            (
                Frame(recording.images[index], int(recording.captured_ns[index]), int(index)),
                (float(recording.labels[index, 0]), float(recording.labels[index, 1])),
            )
            for index in part
        ]
        for recording, part in zip(dataset.recordings, split.test, strict=True)
    ]
    labels = np.concatenate([r.labels[part] for r, part in zip(dataset.recordings, split.train, strict=True)])
    means = labels.mean(axis=0, dtype=np.float64).tolist()
    measured = evaluate_frames(load_model(trained.model), drives, means)
    for output, figures in measured.to_metrics().items():
        assert trained.card.metrics[output].items() >= figures.items()
        assert {"ridge_r2", "grey_ridge_mae"} <= trained.card.metrics[output].keys()
    assert measured.steering.beats_baselines
    assert measured.throttle.beats_baselines


def test_progress_goes_from_reading_to_the_finished_file(trained: Trained) -> None:
    stages = [item.stage for item in trained.progress]
    assert list(dict.fromkeys(stages)) == ["read", "train", "export"]
    assert (trained.progress[-1].done, trained.progress[-1].total) == (1, 1)


def test_nothing_but_the_model_is_left_behind(trained: Trained) -> None:
    assert list(trained.model.parent.iterdir()) == [trained.model]


def test_of_many_sessions_the_held_out_ones_are_named_and_not_counted_as_learned(
    needs_keras: None, tmp_path: Path
) -> None:
    sessions = [write_drive(tmp_path / f"drive-{seed}.mcap", frames=120, seed=seed) for seed in range(5)]
    card = train(sessions, tmp_path / "pilot.tflite", BRIEF)
    learned = {session.name for session in card.sessions}
    assert len(learned) == 4
    (held_out,) = {path.stem for path in sessions} - learned
    assert card.split.startswith("1 of 5 whole sessions for the test")
    assert card.split.endswith(f"(not learned from: {held_out})")


def test_a_card_says_how_its_labels_led_and_how_many_frames_had_none(needs_keras: None, tmp_path: Path) -> None:
    session = write_drive(tmp_path / "monday.mcap", frames=160)
    settings = TrainSettings(
        epochs=1, batch_size=32, network="mobile", loss="binned", lead_ms=100, balance=True, mirror=False
    )
    card = train([session], tmp_path / "pilot.tflite", settings)
    told = {key: card.training[key] for key in ("network", "loss", "label lead", "balanced", "mirrored")}
    assert told == {
        "network": "mobile",
        "loss": "binned",
        "label lead": "100 ms",
        "balanced": "yes",
        "mirrored": "no",
    }
    assert card.split.endswith(", without 2 frames that have no label 100 ms later")
    assert "unsure of test frames" in card.training


def test_cameras_that_differ_leave_only_what_they_share_on_the_card(needs_keras: None, tmp_path: Path) -> None:
    from dataclasses import replace

    from tests.training.drives import GEOMETRY

    low = write_drive(tmp_path / "low.mcap", frames=160)
    tall = write_drive(tmp_path / "tall.mcap", frames=160, seed=1, geometry=replace(GEOMETRY, mount_height_m=0.25))
    card = train([low, tall], tmp_path / "pilot.tflite", BRIEF)
    assert card.camera.keys() == {"width", "height", "fov_deg", "pitch_deg", "lens"}


def test_a_place_that_cannot_be_written_is_one_sentence_and_keeps_what_was_there(trained: Trained) -> None:
    out = trained.sessions[0] / "pilot.tflite"
    with pytest.raises(TrainingError, match=r"pilot\.tflite cannot be written .*Choose another place"):
        train(trained.sessions, out, BRIEF)


def test_a_place_that_cannot_be_written_is_said_before_the_training(trained: Trained) -> None:
    told: list[Progress] = []
    with pytest.raises(TrainingError, match="cannot be written"):
        train(trained.sessions, trained.sessions[0] / "pilot.tflite", BRIEF, told.append)
    assert told == []


@pytest.mark.skipif(sys.platform == "win32", reason="links are Unix's")
def test_a_model_that_is_there_is_replaced_only_when_that_is_said(needs_keras: None, tmp_path: Path) -> None:
    session = write_drive(tmp_path / "monday.mcap", frames=160)
    out = tmp_path / "models" / "pilot.tflite"
    out.parent.mkdir()
    out.write_text("precious")
    out.with_stem("pilot-2").symlink_to("nowhere")
    assert train([session], out, BRIEF).name == "pilot-3"
    card = read_card(out.with_stem("pilot-3"))
    assert card is not None
    assert card.name == "pilot-3"
    assert out.read_text() == "precious"
    assert train([session], out, BRIEF, replaces=True).name == "pilot"
    assert read_card(out) is not None
    assert sorted(path.name for path in out.parent.iterdir()) == ["pilot-2.tflite", "pilot-3.tflite", "pilot.tflite"]


def test_a_name_that_another_training_takes_meanwhile_is_not_taken_from_it(needs_keras: None, tmp_path: Path) -> None:
    session = write_drive(tmp_path / "monday.mcap", frames=160)
    out = tmp_path / "pilot.tflite"

    def take_it(progress: Progress) -> None:
        if progress.stage == "export" and not progress.done:
            out.write_text("the other training's")

    assert train([session], out, BRIEF, take_it).name == "pilot-2"
    assert out.read_text() == "the other training's"


@pytest.mark.parametrize("package", ["keras", "tensorflow"])
def test_without_keras_the_command_that_installs_it_is_told_at_once(
    package: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setitem(sys.modules, package, None)
    with pytest.raises(MissingPackage, match=r'pip install "pocketpilot\[train\]"'):
        train([tmp_path / "never-looked-at.mcap"], tmp_path / "pilot.tflite")
