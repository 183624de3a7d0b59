"""Small plots as SVG, for a page that brings everything along and takes its colours from its own style sheet."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from html import escape
from itertools import pairwise

import numpy as np
from numpy.typing import NDArray

WIDTH, HEIGHT = 320, 110
WIDE = 3 * WIDTH
_FOOT = 16
_TOP = 4

Values = NDArray[np.float64]


def bars(title: str, counts: Sequence[float], before: Sequence[float], ends: tuple[str, str, str]) -> str:
    """Return a histogram: ``counts`` as bars and ``before`` as outlines, labelled at its two ends and its middle."""
    highest = max(1.0, *counts, *before)
    step = WIDTH / len(counts)
    drawn = []
    for index, (count, was) in enumerate(zip(counts, before, strict=True)):
        for kind, value in (("bar", count), ("was", was)):
            height = value / highest * (HEIGHT - _FOOT - _TOP)
            drawn.append(
                f'<rect class="{kind}" x="{index * step + 1:.1f}" y="{HEIGHT - _FOOT - height:.1f}" '
                f'width="{step - 2:.1f}" height="{height:.1f}"/>'
            )
    return _svg(title, "".join(drawn), ends)


def curve(title: str, values: Sequence[float], marked: int, ends: tuple[str, str, str]) -> str:
    """Return a line through ``values`` from −1 to 1, with its zero and the value at the index ``marked``."""
    points = [(index / max(1, len(values) - 1) * WIDTH, _y(value)) for index, value in enumerate(values)]
    line = " ".join(f"{x:.1f},{y:.1f}" for x, y in points)
    x, y = points[marked]
    drawn = (
        f'{_zero(WIDTH)}<polyline class="line" points="{line}"/><circle class="mark" cx="{x:.1f}" cy="{y:.1f}" r="4"/>'
    )
    return _svg(title, drawn, ends)


def timeline(title: str, series: Mapping[str, Values], ends: tuple[str, str, str], *, wide: bool = False) -> str:
    """Return values over a session, from −1 at the bottom to 1 at the top, with every peak in them.

    ``series`` has them by their name in the style sheet, as many of each. One that is ``wide`` takes a line for itself.
    """
    width = WIDE if wide else WIDTH
    drawn = _zero(width)
    for kind, values in series.items():
        parts = np.array_split(values, min(len(values), width))
        step = width / len(parts)
        # A line in each column from the lowest to the highest value of it, and of the one before the first.
        joined = [parts[0], *(np.append(before[-1:], part) for before, part in pairwise(parts))]
        lines = [
            f"M{(index + 0.5) * step:.1f} {_y(float(part.max())) - 0.5:.1f}V{_y(float(part.min())) + 0.5:.1f}"
            for index, part in enumerate(joined)
        ]
        drawn += f'<path class="{kind}" d="{"".join(lines)}"/>'
    return _svg(title, drawn, ends, width)


def strip(title: str, series: Mapping[str, Values], ends: tuple[str, str, str]) -> str:
    """Return values over a short time as lines, as wide as a wide timeline; for ``series`` see there."""
    drawn = _zero(WIDE)
    for kind, values in series.items():
        step = WIDE / max(1, len(values) - 1)
        points = " ".join(f"{index * step:.1f},{_y(value):.1f}" for index, value in enumerate(values.tolist()))
        drawn += f'<polyline class="{kind}" points="{points}"/>'
    return _svg(title, drawn, ends, WIDE)


def scatter(title: str, across: Values, up: Values, ends: tuple[str, str, str]) -> str:
    """Return a dot for each pair of values, −1 … 1, with the line on which both are equal."""
    size = 2 * HEIGHT
    low, high = _TOP, size - _FOOT
    places = low + (np.stack([across, -up], axis=1) + 1) / 2 * (high - low)
    dots = "".join(f'<circle class="dot" cx="{x:.1f}" cy="{y:.1f}" r="2"/>' for x, y in places.tolist())
    line = f'<line class="axis" x1="{low}" y1="{high}" x2="{high}" y2="{low}"/>'
    return _svg(title, line + dots, ends, size, size)


def _zero(width: int) -> str:
    return f'<line class="axis" x1="0" x2="{width}" y1="{_y(0):.1f}" y2="{_y(0):.1f}"/>'


def _y(value: float) -> float:
    return _TOP + (1 - value) / 2 * (HEIGHT - _FOOT - _TOP)


def _svg(title: str, drawn: str, ends: tuple[str, str, str], width: float = WIDTH, height: float = HEIGHT) -> str:
    places = ((0, "start"), (width / 2, "middle"), (width, "end"))
    words = "".join(
        f'<text x="{x:.0f}" y="{height - 3}" text-anchor="{anchor}">{escape(text)}</text>'
        for text, (x, anchor) in zip(ends, places, strict=True)
    )
    kind = ' class="square"' if width == height else ""
    return (
        f'<svg{kind} viewBox="0 0 {width} {height}" role="img" aria-label="{escape(title)}">'
        f"<title>{escape(title)}</title>{drawn}{words}</svg>"
    )
