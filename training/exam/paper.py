"""The exam paper: the tasks of each level, the same ones for everybody.

Nothing here is drawn anew from one exam to the next: the tracks have seeds that no training recipe uses, and every
other choice follows from the level and the task's number. Whoever changes a task changes ``EXAM_VERSION`` too: scores
of two versions do not compare.
"""

from __future__ import annotations

import functools
from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Literal, TypeVar, get_args

import numpy as np

from simulator.appearance import LIGHTS, Appearance, varied
from simulator.markings import Mark, crossing_line
from simulator.obstacles import Obstacle
from simulator.randomisation import Level
from simulator.scenario import Scenario, Start
from simulator.track import Style, Track, make_track
from simulator.vehicle import SIXTEENTH

EXAM_VERSION = 1
TASKS_PER_LEVEL = 24
UNSEEN_TRACKS_FROM = 100_000_000
"""The first seed of the exam's random tracks; training is to stay below it."""

LEVELS: tuple[Level, ...] = get_args(Level)

Stranger = Literal["none", "cones", "legs", "crossing line", "worn tape"]
"""What is there that a pilot has not learned from."""

STRANGER_EVERY_M = 2.5
CLEARANCE_M = 0.13
"""How far outside the lane a cone's or a leg's edge is at least; nothing stands where a perfect driver would hit it."""
CROSSINGS_AT = (0.3, 0.7)
"""Where lines cross the lane, as shares of the lap."""
WORN = 0.4
"""The share of paint that is gone from worn tape."""

_TROUSERS = (52.0, 58.0, 84.0)

ValueT = TypeVar("ValueT")


@dataclass(frozen=True, slots=True)
class Task:
    """One drive of the exam.

    >>> task = Task("home", 7, Scenario("random-100000007", style="tape", max_speed_m_s=0.8), light="dusk")
    >>> print(task)
    home 7: random-100000007, tape, dusk, at most 0.8 m/s

    ``light`` and ``stranger`` say in words what of the scenario one would not guess from its figures.
    """

    level: Level
    number: int
    scenario: Scenario
    light: str = "even"
    stranger: Stranger = "none"

    @property
    def is_displaced(self) -> bool:
        """Whether the car starts beside the middle of the lane, or askew."""
        start = self.scenario.start
        return bool(start.lateral_m or start.heading_error_rad)

    def __str__(self) -> str:
        """Return in words what is asked."""
        scenario = self.scenario
        parts = [scenario.track, *([scenario.style] if scenario.style else []), self.light]
        parts.append(f"at most {scenario.max_speed_m_s:g} m/s")
        if scenario.vehicle.command_delay_s:
            parts.append(f"{scenario.vehicle.command_delay_s * 1000:.0f} ms late")
        if self.is_displaced:
            side = "right" if scenario.start.lateral_m > 0 else "left"
            parts.append(f"started {abs(scenario.start.lateral_m) * 100:.0f} cm to the {side}")
        if self.stranger != "none":
            parts.append(self.stranger)
        return f"{self.level} {self.number}: {', '.join(parts)}"


@dataclass(frozen=True, slots=True)
class _Plan:
    """What a level may ask; a value that stands there twice is asked twice as often."""

    layouts: tuple[str, ...]  # in their own lines; the random tracks after them have those of ``styles``
    styles: tuple[Style, ...]
    lights: tuple[str, ...]
    delays_s: tuple[float, ...]
    speeds_m_s: tuple[float, ...]
    starts: tuple[tuple[float, float], ...]
    strangers: tuple[Stranger, ...]


_MIDDLE = (0.0, 0.0)
"""Where a car starts: how far to the right, as a share of the room beside it, and radians to the right of the lane."""

_PLANS: dict[Level, _Plan] = {
    "home": _Plan(
        layouts=("home", "oval"),
        styles=("tape", "robocars", "line", "road"),
        lights=("even", "even", "lamp"),
        delays_s=(0.0, 0.0, 0.03),
        speeds_m_s=(0.8,),
        starts=(_MIDDLE, _MIDDLE, (0.6, -0.1), (-0.6, 0.1)),
        strangers=("none",),
    ),
    "hall": _Plan(
        layouts=("warehouse", "figure-eight", "hairpin"),
        styles=get_args(Style),
        lights=tuple(LIGHTS),
        delays_s=(0.0, 0.03, 0.06, 0.1),
        speeds_m_s=(0.8, 1.5),
        starts=(_MIDDLE, (0.6, -0.2), (-0.6, 0.2), (0.4, 0.2)),
        strangers=("none", "none", "cones", "legs", "crossing line", "worn tape"),
    ),
    "race": _Plan(
        layouts=("deepracer", "arena", "boot"),
        styles=get_args(Style),
        lights=tuple(LIGHTS),
        delays_s=(0.0, 0.05, 0.1),
        speeds_m_s=(2.5,),
        starts=(_MIDDLE, _MIDDLE, (0.6, -0.3), (-0.6, 0.3)),
        strangers=("none", "cones", "legs", "crossing line", "worn tape"),
    ),
}


@functools.cache
def exam_tasks(level: Level, count: int = TASKS_PER_LEVEL) -> tuple[Task, ...]:
    """Return the first ``count`` tasks of ``level``, the same ones each time.

    Of every choice (lines, light, delay, speed, start, stranger) each value is asked as often as any other, and they
    are dealt out independently of each other; each track is asked once.
    """
    plan, first_seed = _PLANS[level], UNSEEN_TRACKS_FROM + 1000 * LEVELS.index(level)
    tracks = [*plan.layouts, *(f"random-{first_seed + number}" for number in range(TASKS_PER_LEVEL))][:TASKS_PER_LEVEL]
    rng = np.random.default_rng([EXAM_VERSION, LEVELS.index(level)])
    styles, lights, delays_s = _dealt(plan.styles, rng), _dealt(plan.lights, rng), _dealt(plan.delays_s, rng)
    speeds_m_s, starts, strangers = _dealt(plan.speeds_m_s, rng), _dealt(plan.starts, rng), _dealt(plan.strangers, rng)
    return tuple(
        _task(
            level,
            place + 1,
            make_track(tracks[place], styles[place] if tracks[place].startswith("random-") else None),
            Scenario(
                tracks[place],
                seed=first_seed + place,
                vehicle=replace(SIXTEENTH, command_delay_s=delays_s[place]),
                max_speed_m_s=speeds_m_s[place],
            ),
            starts[place],
            lights[place],
            strangers[place],
        )
        for place in range(count)
    )


def _dealt(values: Sequence[ValueT], rng: np.random.Generator) -> list[ValueT]:
    """Return the values in a random order, each as often as any other."""
    return [values[place % len(values)] for place in rng.permutation(TASKS_PER_LEVEL)]


def _task(
    level: Level,
    number: int,
    track: Track,
    scenario: Scenario,
    start: tuple[float, float],
    light: str,
    stranger: Stranger,
) -> Task:
    if track.style == "walls":
        # Behind a wall nothing would be seen of them, and there is no tape.
        stranger = "none"
    room_m = track.half_width_m - 0.5 * scenario.vehicle.width_m
    scenario = replace(
        scenario,
        style=track.style,
        appearance=_look(track.style, scenario.seed, light, stranger),
        obstacles=_beside(track, stranger),
        marks=_across(track) if stranger == "crossing line" else (),
        start=Start(lateral_m=room_m * start[0], heading_error_rad=start[1]),
    )
    return Task(level, number, scenario, light, stranger)


def _look(style: Style, seed: int, light: str, stranger: Stranger) -> Appearance:
    look = replace(varied(style, seed), light=LIGHTS[light])
    return replace(look, wear=WORN) if stranger == "worn tape" else look


def _across(track: Track) -> tuple[Mark, ...]:
    return tuple(crossing_line(track, share * track.length_m) for share in CROSSINGS_AT)


def _beside(track: Track, stranger: Stranger) -> tuple[Obstacle, ...]:
    """Return the cones or legs along the track, left and right in turn, none of them in the lane."""
    if stranger not in ("cones", "legs"):
        return ()
    radius_m = 0.09 if stranger == "cones" else 0.06
    things = []
    for number in range(int(track.length_m / STRANGER_EVERY_M)):
        lateral_m = (-1) ** number * (track.half_width_m + radius_m + CLEARANCE_M)
        for further_m in (0.0,) if stranger == "cones" else (0.0, 0.35):  # legs come in pairs
            pose = track.pose_at((number + 0.5) * STRANGER_EVERY_M + further_m, lateral_m)
            away_m = float(np.hypot(*(track.points_m - (pose.x_m, pose.y_m)).T).min())
            if away_m < abs(lateral_m) - 0.03:
                continue  # beside another part of the track, it would stand in its lane
            things.append(
                Obstacle("cone", pose.x_m, pose.y_m, radius_m)
                if stranger == "cones"
                else Obstacle("leg", pose.x_m, pose.y_m, radius_m, 0.9, _TROUSERS)
            )
    return tuple(things)
