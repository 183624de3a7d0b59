"""Pushes that a driver has to steer against, so that recordings show how to come back to the middle of the lane."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np


@dataclass(frozen=True, slots=True)
class Push:
    """From ``start_s`` to ``end_s`` the wheels turn by ``steering`` more than the command says.

    >>> gust = Push(start_s=2.0, end_s=2.5, steering=0.4)
    """

    start_s: float
    end_s: float
    steering: float


@dataclass(frozen=True, slots=True)
class Disturbance:
    """How often, how long and how hard a car is pushed aside; each is drawn between two bounds, in seconds and −1 … +1.

    >>> pushes = Disturbance(seed=7, pause_s=(2.0, 2.0), duration_s=(0.5, 0.5)).pushes()
    >>> first = next(pushes)
    >>> first.start_s, first.end_s
    (2.0, 2.5)

    The push is added to the steering behind the drivetrain: neither the command returned by ``apply`` nor the one
    recorded shows it, so what is recorded remains what a driver does about it.
    """

    seed: int = 0
    pause_s: tuple[float, float] = (1.0, 3.0)
    duration_s: tuple[float, float] = (0.3, 0.8)
    steering: tuple[float, float] = (0.25, 0.6)

    def pushes(self) -> Iterator[Push]:
        """Yield pushes to the left and right one after the other, without end, the same ones each time."""
        rng = np.random.default_rng([self.seed, 5])
        time_s = 0.0
        while True:
            start_s = time_s + float(rng.uniform(*self.pause_s))
            time_s = start_s + float(rng.uniform(*self.duration_s))
            yield Push(start_s, time_s, float(rng.choice([-1.0, 1.0]) * rng.uniform(*self.steering)))
