"""How soon the wheels are neutral whatever breaks: every fault of the menu in real processes, several times over."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from tempfile import TemporaryDirectory

import numpy as np

from car.config.sections import CarConfig
from car.faults.menu import InjectedFault, TrialClock
from car.faults.real import run_real
from car.faults.trials import faults_named
from hardware.clock import NS_PER_MS, SystemClock
from hardware.drivetrain import NEUTRAL
from hardware.drivetrains.timeline import read_timeline
from tests.benchmarks.figures import Figure, show
from tests.system.car_process import TerminalCar, wait_for

TRIALS = 5
KEY_TRIALS = 10
PEER = {"drive-ended": "no shutdown at all"}


def measure() -> None:
    """Print the time from each fault to the first neutral command that stays."""
    figures = [
        Figure(f"{fault.what} → {fault.promise}", _trials(fault), PEER.get(fault.name, ""))
        for fault in faults_named("all", [TrialClock.REAL])
    ]
    figures.append(Figure("stop key in the terminal → neutral", _spread([_stop_key() for _ in range(KEY_TRIALS)])))
    show("Stopping", figures)


def _trials(fault: InjectedFault) -> str:
    outcomes = [run_real(fault, CarConfig()) for _ in range(TRIALS)]
    times_ms = [outcome.neutral_ms for outcome in outcomes if outcome.neutral_ms is not None]
    held = f"{sum(outcome.held for outcome in outcomes)} of {TRIALS} held"
    return f"{_spread(times_ms)} · {held}" if times_ms else held


def _spread(times_ms: list[float]) -> str:
    return f"p50 {np.median(times_ms):.0f} · worst {max(times_ms):.0f} ms · n {len(times_ms)}"


def _stop_key() -> float:
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
