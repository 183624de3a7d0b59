"""How soon the wheels are neutral when the driver's link is lost, over real sockets, read from outside."""

from __future__ import annotations

from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from tempfile import TemporaryDirectory

import numpy as np
from websockets.exceptions import WebSocketException

from tests.benchmarks.figures import Figure, show
from tests.system.link_loss import LOSSES, Loss, TimelineCar, timeline_car

TRIALS = 100
CARS = 4
MAX_ENDED = 10
PEER = "keeps the throttle for ever"


def measure() -> None:
    """Print the time from each kind of loss to neutral; a car for each kind, ``CARS`` at the same time."""
    with ThreadPoolExecutor(CARS) as pool:
        trials = list(pool.map(_trials, LOSSES.values()))
    figures = []
    for how, (losses, ended) in zip(LOSSES, trials, strict=True):
        times_ms = [loss.to_neutral_ms for loss in losses]
        p50, p95 = np.percentile(times_ms, (50, 95))
        again = sum(loss.moved_again for loss in losses)
        spread = f"p50 {p50:.0f} · p95 {p95:.0f} · max {max(times_ms):.0f} ms · n {len(losses)} · moved again: {again}"
        if ended:
            spread += f" · cars that their guard ended: {ended}"
        figures.append(Figure(f"{how} → neutral", spread, PEER))
    show("Link to the driver lost at 0.6 throttle", figures)


def _trials(how: Callable[[TimelineCar], Loss]) -> tuple[list[Loss], int]:
    """Return what was measured, and how many cars had to be replaced: on a machine that is too busy the guard acts."""
    losses: list[Loss] = []
    ended = 0
    while len(losses) < TRIALS:
        with TemporaryDirectory() as folder, timeline_car(Path(folder)) as car:
            try:
                while len(losses) < TRIALS:
                    losses.append(how(car))
            except (AssertionError, OSError, WebSocketException):
                if car.car.process.poll() is None or ended == MAX_ENDED:
                    raise
                ended += 1
    return losses, ended
