"""Walls that stand up from the floor; in the style ``"walls"`` they are the road."""

from __future__ import annotations

from dataclasses import dataclass

from simulator.curves import Points
from simulator.track import Track

WALL_HEIGHT_M = 0.2


@dataclass(frozen=True, slots=True, eq=False)
class Wall:
    """A closed wall through ``points_m`` (N × 2), as thin as cardboard.

    >>> from simulator.track import make_track
    >>> left, right = walls_of(make_track("oval", "walls"))
    >>> right.height_m
    0.2
    """

    points_m: Points
    height_m: float = WALL_HEIGHT_M


def walls_of(track: Track) -> tuple[Wall, ...]:
    """Return the walls at the left and right edge of the lane, none for a track of lines."""
    if track.style != "walls":
        return ()
    return tuple(Wall(track.offset_m(side_m)) for side_m in (-track.half_width_m, track.half_width_m))
