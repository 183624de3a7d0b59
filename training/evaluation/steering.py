"""What a mean error does not say of a pilot's steering: to which side it errs, how restless it is, in which bends."""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from car.sessions.index import STRAIGHT
from hardware.clock import NS_PER_S
from training.report.delay import LONGEST_STEP_S

SHARP = 0.5
APART_S = 2.0

Values = NDArray[np.float64]
Times = NDArray[np.int64]
Indexes = NDArray[np.intp]
Mask = NDArray[np.bool_]


@dataclass(frozen=True, slots=True)
class Bend:
    """A kind of bend, by how far the driver steered there: more than ``above``, and up to ``most``.

    >>> [bend.name for bend in BENDS if bend.holds(np.array([-0.3]))[0]]
    ['gentle']

    The road's own curvature is not recorded; a driver who follows the road steers by it.
    """

    name: str
    above: float
    most: float

    def holds(self, steering: Values) -> Mask:
        """Tell for each frame whether the driver steered so."""
        return (np.abs(steering) > self.above) & (np.abs(steering) <= self.most)

    def __str__(self) -> str:
        return f"{self.name} (above {self.above:g})" if math.isinf(self.most) else f"{self.name} (up to {self.most:g})"


BENDS = (Bend("straight on", -1.0, STRAIGHT), Bend("gentle", STRAIGHT, SHARP), Bend("sharp", SHARP, math.inf))


def bias(predicted: Values, labels: Values) -> float:
    """Return the mean error: above 0, ``predicted`` is to the right of ``labels`` on average."""
    return float(np.mean(predicted - labels))


def jerk(steering: Values, captured_ns: Times, sessions: Indexes) -> float:
    """Return how abruptly the pace of the steering changes, in full locks per s², on average over time.

    The pace is the difference of two frames' steering over the time between them, so this is the mean absolute second
    difference, at the frames' own times: 0 for a wheel that stands or turns evenly. ``sessions`` tells the session of
    each frame; nothing is counted across two of them, across more than ``LONGEST_STEP_S``, or between frames of one
    time. NaN where no three frames follow each other.
    """
    step_s = np.diff(captured_ns) / NS_PER_S
    joined = (step_s > 0.0) & (step_s <= LONGEST_STEP_S) & (np.diff(sessions) == 0)
    pace = np.diff(steering) / np.where(joined, step_s, 1.0)
    both = joined[1:] & joined[:-1]
    change, lasting_s = np.abs(np.diff(pace))[both], (step_s[1:] + step_s[:-1])[both] / 2
    return float(change.sum() / lasting_s.sum()) if both.any() else math.nan


def worst_frames(errors: Values, captured_ns: Times, sessions: Indexes, count: int) -> list[int]:
    """Return the indexes of the ``count`` largest ``errors``, the largest first, each ``APART_S`` from the others."""
    chosen: list[int] = []
    for index in np.argsort(-np.abs(errors), kind="stable").tolist():
        if len(chosen) == count:
            break
        if all(
            sessions[index] != sessions[other] or abs(captured_ns[index] - captured_ns[other]) >= APART_S * NS_PER_S
            for other in chosen
        ):
            chosen.append(index)
    return chosen
