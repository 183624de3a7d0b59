"""Trainings over HTTP: real ones, of small drives."""

from __future__ import annotations

import os
import shutil
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import psutil
import pytest

from car.config.sections import CarConfig, RecordingSection, WebSection
from car.pilots.trainer import NICENESS, Trainer
from models.loader import read_card
from tests.car.web.serving import PORT, Served, serving
from tests.system.car_process import wait_for
from tests.training.conftest import Trained
from tests.training.drives import write_drive

pytestmark = pytest.mark.usefixtures("needs_keras")
PATIENCE_S = 240.0


@pytest.fixture
def served(tmp_path: Path) -> Iterator[Served]:
    """Serve a car with a drive of 20 s, and a file that is none."""
    config = CarConfig(web=WebSection(port=PORT, announce=False), recording=RecordingSection(min_free_mb=0))
    with serving(tmp_path / "mycar", config) as served:
        write_drive(served.folder.sessions_dir / "monday.mcap", frames=400, geometry=config.camera.geometry)
        (served.folder.sessions_dir / "noise.mcap").write_bytes(b"no session")
        yield served


def status(served: Served) -> dict[str, Any]:
    answer: dict[str, Any] = served.client.get("training").json()
    return answer


def begin(served: Served, *sessions: str, **options: bool) -> None:
    answer = served.client.post("training", json={"sessions": list(sessions), **options})
    assert answer.status_code == 202, answer.text
    assert answer.json()["state"] == "running"


def end(served: Served) -> dict[str, Any]:
    deadline_s = time.monotonic() + PATIENCE_S
    while (now := status(served))["state"] == "running":
        assert time.monotonic() < deadline_s, now
        time.sleep(0.2)
    return now


def test_a_pilot_is_trained_is_in_the_list_and_is_not_taken_for_what_the_next_training_made(served: Served) -> None:
    assert status(served)["state"] == "none"
    # What cannot be read is left out, and does not hide the model that is made of the rest.
    begin(served, "monday", "noise")
    served.refused("POST", "training", 409, "already", json={"sessions": ["monday"]})
    done = end(served)
    assert (done["state"], done["model"]) == ("done", "pilot"), done
    assert "On the frames held out from training" in done["report"]
    assert "noise.mcap" in done["report"]
    assert "pilot" in {row["name"] for row in served.client.get("models").json()}
    card = read_card(served.folder.models_dir / "pilot.tflite")
    assert card is not None
    assert card.command.startswith("car train ")
    (served.folder.sessions_dir / "monday.mcap").write_bytes(b"no session any more")
    begin(served, "monday", "noise")
    served.client.post("models/pilot/rename", params={"to": "friday"}).raise_for_status()
    failed = end(served)
    assert (failed["state"], failed["model"]) == ("failed", "")


def test_a_training_that_is_stopped_leaves_nothing_and_another_may_begin(served: Served) -> None:
    begin(served, "monday")
    assert served.client.delete("training").json()["state"] in {"running", "stopped"}
    assert end(served)["state"] == "stopped"
    assert list(served.folder.models_dir.iterdir()) == []
    begin(served, "monday")
    served.client.delete("training")
    assert end(served)["state"] == "stopped"


def test_a_training_that_is_stopped_after_an_epoch_leaves_no_model_and_no_checkpoint(served: Served) -> None:
    begin(served, "monday")
    wait_for(lambda: any(served.folder.models_dir.glob(".checkpoints/*.fit")), "an epoch")
    assert served.client.delete("training").status_code == 200
    assert end(served)["state"] == "stopped"
    assert list(served.folder.models_dir.iterdir()) == []


def test_what_cannot_be_trained_on_is_said_in_the_commands_own_words(served: Served) -> None:
    begin(served, "noise")
    failed = end(served)
    assert (failed["state"], failed["model"]) == ("failed", "")
    assert "noise.mcap" in failed["report"].splitlines()[-1]
    begin(served, "monday", from_takeovers=True)
    assert "Nobody took over" in end(served)["report"]


def test_a_model_that_comes_meanwhile_is_not_taken_for_what_was_trained(served: Served, trained: Trained) -> None:
    begin(served, "noise")
    shutil.copy(trained.model, served.folder.models_dir / "aaa.tflite")
    failed = end(served)
    assert (failed["state"], failed["model"]) == ("failed", "")


def test_sessions_that_are_not_there_or_none_are_refused(served: Served) -> None:
    served.refused("POST", "training", 404, "There is no session", json={"sessions": ["monday", "sunday"]})
    served.refused("POST", "training", 404, "There is no session", json={"sessions": ["../car"]})
    served.refused("POST", "training", 409, "Choose a session", json={"sessions": []})
    served.refused("POST", "training", 422, "allowed", json={"sessions": ["monday"], "epochs": 9000})
    assert status(served)["state"] == "none"


def test_without_keras_it_is_said_where_to_train(served: Served, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("importlib.util.find_spec", lambda _: None)
    served.refused("POST", "training", 409, "A laptop trains", "pocketpilot[train]", json={"sessions": ["monday"]})


STARTER = """
import sys, time
from pathlib import Path
from car.config.folder import open_car
from car.pilots.trainer import NICENESS, Trainer
folder = open_car(Path(sys.argv[1]))
Trainer(folder.path, folder.models_dir).start([folder.sessions_dir / "monday.mcap"])
print("started", flush=True)
time.sleep(300)
"""


@pytest.mark.parametrize("number", [signal.SIGKILL, signal.SIGTERM], ids=["killed", "ended"])
def test_a_training_ends_with_who_started_it_however_that_ended(served: Served, number: signal.Signals) -> None:
    starter = subprocess.Popen([sys.executable, "-c", STARTER, str(served.folder.path)], stdout=subprocess.PIPE)
    with starter:
        assert starter.stdout is not None
        assert starter.stdout.readline() == b"started\n"
        (training,) = psutil.Process(starter.pid).children()
        if hasattr(os, "getpriority"):
            assert training.nice() == NICENESS
        starter.send_signal(number)
        wait_for(lambda: not training.is_running() or training.status() == psutil.STATUS_ZOMBIE, "its end")
    assert list(served.folder.models_dir.iterdir()) == []


@pytest.mark.skipif(not hasattr(signal, "SIGSTOP"), reason="no process can be frozen here")
def test_a_training_that_is_frozen_is_stopped_all_the_same(served: Served) -> None:
    begin(served, "monday")
    (training,) = (child for child in psutil.Process().children() if "car.entry" in child.cmdline())
    training.suspend()
    assert served.client.delete("training").status_code == 200
    assert end(served)["state"] == "stopped"
    assert list(served.folder.models_dir.iterdir()) == []


def test_a_car_that_never_trained_says_so(served: Served) -> None:
    trainer = Trainer(served.folder.path, served.folder.models_dir)
    assert trainer.stop().state == "none"
