"""Counts a simulated car's laps, its way along the track and its departures from the lane."""

from __future__ import annotations

from hardware.drivetrain import LapCount, Pose
from simulator.track import Projection, Track
from simulator.vehicle import VehicleState

_BACK_INSIDE_M = 0.03
"""How far inside the line all wheels must be again before leaving the lane counts as another departure."""
_MAX_JUMP_M = 0.5
"""A car moves millimetres from one look to the next; more along the track means it has cut across to another part."""


class LapCounter:
    """Follows a car of ``car_width_m`` along ``track``.

    >>> from simulator.track import make_track
    >>> track = make_track("oval")
    >>> counter = LapCounter(track, car_width_m=0.18, pose=track.pose_at(0.0))
    >>> for decimetres in range(int(track.length_m * 10) + 2):
    ...     counter.follow(track.pose_at(progress_m=decimetres / 10))
    >>> counter.count().laps
    1

    The way along the track counts forwards and backwards, a cut across the infield not at all. A lap is counted when
    the car has got a whole track length further than where it started. A departure is counted when a wheel crosses
    the middle of a lane's line, or the car touches a wall that is the lane's edge, once until it is back.
    """

    def __init__(self, track: Track, car_width_m: float, pose: Pose) -> None:
        self._track = track
        self._margin_m = track.half_width_m - 0.5 * car_width_m
        self.restart(pose)

    def restart(self, pose: Pose) -> None:
        """Start counting from nothing with the car at ``pose``."""
        self._way_m = 0.0
        self._furthest_m = 0.0
        self._departures = 0
        self._is_out = False
        self.move(pose)

    def move(self, pose: Pose) -> None:
        """Go on from ``pose``, to where the car was carried: that is neither a way nor a departure."""
        self._seen = self._track.project(pose)
        self._is_out = abs(self._seen.lateral_m) > self._margin_m

    def follow(self, pose: Pose | VehicleState, is_at_wall: bool = False) -> None:
        """Note that the car has driven to ``pose``, a few millimetres from where it was, and whether that is a wall."""
        seen = self._project(pose)
        length_m = self._track.length_m
        driven_m = (seen.progress_m - self._seen.progress_m + 0.5 * length_m) % length_m - 0.5 * length_m
        self._seen = seen
        if abs(driven_m) < _MAX_JUMP_M:
            self._way_m += driven_m
            if self._way_m > self._furthest_m:
                self._furthest_m = self._way_m
        self._count_departure(abs(seen.lateral_m), is_at_wall)

    def _project(self, pose: Pose | VehicleState) -> Projection:
        nearby = self._track.project(pose, near=self._seen.nearest)
        # Far outside, another part of the track may have become the nearest, which a walk along this one cannot find.
        return nearby if abs(nearby.lateral_m) < 2.0 * self._track.half_width_m else self._track.project(pose)

    def _count_departure(self, distance_m: float, is_at_wall: bool) -> None:
        if is_at_wall or distance_m > self._margin_m:
            self._departures += not self._is_out
            self._is_out = True
        elif distance_m < self._margin_m - _BACK_INSIDE_M:
            self._is_out = False

    def count(self) -> LapCount:
        """Return what was counted until now."""
        return LapCount(
            laps=int(self._furthest_m / self._track.length_m),
            progress_m=self._way_m,
            lateral_m=self._seen.lateral_m,
            departures=self._departures,
        )
