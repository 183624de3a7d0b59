"""Trainings that are killed, or hear Ctrl-C: what they leave, and what the next one makes of it."""

from __future__ import annotations

import signal
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from models.loader import load_model, read_card
from tests.system.car_process import CAR, PATIENCE_S, run_car, wait_for
from tests.training.drives import draw, write_drive
from training.dataset import CACHE_FOLDER, load_recording
from training.fit import TrainSettings
from training.pipeline import train

pytestmark = pytest.mark.skipif(sys.platform == "win32", reason="the signals are Unix's")

SETTINGS = TrainSettings(epochs=3, batch_size=16, mirror=False)
DECODING = """
import sys
from pathlib import Path
from training.dataset import load_recording

def step(progress):
    print("at", progress.stage, progress.done, flush=True)
    sys.stdin.readline()

load_recording(Path(sys.argv[1]), step)
"""
TRAINING = """
import sys
from pathlib import Path
from training.fit import TrainSettings
from training.pipeline import train

def step(progress):
    print("at", progress.stage, progress.note or progress.done, flush=True)
    sys.stdin.readline()

settings = TrainSettings(epochs=3, batch_size=16, mirror=False)
train([Path(sys.argv[1])], Path(sys.argv[2]), settings, step, say=lambda said: print("said", said, flush=True))
"""


class Stepping:
    """A process that says where it is, and waits there."""

    def __init__(self, process: subprocess.Popen[str]) -> None:
        self.process = process
        self.lines: list[str] = []

    def run_to(self, place: str) -> None:
        """Let it run until it says that it is at ``place``, where it stays; without one, to its end."""
        assert self.process.stdin is not None
        assert self.process.stdout is not None
        for line in self.process.stdout:
            self.lines.append(line.strip())
            if place and line.startswith(f"at {place}"):
                return
            if line.startswith("at "):
                self.let_go()
        assert not place, self.lines
        assert self.process.wait(PATIENCE_S * 5) == 0

    def let_go(self) -> None:
        """Let it run on from where it waits."""
        assert self.process.stdin is not None
        self.process.stdin.write("\n")
        self.process.stdin.flush()


@contextmanager
def stepping(script: str, *arguments: Path) -> Iterator[Stepping]:
    """Run ``script`` step by step, and kill it at the end of the block."""
    command = [sys.executable, "-c", script, *map(str, arguments)]
    with subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True) as process:
        try:
            yield Stepping(process)
        finally:
            process.kill()


def test_a_decoding_that_is_killed_is_done_again_and_its_half_goes(tmp_path: Path) -> None:
    session = write_drive(tmp_path / "monday.mcap", frames=250)
    frames = tmp_path / CACHE_FOLDER / "monday"
    with stepping(DECODING, session) as decoding:
        decoding.run_to("read 200")
    (half,) = frames.iterdir()
    assert half.name.startswith("unfinished-")
    assert len(load_recording(session).images) == 250
    (whole,) = frames.iterdir()
    assert not whole.name.startswith("unfinished-")


@pytest.mark.parametrize("name", ["about.json", "images.rgb", "labels.npy"])
def test_decoded_frames_that_a_power_cut_has_emptied_are_decoded_again(tmp_path: Path, name: str) -> None:
    session = write_drive(tmp_path / "monday.mcap", frames=50)
    first = load_recording(session)
    (folder,) = (tmp_path / CACHE_FOLDER / "monday").iterdir()
    (folder / name).unlink()
    (folder / name).touch()
    again = load_recording(session)
    assert again.labels.tolist() == first.labels.tolist()
    assert len(again.images) == 50


@pytest.mark.usefixtures("needs_keras")
def test_a_training_killed_in_the_fit_and_in_the_export_ends_as_if_nothing_had_been(tmp_path: Path) -> None:
    session, models = write_drive(tmp_path / "monday.mcap", frames=200), tmp_path / "models"
    out = models / "pilot.tflite"
    with stepping(TRAINING, session, out) as training:
        training.run_to("train epoch 2:")
    (checkpoints,) = models.iterdir()
    assert [path.suffix for path in checkpoints.iterdir()] == [".fit"]
    # Killed while it was writing the next one.
    (checkpoints / ".part-1-x").mkdir()
    with stepping(TRAINING, session, out) as training:
        training.run_to("export 0")
        training.let_go()
        wait_for(lambda: any(models.glob(".export-*/pilot.float32")), "the export")
    assert any(line.startswith("said Goes on after epoch ") for line in training.lines)
    assert not out.exists()
    assert any(models.glob(".export-*"))
    with stepping(TRAINING, session, out) as training:
        training.run_to("")
    assert any(line.startswith("said Goes on after epoch ") for line in training.lines)
    assert list(models.iterdir()) == [out]
    undisturbed = tmp_path / "undisturbed.tflite"
    card = train([session], undisturbed, SETTINGS)
    frames = [draw(steering) for steering in (-0.8, -0.3, 0.0, 0.3, 0.8)]
    answers = [[load_model(path).run(frame) for frame in frames] for path in (out, undisturbed)]
    assert answers[0] == answers[1]
    ours = read_card(out)
    assert ours is not None
    assert ours.training == card.training


@pytest.mark.usefixtures("needs_keras")
def test_the_first_ctrl_c_makes_the_best_so_far_the_model_and_the_second_ends_without_one(tmp_path: Path) -> None:
    assert run_car("init", "mycar", cwd=tmp_path).returncode == 0
    car = tmp_path / "mycar"
    (car / "car.toml").write_text("[camera]\nwidth = 48\nheight = 36\n")
    write_drive(car / "sessions" / "monday.mcap", frames=250)
    command = [str(CAR), "train", "--epochs", "900", "--mirror", "off"]

    def begin() -> subprocess.Popen[str]:
        process = subprocess.Popen(command, cwd=car, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True)
        own = f".checkpoints/*-{process.pid}.fit"
        wait_for(lambda: any((car / "models").glob(own)) or process.poll() is not None, "an epoch")
        return process

    with begin() as process:
        process.send_signal(signal.SIGINT)
        output, errors = process.communicate(timeout=PATIENCE_S * 5)
    assert process.returncode == 0, errors
    assert "Stopped after epoch " in output
    assert "Drive with it: car drive --model pilot\n" in output
    card = read_card(car / "models" / "pilot.tflite")
    assert card is not None
    assert str(card.training["stopped"]).endswith(f"{card.training['epochs']} of 900 epochs")
    assert sorted(path.name for path in (car / "models").iterdir()) == [".checkpoints", "pilot.tflite"]
    with begin() as process:
        process.send_signal(signal.SIGINT)
        assert process.stdout is not None
        lines = []
        for line in process.stdout:
            lines.append(line)
            if line.startswith("Stopped after epoch "):
                break
        process.send_signal(signal.SIGINT)
        _, errors = process.communicate(timeout=PATIENCE_S * 5)
    assert process.returncode == 130, errors
    assert "Traceback" not in errors
    assert any(line.startswith("Goes on after epoch ") for line in lines)
    assert sorted(path.name for path in (car / "models").iterdir()) == [".checkpoints", "pilot.tflite"]
