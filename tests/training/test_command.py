"""``car train`` and ``car evaluate`` as typed."""

from pathlib import Path

import numpy as np
import pytest

from car.errors import SessionError
from hardware.camera import Frame
from hardware.drivetrain import Command
from models.loader import read_card
from tests.system.car_process import assert_refused, run_car
from tests.training.drives import draw, record, write_drive, write_rows
from tests.training.test_dataset import write_idle
from training.command import explain_metrics, show_metrics, train_and_show
from training.evaluation.offline import compare
from training.fit import TrainSettings


def test_a_session_that_is_not_there_is_named(tmp_path: Path) -> None:
    assert_refused(run_car("train", "lost.mcap", cwd=tmp_path), "lost.mcap")


def test_a_lead_that_is_no_time_is_refused(tmp_path: Path) -> None:
    assert_refused(run_car("train", "--lead-ms", "soon", cwd=tmp_path), "--lead-ms", "auto", "soon")


def test_rounds_cannot_restart(tmp_path: Path) -> None:
    assert_refused(run_car("train", "--restart", "--dagger", "1", cwd=tmp_path), "--restart or --dagger")


@pytest.mark.usefixtures("needs_keras")
@pytest.mark.parametrize("content", [b"", b"not a session", b"\x89MCAP0\r\n"])
def test_a_file_that_is_no_session_is_named(tmp_path: Path, content: bytes) -> None:
    odd = tmp_path / "odd.mcap"
    odd.write_bytes(content)
    with pytest.raises(SessionError, match=r"odd\.mcap"):
        train_and_show([odd], tmp_path / "new.tflite", TrainSettings(), command="car train")
    assert list(tmp_path.iterdir()) == [odd]


def test_a_trained_pilot_has_its_card_and_is_not_flattered_by_what_it_learned(tmp_path: Path) -> None:
    for track in ("oval", "bean"):
        record = f"lessons/{track}.mcap"
        (tmp_path / "lessons").mkdir(exist_ok=True)
        done = run_car("simulate", "--expert", "--track", track, "--minutes", "0.5", "--record", record, cwd=tmp_path)
        assert done.returncode == 0, done.stderr
    done = run_car("train", "lessons", "--out", "new.tflite", "--epochs", "2", cwd=tmp_path)
    assert done.returncode == 0, done.stderr
    assert "predict zero" in done.stdout
    card = read_card(tmp_path / "new.tflite")
    assert card is not None
    assert card.command == "car train lessons --out new.tflite --epochs 2"
    assert {session.name for session in card.sessions} == {"oval", "bean"}
    done = run_car("evaluate", "new.tflite", "lessons", cwd=tmp_path)
    assert done.returncode == 0, done.stderr
    assert "It was trained on" in done.stdout
    done = run_car("simulate", "--expert", "--minutes", "0.2", "--record", "unseen.mcap", cwd=tmp_path)
    done = run_car("evaluate", "new.tflite", "unseen.mcap", cwd=tmp_path)
    assert "It was trained on" not in done.stdout


def test_one_damaged_session_does_not_keep_the_others_from_judging_a_model(tmp_path: Path) -> None:
    (tmp_path / "drives").mkdir()
    done = run_car("simulate", "--expert", "--minutes", "0.15", "--record", "drives/good.mcap", cwd=tmp_path)
    assert done.returncode == 0, done.stderr
    (tmp_path / "drives" / "noise.mcap").write_bytes(b"no session")
    done = run_car("evaluate", "simulated-lane", "drives", cwd=tmp_path)
    assert done.returncode == 1
    assert "of 1 sessions" in done.stdout
    assert "Left out" in done.stdout
    assert "noise.mcap" in done.stdout
    assert "car sessions repair" in done.stderr


def test_a_drive_in_the_simulator_is_saved_to_the_card_when_asked(tmp_path: Path) -> None:
    from car.pilots.find import find_model

    copy = tmp_path / "copy.tflite"
    copy.write_bytes(find_model("simulated-lane", tmp_path).read_bytes())
    done = run_car("evaluate", "./copy.tflite", "--track", "oval", "--laps", "1", "--save", cwd=tmp_path)
    assert done.returncode == 0, done.stderr
    card = read_card(copy)
    assert card is not None
    assert card.closed_loop == {"oval": "1 of 1 laps, lane departures: 0"}


@pytest.fixture
def car_dir(tmp_path: Path) -> Path:
    """Return a car with small frames and one short drive."""
    assert run_car("init", "mycar", cwd=tmp_path).returncode == 0
    (tmp_path / "mycar" / "car.toml").write_text("[camera]\nwidth = 48\nheight = 36\n")
    write_drive(tmp_path / "mycar" / "sessions" / "monday.mcap", frames=160)
    return tmp_path / "mycar"


@pytest.mark.usefixtures("needs_keras")
def test_each_training_makes_a_model_of_its_own_and_says_how_to_drive_with_it(car_dir: Path) -> None:
    first, second = (run_car("train", "--epochs", "1", cwd=car_dir) for _ in range(2))
    assert (first.returncode, second.returncode) == (0, 0), first.stderr + second.stderr
    assert "Drive with it: car drive --model pilot\n" in first.stdout
    assert "models/pilot.tflite was there already and is as it was; this model is pilot-2." in second.stdout
    assert "Drive with it: car drive --model pilot-2\n" in second.stdout
    assert sorted(path.name for path in (car_dir / "models").iterdir()) == ["pilot-2.tflite", "pilot.tflite"]


@pytest.mark.usefixtures("needs_keras")
def test_a_model_is_given_a_name_once_and_replaced_when_that_is_said(car_dir: Path) -> None:
    model = car_dir / "models" / "kitchen.tflite"
    model.write_text("precious")
    command = ["train", "--car", "mycar", "--epochs", "1", "--name", "kitchen"]
    assert_refused(run_car(*command, cwd=car_dir.parent), "kitchen", "already", "another name")
    assert model.read_text() == "precious"
    done = run_car(*command, "--replace", cwd=car_dir.parent)
    assert "Drive with it: car drive --car mycar --model kitchen\n" in done.stdout
    assert read_card(model) is not None


def test_a_place_that_is_taken_or_none_is_refused_before_the_training(car_dir: Path) -> None:
    taken = car_dir / "taken.tflite"
    taken.write_text("precious")
    for arguments, words in (
        (["--out", "taken.tflite"], ["taken.tflite", "already", "--replace"]),
        (["--out", "models"], ["models is a folder", "models/pilot.tflite"]),
        (["--out", "new.tflite", "--name", "new"], ["--name or --out"]),
        (["--name", "../new"], ["cannot be called"]),
    ):
        assert_refused(run_car("train", *arguments, cwd=car_dir), *words)
    assert taken.read_text() == "precious"


@pytest.mark.usefixtures("needs_keras")
def test_a_training_begins_with_what_is_gravest_and_leaves_out_what_teaches_nothing(car_dir: Path) -> None:
    write_idle(car_dir / "sessions" / "idle.mcap")
    (car_dir / "sessions" / "odd.mcap").write_bytes(b"not a session")
    rows = [(Frame(draw(0.0), number * 50_000_000, number), Command(0.2, 0.3)) for number in range(400)]
    write_rows(car_dir / "sessions" / "stuck.mcap", [(frame, record(frame, command)) for frame, command in rows])
    done = run_car("train", "--epochs", "1", cwd=car_dir)
    assert_refused(done, "Not every session can be read")
    begins, _, ends = done.stdout.partition("On the frames held out")
    told = [line.partition(":")[0] for line in begins.splitlines() if line.startswith(("grave:", "warning:", "note:"))]
    assert told == ["grave"] * 3
    assert "The steering never changes: stuck (always 0.20)." in begins
    assert "more findings: car sessions report" in begins
    assert "Left out: Nobody drove in sessions/idle.mcap" in done.stdout
    assert "Left out: sessions/odd.mcap" in done.stdout
    assert "Drive with it" in ends
    card = read_card(car_dir / "models" / "pilot.tflite")
    assert card is not None
    assert [session.name for session in card.sessions] == ["monday", "stuck"]


def test_an_r2_below_0_is_explained() -> None:
    good = {"r2": 0.6, "predict_mean_r2": 0.0, "predict_zero_r2": -0.3}
    below = {"r2": 0.6, "predict_mean_r2": -0.2, "predict_zero_r2": -0.3}
    assert explain_metrics({"steering": good, "throttle": good}) == []
    assert explain_metrics({"steering": {"mae": 0.1}}) == explain_metrics({}) == []
    (sentence,) = explain_metrics({"steering": good, "throttle": below})
    assert "For throttle, predict the mean is below 0 since" in sentence
    (sentence,) = explain_metrics({"steering": below, "throttle": below})
    assert "For steering and throttle," in sentence


def test_an_r2_that_the_table_shows_as_0_is_not_explained() -> None:
    assert explain_metrics({"throttle": {"r2": 0.6, "predict_mean_r2": -0.00001, "predict_zero_r2": -0.3}}) == []


def test_a_model_that_has_learned_nothing_is_said_to() -> None:
    (sentence,) = explain_metrics({"steering": {"r2": -0.1, "predict_mean_r2": 0.0, "predict_zero_r2": -0.3}})
    assert "no better than a guess" in sentence


def test_labels_that_never_change_are_said_to_and_have_no_r2(capsys: pytest.CaptureFixture[str]) -> None:
    driven = np.linspace(-1, 1, 50)
    good, constant = (compare(labels, labels, None).to_metrics() for labels in (driven, np.full(50, 0.3)))
    assert explain_metrics({"steering": good, "throttle": good}) == []
    (sentence,) = explain_metrics({"steering": good, "throttle": constant})
    assert "throttle driven never changes" in sentence
    assert "car sessions report" in sentence
    show_metrics("constant", {"steering": constant, "throttle": constant})
    printed = capsys.readouterr().out
    assert "1.0000" not in printed
    assert "The steering and the throttle driven never change" in printed
