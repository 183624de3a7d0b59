"""Whether the red and the blue of some sessions are swapped, told by others.

One session cannot tell: walls may be blue. But what two sessions of one place have in common tells, when the colours of
one fit those of the other far better with red and blue swapped than as they are.
"""

from __future__ import annotations

from collections.abc import Sequence

import cv2
import numpy as np
from numpy.typing import NDArray

SAME_PLACE = 0.28
"""Two sessions nearer to each other than this once the colours of one are swapped were driven in one place, or nearly.

Of 780 pairs of unlike sessions none came nearer than 0.33; two halves of one session are 0.01 to 0.05 apart.
"""
MOST_OF_IT = 0.6
"""Swapped, they must come nearer than this share of the distance that they have as they are."""
_BINS = 24
_WIDEST = 0.24
_DARKEST = 60.0
_SIZE = (40, 30)

Colours = NDArray[np.float64]
"""How often each colour occurs whatever its brightness: red less green × blue less green, together 1."""


def colours_of(images: Sequence[NDArray[np.uint8]]) -> Colours:
    """Return the colours in ``images``, each RGB, height × width × 3."""
    pixels = np.concatenate([_pixels(image) for image in images])
    sums = pixels.sum(axis=1)
    pixels, sums = pixels[sums > _DARKEST], sums[sums > _DARKEST]
    edges = np.linspace(-_WIDEST, _WIDEST, _BINS + 1)
    reds, blues = (
        np.clip((pixels[:, channel] - pixels[:, 1]) / sums, edges[0], edges[-1] - 1e-6) for channel in (0, 2)
    )
    counts = np.histogram2d(reds, blues, bins=(edges, edges))[0]
    # Neighbouring colours are alike.
    counts = np.asarray(cv2.GaussianBlur(counts, (0, 0), 0.7), np.float64)
    return counts / max(1.0, float(counts.sum()))


def distances(ones: Sequence[Colours], others: Sequence[Colours]) -> NDArray[np.float64]:
    """Return the Hellinger distance, 0 … 1, of each of ``ones`` to each of ``others``."""
    left, right = (np.sqrt([colours.ravel() for colours in many]) for many in (ones, others))
    return np.sqrt(np.maximum(0.0, 1.0 - left @ right.T))


def swapped(colours: Sequence[Colours], weights: Sequence[float]) -> list[tuple[int, int]]:
    """Return the indexes of sessions that look swapped, each with that of one that tells so.

    Of two groups of sessions that contradict each other, the one with the smaller weight is named.
    """
    if len(colours) < 2:
        return []
    as_they_are, otherwise = distances(colours, colours), distances([one.T for one in colours], colours)
    contradict = (otherwise < SAME_PLACE) & (otherwise < MOST_OF_IT * as_they_are)
    contradicts = {one: np.flatnonzero(row).tolist() for one, row in enumerate(contradict) if row.any()}
    found: list[tuple[int, int]] = []
    seen: set[int] = set()
    for start in sorted(contradicts):
        if start in seen:
            continue
        sides: tuple[set[int], set[int]] = ({start}, set())
        waiting = [(start, 0)]
        while waiting:
            index, side = waiting.pop()
            for other in contradicts[index]:
                if other not in sides[0] | sides[1]:
                    sides[1 - side].add(other)
                    waiting.append((other, 1 - side))
        seen |= sides[0] | sides[1]
        fewer = min(sides, key=lambda side: (sum(weights[index] for index in side), -min(side)))
        found += [(index, contradicts[index][0]) for index in sorted(fewer)]
    return found


def _pixels(image: NDArray[np.uint8]) -> NDArray[np.float32]:
    return cv2.resize(np.asarray(image), _SIZE, interpolation=cv2.INTER_AREA).reshape(-1, 3).astype(np.float32)
