"""Who answers which signal, and that it ends in neutral, as seen from outside; what is killed is in test_faults."""

import os
import signal
from collections.abc import Iterator
from pathlib import Path

import pytest

from hardware.clock import NS_PER_S, SystemClock
from hardware.drivetrain import NEUTRAL
from hardware.drivetrains.timeline import Applied, read_timeline
from tests.system.car_process import DrivingCar, TerminalCar, wait_for


@pytest.fixture
def car(tmp_path: Path) -> Iterator[DrivingCar]:
    (tmp_path / "mycar").mkdir()
    (tmp_path / "mycar" / "car.toml").write_text('[drivetrain]\ntimeline = "../wheels.timeline"\n', encoding="utf-8")
    with DrivingCar(tmp_path, "--no-record") as car:
        wait_for(lambda: any(applied.command.throttle > 0.1 for applied in timeline(tmp_path)), "the car to move")
        yield car


def timeline(folder: Path) -> list[Applied]:
    path = folder / "wheels.timeline"
    return read_timeline(path) if path.exists() else []


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM, signal.SIGHUP])
def test_an_orderly_end_is_neutral_and_leaves_the_guard_nothing_to_do(
    tmp_path: Path, car: DrivingCar, number: int
) -> None:
    car.end(number)
    ended = timeline(tmp_path)
    assert ended[-1].command == NEUTRAL
    assert {applied.process for applied in ended} == {car.process.pid}


def test_the_guard_outlives_what_is_meant_for_the_drive_process(tmp_path: Path, car: DrivingCar) -> None:
    guard = car.guard
    for number in (signal.SIGINT, signal.SIGTERM, signal.SIGHUP):
        guard.send_signal(number)
    assert os.getsid(guard.pid) == guard.pid != os.getsid(car.process.pid)
    car.process.kill()
    wait_for(lambda: timeline(tmp_path)[-1].process == guard.pid, "the guard")
    assert timeline(tmp_path)[-1].command == NEUTRAL


@pytest.mark.parametrize("name", ["desk", "controls"])
def test_a_closed_terminal_and_a_ctrl_c_are_the_drive_processs_to_answer(
    tmp_path: Path, car: DrivingCar, name: str
) -> None:
    child = getattr(car, name)
    for number in (signal.SIGINT, signal.SIGHUP):
        child.send_signal(number)
    sent_ns = SystemClock().now_ns()
    wait_for(lambda: timeline(tmp_path)[-1].time_ns - sent_ns > NS_PER_S, "a second of driving")
    assert getattr(car, name).pid == child.pid
    assert timeline(tmp_path)[-1].command.throttle > 0.0


@pytest.mark.parametrize(("key", "exit_code"), [(b" ", 1), (b"q", 0)])
def test_a_key_in_the_terminal_ends_the_drive_in_neutral(tmp_path: Path, key: bytes, exit_code: int) -> None:
    (tmp_path / "mycar").mkdir()
    (tmp_path / "mycar" / "car.toml").write_text('[drivetrain]\ntimeline = "../wheels.timeline"\n', encoding="utf-8")
    with TerminalCar(tmp_path, "--no-record") as car:
        wait_for(lambda: any(applied.command.throttle > 0.1 for applied in timeline(tmp_path)), "the car to move")
        car.press(key)
        assert car.process.wait(timeout=60) == exit_code
    assert timeline(tmp_path)[-1].command == NEUTRAL
