"""The desk asks for another pilot, and hears what came of it; whatever goes wrong, the one before drives on."""

from __future__ import annotations

import hashlib
import multiprocessing
import shutil
from collections.abc import Iterator
from pathlib import Path

import pytest

import models
from car.kinds.pilot import Pilot, PilotAnswer
from car.link import pilot_switch
from car.link.pilot_switch import PilotLink, PilotSwitch, activating
from car.pilots.active import ActivePilot
from car.pilots.loading import MAX_ACTIVATED_BYTES, load_pilot
from hardware.camera import CameraGeometry, Frame
from hardware.drivetrain import NEUTRAL
from models.errors import ModelError
from tests.frames import make_frame

SHIPPED = Path(models.__file__).parent / "simulated-lane.tflite"
CAMERA = CameraGeometry(160, 120)


class Named(Pilot):
    def __init__(self, name: str) -> None:
        self.name = name

    def drive(self, frame: Frame) -> PilotAnswer:
        return PilotAnswer(NEUTRAL)

    def close(self) -> None:
        pass


def test_a_model_that_would_keep_the_heartbeat_waiting_is_not_loaded_beside_the_loop(tmp_path: Path) -> None:
    path = tmp_path / "huge.tflite"
    with path.open("wb") as file:
        file.truncate(MAX_ACTIVATED_BYTES + 1)
    with pytest.raises(ModelError, match="start the car again"):
        load_pilot(CAMERA, path, "")


def load(path: Path, sha256: str) -> Pilot:
    if path.stem == "bad":
        raise ModelError("It is bad. Take another one.")
    if path.stem == "odd":
        raise MemoryError
    return Named(path.name)


class Rig:
    def __init__(self) -> None:
        self.link = PilotLink(multiprocessing.get_context("spawn"))
        self.pilot = ActivePilot(Named("first.tflite"))
        self.told: list[str] = []
        self.switch = PilotSwitch(self.link, "first.tflite", self.told.append)


@pytest.fixture
def rig() -> Iterator[Rig]:
    rig = Rig()
    with activating(rig.link, rig.pilot, load):
        yield rig


def test_another_pilot_drives_when_the_call_returns(rig: Rig) -> None:
    rig.switch.activate(Path("second.tflite"), "")
    assert rig.pilot.name == rig.switch.name == "second.tflite"
    assert rig.switch.previous == "first.tflite"
    rig.switch.activate(Path("first.tflite"), "")
    assert (rig.switch.name, rig.switch.previous) == ("first.tflite", "second.tflite")
    assert rig.told == ["second.tflite", "first.tflite"]


def test_the_same_one_again_is_loaded_again_and_is_not_its_own_predecessor(rig: Rig) -> None:
    rig.switch.activate(Path("second.tflite"), "")
    rig.switch.activate(Path("second.tflite"), "")
    assert rig.switch.previous == "first.tflite"


@pytest.mark.parametrize(("name", "words"), [("bad", "It is bad"), ("odd", "could not be loaded")])
def test_one_that_cannot_be_loaded_leaves_the_one_before(rig: Rig, name: str, words: str) -> None:
    with pytest.raises(ModelError, match=words):
        rig.switch.activate(Path(f"{name}.tflite"), "")
    assert rig.pilot.name == rig.switch.name == "first.tflite"
    assert rig.told == []
    rig.switch.activate(Path("second.tflite"), "")
    assert rig.pilot.name == "second.tflite"


def test_nonsense_from_the_desk_ends_nothing(rig: Rig) -> None:
    for nonsense in (b"", b"{", b"[]", b'{"number": 7}', b"\x80\x04."):
        rig.link.desk_end.send_bytes(nonsense)
    rig.switch.activate(Path("second.tflite"), "")
    assert rig.pilot.name == "second.tflite"


def test_a_drive_that_does_not_answer_is_said(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(pilot_switch, "ANSWER_TIMEOUT_S", 0.05)
    rig = Rig()
    with pytest.raises(ModelError, match="in time"):
        rig.switch.activate(Path("second.tflite"), "")
    assert rig.switch.name == "first.tflite"


def test_an_answer_that_comes_too_late_is_not_taken_for_the_next_one(monkeypatch: pytest.MonkeyPatch) -> None:
    rig = Rig()
    with monkeypatch.context() as patch:
        patch.setattr(pilot_switch, "ANSWER_TIMEOUT_S", 0.05)
        with pytest.raises(ModelError, match="in time"):
            rig.switch.activate(Path("bad.tflite"), "")
    with activating(rig.link, rig.pilot, load):
        rig.switch.activate(Path("second.tflite"), "")
    assert rig.pilot.name == rig.switch.name == "second.tflite"


def test_a_drive_that_has_ended_is_said() -> None:
    rig = Rig()
    rig.link.drive_end.close()
    with pytest.raises(ModelError, match="has ended"):
        rig.switch.activate(Path("second.tflite"), "")


def test_a_model_is_loaded_only_as_it_was_tried_out_and_only_if_it_fits(tmp_path: Path) -> None:
    path = tmp_path / "evening.tflite"
    shutil.copy(SHIPPED, path)
    sha256 = hashlib.sha256(path.read_bytes()).hexdigest()
    pilot = load_pilot(CAMERA, path, sha256)
    assert pilot.name == "evening.tflite"
    assert pilot.drive(make_frame(0, CAMERA)).command.is_valid()
    with pytest.raises(ModelError, match="has changed"):
        load_pilot(CAMERA, path, "0" * 64)
    with pytest.raises(ModelError, match="takes frames of 160x120"):
        load_pilot(CameraGeometry(320, 240), path, sha256)
