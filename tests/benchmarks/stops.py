"""How soon the wheels are neutral when the drive process is killed, frozen or ended, read from outside."""

from __future__ import annotations

import os
import signal
from collections.abc import Callable
from pathlib import Path
from tempfile import TemporaryDirectory

import numpy as np

from hardware.clock import NS_PER_MS, SystemClock
from hardware.drivetrain import NEUTRAL
from hardware.drivetrains.timeline import read_timeline
from tests.benchmarks.figures import Figure, show
from tests.system.car_process import DrivingCar, TerminalCar, wait_for

TRIALS = 10
PEER = {signal.SIGTERM: "no shutdown at all"}


def measure() -> None:
    """Print the time from each signal to the first neutral command that stays."""
    figures = []
    for number, words in (
        (signal.SIGKILL, "drive process killed → neutral by the guard"),
        (signal.SIGSTOP, "drive process frozen → neutral by the guard"),
        (signal.SIGTERM, "SIGTERM → neutral"),
    ):
        times_ms = [_trial(number) for _ in range(TRIALS)]
        spread = f"p50 {np.median(times_ms):.0f} · worst {max(times_ms):.0f} ms · n {TRIALS}"
        figures.append(Figure(words, spread, PEER.get(number, "")))
    times_ms = [_stop_key_trial() for _ in range(TRIALS)]
    spread = f"p50 {np.median(times_ms):.0f} · worst {max(times_ms):.0f} ms · n {TRIALS}"
    show("Stopping", [*figures, Figure("stop key in the terminal → neutral", spread)])


def _trial(number: int) -> float:
    with TemporaryDirectory() as name:
        folder, wheels = _make_car(name)
        with DrivingCar(folder, "--no-record") as car:
            return _time_to_neutral(wheels, lambda: os.kill(car.process.pid, number))


def _stop_key_trial() -> float:
    with TemporaryDirectory() as name:
        folder, wheels = _make_car(name)
        with TerminalCar(folder, "--no-record") as car:
            return _time_to_neutral(wheels, lambda: car.press(b" "))


def _make_car(name: str) -> tuple[Path, Path]:
    folder, wheels = Path(name), Path(name) / "wheels.timeline"
    (folder / "mycar").mkdir()
    (folder / "mycar" / "car.toml").write_text(f'[drivetrain]\ntimeline = "{wheels}"\n', encoding="utf-8")
    return folder, wheels


def _time_to_neutral(wheels: Path, stop: Callable[[], object]) -> float:
    """Return the milliseconds from ``stop`` to the first neutral command that stays."""
    wait_for(
        lambda: wheels.exists() and any(entry.command.throttle > 0.1 for entry in read_timeline(wheels)),
        "the car to move",
    )
    sent_ns = SystemClock().now_ns()
    stop()
    wait_for(lambda: read_timeline(wheels)[-1].command == NEUTRAL, "neutral")
    entries = read_timeline(wheels)
    last_moving_ns = max(entry.time_ns for entry in entries if entry.command != NEUTRAL)
    return (next(entry.time_ns for entry in entries if entry.time_ns > last_moving_ns) - sent_ns) / NS_PER_MS
