"""How soon the wheels are neutral whatever breaks: every fault of the menu in real processes, several times over."""

from __future__ import annotations

import contextlib
from collections.abc import Callable, Iterator
from pathlib import Path
from tempfile import TemporaryDirectory

import numpy as np

from car.config.sections import CarConfig
from car.faults.menu import InjectedFault, TrialClock
from car.faults.real import run_real
from car.faults.strikes import start_hogs
from car.faults.trials import faults_named
from hardware.clock import NS_PER_MS, SystemClock
from hardware.drivetrain import NEUTRAL
from hardware.drivetrains.timeline import read_timeline
from tests.benchmarks.figures import Figure, show
from tests.system.car_process import CAR, TerminalCar, wait_for

TRIALS = 5
KEY_TRIALS = 200
LONGEST_BUSY_S = 1800.0
PEER = {"drive-ended": "no shutdown at all"}


def measure() -> None:
    """Print the time from each fault to the first neutral command that stays."""
    figures = [
        Figure(f"{fault.what} → {fault.promise}", _trials(fault), PEER.get(fault.name, ""))
        for fault in faults_named("all", [TrialClock.REAL])
    ]
    show("Stopping", figures)


def measure_keys() -> None:
    """Print the time from the stop key to neutral, with the machine idle and with every core busy twice over."""
    idle = _stop_keys()
    with _busy():
        busy = _stop_keys()
    show(
        "The stop key in the terminal → neutral",
        [Figure("on this machine as it is", _spread(idle)), Figure("with every core busy twice over", _spread(busy))],
    )


def _trials(fault: InjectedFault) -> str:
    outcomes = [run_real(fault, CarConfig()) for _ in range(TRIALS)]
    times_ms = [outcome.neutral_ms for outcome in outcomes if outcome.neutral_ms is not None]
    held = f"{sum(outcome.held for outcome in outcomes)} of {TRIALS} held"
    return f"{_spread(times_ms)} · {held}" if times_ms else held


def _spread(times_ms: list[float]) -> str:
    p50, p99 = np.percentile(times_ms, [50, 99])
    return f"p50 {p50:.0f} · p99 {p99:.0f} · worst {max(times_ms):.0f} ms · n {len(times_ms)}"


def _stop_keys() -> list[float]:
    """Arm a car from its terminal and stop it there again, and again."""
    with TemporaryDirectory() as name:
        folder, wheels = _make_car(name)
        with TerminalCar(folder, "--no-record", command=[str(CAR), "drive"]) as car:
            return [_arm_and_stop(car, wheels) for _ in range(KEY_TRIALS)]


def _arm_and_stop(car: TerminalCar, wheels: Path) -> float:
    from_ns = SystemClock().now_ns()

    def moves() -> bool:
        car.press(b"a")
        entries = read_timeline(wheels) if wheels.exists() else []
        return any(entry.time_ns > from_ns and entry.command.throttle > 0.1 for entry in entries)

    wait_for(moves, "the car to move")
    return _time_to_neutral(wheels, lambda: car.press(b" "))


@contextlib.contextmanager
def _busy() -> Iterator[None]:
    """Keep every core busy twice over."""
    hogs = start_hogs(LONGEST_BUSY_S)
    try:
        yield
    finally:
        for hog in hogs:
            hog.kill()
            hog.wait()


def _make_car(name: str) -> tuple[Path, Path]:
    folder, wheels = Path(name), Path(name) / "wheels.timeline"
    (folder / "mycar").mkdir()
    (folder / "mycar" / "car.toml").write_text(f'[drivetrain]\ntimeline = "{wheels}"\n', encoding="utf-8")
    return folder, wheels


def _time_to_neutral(wheels: Path, stop: Callable[[], object]) -> float:
    """Return the milliseconds from ``stop`` to the first neutral command that stays."""
    sent_ns = SystemClock().now_ns()
    stop()
    wait_for(lambda: read_timeline(wheels)[-1].command == NEUTRAL, "neutral")
    entries = read_timeline(wheels)
    last_moving_ns = max(entry.time_ns for entry in entries if entry.command != NEUTRAL)
    return (next(entry.time_ns for entry in entries if entry.time_ns > last_moving_ns) - sent_ns) / NS_PER_MS
