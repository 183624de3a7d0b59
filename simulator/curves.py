"""Closed smooth curves for centre lines: corners are rounded off, sizes fitted to a living room, crossings refused."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from hardware.errors import TrackError

Points = NDArray[np.float64]
"""Points in metres, N × 2, x to the right and y up."""

MIN_RADIUS_M = 0.8
"""Random tracks and those of a living room have no tighter bend: twice what a 1:16 car can turn on, and a little."""
MIN_LENGTH_M = 12.0
MAX_LENGTH_M = 25.0
MIN_CLEARANCE_M = 1.05
"""So far apart are the centre lines of any two parts: a lane of 0.8 m with its tape, and some floor between."""
POINT_SPACING_M = 0.02

_COARSE_POINTS = 160
_ARC_STEP_M = 0.005
_TRANSITION_M = 0.1
_COARSE_STEP_M = 0.1
_RELAXATIONS = 600
_PULL_REACH = 2
_ATTEMPTS = 200
_RADIUS_MARGIN = 1.05
_POLYGON_LENGTH_M = (17.0, 29.0)
_START_STRAIGHT_M = 1.6
_LEAST_COUNTER_TURN_RAD = 0.35
# On a curve no tighter than MIN_RADIUS_M, points this far apart along it are further apart than MIN_CLEARANCE_M in
# space (Schur's comparison theorem): anything nearer than that is another part of the track.
_NEIGHBOUR_M = 1.2


def resample(points_m: Points, count: int) -> Points:
    """Return ``count`` points at equal distances along the closed polygon through ``points_m``."""
    closed = np.vstack([points_m, points_m[:1]])
    arc = np.concatenate([[0.0], np.cumsum(np.hypot(*np.diff(closed, axis=0).T))])
    wanted = np.linspace(0.0, arc[-1], count, endpoint=False)
    return np.column_stack([np.interp(wanted, arc, closed[:, axis]) for axis in (0, 1)])


def length_m(points_m: Points) -> float:
    """Return the length of the closed polygon through ``points_m`` in metres."""
    return float(np.hypot(*(np.roll(points_m, -1, axis=0) - points_m).T).sum())


def curvature_per_m(points_m: Points) -> NDArray[np.float64]:
    """Return the curvature at each of the equally spaced points, in 1/m, positive where the curve turns left."""
    chord = np.roll(points_m, -1, axis=0) - points_m
    heading = np.arctan2(chord[:, 1], chord[:, 0])
    turn = (heading - np.roll(heading, 1) + np.pi) % (2.0 * np.pi) - np.pi
    return np.asarray(turn / (length_m(points_m) / len(points_m)), dtype=np.float64)


def clearance_m(points_m: Points) -> float:
    """Return the least distance in metres between parts of the curve that are not neighbours along it.

    Next to zero where the curve crosses itself.
    """
    return nearest_parts(points_m, _NEIGHBOUR_M)[0]


def nearest_parts(
    points_m: Points, neighbour_m: float, crossings: Sequence[Crossing] = (), reach_m: float = 0.0
) -> tuple[float, Points]:
    """Return the least distance in metres between parts that are further apart along the curve, and where that is.

    What is within ``reach_m`` of one of the ``crossings``, on both of its ways, does not count. Infinite where there is
    no other part.
    """
    coarse = _coarse(points_m)
    round_m = length_m(coarse)
    step_m = round_m / len(coarse)
    between = np.hypot(*(coarse[:, None, :] - coarse[None, :, :]).transpose(2, 0, 1))
    index = np.arange(len(coarse))
    apart = np.abs(index[:, None] - index[None, :])
    between[np.minimum(apart, len(coarse) - apart) * step_m <= neighbour_m] = np.inf
    for crossing in crossings:
        first, second = (
            np.abs((index * step_m - way_m + 0.5 * round_m) % round_m - 0.5 * round_m) <= reach_m
            for way_m in crossing.ways_m
        )
        between[(first[:, None] & second[None, :]) | (second[:, None] & first[None, :])] = np.inf
    nearest = int(between.argmin())
    return float(between.flat[nearest]), coarse[nearest // len(coarse)]


@dataclass(frozen=True, slots=True)
class Crossing:
    """Where a curve crosses itself: at ``ways_m`` along it, by ``angle_rad``, 0 … π/2, between the two ways.

    >>> eight = through(np.array([(0, 0), (2, 2), (3, 1), (2, 0), (0, 2), (-1, 1)]))
    >>> [crossing] = crossings(eight)
    >>> [round(float(value), 2) for value in crossing.place_m]
    [1.0, 1.0]
    """

    ways_m: tuple[float, float]
    place_m: tuple[float, float]
    angle_rad: float


def crossings(points_m: Points) -> tuple[Crossing, ...]:
    """Return the places at which the closed curve crosses itself, in the order in which one comes to them."""
    coarse = _coarse(points_m)
    step_m = length_m(coarse) / len(coarse)
    chord = np.roll(coarse, -1, axis=0) - coarse
    # Segment j crosses segment i when each has its ends on both sides of the other.
    offset = coarse[None, :, :] - coarse[:, None, :]
    side = chord[:, None, 0] * offset[:, :, 1] - chord[:, None, 1] * offset[:, :, 0]
    astride = side * np.roll(side, -1, axis=1) < 0.0
    found = []
    for first, second in np.argwhere(np.triu(astride & astride.T)).tolist():
        shares = [
            float(side[one, other] / (side[one, other] - side[one, (other + 1) % len(coarse)]))
            for one, other in ((second, first), (first, second))
        ]
        x_m, y_m = (coarse[first] + shares[0] * chord[first]).tolist()
        sine = chord[first, 0] * chord[second, 1] - chord[first, 1] * chord[second, 0]
        angle_rad = math.atan2(abs(sine), abs(float(chord[first] @ chord[second])))
        found.append(Crossing(((first + shares[0]) * step_m, (second + shares[1]) * step_m), (x_m, y_m), angle_rad))
    return tuple(found)


def _coarse(points_m: Points) -> Points:
    return resample(points_m, max(256, round(length_m(points_m) / _COARSE_STEP_M)))


def rounded(corners_m: Points, radii_m: NDArray[np.float64]) -> Points:
    """Return straights joined by arcs: a closed polygon, each of whose corners is an arc of its radius.

    Where a straight goes over into its arc, the curvature does so within some 20 cm, as a car can follow it. It starts
    in the middle of a straight. Raises ValueError where two arcs do not fit between their corners.
    """
    side = np.roll(corners_m, -1, axis=0) - corners_m
    side_m = np.hypot(*side.T)
    heading_rad = np.arctan2(side[:, 1], side[:, 0])
    turn_rad = (heading_rad - np.roll(heading_rad, 1) + np.pi) % (2.0 * np.pi) - np.pi
    tangent_m = radii_m * np.tan(0.5 * np.abs(turn_rad))
    if (tangent_m + np.roll(tangent_m, -1) > side_m).any():
        raise ValueError("Two arcs are longer than the side between them. Use smaller radii.")
    arcs = []
    for corner_m, radius_m, before_rad, turned_rad, back_m in zip(
        corners_m, radii_m, np.roll(heading_rad, 1), turn_rad, tangent_m, strict=True
    ):
        start_m = corner_m - back_m * np.array([math.cos(before_rad), math.sin(before_rad)])
        to_centre = math.copysign(radius_m, turned_rad) * np.array([-math.sin(before_rad), math.cos(before_rad)])
        share_rad = np.linspace(0.0, turned_rad, max(2, math.ceil(abs(turned_rad) * radius_m / _ARC_STEP_M)))[:, None]
        turned = np.cos(share_rad) * -to_centre + np.sin(share_rad) * np.array([to_centre[1], -to_centre[0]])
        arcs.append(start_m + to_centre + turned)
    outline = np.vstack(arcs)
    curve = smoothed(outline - outline.mean(axis=0), _TRANSITION_M, round(length_m(outline) / POINT_SPACING_M))
    return np.roll(curve, -_straightest(curve), axis=0)


def through(points_m: Points) -> Points:
    """Return the closed cubic spline through ``points_m``, as points POINT_SPACING_M apart.

    It is twice continuously differentiable, over the length of the chords (de Boor, A Practical Guide to Splines, IV).
    """
    count = len(points_m)
    step = np.hypot(*(np.roll(points_m, -1, axis=0) - points_m).T)
    before = np.roll(step, 1)
    slope = (np.roll(points_m, -1, axis=0) - points_m) / step[:, None]
    here, after = np.arange(count), np.roll(np.arange(count), -1)
    system = np.zeros((count, count))
    np.add.at(system, (here, here), 2.0 * (before + step))
    np.add.at(system, (here, after), step)
    np.add.at(system, (after, here), step)
    bend = np.linalg.solve(system, 6.0 * (slope - np.roll(slope, 1, axis=0)))
    # A long chord among many short ones takes more points than they do: as many each would fill the memory.
    parts = np.maximum(8, np.ceil(4.0 * step / POINT_SPACING_M)).astype(int)
    chord = np.repeat(here, parts)
    share = ((np.arange(len(chord)) - (np.cumsum(parts) - parts)[chord]) / parts[chord])[:, None]
    width = step[chord, None]
    curve = (
        (1.0 - share) * points_m[chord]
        + share * points_m[after[chord]]
        + ((1.0 - share) ** 3 - (1.0 - share)) * bend[chord] * width**2 / 6.0
        + (share**3 - share) * bend[after[chord]] * width**2 / 6.0
    )
    return resample(curve, round(length_m(curve) / POINT_SPACING_M))


def smoothed(points_m: Points, sigma_m: float, count: int) -> Points:
    """Blur a closed polygon along itself by a Gaussian of ``sigma_m``; return ``count`` points at equal distances.

    The Gaussian is applied to the Fourier coefficients, so the curve is as smooth at its start as anywhere.
    """
    fine = resample(points_m, count)
    frequency_per_m = np.fft.fftfreq(count, length_m(fine) / count)
    damping = np.exp(-0.5 * (2.0 * np.pi * sigma_m * frequency_per_m) ** 2)
    curve = np.fft.ifft(np.fft.fft(fine[:, 0] + 1j * fine[:, 1]) * damping)
    return resample(np.column_stack([curve.real, curve.imag]), count)


def relaxed(points_m: Points) -> Points:
    """Flatten the bends of a closed curve that are tighter than MIN_RADIUS_M, and leave the others as they are."""
    curve = points_m
    for _ in range(_RELAXATIONS):
        excess = np.abs(curvature_per_m(curve)) * MIN_RADIUS_M * _RADIUS_MARGIN - 1.0
        if excess.max() <= 0.0:
            break
        pull = np.clip(4.0 * excess, 0.0, 1.0)
        pull = np.max([np.roll(pull, shift) for shift in range(-_PULL_REACH, _PULL_REACH + 1)], axis=0)
        middle = 0.5 * (np.roll(curve, 1, axis=0) + np.roll(curve, -1, axis=0))
        curve = resample(curve + 0.9 * pull[:, None] * (middle - curve), len(curve))
    return curve


def centre_line(corners_m: Points) -> Points:
    """Make a centre line of a polygon by rounding off its corners; it starts in the middle of a straight.

    Raises TrackError when the curve does not keep MIN_LENGTH_M, MAX_LENGTH_M, MIN_RADIUS_M and MIN_CLEARANCE_M.
    """
    curve = relaxed(smoothed(corners_m - corners_m.mean(axis=0), 0.15, _COARSE_POINTS))
    curve = smoothed(curve, 0.1, round(length_m(curve) / POINT_SPACING_M))
    if (
        not MIN_LENGTH_M <= length_m(curve) <= MAX_LENGTH_M
        or clearance_m(curve) < MIN_CLEARANCE_M
        or np.abs(curvature_per_m(curve)).max() * MIN_RADIUS_M > 1.0
    ):
        raise TrackError(
            f"No lane of this shape is {MIN_LENGTH_M:g} to {MAX_LENGTH_M:g} m long and clear of itself. "
            "Use another size or gentler corners."
        )
    return np.roll(curve, -_straightest(curve), axis=0)


def _straightest(curve: Points) -> int:
    bend = np.abs(curvature_per_m(curve))
    window = np.zeros(len(bend))
    window[: round(_START_STRAIGHT_M / POINT_SPACING_M)] = 1.0
    bend_around = np.fft.ifft(np.fft.fft(bend) * np.fft.fft(window)).real
    return int(bend_around.argmin()) - round(0.5 * _START_STRAIGHT_M / POINT_SPACING_M)


def random_curve(rng: np.random.Generator) -> Points:
    """Return a closed curve that fits, turns both ways and is driven in either direction, as ``rng`` has it."""
    for _ in range(_ATTEMPTS):
        count = int(rng.integers(5, 10))
        angle = (np.arange(count) + rng.uniform(-0.35, 0.35, count)) * 2.0 * np.pi / count
        radius = rng.uniform(0.3, 1.0, count)
        stretch = rng.uniform(0.6, 1.0)
        corners = np.column_stack([radius * np.cos(angle), stretch * radius * np.sin(angle)])
        corners *= rng.uniform(*_POLYGON_LENGTH_M) / length_m(corners)
        try:
            curve = centre_line(corners[:: int(rng.choice([-1, 1]))])
        except TrackError:
            continue
        if _turns_both_ways(curve):
            return curve
    raise TrackError(f"No track was found in {_ATTEMPTS} attempts. Use another seed.")


def _turns_both_ways(curve: Points) -> bool:
    turn_rad = curvature_per_m(curve) * POINT_SPACING_M
    left_rad, right_rad = turn_rad[turn_rad > 0.0].sum(), -turn_rad[turn_rad < 0.0].sum()
    return bool(min(left_rad, right_rad) > _LEAST_COUNTER_TURN_RAD)
