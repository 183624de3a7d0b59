"""``car calibrate`` in a real terminal, with its real processes, on hardware PWM in plain files."""

from __future__ import annotations

import os
import re
import signal
import sys
import tomllib
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

import psutil
import pytest

from car.assembly.ownership import owning
from hardware.clock import NS_PER_MS, NS_PER_S, SystemClock
from hardware.drivetrain import NEUTRAL
from hardware.drivetrains.timeline import Applied, read_timeline
from tests.system.car_process import CAR, TerminalCar, assert_refused, run_car, wait_for

NEUTRAL_NS = 1_500_000
MARGIN_MS = 250
"""For a busy machine, over the 200 ms that a command is valid."""
CONFIG = """\
# My car.
[drivetrain]
kind = "servo_esc"      # from the attic
pins = "hardware_pwm"
timeline = "wheels.timeline"
"""


@dataclass(frozen=True, slots=True)
class Bench:
    """A car on a bench: its folder, and the files of a Raspberry Pi 4's hardware PWM."""

    folder: Path
    chip: Path

    def read(self, channel: int, name: str) -> int:
        file = self.chip / f"pwm{channel}" / name
        # A plain file is empty for a moment while it is written; the kernel's are not.
        while not (text := file.read_text()):
            pass
        return int(text)

    @property
    def steering_ns(self) -> int:
        return self.read(0, "duty_cycle")

    @property
    def throttle_ns(self) -> int:
        return self.read(1, "duty_cycle")

    @property
    def is_off(self) -> bool:
        return not any(self.read(channel, name) for channel in (0, 1) for name in ("duty_cycle", "enable"))

    @property
    def timeline(self) -> list[Applied]:
        path = self.folder / "wheels.timeline"
        return read_timeline(path) if path.exists() else []

    def start(self) -> TerminalCar:
        """Start ``car calibrate``, and wait for its outputs."""
        car = TerminalCar(self.folder, command=[str(CAR), "calibrate"])
        wait_for(lambda: "Lift the wheels" in words(car), "the warning")
        wait_for(lambda: self.read(1, "enable") == 1, "the outputs")
        return car


@pytest.fixture
def bench(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Bench:
    chip, hardware = tmp_path / "class" / "pwmchip0", tmp_path / "fe20c000.pwm"
    hardware.mkdir()
    for channel in (0, 1):
        (chip / f"pwm{channel}").mkdir(parents=True)
        for name in ("period", "duty_cycle", "enable"):
            (chip / f"pwm{channel}" / name).write_text("0\n")
    (chip / "device").symlink_to(hardware)
    for name in ("export", "unexport"):
        (chip / name).touch()
    # Every process of the car, the guard too, looks for hardware PWM here.
    site = tmp_path / "site"
    site.mkdir()
    (site / "sitecustomize.py").write_text(
        f"from hardware.pins import sysfs_pwm\nsysfs_pwm.PWM_CLASS = {str(chip.parent)!r}\n", encoding="utf-8"
    )
    monkeypatch.setenv("PYTHONPATH", os.pathsep.join([str(site), os.environ.get("PYTHONPATH", "")]))
    folder = tmp_path / "attic"
    folder.mkdir()
    (folder / "car.toml").write_text(CONFIG, encoding="utf-8")
    return Bench(folder, chip)


def words(car: TerminalCar) -> str:
    """Return what is on the screen without its colours, its frame and its line ends."""
    return " ".join(re.sub(r"\x1b\[[0-9;?]*[a-zA-Z]|│", " ", car.screen()).split())


def press_until(car: TerminalCar, keys: bytes, condition: Callable[[], bool], what: str) -> None:
    """Press ``keys`` again and again until ``condition`` holds."""

    def press_and_see() -> bool:
        car.press(keys)
        return condition()

    try:
        wait_for(press_and_see, what)
    except AssertionError:
        print(words(car)[-2000:])
        raise


def arm(car: TerminalCar) -> None:
    car.wipe_screen()
    press_until(car, b"y", lambda: "ready: the wheels turn" in words(car), "the gate to be armed")


def choose_forward_start(car: TerminalCar) -> None:
    car.wipe_screen()
    car.press(b"\x1b[B" * 4)
    wait_for(lambda: "just begin to turn forwards" in words(car), "the value to be chosen")


def test_a_pulse_is_found_by_trying_and_saved(bench: Bench) -> None:
    with bench.start() as car:
        assert bench.timeline[0].command == NEUTRAL
        car.press(b"\x1b[C")
        wait_for(lambda: "1510 µs" in words(car), "the value to change")
        assert bench.steering_ns == NEUTRAL_NS  # nobody has said yet that the wheels are up
        arm(car)
        car.press(b"+")
        wait_for(lambda: bench.steering_ns == 1_511_000, "the servo to follow")
        choose_forward_start(car)
        wait_for(lambda: bench.steering_ns == NEUTRAL_NS, "the servo to go back")
        press_until(car, b"\x1b[C", lambda: bench.throttle_ns > NEUTRAL_NS + 30_000, "the motor to be driven")
        wait_for(lambda: bench.throttle_ns == NEUTRAL_NS, "the motor to stop by itself")
        press_until(car, b"\x1b[C", lambda: bench.throttle_ns >= 1_600_000 - 100, "more")
        car.press(b"\x1b[C" * 5)
        wait_for(lambda: bench.throttle_ns == NEUTRAL_NS, "the motor to stop by itself")
        assert max(applied.command.throttle for applied in bench.timeline) <= 0.2 + 1e-6
        car.press(b"s")
        wait_for(lambda: "Saved to car.toml" in words(car), "the file to be saved")
        car.press(b"q")
        assert car.process.wait(timeout=60) == 0, words(car)[-900:]
    assert bench.is_off
    text = (bench.folder / "car.toml").read_text(encoding="utf-8")
    assert text.startswith(CONFIG)
    saved = tomllib.loads(text)["calibration"]
    assert saved["steering_centre_us"] == 1511
    assert saved["forward_start_us"] > 1600
    assert "calibrated" in saved


def test_space_stops_and_the_wheels_have_to_be_up_again(bench: Bench) -> None:
    with bench.start() as car:
        arm(car)
        press_until(car, b"\x1b[C", lambda: bench.steering_ns > NEUTRAL_NS, "the servo to follow")
        car.wipe_screen()
        car.press(b" ")
        wait_for(lambda: "nothing moves: " in words(car), "the stop")
        wait_for(lambda: bench.steering_ns == NEUTRAL_NS, "the servo to go back")
        arm(car)
        car.press(b"\x1b[C")
        wait_for(lambda: bench.steering_ns > NEUTRAL_NS, "the servo to follow again")


def drive_process(car: TerminalCar) -> psutil.Process:
    return psutil.Process(car.process.pid)


def child(car: TerminalCar, word: str) -> psutil.Process:
    children = drive_process(car).children(recursive=True)
    return next(child for child in children if word in " ".join(child.cmdline()))


def desk(car: TerminalCar) -> psutil.Process:
    return child(car, "spawn_main")


def turn_the_motor(car: TerminalCar, bench: Bench) -> None:
    arm(car)
    choose_forward_start(car)
    press_until(car, b"\x1b[C", lambda: bench.throttle_ns > NEUTRAL_NS + 30_000, "the motor to be driven")


def test_killing_it_in_the_middle_leaves_neutral_and_then_nothing(bench: Bench) -> None:
    with bench.start() as car:
        turn_the_motor(car, bench)
        family = [drive_process(car), *drive_process(car).children(recursive=True)]
        os.kill(car.process.pid, signal.SIGKILL)
        wait_for(lambda: bench.is_off, "the outputs to be off")
        assert bench.timeline[-1].command == NEUTRAL
        assert bench.timeline[-1].process != family[0].pid
        wait_for(lambda: not any(process.is_running() for process in family[1:]), "the others to end")


def test_without_the_process_that_has_the_keys_nothing_turns(bench: Bench) -> None:
    with bench.start() as car:
        turn_the_motor(car, bench)
        desk(car).kill()
        assert car.process.wait(timeout=60) == 1
        wait_for(lambda: "with the keys" in words(car), "the reason")
    assert bench.is_off
    assert bench.timeline[-1].command == NEUTRAL


def test_without_its_guard_nothing_turns(bench: Bench) -> None:
    with bench.start() as car:
        turn_the_motor(car, bench)
        child(car, "car.processes.guard").kill()
        assert car.process.wait(timeout=60) == 1
        wait_for(lambda: "The guard is gone" in words(car), "the reason")
    assert bench.is_off
    assert bench.timeline[-1].command == NEUTRAL


def test_a_keyboard_that_freezes_stops_the_motor(bench: Bench) -> None:
    with bench.start() as car:
        frozen = desk(car)
        turn_the_motor(car, bench)
        frozen.suspend()
        frozen_ns = SystemClock().now_ns()
        wait_for(lambda: bench.timeline[-1].time_ns > frozen_ns + NS_PER_S, "a second without keys")
        moving = [applied.time_ns for applied in bench.timeline if applied.command.throttle > 0]
        assert moving[-1] - frozen_ns < (200 + MARGIN_MS) * NS_PER_MS
        assert bench.throttle_ns == NEUTRAL_NS
        frozen.resume()
        # Which of the two the gate sees first is a matter of milliseconds.
        reasons = ("link to the driver was lost", "the controls, which carry every stop, did not answer")
        wait_for(lambda: any(reason in words(car) for reason in reasons), "the reason")


def test_ctrl_c_ends_it_in_neutral(bench: Bench) -> None:
    with bench.start() as car:
        turn_the_motor(car, bench)
        car.press(b"\x03")
        assert car.process.wait(timeout=60) == 130
    assert bench.is_off


def test_a_simulated_car_has_nothing_to_calibrate(tmp_path: Path) -> None:
    with TerminalCar(tmp_path, command=[str(CAR), "calibrate"]) as car:
        assert car.process.wait(timeout=60) == 1
        wait_for(lambda: "need no calibration" in words(car), "the reason")


def test_a_car_that_is_being_driven_is_left_alone(bench: Bench) -> None:
    with (
        owning(bench.folder, [], "car drive"),
        TerminalCar(bench.folder, command=[str(CAR), "calibrate"]) as car,
    ):
        assert car.process.wait(timeout=60) == 1
        wait_for(lambda: "is in use already, by `car drive`" in words(car), "the reason")
    assert bench.timeline == []


def test_without_a_terminal_there_are_no_keys(bench: Bench) -> None:
    assert_refused(run_car("calibrate", cwd=bench.folder), "needs a terminal")


def test_a_car_without_its_outputs_is_one_sentence(bench: Bench) -> None:
    (bench.chip / "device").unlink()
    with TerminalCar(bench.folder, command=[str(CAR), "calibrate"]) as car:
        assert car.process.wait(timeout=60) == 1
        wait_for(lambda: "GPIO 12 has no hardware PWM" in words(car), "the reason")
        assert "Traceback" not in words(car)


def test_every_process_of_the_car_can_be_told_where_its_hardware_is(bench: Bench) -> None:
    code = "from hardware.pins import sysfs_pwm; print(sysfs_pwm.PWM_CLASS)"
    done = psutil.Popen([sys.executable, "-P", "-c", code], stdout=-1, text=True)
    assert str(bench.chip.parent) in done.communicate()[0]
