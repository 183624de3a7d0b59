"""What a car cannot drive through: walls and obstacles stop it, turn it along themselves, and are never entered."""

from __future__ import annotations

import functools
import math
from typing import NamedTuple

import numpy as np

from simulator.curves import Points
from simulator.obstacles import Obstacle
from simulator.track import Track
from simulator.vehicle import VehicleParameters, VehicleState
from simulator.walls import walls_of

_CELL_M = 0.1
_RESTITUTION = 0.1
_FRICTION = 0.3
_APART_M = 0.02
"""A car has to get as far away before it can run into something again: one that scrapes along a wall does so once."""
_POST_SPACING_M = 0.02

Post = tuple[float, float, float, bool]
"""Where something round stands, its radius, and whether it is part of a wall."""


class Bump(NamedTuple):
    """A car after it has met what is in its way, or has not.

    ``state`` is the car's, out of whatever it was in; ``hits_wall`` and ``hits_obstacle`` say what that was, and
    ``is_close`` that the car is not clear of everything yet. A named tuple for the speed, as ``VehicleState`` is.
    """

    state: VehicleState
    hits_wall: bool = False
    hits_obstacle: bool = False
    is_close: bool = False


class Barriers:
    """The walls of ``track`` and the ``obstacles`` beside it, for a car of ``vehicle``.

    >>> from simulator.track import make_track
    >>> from simulator.vehicle import SIXTEENTH
    >>> barriers = Barriers(make_track("oval"), (Obstacle("cone", x_m=1.0, y_m=0.0),), SIXTEENTH)
    >>> barriers.meet(VehicleState(x_m=0.8, speed_m_s=1.0)).hits_obstacle
    True
    >>> barriers.meet(VehicleState(x_m=0.5, speed_m_s=1.0)).hits_obstacle
    False

    The car is three circles as wide as it is, one behind the other; a wall is a row of points. Each cell of a grid
    knows what a car in it can reach, so that one in the middle of its lane costs next to nothing.
    """

    def __init__(self, track: Track, obstacles: tuple[Obstacle, ...], vehicle: VehicleParameters) -> None:
        self._vehicle = vehicle
        self._radius_m = 0.5 * min(vehicle.width_m, vehicle.length_m)
        reach_m = 0.5 * vehicle.length_m - self._radius_m
        self._offsets_m = (reach_m, 0.0, -reach_m)
        self._cells = _cells(track, obstacles, 0.5 * vehicle.length_m + _APART_M)

    def meet(self, state: VehicleState) -> Bump:
        """Return the car pushed out of what it has run into, with the speed that this has left it."""
        cell = (math.floor(state.x_m / _CELL_M), math.floor(state.y_m / _CELL_M))
        posts = self._cells.get(cell)
        if posts is None:
            return Bump(state)
        hits_wall = hits_obstacle = is_close = False
        for offset_m in self._offsets_m:
            x_m = state.x_m + offset_m * math.cos(state.heading_rad)
            y_m = state.y_m + offset_m * math.sin(state.heading_rad)
            gap_m, post = min((math.hypot(x_m - post[0], y_m - post[1]) - post[2], post) for post in posts)
            gap_m -= self._radius_m
            is_close = is_close or gap_m < _APART_M
            if gap_m < 0.0:
                hits_wall, hits_obstacle = hits_wall or post[3], hits_obstacle or not post[3]
                away_rad = math.atan2(y_m - post[1], x_m - post[0]) - state.heading_rad
                state = self._pushed_out(state, offset_m, away_rad, -gap_m)
        return Bump(state, hits_wall, hits_obstacle, is_close)

    def _pushed_out(self, state: VehicleState, offset_m: float, away_rad: float, depth_m: float) -> VehicleState:
        """Return the car pushed ``depth_m`` away, by an impulse on a rigid body.

        Position and speed alike are shared out between shifting and turning by mass and yaw inertia (Müller and
        others, "Position based dynamics", Journal of Visual Communication and Image Representation 18, 2007).
        ``away_rad`` is the direction in the car's own frame.
        """
        ahead, left = math.cos(away_rad), math.sin(away_rad)
        turn = offset_m * left / self._vehicle.gyration_m**2
        share = 1.0 / (1.0 + turn * offset_m * left)
        closing_m_s = ahead * state.speed_m_s + left * (state.leftward_m_s + offset_m * state.yaw_rate_rad_s)
        impulse_m_s = max(-(1.0 + _RESTITUTION) * closing_m_s * share, 0.0)
        scraping_m_s = left * state.speed_m_s - ahead * state.leftward_m_s
        slowed_m_s = min(max(-scraping_m_s, -_FRICTION * impulse_m_s), _FRICTION * impulse_m_s)
        shift_m = depth_m * share
        cosine, sine = math.cos(state.heading_rad), math.sin(state.heading_rad)
        return state._replace(
            x_m=state.x_m + shift_m * (ahead * cosine - left * sine),
            y_m=state.y_m + shift_m * (ahead * sine + left * cosine),
            heading_rad=math.remainder(state.heading_rad + turn * shift_m, math.tau),
            speed_m_s=state.speed_m_s + impulse_m_s * ahead + slowed_m_s * left,
            leftward_m_s=state.leftward_m_s + impulse_m_s * left - slowed_m_s * ahead,
            yaw_rate_rad_s=state.yaw_rate_rad_s + turn * impulse_m_s,
        )


@functools.lru_cache(maxsize=16)
def _cells(track: Track, obstacles: tuple[Obstacle, ...], reach_m: float) -> dict[tuple[int, int], list[Post]]:
    # Close enough that nothing gets between them.
    posts: list[Post] = [
        (x_m, y_m, 0.0, True) for wall in walls_of(track) for x_m, y_m in _dense(wall.points_m).tolist()
    ]
    posts += [(obstacle.x_m, obstacle.y_m, obstacle.radius_m, False) for obstacle in obstacles]
    cells: dict[tuple[int, int], list[Post]] = {}
    for post in posts:
        x_m, y_m, radius_m, _ = post
        far_m = reach_m + radius_m
        for column in range(math.floor((x_m - far_m) / _CELL_M), math.floor((x_m + far_m) / _CELL_M) + 1):
            for row in range(math.floor((y_m - far_m) / _CELL_M), math.floor((y_m + far_m) / _CELL_M) + 1):
                cells.setdefault((column, row), []).append(post)
    return cells


def _dense(points_m: Points) -> Points:
    chords = np.roll(points_m, -1, axis=0) - points_m
    parts = max(1, math.ceil(float(np.hypot(*chords.T).max()) / _POST_SPACING_M))
    shares = np.linspace(0.0, 1.0, parts, endpoint=False)
    return (points_m[:, None] + shares[None, :, None] * chords[:, None]).reshape(-1, 2)
