"""Errors are counted as they are written down, beside what it costs to know nothing."""

from __future__ import annotations

import json
import math
import subprocess
import sys
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from hypothesis import assume, given
from hypothesis import strategies as st

from car.errors import SessionError, TrainingError
from car.gate import GateState
from hardware.camera import CameraGeometry, Frame
from hardware.drivetrain import NEUTRAL, Command
from models.loader import load_model
from tests.models.conftest import tiny_models
from tests.training.conftest import Trained
from tests.training.drives import draw, record, write_drive, write_rows
from training.dataset import LeftOut
from training.evaluation.bootstrap import LEAST_CHANGE
from training.evaluation.offline import Score, compare, evaluate, evaluate_frames, score

__all__ = ["tiny_models"]

values = st.lists(st.floats(-1, 1, width=32), min_size=2, max_size=50).map(lambda some: np.array(some, np.float64))


def test_the_figures_are_the_textbooks() -> None:
    made = score(np.array([0.0, 0.0, 1.0, 1.0]), np.array([0.0, 0.0, 0.0, 1.0]))
    assert made.mae == pytest.approx(0.25)
    assert made.rmse == pytest.approx(0.5)
    assert made.r2 == pytest.approx(1 - 1 / 0.75)


@given(labels=values)
def test_knowing_everything_is_perfect_and_the_mean_explains_nothing(labels: np.ndarray) -> None:
    assume(np.ptp(labels) > LEAST_CHANGE)
    assert score(labels, labels) == Score(0.0, 0.0, 1.0)
    assert score(np.full_like(labels, labels.mean()), labels).r2 <= 1e-9


@given(value=st.floats(-1, 1, width=32), count=st.integers(1, 300))
def test_a_label_that_never_changes_has_no_r2_however_good_the_prediction(value: float, count: int) -> None:
    labels = np.full(count, np.float64(value))
    for predicted in (labels, labels + 1e-9, np.zeros(count), np.full(count, labels.mean())):
        assert math.isnan(score(predicted, labels).r2)


def test_a_pilot_that_repeats_a_constant_label_beats_nothing_and_its_card_has_no_r2() -> None:
    labels = np.full(1000, 0.3)
    made = compare(labels, labels, training_mean=0.3)
    assert not made.beats_baselines
    assert {name for name in made.to_metrics() if name.endswith("r2")} == set()
    assert made.to_metrics()["mae"] == 0.0
    json.dumps(made.to_metrics(), allow_nan=False)


def test_the_baselines_are_the_training_mean_and_zero() -> None:
    labels = np.array([0.0, 0.5, 1.0])
    made = compare(labels, labels, training_mean=0.25)
    assert made.predict_mean == score(np.full(3, 0.25), labels)
    assert made.predict_zero == score(np.zeros(3), labels)
    assert compare(labels, labels, training_mean=None).training_mean == 0.5
    assert made.beats_baselines
    assert not compare(np.zeros(3), labels, 0.25).beats_baselines


def test_two_evaluations_are_equal_but_for_the_time_they_take(trained: Trained) -> None:
    first, second = (evaluate(trained.model, trained.sessions) for _ in range(2))
    assert (first.steering, first.throttle, first.frames) == (second.steering, second.throttle, second.frames)
    assert first.frames == 1200
    assert 0 < first.invoke_ms < 100


def test_an_unseen_drive_is_judged_by_the_mean_of_the_training(trained: Trained, tmp_path: Path) -> None:
    unseen = write_drive(tmp_path / "unseen.mcap", frames=200, seed=77)
    made = evaluate(trained.model, [unseen])
    assert made.steering.training_mean == trained.card.metrics["steering"]["training_mean"]
    assert made.steering.beats_baselines
    assert made.steering.model.r2 > 0.5


def test_frames_that_nobody_drove_do_not_count(trained: Trained, tmp_path: Path) -> None:
    rows = []
    for number in range(20):
        frame = Frame(draw(0.0), number * 50_000_000, number)
        rows.append((frame, record(frame, NEUTRAL, state=GateState.ARMED if number < 8 else GateState.TRIPPED)))
    assert evaluate(trained.model, [write_rows(tmp_path / "tripped.mcap", rows)]).frames == 8


def test_a_session_in_which_nobody_drove_is_refused(trained: Trained, tmp_path: Path) -> None:
    frame = Frame(draw(0.0), 0, 0)
    idle = write_rows(tmp_path / "idle.mcap", [(frame, record(frame, NEUTRAL, state=GateState.DISARMED))])
    with pytest.raises(TrainingError, match="nothing to compare with"):
        evaluate(trained.model, [idle])


def test_a_session_of_other_frames_is_refused(trained: Trained, tmp_path: Path) -> None:
    other = write_drive(tmp_path / "other.mcap", frames=5, geometry=CameraGeometry(width=64, height=48))
    with pytest.raises(TrainingError, match=r"are 64x48, and \S+ takes 48x36"):
        evaluate(trained.model, [other])


def test_sessions_that_do_not_fit_are_left_out_and_the_others_judge_the_model(trained: Trained, tmp_path: Path) -> None:
    other = write_drive(tmp_path / "other.mcap", frames=5, geometry=CameraGeometry(width=64, height=48))
    noise = tmp_path / "noise.mcap"
    noise.write_bytes(b"no session")
    left_out: list[LeftOut] = []
    made = evaluate(trained.model, [noise, trained.sessions[0], other], left_out.append)
    assert made == replace(evaluate(trained.model, trained.sessions[:1]), invoke_ms=made.invoke_ms)
    assert [(session.path, session.is_damaged) for session in left_out] == [(noise, True), (other, False)]
    with pytest.raises(SessionError, match="noise"):
        evaluate(trained.model, [noise, other])


def test_nothing_of_a_session_that_breaks_midway_counts(trained: Trained, tmp_path: Path) -> None:
    images = [draw(0.0)] * 8 + [np.zeros((48, 64, 3), np.uint8)]
    frames = [Frame(image, number * 50_000_000, number) for number, image in enumerate(images)]
    breaks = write_rows(tmp_path / "breaks.mcap", [(frame, record(frame, NEUTRAL)) for frame in frames])
    left_out: list[LeftOut] = []
    made = evaluate(trained.model, [breaks, trained.sessions[0]], left_out.append)
    assert (made.frames, [session.path for session in left_out]) == (400, [breaks])


def test_a_model_that_gives_no_numbers_has_no_score(tiny_models: Path) -> None:
    model = load_model(tiny_models / "broken.tflite")
    with pytest.raises(TrainingError, match="no numbers"):
        evaluate_frames(model, [[(Frame(np.zeros((24, 32, 3), np.uint8), 0, 0), (0.0, 0.0))]])


def test_a_recurrent_model_is_judged_as_it_drives_each_session_from_its_beginning(
    tiny_models: Path, tmp_path: Path
) -> None:
    small, sessions = CameraGeometry(width=32, height=24), []
    for name, first_ns in (("a", 0), ("b", 400_000_000)):  # The second goes on where the first one ends.
        frames = [Frame(draw(0.0, small), first_ns + number * 50_000_000, number) for number in range(8)]
        # It steers by how many frames it has seen.
        rows = [(frame, record(frame, Command((frame.number + 1) / 10, 0.2))) for frame in frames]
        sessions.append(write_rows(tmp_path / f"{name}.mcap", rows, small))
    assert evaluate(tiny_models / "recurrent.tflite", sessions).steering.model.mae == pytest.approx(0.0, abs=1e-6)
    assert evaluate(tiny_models / "recurrent.tflite", sessions[::-1]).steering.model.mae == pytest.approx(0, abs=1e-6)


def test_evaluating_needs_no_keras(trained: Trained) -> None:
    code = (
        "import sys; sys.modules['keras'] = sys.modules['tensorflow'] = None\n"
        "from pathlib import Path; from training.evaluation.offline import evaluate\n"
        "print(evaluate(Path(sys.argv[1]), [Path(sys.argv[2])]).frames)"
    )
    command = [sys.executable, "-c", code, str(trained.model), str(trained.sessions[0])]
    done = subprocess.run(command, capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "400"
