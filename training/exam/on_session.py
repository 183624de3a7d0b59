"""A pilot at the wheel inside a recorded session: your own lap as a simulator.

The pilot's car starts on the recorded path and goes at the recorded speed. It sees the recorded frames as they would
look from where it is by now, and its steering carries it off the path, or back. Where it gets further away than
a reprojected frame can show, somebody would have had to take over: that is an intervention, and it is put back on the
path. The path is the one that was driven, well or badly; where the middle of the lane is, the session does not say.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field

import numpy as np
from numpy.typing import NDArray

from car.kinds.pilot import Pilot
from hardware.camera import Frame, Image
from hardware.clock import NS_PER_S
from hardware.drivetrain import Pose
from simulator.reprojection import FURTHER_BACK_M, Displacement, Reprojection, Source
from simulator.vehicle import SIXTEENTH
from training.exam.driven_path import DrivenPath, Stretch

FURTHEST_ASIDE_M = 0.25
FURTHEST_TURNED_DEG = 15.0
"""Beyond these somebody takes over."""
TAKEOVER_M = 2.0
"""What a takeover costs, in metres of road."""
BLOCK_M = 4.0
_RESAMPLES = 1000
_ROUNDING_M = 1e-6

Values = NDArray[np.float64]


@dataclass(frozen=True, slots=True)
class Moment:
    """One frame of the drive: the way since the last one, where the car was beside the path, and what it did there.

    >>> moment = Moment(0.05, Displacement(lateral_m=0.02), steering=-0.1, is_intervention=False)
    """

    way_m: float
    displacement: Displacement
    steering: float
    is_intervention: bool


@dataclass(frozen=True, slots=True)
class Outcome:
    """How a pilot drove inside a session.

    >>> figures = dict(offset_m=0.03, within=1.0, jerk=0.02, driven_jerk=0.03, score=90.0, low=85.0, high=95.0)
    >>> Outcome("lap", way_m=50.0, interventions=2, is_measured=True, **figures).metres_per_intervention
    25.0

    ``score`` is 0 … 100, with the ``low`` and the ``high`` end of its 95 % interval; ``offset_m`` the mean distance
    from the recorded path; ``within`` the share of the way on which that is less than half of what ends in an
    intervention; ``jerk`` the mean change of steering from frame to frame, and ``driven_jerk`` that of the recording.
    """

    session: str
    way_m: float
    interventions: int
    offset_m: float
    within: float
    jerk: float
    driven_jerk: float
    score: float
    low: float
    high: float
    is_measured: bool
    moments: tuple[Moment, ...] = field(default=(), repr=False)

    @property
    def metres_per_intervention(self) -> float:
        """The mean way between two interventions; infinite where there was none."""
        return self.way_m / self.interventions if self.interventions else math.inf


def exam_on_session(pilot: Pilot, path: DrivenPath, progress: Callable[[float], None] = lambda _: None) -> Outcome:
    """Let ``pilot`` drive along ``path`` once and return how it did; ``progress`` is told how much is done, 0 … 1."""
    moments: list[Moment] = []
    total = sum(len(stretch.way_m) for stretch in path.stretches)
    for stretch in path.stretches:
        for moment in _Drive(pilot, path, stretch).moments():
            moments.append(moment)
            progress(min(len(moments) / total, 1.0))
    blocks = _blocks(moments)
    low, high = _interval(blocks)
    way_m, interventions, strayed = blocks.sum(axis=0).tolist()
    aside_m = np.array([abs(moment.displacement.lateral_m) for moment in moments])
    ways_m = np.array([moment.way_m for moment in moments])
    return Outcome(
        session=path.name,
        way_m=way_m,
        interventions=round(interventions),
        offset_m=float(np.average(aside_m, weights=ways_m)),
        within=float(np.average(aside_m < 0.5 * FURTHEST_ASIDE_M, weights=ways_m)),
        jerk=float(np.abs(np.diff([moment.steering for moment in moments])).mean()),
        driven_jerk=float(np.mean([np.abs(np.diff(stretch.steering)).mean() for stretch in path.stretches])),
        score=score(way_m, interventions, strayed),
        low=low,
        high=high,
        is_measured=path.is_measured,
        moments=tuple(moments),
    )


def score(way_m: float, interventions: float, strayed: float) -> float:
    """Return 0 … 100 for a way with some interventions, ``strayed`` being the metres of it, each times its offset.

    An intervention costs ``TAKEOVER_M`` of road, as in the autonomy of Bojarski and others ("End to end learning for
    self-driving cars", 2016) it costs six seconds; beside the path rather than on it, up to half is lost.
    """
    kept = way_m / (way_m + TAKEOVER_M * interventions)
    return 100.0 * kept * (1.0 - 0.5 * min(strayed / way_m / FURTHEST_ASIDE_M, 1.0))


class _Drive:
    """A pilot on one stretch: its car is at the frame ``_index``, displaced."""

    def __init__(self, pilot: Pilot, path: DrivenPath, stretch: Stretch) -> None:
        self._pilot = pilot
        self._response = path.response
        self._stretch = stretch
        self._reprojection = Reprojection(path.camera)
        self._index = 0
        self._pose = stretch.poses[0]
        self._steering = float(stretch.steering[0])

    def moments(self) -> Iterator[Moment]:
        """Drive to the end of the stretch."""
        number = 0
        self._pilot.reset()
        while self._index < len(self._stretch.poses) - 1:
            answer = self._pilot.drive(Frame(self._view(), self._now_ns(), number)).command.steering
            wanted = min(max(answer, -1.0), 1.0) if math.isfinite(answer) else 0.0
            displacement = self._displacement()
            way_m = self._move(wanted)
            is_intervention = self._is_lost() and self._index < len(self._stretch.poses) - 1
            yield Moment(way_m, displacement, wanted, is_intervention)
            if is_intervention:
                self._take_over()
            number += 1

    def _take_over(self) -> None:
        """Put the car on the path, one frame on, so that every drive comes to its end."""
        self._pilot.reset()
        self._index += 1
        self._pose = self._stretch.poses[self._index]
        self._steering = float(self._stretch.steering[self._index])

    def _now_ns(self) -> int:
        return round(float(self._stretch.times_s[self._index]) * NS_PER_S)

    def _displacement(self) -> Displacement:
        return Displacement.between(self._stretch.poses[self._index], self._pose)

    def _is_lost(self) -> bool:
        displacement = self._displacement()
        return (
            abs(displacement.lateral_m) > FURTHEST_ASIDE_M
            or math.degrees(abs(displacement.heading_rad)) > FURTHEST_TURNED_DEG
        )

    def _view(self) -> Image:
        here_m = self._stretch.way_m[self._index]
        wanted_m = [here_m, *(here_m - back_m for back_m in FURTHER_BACK_M)]
        indexes = np.maximum(np.searchsorted(self._stretch.way_m, wanted_m, side="right") - 1, 0).tolist()
        return self._reprojection.view(
            [
                Source(self._stretch.images[index], Displacement.between(self._stretch.poses[index], self._pose))
                for index in dict.fromkeys(indexes)
            ]
        )

    def _move(self, wanted: float) -> float:
        """Move the car on by the time between two frames, and the frame that it is at; return the way."""
        stretch, index = self._stretch, self._index
        duration_s = float(stretch.times_s[index + 1] - stretch.times_s[index])
        way_m = float(stretch.way_m[index + 1] - stretch.way_m[index])
        driven = Displacement.between(stretch.poses[index], stretch.poses[index + 1])
        before = self._steering
        self._steering = self._response.follow(before, wanted, duration_s)
        # Only what the pilot steers otherwise than was steered bends its path away from the one that was driven.
        more = 0.5 * (self._steering + before) - 0.5 * float(stretch.steering[index] + stretch.steering[index + 1])
        turned_rad = -more * self._response.curvature_per_m * way_m
        swung_m = -turned_rad * 0.5 * (SIXTEENTH.wheelbase_m + way_m)
        self._pose = Displacement(driven.forward_m, driven.lateral_m + swung_m, driven.heading_rad + turned_rad).after(
            self._pose
        )
        self._index = self._passed(self._pose)
        return way_m

    def _passed(self, pose: Pose) -> int:
        """Return the last frame that the car has passed; it never goes back."""
        index, last = self._index, len(self._stretch.poses) - 1
        while index < last and Displacement.between(self._stretch.poses[index + 1], pose).forward_m > -_ROUNDING_M:
            index += 1
        return index


def _blocks(moments: list[Moment]) -> Values:
    """Return metres, interventions and strayed metres of each ``BLOCK_M`` of the way, blocks × 3."""
    rows = np.array(
        [
            (moment.way_m, moment.is_intervention, moment.way_m * abs(moment.displacement.lateral_m))
            for moment in moments
        ]
    )
    block = (np.cumsum(rows[:, 0]) / BLOCK_M).astype(int)
    return np.array([rows[block == number].sum(axis=0) for number in np.unique(block)])


def _interval(blocks: Values) -> tuple[float, float]:
    """Return the 95 % interval of the score, by drawing blocks of the way anew."""
    drawn = np.random.default_rng(0).integers(len(blocks), size=(_RESAMPLES, len(blocks)))
    scores = [score(*blocks[choice].sum(axis=0).tolist()) for choice in drawn]
    low, high = np.percentile(scores, (2.5, 97.5)).tolist()
    return low, high
