"""Random worlds: those a pilot learns in and those it is tried in, which are never the same ones, nor the exam's."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

import numpy as np

from simulator.randomisation import Level, random_scenario
from simulator.scenario import Scenario

LEARNING_TRACKS = range(1, 1_000_000)
"""The random tracks that pilots learn on; the exam's begin at random-100000000."""
TRIAL_TRACKS = range(2_000_000, 3_000_000)
"""The random tracks that pilots are tried on between two rounds of a training."""
LEVELS: tuple[Level, ...] = ("home", "hall", "race")
"""Dealt out in turn."""
DISTURBED_SHARE = 0.6
LEARNING_SPEED_M_S = 2.5
"""A pilot does not see how fast it may go, so it learns to be as fast as the bends allow; the gate's cap slows it."""


def learning_worlds(count: int, seed: int, first: int = 0) -> list[Scenario]:
    """Return ``count`` worlds to learn in, from number ``first`` on of the endless row that ``seed`` decides.

    >>> learning_worlds(3, seed=1)[2] == learning_worlds(1, seed=1, first=2)[0]
    True

    They are of all three levels of ``random_scenario`` in turn, but for its speeds; in most of them the car is pushed
    about.
    """
    worlds = [_draw(LEARNING_TRACKS, seed, number, DISTURBED_SHARE) for number in range(first, first + count)]
    return [replace(world, max_speed_m_s=LEARNING_SPEED_M_S) for world in worlds]


def trial_worlds(count: int) -> list[Scenario]:
    """Return the first ``count`` of the worlds that pilots are tried in, always the same ones; nothing pushes there."""
    return [_draw(TRIAL_TRACKS, 0, number, 0.0) for number in range(count)]


def _draw(tracks: Sequence[int], seed: int, number: int, disturbed_share: float) -> Scenario:
    rng = np.random.default_rng([seed, number, 13])
    scenario = random_scenario(int(rng.integers(2**31)), LEVELS[number % len(LEVELS)], tracks=tracks)
    return replace(scenario, disturb=bool(rng.random() < disturbed_share))
