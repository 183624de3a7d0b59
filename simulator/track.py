"""Closed tracks: a lane around a centre line, and where on it a car is."""

from __future__ import annotations

import functools
import math
import re
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Literal, NamedTuple, get_args

import numpy as np
from numpy.typing import NDArray

from hardware.drivetrain import Pose
from hardware.errors import TrackError
from simulator import curves, layouts
from simulator.curves import Crossing, Points
from simulator.vehicle import VehicleState

Style = Literal["robocars", "tape", "road", "line", "walls"]
"""What shows where the lane is.

``"robocars"``: white edges of 3-inch tape and a yellow dashed centre. ``"tape"``: two lines of 5 cm tape.
``"road"``: a dark road with white edges and an orange dashed centre, as for DeepRacer. ``"line"``: one line along the
middle. ``"walls"``: walls at both edges, and no lines at all.
"""

LANE_HALF_WIDTH_M = 0.4


class Projection(NamedTuple):
    """A pose seen from the track.

    ``progress_m`` is the way along the centre line from the start, in 0 … length; ``lateral_m`` the distance from the
    centre line, positive to the right of the direction of travel; ``heading_error_rad`` in −π … π, positive when the
    car points to the right of it; ``nearest`` the index of the centre line's nearest point. A named tuple, since one is
    made every 5 ms.
    """

    progress_m: float
    lateral_m: float
    heading_error_rad: float
    nearest: int


@dataclass(frozen=True, slots=True, eq=False)
class Track:
    """A closed lane.

    ``points_m`` (N × 2) lie at equal distances ``step_m`` on the centre line, in the direction of travel;
    ``heading_rad`` and ``curvature_per_m`` (N, positive to the left) belong to them. The lane's edges are
    ``half_width_m`` left and right. ``crossings`` are where the lane crosses itself, as in a figure of eight:

    >>> track = make_track("oval")
    >>> pose = track.pose_at(progress_m=3.0, lateral_m=0.1)
    >>> round(track.project(pose).lateral_m, 3)
    0.1

    Raises TrackError for walls along a lane that crosses itself: they would stand across it.
    """

    name: str
    points_m: Points
    style: Style = "robocars"
    half_width_m: float = LANE_HALF_WIDTH_M
    length_m: float = field(init=False)
    step_m: float = field(init=False)
    heading_rad: NDArray[np.float64] = field(init=False, repr=False)
    curvature_per_m: NDArray[np.float64] = field(init=False, repr=False)
    crossings: tuple[Crossing, ...] = field(init=False, repr=False)
    _rows: list[tuple[float, float, float, float]] = field(init=False, repr=False)

    def __post_init__(self) -> None:
        following, preceding = np.roll(self.points_m, -1, axis=0), np.roll(self.points_m, 1, axis=0)
        heading = np.arctan2(*(following - preceding).T[::-1])
        length_m = curves.length_m(self.points_m)
        curvature = curves.curvature_per_m(self.points_m)
        # A frozen dataclass sets what it derives this way; plain floats make the step-by-step search 20 times faster.
        for name, value in (
            ("length_m", length_m),
            ("step_m", length_m / len(self.points_m)),
            ("heading_rad", heading),
            ("curvature_per_m", curvature),
            ("crossings", curves.crossings(self.points_m)),
            ("_rows", np.column_stack([self.points_m, heading, curvature]).tolist()),
        ):
            object.__setattr__(self, name, value)
        if self.style == "walls" and self.crossings:
            raise TrackError(f"{self.name} crosses itself, and walls would stand across it. Choose a style of lines.")

    def is_like(self, other: Track) -> bool:
        """Tell whether ``other`` is the same track: called, laid out and marked as this one."""
        named, same = ((track.name, track.style, track.half_width_m) for track in (self, other))
        return named == same and np.array_equal(self.points_m, other.points_m)

    def pose_at(self, progress_m: float, lateral_m: float = 0.0, heading_error_rad: float = 0.0) -> Pose:
        """Return the pose that ``project`` would describe by these three; ``progress_m`` may be any number."""
        position = (progress_m % self.length_m) / self.step_m
        index = int(position) % len(self._rows)
        x_m, y_m, heading_rad, _ = self._rows[index]
        next_x_m, next_y_m, next_heading_rad, _ = self._rows[(index + 1) % len(self._rows)]
        share = position - int(position)
        heading_rad += share * _wrapped(next_heading_rad - heading_rad)
        return Pose(
            x_m + share * (next_x_m - x_m) + lateral_m * math.sin(heading_rad),
            y_m + share * (next_y_m - y_m) - lateral_m * math.cos(heading_rad),
            _wrapped(heading_rad - heading_error_rad),
        )

    def offset_m(self, lateral_m: float) -> Points:
        """Return the centre line moved ``lateral_m`` to the right, N × 2 in metres."""
        right = np.column_stack([np.sin(self.heading_rad), -np.cos(self.heading_rad)])
        return self.points_m + lateral_m * right

    def project(self, pose: Pose | VehicleState, near: int | None = None) -> Projection:
        """Return where ``pose`` is on the track.

        With ``near``, the index of an earlier projection, the search walks from there as long as it comes nearer, as
        for a car that moves along; without it all points are looked at. Where the lane crosses itself the car is then
        on the way that it heads along.
        """
        index = self._nearest(pose) if near is None else self._walk(pose, near)
        x_m, y_m, heading_rad, curvature_per_m = self._rows[index]
        dx_m, dy_m = pose.x_m - x_m, pose.y_m - y_m
        cosine, sine = math.cos(heading_rad), math.sin(heading_rad)
        lateral_m = sine * dx_m - cosine * dy_m
        # Beside a bend the way along the centre line is shorter, or longer, than the way of the car.
        along_m = (cosine * dx_m + sine * dy_m) / max(1.0 + curvature_per_m * lateral_m, 0.2)
        return Projection(
            (index * self.step_m + along_m) % self.length_m,
            lateral_m + 0.5 * curvature_per_m * along_m**2,
            _wrapped(heading_rad + curvature_per_m * along_m - pose.heading_rad),
            index,
        )

    def _nearest(self, pose: Pose | VehicleState) -> int:
        distance_m2 = np.square(self.points_m - (pose.x_m, pose.y_m)).sum(axis=1)
        index = int(distance_m2.argmin())
        for crossing in self.crossings:
            if math.dist(crossing.place_m, (pose.x_m, pose.y_m)) < self.crossing_reach_m(crossing):
                ways = [self._nearest_along(way_m, distance_m2, crossing) for way_m in crossing.ways_m]
                inside = [way for way in ways if distance_m2[way] <= self.half_width_m**2] or [index]
                index = min(inside, key=lambda way: abs(_wrapped(self._rows[way][2] - pose.heading_rad)))
        return index

    def _nearest_along(self, way_m: float, distance_m2: NDArray[np.float64], crossing: Crossing) -> int:
        reach = round(self.crossing_reach_m(crossing) / self.step_m)
        around = np.arange(-reach, reach + 1) + round(way_m / self.step_m)
        return int(around[distance_m2.take(around, mode="wrap").argmin()]) % len(self._rows)

    def crossing_reach_m(self, crossing: Crossing) -> float:
        """Return how far from a crossing's middle its two ways may share the lane."""
        return self.half_width_m / math.sin(0.5 * crossing.angle_rad)

    def _walk(self, pose: Pose | VehicleState, index: int) -> int:
        count = len(self._rows)
        nearest = self._squared_m2(pose, index)
        for direction in (1, -1):
            while (distance := self._squared_m2(pose, (index + direction) % count)) < nearest:
                index, nearest = (index + direction) % count, distance
        return index

    def _squared_m2(self, pose: Pose | VehicleState, index: int) -> float:
        x_m, y_m, _, _ = self._rows[index]
        dx_m, dy_m = pose.x_m - x_m, pose.y_m - y_m
        return dx_m * dx_m + dy_m * dy_m


def _wrapped(angle_rad: float) -> float:
    return (angle_rad + math.pi) % math.tau - math.pi


@dataclass(frozen=True, slots=True)
class _Plan:
    style: Style
    shape: Callable[[], Points]
    half_width_m: float = LANE_HALF_WIDTH_M


_PLANS: dict[str, _Plan] = {
    "oval": _Plan("robocars", layouts.oval),
    "bean": _Plan("robocars", layouts.bean),
    "chicane": _Plan("tape", layouts.chicane),
    "hairpin": _Plan("robocars", layouts.hairpin),
    "peanut": _Plan("tape", layouts.peanut),
    "boot": _Plan("tape", layouts.boot),
    "figure-eight": _Plan("robocars", layouts.figure_eight),
    "warehouse": _Plan("robocars", layouts.warehouse, 0.6),
    "deepracer": _Plan("road", layouts.deepracer, 0.5 * layouts.DEEPRACER_LANE_M),
    "home": _Plan("tape", layouts.home, 0.25),
    "arena": _Plan("walls", layouts.arena, 0.6),
}


def track_names() -> tuple[str, ...]:
    """Return the names of the tracks that are always the same; ``"random-<seed>"`` makes others."""
    return tuple(_PLANS)


@functools.lru_cache(maxsize=64)  # searching for a curve takes 0.1 s, and drivers take turns on one track
def _random_plan(seed: int) -> tuple[Points, Style]:
    rng = np.random.default_rng(seed)
    curve = curves.random_curve(rng)
    curve.setflags(write=False)
    return curve, "robocars" if rng.random() < 0.5 else "tape"


def make_track(name: str, style: Style | None = None) -> Track:
    """Return the track called ``name``: one of ``track_names()``, or ``"random-<seed>"`` with a whole number.

    ``style`` replaces the one that belongs to the name. Raises TrackError for any other name or style.
    """
    if style is not None and style not in get_args(Style):
        raise TrackError(f"There is no track style {style!r}. Use one of {', '.join(get_args(Style))}.")
    seeded = re.fullmatch(r"random-(\d{1,9})", name)
    if seeded:
        curve, own_style = _random_plan(int(seeded[1]))
        return Track(name, curve, style or own_style)
    if name not in _PLANS:
        raise TrackError(
            f"There is no track {name!r}: the tracks are {', '.join(_PLANS)} and random-<seed>. "
            'Choose one of them, for example "oval" or "random-7".'
        )
    plan = _PLANS[name]
    return Track(name, plan.shape(), style or plan.style, plan.half_width_m)
