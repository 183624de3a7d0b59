"""Scenarios drawn by a seed: worlds to learn from and to be examined in, in three levels."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Literal

import numpy as np

from simulator.obstacles import Obstacle, Shape
from simulator.scenario import Scenario, Start
from simulator.track import LANE_HALF_WIDTH_M, Style, Track, make_track
from simulator.vehicle import SIXTEENTH, VehicleParameters

Level = Literal["home", "hall", "race"]
"""How hard a world is: a room at home, a hall with more of everything, a race where the grip counts."""

TRACKS = range(10_000)
"""The random tracks of which there is one in a scenario, unless others are wanted."""
_CLEAR_M = 0.12
"""Obstacles leave so much room beside each lane."""
_FARTHEST_M = 0.9
_NARROW_SHARE = 0.5
_NARROWEST_M = 0.25
"""Half the width of the narrowest lane; a wider one than usual would reach into the next part of a random track."""
_TRIES = 20
_SHAPES: dict[Shape, tuple[float, float, tuple[float, float, float]]] = {
    # Radius and height in metres, and the colour.
    "cone": (0.09, 0.23, (226.0, 84.0, 24.0)),
    "box": (0.16, 0.25, (168.0, 128.0, 84.0)),
    "leg": (0.07, 0.85, (44.0, 50.0, 74.0)),
}


@dataclass(frozen=True, slots=True)
class _Range:
    """What a level draws from; pairs are the least and the most."""

    styles: tuple[Style, ...]
    delay_s: tuple[float, float]
    lateral_m: float
    heading_deg: float
    speed_m_s: tuple[float, ...]
    obstacles: int
    spread: float


# A single line is the hardest to keep in view, and is drawn twice as often.
_RANGES: dict[Level, _Range] = {
    "home": _Range(("tape", "line", "line", "road", "robocars"), (0.0, 0.05), 0.1, 10.0, (0.8, 1.0), 2, 0.0),
    "hall": _Range(
        ("robocars", "tape", "road", "line", "line", "walls"), (0.0, 0.1), 0.18, 20.0, (0.8, 1.0, 1.5), 6, 0.1
    ),
    "race": _Range(
        ("robocars", "tape", "road", "line", "line", "walls"), (0.0, 0.1), 0.25, 30.0, (1.5, 2.0, 2.5), 8, 0.2
    ),
}


def random_scenario(
    seed: int, level: Level = "home", vehicle: VehicleParameters = SIXTEENTH, tracks: Sequence[int] = TRACKS
) -> Scenario:
    """Return the scenario of ``seed``: a track, its style, the look, the car's making and delay, obstacles, the start.

    >>> scenario = random_scenario(7, "race")
    >>> scenario == random_scenario(7, "race") != random_scenario(8, "race")
    True
    >>> 1.5 <= scenario.max_speed_m_s <= 2.5
    True

    At home a car starts up to 0.1 m and 10° off, its commands arrive up to 50 ms late and it drives 1 m/s at most. In
    the hall that is 0.18 m, 20°, 100 ms and 1.5 m/s, there may be walls, and grip, servo and motor differ by 10 % from
    ``vehicle``; in a race 0.25 m, 30°, 100 ms, 2.5 m/s and 20 %. Half of the lanes are narrower than the usual 0.8 m,
    down to 0.5 m, and a car starts as much less beside their middle. Cones, boxes and people's legs stand beside the
    lane. A car that stands far aside does not look out of the lane as well: no driver could keep it in. The track is a
    random one whose number is among ``tracks``.
    """
    own = _RANGES[level]
    rng = np.random.default_rng([seed, list(_RANGES).index(level), 7])
    track = make_track(
        f"random-{tracks[int(rng.integers(len(tracks)))]}", own.styles[int(rng.integers(len(own.styles)))]
    )
    if rng.random() < _NARROW_SHARE:
        track = replace(track, half_width_m=float(rng.uniform(_NARROWEST_M, track.half_width_m)))
    scenario = Scenario(
        track.name,
        seed=int(rng.integers(1, 2**31)),
        style=track.style,
        half_width_m=track.half_width_m,
        vehicle=_varied_vehicle(rng, vehicle, own),
        start=_start(rng, track, own),
        max_speed_m_s=float(rng.choice(own.speed_m_s)),
    )
    # Behind a wall nothing would be seen of them, and before it they would be in the way.
    if track.style == "walls":
        return scenario
    return replace(scenario, obstacles=_obstacles(rng, track, int(rng.integers(own.obstacles + 1))))


def _varied_vehicle(rng: np.random.Generator, vehicle: VehicleParameters, own: _Range) -> VehicleParameters:
    def varied(value: float) -> float:
        return value * float(rng.uniform(1.0 - own.spread, 1.0 + own.spread))

    return replace(
        vehicle,
        grip_m_s2=varied(vehicle.grip_m_s2),
        servo_rate_rad_s=varied(vehicle.servo_rate_rad_s),
        motor_lag_s=varied(vehicle.motor_lag_s),
        drag_per_s=varied(vehicle.drag_per_s),
        command_delay_s=vehicle.command_delay_s + float(rng.uniform(*own.delay_s)),
    )


def _start(rng: np.random.Generator, track: Track, own: _Range) -> Start:
    widest_m = own.lateral_m * track.half_width_m / LANE_HALF_WIDTH_M
    lateral_m = float(rng.uniform(-widest_m, widest_m))
    heading_rad = math.radians(float(rng.uniform(-own.heading_deg, own.heading_deg)))
    outwards = lateral_m * heading_rad > 0.0
    if outwards:
        heading_rad *= 1.0 - abs(lateral_m) / widest_m
    return Start(float(rng.uniform(0.0, track.length_m)), lateral_m, heading_rad)


def _obstacles(rng: np.random.Generator, track: Track, count: int) -> tuple[Obstacle, ...]:
    found: list[Obstacle] = []
    for _ in range(_TRIES * count):
        shape: Shape = list(_SHAPES)[int(rng.integers(len(_SHAPES)))]
        radius_m, height_m, colour = _SHAPES[shape]
        nearest_m = track.half_width_m + _CLEAR_M + radius_m
        side_m = float(rng.choice([-1.0, 1.0]) * rng.uniform(nearest_m, nearest_m + _FARTHEST_M))
        pose = track.pose_at(float(rng.uniform(0.0, track.length_m)), side_m)
        away_m = float(np.hypot(*(track.points_m - (pose.x_m, pose.y_m)).T).min())
        if away_m >= nearest_m and len(found) < count:
            found.append(Obstacle(shape, pose.x_m, pose.y_m, radius_m, height_m, colour))
    return tuple(found)
