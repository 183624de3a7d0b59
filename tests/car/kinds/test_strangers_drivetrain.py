"""A drivetrain of somebody else's, from its section of car.toml to arming, calibrating and stopping it."""

from __future__ import annotations

import contextlib
from datetime import date
from pathlib import Path

import pytest

from car.arming import drivetrain_problems
from car.assembly.devices import neutral_outputs, open_devices, open_wheels
from car.calibration import (
    CurrentCalibration,
    calibration_fields,
    field_command,
    full_scale_calibration,
    save_calibration,
)
from car.config.folder import CarFolder
from car.config.sections import CarConfig, load_config
from car.errors import ConfigError
from car.gate import ArmRefusal
from car.kinds.ours import DRIVETRAINS, PILOTS
from car.kinds.pilot import PilotSection
from car.neutral import main
from car.pilots.choosing import choose_pilot
from car.processes.calibrate import calibrate
from hardware.clock import VirtualClock
from hardware.drivetrain import Command
from hardware.errors import DrivetrainError
from models.errors import ModelError
from tests.car.kinds.strange import FakePackage, WinchCalibration


@pytest.fixture(autouse=True)
def package(monkeypatch: pytest.MonkeyPatch) -> FakePackage:
    monkeypatch.setattr(DRIVETRAINS, "_found", {})
    monkeypatch.setattr(PILOTS, "_found", {})
    package = FakePackage(monkeypatch)
    package.offer("drivetrains", "exit", "exit")
    for name in ("Winch", "Sledge", "Mute", "Cursed", "ObjectOutputs"):
        package.offer("drivetrains", name.lower(), f"{name}Kind")
    package.offer("pilots", "demanding", "DemandingKind")
    package.offer("pilots", "winch", "NoSectionKind")
    return package


def config_of(kind: str, **calibration: object) -> CarConfig:
    return CarConfig.model_validate({"drivetrain": {"kind": kind}, "calibration": calibration})


def test_only_a_drivetrain_that_has_something_to_calibrate_waits_for_it() -> None:
    assert drivetrain_problems(config_of("sledge")) == ()
    assert drivetrain_problems(config_of("winch")) == (ArmRefusal.NOT_CALIBRATED,)
    assert drivetrain_problems(config_of("winch", calibrated=date(2026, 1, 2))) == ()


def test_a_strangers_calibration_has_its_own_keys_and_forgives_those_of_the_drivetrain_before() -> None:
    config = config_of("winch", slack_mm=4.0, neutral_us=1520.0, motor_start=0.2)
    assert config.calibration == WinchCalibration(slack_mm=4.0)
    assert config_of("winch").calibration == WinchCalibration()
    assert config_of("sledge", neutral_us=1520.0).calibration.calibrated is None


def test_a_strangers_values_are_tried_on_full_scale_no_faster_than_the_gate_allows() -> None:
    config = config_of("winch", slack_mm=4.0)
    (field,) = calibration_fields(config)
    assert (field.name, field.output, field.value) == ("slack_mm", "rope", 4.0)
    scale = full_scale_calibration(config.calibration)
    assert field_command(scale, field, 0.1) == Command(0.5, 0.1)
    assert field_command(scale, field, 9.0) == Command(0.5, 0.2)


def test_a_strangers_calibration_is_saved_and_read_again(tmp_path: Path) -> None:
    path = tmp_path / "car.toml"
    path.write_text('[drivetrain]\nkind = "winch"\n', encoding="utf-8")
    current = CurrentCalibration(path, load_config(path).calibration)
    save_calibration(path, {"slack_mm": 5.0})
    saved = current.read()
    assert isinstance(saved, WinchCalibration)
    assert saved.slack_mm == 5.0
    # Somebody chooses another drivetrain: the one that is open cannot follow its calibration.
    path.write_text('[drivetrain]\nkind = "servo_esc"\n', encoding="utf-8")
    assert current.read() == saved


def test_a_drivetrain_with_nothing_to_calibrate_says_so(tmp_path: Path) -> None:
    with pytest.raises(ConfigError, match="A sledge drivetrain has nothing to calibrate"):
        calibrate(CarFolder(tmp_path, config_of("sledge")))


def test_a_strangers_drivetrain_is_told_a_calibration_only_if_it_has_one() -> None:
    winch, sledge = (open_wheels(config_of(kind), VirtualClock()) for kind in ("winch", "sledge"))
    assert winch is not None
    assert winch.calibrate is not None
    assert sledge is not None
    assert sledge.calibrate is None


def test_a_strangers_drivetrain_drives_with_our_simulated_camera() -> None:
    clock = VirtualClock()
    with contextlib.closing(open_devices(config_of("sledge"), clock)) as devices:
        assert devices.camera.next_frame(1000).number >= 0
        assert devices.drivetrain.apply(Command(0.0, 0.1)) == Command(0.0, 0.1)
        assert devices.motion is None


def test_whatever_it_raises_when_it_is_opened_is_one_sentence() -> None:
    with pytest.raises(DrivetrainError, match="The cursed drivetrain cannot be opened"):
        open_wheels(config_of("cursed"), VirtualClock())


@pytest.mark.parametrize(
    ("kind", "words"), [("mute", "shout"), ("cursed", "rope"), ("objectoutputs", "no known way to write")]
)
def test_a_car_that_the_guard_could_not_stop_does_not_start(kind: str, words: str) -> None:
    with pytest.raises(DrivetrainError, match=words):
        neutral_outputs(config_of(kind))


@pytest.mark.parametrize(("kind", "words"), [("mute", "no known way"), ("cursed", "rope"), ("exit", "strange-parts")])
def test_car_neutral_says_what_it_cannot_do_and_writes_the_rest(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], kind: str, words: str
) -> None:
    (tmp_path / "car.toml").write_text(f'[drivetrain]\nkind = "{kind}"\ntimeline = "wheels"\n', encoding="utf-8")
    assert main(["--car", str(tmp_path)]) == 1
    message = capsys.readouterr().err
    assert message.count("\n") == 1
    assert words in message
    assert (tmp_path / "wheels").stat().st_size > 0


@pytest.mark.parametrize(
    ("name", "words"),
    [
        ("demanding", "needs its key rope_m"),
        ("lost", "Or a kind of pilot without a model: line-follower, straight-ahead, demanding, winch"),
        ("winch", "strange-parts"),
    ],
)
def test_a_pilot_that_cannot_be_meant_is_one_sentence(tmp_path: Path, name: str, words: str) -> None:
    with pytest.raises(ModelError, match=words):
        choose_pilot(name, PilotSection(), tmp_path)
