"""A real car's servo and ESC on a PCA9685, read back from outside: killed, ended or left alone, neutral then off."""

import itertools
import os
import signal
from collections.abc import Iterator
from pathlib import Path

import pytest

from hardware.clock import NS_PER_MS, SystemClock
from tests.hardware.fakes.logged_bus import smbus2
from tests.hardware.fakes.logged_bus.smbus2 import Transfer
from tests.system.car_process import DrivingCar, run_car, wait_for

STEERING, THROTTLE = 1, 0
CAR = """\
[drivetrain]
kind = "servo_esc"
[calibration]
calibrated = 2025-11-25
steering_centre_us = 1480
forward_start_us = 1600
"""
NEUTRAL_US = (1500.0, 1480.0)
PROMISED_MS = 300
STUCK_MS = 450
"""The watchdog sees the stall after 200 ms and hangs as well; 200 ms later the guard misses its heartbeat."""
NOISE_MS = 200
"""What a busy machine may add; the figures themselves are printed by ``make bench``."""


@pytest.fixture
def log(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> Path:
    (tmp_path / "mycar").mkdir()
    (tmp_path / "mycar" / "car.toml").write_text(CAR, encoding="utf-8")
    return smbus2.install(monkeypatch, tmp_path)


@pytest.fixture
def car(tmp_path: Path, log: Path) -> Iterator[DrivingCar]:
    with DrivingCar(tmp_path, "--no-record") as car:
        wait_for(lambda: any(throttle(transfer) > 1600 for transfer in smbus2.transfers(log)), "the car to drive")
        yield car


def throttle(transfer: Transfer) -> float:
    return transfer.pulses_us[THROTTLE]


def pulses(transfer: Transfer) -> tuple[float, float]:
    return throttle(transfer), transfer.pulses_us[STEERING]


def is_off(log: Path) -> bool:
    return not any(list(smbus2.transfers(log))[-1].pulses_us)


def assert_neutral_then_off(ended: list[Transfer]) -> None:
    """Check what came after the end: no throttle but neutral, for three periods at least, then nothing."""
    shown = [pulses(transfer) for transfer, _ in itertools.groupby(ended)]
    neutral = next(i for i, both in enumerate(shown) if both == pytest.approx(NEUTRAL_US, abs=2.5))
    for both in shown[neutral:]:
        for pulse_us, neutral_us in zip(both, NEUTRAL_US, strict=True):
            assert pulse_us == 0 or pulse_us == pytest.approx(neutral_us, abs=2.5)
    off = next(i for i, both in enumerate(shown) if both == (0.0, 0.0))
    assert ended[off].time_ns - ended[neutral].time_ns >= 60 * NS_PER_MS
    assert shown[-1] == (0.0, 0.0)


def test_the_first_pulse_ever_is_neutral(car: DrivingCar, log: Path) -> None:
    first = next(transfer for transfer in smbus2.transfers(log) if throttle(transfer))
    assert throttle(first) == pytest.approx(1500.0, abs=2.5)


@pytest.mark.parametrize("number", [signal.SIGKILL, signal.SIGSTOP])
def test_a_drive_that_is_killed_or_frozen_is_put_to_neutral_then_off_by_the_guard(
    car: DrivingCar, log: Path, number: int
) -> None:
    stopped_ns = SystemClock().now_ns()
    os.kill(car.process.pid, number)
    wait_for(lambda: is_off(log), "the guard")
    after = [transfer for transfer in smbus2.transfers(log) if transfer.process != car.process.pid]
    assert_neutral_then_off(after)
    first_neutral_ns = next(t.time_ns for t in after if throttle(t) == pytest.approx(1500.0, abs=2.5))
    assert (first_neutral_ns - stopped_ns) / NS_PER_MS <= PROMISED_MS + NOISE_MS


def test_a_bus_write_that_hangs_is_ended_by_the_guard(car: DrivingCar, log: Path) -> None:
    hung_ns = SystemClock().now_ns()
    smbus2.hang(log, car.process.pid)
    wait_for(lambda: is_off(log), "the guard")
    after = [transfer for transfer in smbus2.transfers(log) if transfer.process != car.process.pid]
    assert_neutral_then_off(after)
    first_neutral_ns = next(t.time_ns for t in after if throttle(t) == pytest.approx(1500.0, abs=2.5))
    assert (first_neutral_ns - hung_ns) / NS_PER_MS <= STUCK_MS + NOISE_MS
    assert car.process.wait(60) == -signal.SIGKILL


def test_an_orderly_end_is_neutral_then_off_by_the_drive_itself(car: DrivingCar, log: Path) -> None:
    before = len(list(smbus2.transfers(log)))
    car.end(signal.SIGTERM)
    after = list(smbus2.transfers(log))[before:]
    assert {transfer.process for transfer in after} == {car.process.pid}
    assert_neutral_then_off(after)


def test_car_neutral_stops_what_is_left_when_all_of_it_was_killed(tmp_path: Path, car: DrivingCar, log: Path) -> None:
    # The guard first: it is there for the death of the other.
    car.guard.kill()
    os.kill(car.process.pid, signal.SIGKILL)
    car.process.wait()
    before = len(list(smbus2.transfers(log)))
    assert throttle(list(smbus2.transfers(log))[-1]) > 1500
    assert run_car("neutral", cwd=tmp_path).returncode == 0
    assert_neutral_then_off(list(smbus2.transfers(log))[before:])
