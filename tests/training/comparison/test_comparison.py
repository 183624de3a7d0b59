"""Models are compared on the same frames, and chance is told from a difference."""

from __future__ import annotations

import math
import shutil
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

import models
from car.errors import TrainingError
from hardware.camera import CameraGeometry, Frame
from hardware.clock import NS_PER_S
from hardware.drivetrain import Command
from models.loader import append_card, read_card
from tests.models.conftest import tiny_models
from tests.training.drives import draw, record, write_drive, write_rows
from training.comparison.comparison import Comparison, Predictor, compare_models, names_of
from training.comparison.frames import JudgedFrames
from training.comparison.words import explain, group_rows, lead_rows, score_rows
from training.dataset import Recording
from training.evaluation.bootstrap import BLOCK_FRAMES

__all__ = ["tiny_models"]

SHIPPED = Path(models.__file__).parent / "simulated-lane.tflite"
FRAMES = 12 * BLOCK_FRAMES


def judged(labels: np.ndarray, *sessions: str) -> JudgedFrames:
    """Return frames with steering ``labels``, as many in each of ``sessions``."""
    recordings = []
    for name, steering in zip(sessions, np.split(labels, len(sessions)), strict=True):
        count = len(steering)
        driven = np.stack([steering, np.full(count, 0.25)], axis=1).astype(np.float32)
        times = np.arange(count, dtype=np.int64) * (NS_PER_S // 20)
        images = np.zeros((count, 2, 2, 3), np.uint8)
        recordings.append(Recording(name, name, CameraGeometry(), images, driven, times, np.zeros(count, np.uint8)))
    return JudgedFrames.of(recordings, {})


def model(name: str, steering: np.ndarray) -> Predictor:
    return Predictor(name, np.stack([steering, np.full(len(steering), 0.5)], axis=1), Path(name), None, 0.3)


def compared(labels: np.ndarray, *predicted: np.ndarray) -> Comparison:
    names = ("first", "second", "third")
    chosen = tuple(model(name, steering) for name, steering in zip(names, predicted, strict=False))
    zero = Predictor("predict zero", np.zeros((len(labels), 2)))
    return Comparison(chosen, (zero,), judged(labels, "monday", "tuesday"))


def driving(seed: int) -> np.ndarray:
    return np.repeat(np.random.default_rng(seed).uniform(-1, 1, FRAMES // 25), 25)


def test_the_figures_are_those_of_a_few_frames_by_hand() -> None:
    made = compared(np.array([0.0, 0.25, -1.0, 1.0]), np.array([0.25, 0.25, -0.5, 0.5]))
    scores = made.scores(made.models[0])
    assert scores.error.mae == pytest.approx(0.3125)
    assert scores.error.rmse == pytest.approx(math.sqrt((0.0625 + 0.25 + 0.25) / 4))
    assert scores.error.r2 == pytest.approx(1 - 0.5625 / 2.046875)
    assert scores.bias == pytest.approx(0.25 / 4)
    assert scores.throttle_mae == pytest.approx(0.25)
    assert scores.mae_interval is None
    assert {group.name: (group.frames, group.errors["first"].mae) for group in made.by_bend()} == {
        "straight on (up to 0.05)": (1, 0.25),
        "gentle (up to 0.5)": (1, 0.0),
        "sharp (above 0.5)": (2, 0.5),
    }
    assert [(group.name, group.frames, group.errors["first"].mae) for group in made.by_session()] == [
        ("monday", 2, 0.125),
        ("tuesday", 2, 0.5),
    ]


@settings(max_examples=30, deadline=None)
@given(labels=st.integers(0, 99), errors=st.integers(100, 199), scale=st.floats(0.0, 1.0))
def test_a_model_beside_its_like_may_be_chance(labels: int, errors: int, scale: float) -> None:
    predicted = np.clip(driving(labels) + scale * driving(errors), -1, 1)
    (lead,) = compared(driving(labels), predicted, predicted.copy()).leads()
    assert (lead.r2, lead.mae, lead.verdict) == (0.0, 0.0, "no clear difference")
    for interval in (lead.r2_interval, lead.mae_interval):
        assert interval is not None
        assert interval.low <= 0.0 <= interval.high


def test_a_clear_difference_is_told_and_is_that_of_the_scores() -> None:
    labels, errors = driving(1), driving(2)
    made = compared(labels, labels + 0.4 * errors, labels + 0.2 * errors, labels + 0.6 * errors)
    better, worse = made.leads()
    first, second = (made.scores(one) for one in made.models[:2])
    assert better.r2 == pytest.approx(second.error.r2 - first.error.r2)
    assert better.mae == pytest.approx(second.error.mae - first.error.mae)
    assert better.r2_interval is not None
    assert better.r2_interval.low < better.r2 < better.r2_interval.high
    assert (better.verdict, worse.verdict) == ("better", "worse")


def test_a_few_great_errors_and_many_small_ones_are_each_better_in_one_way() -> None:
    labels = driving(1)
    seldom = np.where(np.arange(FRAMES) % 10 == 0, 1.0, 0.0)
    (lead,) = compared(labels, labels + 0.2, labels + 1.2 * seldom).leads()
    assert lead.verdict == "worse in R², better in MAE"


def test_of_too_few_frames_nothing_is_said_to_be_better() -> None:
    labels = driving(1)[:100]
    made = compared(labels, labels + 0.5, labels)
    assert [lead.verdict for lead in made.leads()] == ["too few frames to tell"]
    assert any("400 or more" in sentence for sentence in explain(made))


def test_a_steering_that_never_changes_has_no_r2_and_that_is_said() -> None:
    made = compared(np.full(FRAMES, 0.25), np.full(FRAMES, 0.5), np.full(FRAMES, 0.25))
    assert math.isnan(made.scores(made.models[0]).error.r2)
    assert any("never changes" in sentence for sentence in explain(made))
    rows = {name: cells for name, *cells in score_rows(made)}
    assert rows["first"][1] == "–"
    assert lead_rows(made)[0][1] == "–"
    assert made.leads()[0].verdict == "better in MAE alone"
    assert [row[0] for row in group_rows(made)[0]] == ["gentle (up to 0.5)"]


def test_the_driver_stands_beside_the_models_with_a_jerk() -> None:
    labels = np.tile([0.0, 0.0, 0.1], 200)
    made = compared(labels, np.zeros(600))
    assert made.driver_jerk == pytest.approx(0.4 / 3 * 400.0, rel=0.01)
    assert score_rows(made)[-1] == ("the driver", "", "", "", "53", "")


def copied(path: Path, **changes: object) -> Path:
    """Return a copy of the model that ships, its card changed."""
    shutil.copy(SHIPPED, path)
    card = read_card(SHIPPED)
    assert card is not None
    append_card(path, replace(card, name=path.stem, **changes))  # type: ignore[arg-type]
    return path


@pytest.fixture(scope="module")
def drives(tmp_path_factory: pytest.TempPathFactory) -> list[Path]:
    folder = tmp_path_factory.mktemp("drives")
    return [write_drive(folder / f"{seed}.mcap", frames=220, seed=seed, geometry=CameraGeometry()) for seed in (1, 2)]


def test_real_models_are_asked_about_every_frame(drives: list[Path], tmp_path: Path) -> None:
    told: list[float] = []
    made = compare_models([SHIPPED, copied(tmp_path / "copy.tflite")], drives, done=told.append)
    assert [one.name for one in made.models] == ["simulated-lane", "copy"]
    assert np.array_equal(made.models[0].predicted, made.models[1].predicted)
    assert made.judged.frames == len(made.models[0].predicted) == 440
    assert 0 < made.models[0].invoke_ms < 100
    assert np.abs(made.models[0].predicted).max() <= 1.0
    assert [lead.verdict for lead in made.leads()] == ["no clear difference"]
    assert told == sorted(told)
    assert told[-1] <= 1.0
    assert made.scores(made.guess("predict the mean")).error.r2 == pytest.approx(0.0)
    assert not made.guess("predict zero").predicted.any()


def test_a_model_of_another_frame_size_is_left_out_and_named(drives: list[Path], tiny_models: Path) -> None:
    told: list[str] = []
    made = compare_models([SHIPPED, tiny_models / "good.tflite"], drives[:1], say=told.append)
    assert [one.name for one in made.models] == ["simulated-lane"]
    (sentence,) = told
    assert "good takes frames of 32x24" in sentence
    assert "160x120" in sentence


def test_a_model_that_gives_no_numbers_is_refused(tiny_models: Path, tmp_path: Path) -> None:
    session = write_drive(tmp_path / "small.mcap", frames=20, geometry=CameraGeometry(width=32, height=24))
    with pytest.raises(TrainingError, match="broken gives values that are no numbers"):
        compare_models([tiny_models / "broken.tflite"], [session])


def test_a_recurrent_model_begins_each_session_anew(tiny_models: Path, tmp_path: Path) -> None:
    small = CameraGeometry(width=32, height=24)
    sessions = [write_drive(tmp_path / f"{seed}.mcap", frames=4, seed=seed, geometry=small) for seed in (1, 2)]
    made = compare_models([tiny_models / "recurrent.tflite"], sessions)
    assert made.models[0].predicted[:, 0].tolist() == pytest.approx([0.1, 0.2, 0.3, 0.4] * 2)


def test_frames_without_a_number_to_learn_are_not_compared_on(tmp_path: Path) -> None:
    rows = []
    for index, steering in enumerate([0.0, math.nan, 0.5, math.inf, 0.25]):
        frame = Frame(draw(0.0, CameraGeometry()), index * 50_000_000, index)
        rows.append((frame, record(frame, Command(steering, 0.2))))
    session = write_rows(tmp_path / "odd.mcap", rows, CameraGeometry())
    assert compare_models([SHIPPED], [session]).judged.labels[:, 0].tolist() == [0.0, 0.5, 0.25]


def test_models_of_one_name_are_told_apart_by_their_folders() -> None:
    assert names_of([Path("a/pilot.tflite"), Path("b/pilot.tflite"), Path("b/other.tflite")]) == [
        str(Path("a/pilot.tflite")),
        str(Path("b/pilot.tflite")),
        "other",
    ]
