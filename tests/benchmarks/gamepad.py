"""How soon the wheels are neutral when a driver lets go of a gamepad on the car, presses stop, or it is unplugged."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from tempfile import TemporaryDirectory

import numpy as np

from hardware.clock import SystemClock
from tests.benchmarks.figures import Figure, show
from tests.system.pad_car import PadCar

TRIALS = 10
KINDS: dict[str, Callable[[PadCar], None]] = {
    "hold button let go → neutral": PadCar.let_go,
    "stop button → neutral": PadCar.press_stop,
    "unplugged → neutral": PadCar.unplug,
}


def measure() -> None:
    """Print the time from each act to the first neutral throttle, which then stays."""
    figures = []
    for words, stop in KINDS.items():
        with TemporaryDirectory() as name, PadCar(Path(name)) as car:
            times_ms = [_trial(car, stop) for _ in range(TRIALS)]
        spread = f"p50 {np.median(times_ms):.0f} · worst {max(times_ms):.0f} ms · n {TRIALS}"
        figures.append(Figure(words, spread))
    show("Gamepad on the car", figures)


def _trial(car: PadCar, stop: Callable[[PadCar], None]) -> float:
    car.drive_off()
    stopped_ns = SystemClock().now_ns()
    stop(car)
    return car.neutral_after_ms(stopped_ns)
