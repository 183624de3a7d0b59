"""A second program on the same car is refused before it touches an output; stopping the car never is."""

from __future__ import annotations

from pathlib import Path

import pytest

from hardware.drivetrains.timeline import read_timeline
from tests.hardware.fakes import logged_bus
from tests.hardware.fakes.logged_bus import smbus2
from tests.system.car_process import DrivingCar, assert_refused, run_car, wait_for

assert logged_bus
BOARD = '[drivetrain]\nkind = "servo_esc"\npins = "pca9685"\n[calibration]\ncalibrated = 2026-01-01\n'


def make_car(folder: Path, text: str) -> None:
    (folder / "mycar").mkdir(parents=True)
    (folder / "mycar" / "car.toml").write_text(text, encoding="utf-8")


def test_a_second_drive_of_one_car_is_refused_and_names_the_first(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    log = smbus2.install(monkeypatch, tmp_path)
    make_car(tmp_path, BOARD)
    with DrivingCar(tmp_path, "--no-record") as car:
        wait_for(lambda: log.exists() and any(True for _ in smbus2.transfers(log)), "the first pulses")
        for command in (("drive", "--headless"), ("drive",)):
            assert_refused(run_car(*command, cwd=tmp_path), "in use already", "`car drive`", f"{car.process.pid}")
        writers = {transfer.process for transfer in smbus2.transfers(log)}
        assert writers == {car.process.pid}


def test_a_second_car_on_the_same_outputs_is_refused(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    log = smbus2.install(monkeypatch, tmp_path)
    make_car(tmp_path / "one", BOARD)
    make_car(tmp_path / "two", BOARD)
    with DrivingCar(tmp_path / "one", "--no-record"):
        wait_for(lambda: log.exists() and any(True for _ in smbus2.transfers(log)), "the first pulses")
        done = run_car("drive", "--headless", cwd=tmp_path / "two")
        assert_refused(done, "The board at 0x40 on I²C bus 1", "in use already")


def test_car_neutral_works_while_a_program_has_the_car(tmp_path: Path) -> None:
    make_car(tmp_path, '[drivetrain]\ntimeline = "wheels"\n')
    with DrivingCar(tmp_path, "--no-record") as car:
        timeline = tmp_path / "mycar" / "wheels"
        wait_for(lambda: timeline.exists() and len(read_timeline(timeline)) > 3, "a drive")
        assert run_car("neutral", "--car", "mycar", cwd=tmp_path).returncode == 0
        assert {applied.process for applied in read_timeline(timeline)} > {car.process.pid}


def test_another_car_that_starts_on_the_same_machine_does_not_silence_the_controls_of_one_that_drives(
    tmp_path: Path,
) -> None:
    for name in ("one", "two"):
        make_car(tmp_path / name, "")
    with DrivingCar(tmp_path / "one") as car:
        car.wait_until_recorded(50_000)
        with DrivingCar(tmp_path / "two") as other:
            other.wait_until_recorded(50_000)
        _, output = car.end()
    assert "tripped" not in output
