"""The shapes of the tracks that have a name, in metres and in the direction of travel.

Those of a living room are corners, rounded off as ``curves.centre_line`` does. The others are straights joined by arcs
of the radii that are given, as one would tape them.
"""

from __future__ import annotations

import numpy as np

from simulator import curves
from simulator.curves import Points

DEEPRACER_LANE_M = 0.76
DEEPRACER_LENGTH_M = 17.6


def oval() -> Points:
    """Return two straights and two wide bends, 15 m round."""
    return _living_room((0, 0), (5.6, 0), (5.6, 2.8), (0, 2.8))


def bean() -> Points:
    """Return a loop with a dent in one side."""
    return _living_room((0, 0), (3, 1.4), (6, 0), (6, 3.4), (0, 3.4))


def chicane() -> Points:
    """Return a loop with a chicane in one straight."""
    return _living_room((0, 0), (1.6, 0), (2.8, 1.5), (4.1, 1.5), (5.3, 0), (7, 0), (7, 3.4), (0, 3.4))


def hairpin() -> Points:
    """Return a U, with a bend of half a circle in its middle."""
    return _living_room((6, 0), (6, 5), (4, 5), (4, 2.2), (2, 2.2), (2, 5), (0, 5), (0, 0))


def peanut() -> Points:
    """Return a loop with a dent in each of its long sides."""
    return _living_room(
        (0, 0), (1.7, 0), (3.4, 1), (5.1, 0), (6.8, 0), (6.8, 3.4), (5.1, 3.4), (3.4, 2.4), (1.7, 3.4), (0, 3.4)
    )


def boot() -> Points:
    """Return an L."""
    return _living_room((0, 0), (0, 5), (2.4, 5), (2.4, 2.4), (5.2, 2), (5.2, 0))


def figure_eight() -> Points:
    """Return two loops of 1.15 m radius whose straights cross at a right angle, and start just behind that."""
    curve = curves.rounded(np.array([(-2.9, -2.9), (2.9, 2.9), (2.9, -2.9), (-2.9, 2.9)]), np.full(4, 1.15))
    return np.roll(curve, -round(0.85 / curves.POINT_SPACING_M), axis=0)


def warehouse() -> Points:
    """Return a loop as at DIY Robocars' races in a warehouse in Oakland, at half its size.

    Their standard track is about 30 m × 20 m (diyrobocars.com, "Roll your own local DIY Robocars group"); with its
    lane of 1.2 m this one is 15 m × 10 m. The way round is ours: a long straight, a hairpin, an S and a wide bend.
    """
    corners_m = np.array(
        [(0, 0), (13.8, 0), (13.8, 3.6), (7.6, 3.6), (7.6, 6.2), (13.8, 6.2), (13.8, 8.8), (3.2, 8.8), (0, 6.2)]
    )
    return curves.rounded(corners_m, np.array([1.8, 1.8, 1.8, 1.3, 1.3, 1.3, 1.3, 1.8, 1.8]))


def deepracer() -> Points:
    """Return a loop like that of AWS DeepRacer's first races, at re:Invent 2018.

    What is public of it: 17.6 m round on a mat of 7.9 m × 5.2 m; its lane of 0.76 m and bends of at least 30 inches to
    the outer border are those of the developer guide's "Build your physical track". The shape is ours: one long
    straight, a wide bend at each end, and a way back with a bend to the other side.
    """
    corners_m = np.array([(0, 0), (6.2, 0), (6.2, 2.0), (3.9, 2.4), (2.9, 3.8), (0, 3.8)])
    shape = curves.rounded(corners_m, np.array([1.2, 1.0, 1.0, 1.2, 1.0, 1.2]))
    return curves.resample(
        shape * (DEEPRACER_LENGTH_M / curves.length_m(shape)), round(DEEPRACER_LENGTH_M / curves.POINT_SPACING_M)
    )


def home() -> Points:
    """Return a tape loop for a living room: with a lane of 0.5 m it needs 3.5 m × 2.5 m of free floor.

    Its bends of 0.55 m leave a 1:16 car, which can turn on 0.36 m, room to correct.
    """
    corners_m = np.array([(0, 0), (2.94, 0), (2.94, 1.94), (2.1, 1.94), (1.47, 1.1), (0.84, 1.94), (0, 1.94)])
    return curves.rounded(corners_m, np.full(7, 0.55))


def arena() -> Points:
    """Return a lane of 1.2 m between low white walls, as of boards set up on a hall's carpet: 6.6 m × 4.6 m outside."""
    corners_m = np.array([(0, 0), (5.4, 0), (5.4, 3.4), (3.7, 3.4), (2.7, 2.4), (1.7, 3.4), (0, 3.4)])
    return curves.rounded(corners_m, np.full(7, 0.9))


def _living_room(*corners_m: tuple[float, float]) -> Points:
    return curves.centre_line(np.array(corners_m, dtype=np.float64))
