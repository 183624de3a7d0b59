"""The exam paper: the tasks of each level, the same ones for everybody.

Nothing here is drawn anew from one exam to the next: the tracks have seeds that no training recipe uses, and every
other choice follows from the level and the task's number. Whoever changes a task changes ``EXAM_VERSION`` too: scores
of two versions do not compare.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Literal, TypeVar, get_args

import numpy as np

from simulator.obstacles import Obstacle
from simulator.scenario import Scenario, Start
from simulator.track import Style, Track
from simulator.track_file import open_track
from simulator.vehicle import SIXTEENTH

EXAM_VERSION = 1
TASKS_PER_LEVEL = 24
UNSEEN_TRACKS_FROM = 100_000_000
"""The first seed of the exam's random tracks; training is to stay below it."""

Level = Literal["home", "hall", "race"]
LEVELS: tuple[Level, ...] = get_args(Level)

Strangers = Literal["none", "cones", "legs"]
"""What stands beside the lane that a pilot has not learned from."""

STRANGER_EVERY_M = 2.5
CLEARANCE_M = 0.08
"""How far outside the lane a stranger's edge is at least; nothing stands where a perfect driver would hit it."""

_TROUSERS = (52.0, 58.0, 84.0)

ValueT = TypeVar("ValueT")


@dataclass(frozen=True, slots=True)
class Task:
    """One drive of the exam.

    >>> task = Task("home", 7, Scenario("random-100000007", style="tape"), speed_cap_m_s=0.8)
    >>> print(task)
    home 7: random-100000007, tape, at most 0.8 m/s

    ``speed_cap_m_s`` is what the gate's throttle cap lets the car reach on a straight.
    """

    level: Level
    number: int
    scenario: Scenario
    speed_cap_m_s: float
    strangers: Strangers = "none"

    @property
    def throttle_cap(self) -> float:
        """The throttle that holds the capped speed, at most 1: what the gate allows during this task."""
        vehicle = self.scenario.vehicle
        return min(1.0, self.speed_cap_m_s * vehicle.drag_per_s / vehicle.acceleration_m_s2)

    @property
    def is_displaced(self) -> bool:
        """Whether the car starts beside the middle of the lane, or askew."""
        start = self.scenario.start
        return bool(start.lateral_m or start.heading_error_rad)

    def __str__(self) -> str:
        """Return in words what is asked."""
        scenario = self.scenario
        parts = [scenario.track, *([scenario.style] if scenario.style else []), f"at most {self.speed_cap_m_s:g} m/s"]
        if self.is_displaced:
            side = "right" if scenario.start.lateral_m > 0 else "left"
            parts.append(f"started {abs(scenario.start.lateral_m) * 100:.0f} cm to the {side}")
        if self.strangers != "none":
            parts.append(f"{self.strangers} beside the lane")
        return f"{self.level} {self.number}: {', '.join(parts)}"


@dataclass(frozen=True, slots=True)
class _Plan:
    """What a level may ask; a value that stands there twice is asked twice as often."""

    layouts: tuple[str, ...]  # in their own lines; the random tracks after them have those of ``styles``
    styles: tuple[Style, ...]
    speed_caps_m_s: tuple[float, ...]
    starts: tuple[tuple[float, float], ...]
    strangers: tuple[Strangers, ...]


_MIDDLE = (0.0, 0.0)
"""Where a car starts: how far to the right, as a share of the room beside it, and radians to the right of the lane."""

_PLANS: dict[Level, _Plan] = {
    "home": _Plan(
        layouts=("home", "oval"),
        styles=("tape", "robocars", "line"),
        speed_caps_m_s=(0.8,),
        starts=(_MIDDLE, _MIDDLE, (0.4, 0.1), (-0.4, -0.1)),
        strangers=("none",),
    ),
    "hall": _Plan(
        layouts=("warehouse", "figure-eight", "hairpin"),
        styles=get_args(Style),
        speed_caps_m_s=(0.8, 1.5),
        starts=(_MIDDLE, (0.6, 0.2), (-0.6, -0.2), (0.6, -0.25)),
        strangers=("none", "none", "cones", "legs"),
    ),
    "race": _Plan(
        layouts=("deepracer", "arena", "boot"),
        styles=get_args(Style),
        speed_caps_m_s=(2.5,),
        starts=(_MIDDLE, _MIDDLE, (0.65, 0.25), (-0.65, -0.25)),
        strangers=("none", "cones", "legs"),
    ),
}


def exam_tasks(level: Level, count: int = TASKS_PER_LEVEL) -> tuple[Task, ...]:
    """Return the first ``count`` tasks of ``level``, the same ones each time.

    Of every choice (track, lines, speed, start, strangers) each value is asked as often as any other, and they are
    dealt out independently of each other. The tasks of a shorter exam are no sample of the whole one.
    """
    plan, first_seed = _PLANS[level], UNSEEN_TRACKS_FROM + 1000 * LEVELS.index(level)
    tracks = [*plan.layouts, *(f"random-{first_seed + number}" for number in range(TASKS_PER_LEVEL))][:TASKS_PER_LEVEL]
    rng = np.random.default_rng([EXAM_VERSION, LEVELS.index(level)])
    columns = zip(
        tracks,
        _dealt(plan.styles, rng),
        _dealt(plan.speed_caps_m_s, rng),
        _dealt(plan.starts, rng),
        _dealt(plan.strangers, rng),
        strict=True,
    )
    return tuple(
        _task(level, number, first_seed + number, *choices)
        for number, choices in enumerate(columns, start=1)
        if number <= count
    )


def _dealt(values: Sequence[ValueT], rng: np.random.Generator) -> list[ValueT]:
    """Return the values in a random order, each as often as any other."""
    return [values[place % len(values)] for place in rng.permutation(TASKS_PER_LEVEL)]


def _task(
    level: Level,
    number: int,
    seed: int,
    track_name: str,
    style: Style,
    speed_cap_m_s: float,
    start: tuple[float, float],
    strangers: Strangers,
) -> Task:
    track = open_track(track_name)
    room_m = track.half_width_m - 0.5 * SIXTEENTH.width_m
    scenario = Scenario(
        track_name,
        seed,
        style=style if track_name.startswith("random-") else None,
        vehicle=SIXTEENTH,
        obstacles=_beside(track, strangers),
        start=Start(lateral_m=room_m * start[0], heading_error_rad=start[1]),
    )
    return Task(level, number, scenario, speed_cap_m_s, strangers)


def _beside(track: Track, strangers: Strangers) -> tuple[Obstacle, ...]:
    """Return what stands along the track, left and right in turn, none of it in the lane."""
    if strangers == "none":
        return ()
    things = []
    for number in range(int(track.length_m / STRANGER_EVERY_M)):
        radius_m = 0.09 if strangers == "cones" else 0.06
        lateral_m = (-1) ** number * (track.half_width_m + radius_m + CLEARANCE_M + 0.05)
        for step_m in (0.0,) if strangers == "cones" else (0.0, 0.35):  # legs come in pairs
            pose = track.pose_at((number + 0.5) * STRANGER_EVERY_M + step_m, lateral_m)
            if abs(track.project(pose).lateral_m) < track.half_width_m + radius_m + CLEARANCE_M:
                continue  # beside another part of the track, it would stand in its lane
            things.append(
                Obstacle("cone", pose.x_m, pose.y_m, radius_m)
                if strangers == "cones"
                else Obstacle("leg", pose.x_m, pose.y_m, radius_m, 0.9, _TROUSERS)
            )
    return tuple(things)
