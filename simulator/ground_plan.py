"""How a camera reads the floor's picture: which rows look where, at which mip level, and from how many places each.

What of this depends on the lens and on the number of places alone is prepared here, once; a frame adds the pose.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from itertools import groupby

import numpy as np
from numpy.typing import NDArray

from simulator import lens
from simulator.lens import Doubles, Mount, Table

MIP_LEVELS = 7

_MAX_SAMPLES = 4
_BLUR_STEP = 1.0  # Pixels that a row may move between two places of the car in one exposure.
_MOST_PLACES = 6
_LEAST_MOVE = 0.5
# From the pixels of the floor's picture to those of a level, as 3 × 3 matrices; pixel centres are whole in each.
_LEVEL_SCALES = [
    np.array([[scale, 0.0, 0.5 * scale - 0.5], [0.0, scale, 0.5 * scale - 0.5], [0.0, 0.0, 1.0]])
    for scale in (0.5**level for level in range(MIP_LEVELS))
]
# When the samples of a pixel, from its upper edge down, are taken: the upper late, or motion would undo their spread.
_ORDERS = {1: (0,), 2: (1, 0), 3: (2, 0, 1), 4: (2, 0, 3, 1)}


@dataclass(frozen=True, slots=True, eq=False)
class Band:
    """Image rows ``top`` to ``bottom`` that read one mip level with the same number of samples one above the other.

    ``points_m`` is where they look on the floor of a level car, all rows of one sample after those of the other;
    ``rays`` is where they look: forward, left, down. ``pixel_m`` is how much floor a pixel shows from top to bottom.
    """

    top: int
    bottom: int
    level: int
    samples: int
    points_m: Table
    rays: Table
    pixel_m: float

    def places(self, moved_m: float) -> int:
        """Return from how many places on a way of ``moved_m`` the band is seen; 0 where it stands still."""
        if moved_m <= _LEAST_MOVE * self.pixel_m:
            return 0
        return min(math.ceil(moved_m / self.pixel_m / (_BLUR_STEP * self.samples)), _MOST_PLACES)

    def looks(self, places: int) -> list[Look]:
        """Return what the band looks at from so many places; of a band that stands still, all samples at once."""
        if places == 0:
            return [Look(self.points_m, self.rays, 0.0)]
        height, looks = self.bottom - self.top, []
        for place in range(places):
            order = _ORDERS[self.samples][:: -1 if place % 2 else 1]
            for sample in range(self.samples):
                rows = slice(sample * height, (sample + 1) * height)
                share = (place + (order[sample] + 0.5) / self.samples) / places - 0.5
                looks.append(Look(self.points_m[rows], self.rays[rows], share))
        return looks


@dataclass(frozen=True, slots=True, eq=False)
class Look:
    """Tables of a band, or of one of its samples, and the share of the way, −0.5 … 0.5, at which they are seen."""

    points_m: Table
    rays: Table
    share: float


@dataclass(frozen=True, slots=True, eq=False)
class Run:
    """Looks at one mip level, one below the other; together they are the rows ``rows`` of what is read."""

    level: int
    looks: list[Look]
    rows: slice


@dataclass(frozen=True, slots=True, eq=False)
class Group:
    """The image rows ``rows``, each the mean of ``parts`` of the rows ``read`` of what is read.

    ``order`` takes those so that the first parts of all rows come first; it is None where they lie so already.
    """

    rows: slice
    parts: int
    read: slice
    order: NDArray[np.intp] | None


class Plan:
    """How ``bands`` are drawn when each is seen from so many ``places``: with few and large calls, which are cheap.

    ``scales`` and ``shifts`` are, for the looks of all ``runs``, the mip level's matrix and the share of the way in the
    level's pixels. The runs read so many ``rows``, of which the ``groups`` are the means.
    """

    def __init__(self, bands: Sequence[Band], places: Sequence[int]) -> None:
        looks = [band.looks(count) for band, count in zip(bands, places, strict=True)]
        levels = [band.level for band, seen in zip(bands, looks, strict=True) for _ in seen]
        shares = [look.share * 0.5**band.level for band, seen in zip(bands, looks, strict=True) for look in seen]
        self.scales: Doubles = np.stack([_LEVEL_SCALES[level] for level in levels])
        self.shifts: Doubles = np.array(shares)[:, None, None]
        self.runs: list[Run] = []
        numbers, start = range(len(bands)), 0
        for level, run in groupby(numbers, lambda number: bands[number].level):
            seen = [look for number in run for look in looks[number]]
            stop = start + sum(len(look.rays) for look in seen)
            self.runs.append(Run(level, seen, slice(start, stop)))
            start = stop
        self.rows = start
        self.groups: list[Group] = []
        start = 0
        for parts, group in groupby(numbers, lambda number: bands[number].samples * max(places[number], 1)):
            members = [bands[number] for number in group]
            first, order = start, []
            for band in members:
                height = band.bottom - band.top
                order.append(np.arange(start, start + parts * height).reshape(parts, height))
                start += parts * height
            self.groups.append(
                Group(
                    slice(members[0].top, members[-1].bottom),
                    parts,
                    slice(first, start),
                    np.concatenate(order, axis=1).ravel() if len(members) > 1 else None,
                )
            )


def bands(mount: Mount, top: int, level_top: int, metres_per_pixel: float) -> list[Band]:
    """Group the rows from ``top`` down by the mip level and the number of samples that suit them."""
    bottom = mount.geometry.height
    points_m, _ = lens.ground_points(mount, np.arange(top, bottom, dtype=np.float64))
    wide_m = np.median(np.hypot(*np.gradient(points_m, axis=1).transpose(2, 0, 1)), axis=1)
    long_m = np.median(np.hypot(*np.gradient(points_m, axis=0).transpose(2, 0, 1)), axis=1)
    samples = np.clip(np.ceil(long_m / wide_m), 1, _MAX_SAMPLES).astype(int)
    size = np.maximum(wide_m, long_m / samples) / metres_per_pixel
    levels = np.clip(np.round(np.log2(size)), 0, MIP_LEVELS - 1).astype(int)
    # Above the level car's horizon are rows that only a leaning one needs; they look as far as there is floor.
    above = np.arange(top, bottom) < level_top
    samples[above], levels[above] = _MAX_SAMPLES, MIP_LEVELS - 1
    cuts = np.flatnonzero((np.diff(levels) != 0) | (np.diff(samples) != 0) | (np.diff(above) != 0)) + 1
    found = []
    for start, end in zip([0, *cuts.tolist()], [*cuts.tolist(), len(levels)], strict=True):
        rows = _by_sample(top + start, top + end, int(samples[start]))
        table, _ = lens.ground_points(mount, rows)
        seen = lens.rays(mount, rows)
        rays = np.dstack([seen.forward, seen.left, seen.down]).astype(np.float32)
        long = float(np.median(long_m[start:end]))
        found.append(
            Band(top + start, top + end, int(levels[start]), int(samples[start]), table, rays, max(long, 1e-4))
        )
    return found


def _by_sample(top: int, bottom: int, samples: int) -> Doubles:
    """Return the rows at which pixels of the rows ``top`` to ``bottom`` are sampled, all first samples first."""
    within = (np.arange(samples) + 0.5) / samples - 0.5
    return (within[:, None] + np.arange(top, bottom)[None, :]).ravel()
