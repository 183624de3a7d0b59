"""What a drive is worth, 0 … 100, and what an exam is.

The expert drives every task too, and is the measure of what was possible there. A drive's points are::

    points = way × keeping × (40 + 20 middle + 20 time + 10 calm + 10 recovery)

- *way*: how far it came, as a share of the task's way, 1 when it was driven whole.
- *keeping*: 0.5 to the power of (departures per km / 50). The half for each departure in 20 m, which is about a lap.
- *middle*: 1 when the mean distance from the middle of the lane is at most the expert's and 2 cm, 0 at 20 cm more.
- *time*: 1 for at most 1.05 times the expert's time for the same way, 0 for twice that long.
- *calm*: 1 when the steering changes at most 1.5 times as fast as the expert's, 0 at 8 times.
- *recovery*: 1 when a displaced car is back in the middle at most 0.5 s after the expert is, 0 when 4 s after it.
  Where a task starts in the middle, the other three share its 10 points in proportion.

A level's score is the mean of its drives' points, and the exam's the mean of its levels' scores. The interval is the
middle 95 % of what the score would be if the tasks were drawn again from those that there are (the bootstrap of
Efron, "Bootstrap methods: another look at the jackknife", Annals of Statistics 1979), with a seed of its own.
"""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from training.exam.drive import Drive

DEPARTURES_TO_HALVE_PER_KM = 50.0
BASE, MIDDLE, TIME, CALM, RECOVERY = 40.0, 20.0, 20.0, 10.0, 10.0
ALLOWED_OFFSET_M, WORST_OFFSET_M = 0.02, 0.2
ALLOWED_TIME, WORST_TIME = 1.05, 2.0
ALLOWED_JERK, WORST_JERK = 1.5, 8.0
ALLOWED_RECOVERY_S, WORST_RECOVERY_S = 0.5, 4.0
LEAST_JERK_PER_S = 0.2
"""On a straight the expert hardly steers, and many times nothing would still be nothing."""

RESAMPLES = 2000
INTERVAL = (2.5, 97.5)


@dataclass(frozen=True, slots=True)
class Score:
    """A score and the interval it lies in with 95 % confidence, all 0 … 100.

    >>> print(Score(87.25, 83.1, 90.6))
    87.2 (83.1–90.6)
    """

    points: float
    low: float
    high: float

    def __str__(self) -> str:
        """Return the score with its interval."""
        return f"{self.points:.1f} ({self.low:.1f}–{self.high:.1f})"


def points_of(drive: Drive, expert: Drive) -> float:
    """Return what ``drive`` is worth beside the ``expert``'s of the same task, 0 … 100."""
    way = min(1.0, drive.way_m / expert.way_m)
    keeping = math.pow(0.5, drive.departures_per_km / DEPARTURES_TO_HALVE_PER_KM)
    shares = [
        (MIDDLE, _falling(drive.cross_track_m - expert.cross_track_m, ALLOWED_OFFSET_M, WORST_OFFSET_M)),
        (TIME, _falling(time_beside(drive, expert), ALLOWED_TIME, WORST_TIME)),
        (CALM, _falling(jerk_beside(drive, expert), ALLOWED_JERK, WORST_JERK)),
    ]
    if drive.recovery_s is not None and expert.recovery_s is not None:
        shares.append((RECOVERY, _falling(_later_s(drive, expert), ALLOWED_RECOVERY_S, WORST_RECOVERY_S)))
    manners = sum(weight * share for weight, share in shares) / sum(weight for weight, _ in shares)
    return way * keeping * (BASE + (100.0 - BASE) * manners)


def time_beside(drive: Drive, expert: Drive) -> float:
    """Return the drive's time as a multiple of the expert's for the same way, infinite for one that got nowhere."""
    return math.inf if drive.way_m <= 0.0 else (drive.time_s / drive.way_m) / (expert.time_s / expert.way_m)


def jerk_beside(drive: Drive, expert: Drive) -> float:
    """Return how fast the steering changed as a multiple of the expert's."""
    return drive.jerk_per_s / max(expert.jerk_per_s, LEAST_JERK_PER_S)


def level_score(points: Sequence[float]) -> Score:
    """Return the score of a level whose drives got ``points``; ``points`` is not empty."""
    low, high = np.percentile(_resampled_means(points, 0), INTERVAL)
    return Score(float(np.mean(points)), float(low), float(high))


def exam_score(levels: Mapping[str, Sequence[float]]) -> Score:
    """Return the score of an exam from the points in each of its levels, every level counting the same."""
    means = np.mean([_resampled_means(points, number) for number, points in enumerate(levels.values())], axis=0)
    low, high = np.percentile(means, INTERVAL)
    return Score(float(np.mean([np.mean(points) for points in levels.values()])), float(low), float(high))


def _resampled_means(points: Sequence[float], seed: int) -> NDArray[np.float64]:
    drawn = np.random.default_rng(seed).integers(len(points), size=(RESAMPLES, len(points)))
    return np.asarray(np.array(points)[drawn].mean(axis=1), np.float64)


def _later_s(drive: Drive, expert: Drive) -> float:
    """Return how much later than the expert the car had recovered, 0 where the expert did not either."""
    if expert.recovery_s is None or drive.recovery_s is None or math.isinf(expert.recovery_s):
        return 0.0
    return drive.recovery_s - expert.recovery_s


def _falling(value: float, full_until: float, none_from: float) -> float:
    """Return 1 up to ``full_until``, 0 from ``none_from`` on, and what lies on the line between them."""
    return min(1.0, max(0.0, (none_from - value) / (none_from - full_until)))
