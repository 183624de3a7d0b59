"""``car train`` and ``car evaluate`` as typed."""

from pathlib import Path

import pytest

from car.errors import SessionError
from models.loader import read_card
from tests.system.car_process import assert_refused, run_car
from training.command import train_and_show


def test_a_session_that_is_not_there_is_named(tmp_path: Path) -> None:
    assert_refused(run_car("train", "lost.mcap", cwd=tmp_path), "lost.mcap")


@pytest.mark.usefixtures("needs_keras")
@pytest.mark.parametrize("content", [b"", b"not a session", b"\x89MCAP0\r\n"])
def test_a_file_that_is_no_session_is_named(tmp_path: Path, content: bytes) -> None:
    odd = tmp_path / "odd.mcap"
    odd.write_bytes(content)
    with pytest.raises(SessionError, match=r"odd\.mcap"):
        train_and_show([odd], tmp_path / "new.tflite", command="car train")
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


def test_a_drive_in_the_simulator_is_saved_to_the_card_when_asked(tmp_path: Path) -> None:
    from car.pilots.find import find_model

    copy = tmp_path / "copy.tflite"
    copy.write_bytes(find_model("simulated-lane", tmp_path).read_bytes())
    done = run_car("evaluate", "./copy.tflite", "--track", "oval", "--laps", "1", "--save", cwd=tmp_path)
    assert done.returncode == 0, done.stderr
    card = read_card(copy)
    assert card is not None
    assert card.closed_loop == {"oval": "1 of 1 laps, lane departures: 0"}
