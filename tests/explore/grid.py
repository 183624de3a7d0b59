"""Time on the grid: steps of 50 ms, of which every limit of the gate is a multiple.

An age is counted in half steps: an even number lies on the grid, an odd one anywhere between two of its points. The
gate only compares ages with limits and with each other, so that where between two points makes no difference.
"""

from __future__ import annotations

from hardware.clock import NS_PER_MS

STEP_NS = 50 * NS_PER_MS
STEP = 2
"""A step, in half steps."""
NOW_NS = 200_000 * STEP_NS
"""The time at which every state is looked at, so that two states of different times can be the same state."""


def age(time_ns: int, now_ns: int) -> int:
    """Return how long ago ``time_ns`` was, in half steps."""
    steps, rest = divmod(now_ns - time_ns, STEP_NS)
    return STEP * steps + (rest > 0)


def time_ns(age: int) -> int:
    """Return the time of ``age`` half steps before now; between two points it lies in the middle."""
    return NOW_NS - age * STEP_NS // STEP
