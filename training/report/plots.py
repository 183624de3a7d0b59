"""Small plots as SVG, for a page that brings everything along and takes its colours from its own style sheet."""

from __future__ import annotations

from collections.abc import Sequence
from html import escape

import numpy as np
from numpy.typing import NDArray

WIDTH, HEIGHT = 320, 110
_FOOT = 16
_TOP = 4
_POINTS = 320

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
        f'<line class="axis" x1="0" x2="{WIDTH}" y1="{_y(0):.1f}" y2="{_y(0):.1f}"/><polyline class="line" '
        f'points="{line}"/><circle class="mark" cx="{x:.1f}" cy="{y:.1f}" r="4"/>'
    )
    return _svg(title, drawn, ends)


def timeline(title: str, steering: Values, throttle: Values, ends: tuple[str, str, str]) -> str:
    """Return both commands over the session, from −1 at the bottom to 1 at the top, with every peak in them."""
    drawn = f'<line class="axis" x1="0" x2="{WIDTH}" y1="{_y(0):.1f}" y2="{_y(0):.1f}"/>'
    for kind, values in (("steering", steering), ("throttle", throttle)):
        parts = np.array_split(values, min(len(values), _POINTS))
        step = WIDTH / len(parts)
        # A line in each column from the lowest to the highest value of it.
        lines = [
            f"M{(index + 0.5) * step:.1f} {_y(float(part.max())) - 0.5:.1f}V{_y(float(part.min())) + 0.5:.1f}"
            for index, part in enumerate(parts)
        ]
        drawn += f'<path class="{kind}" d="{"".join(lines)}"/>'
    return _svg(title, drawn, ends)


def _y(value: float) -> float:
    return _TOP + (1 - value) / 2 * (HEIGHT - _FOOT - _TOP)


def _svg(title: str, drawn: str, ends: tuple[str, str, str]) -> str:
    places = ((0, "start"), (WIDTH / 2, "middle"), (WIDTH, "end"))
    words = "".join(
        f'<text x="{x:.0f}" y="{HEIGHT - 3}" text-anchor="{anchor}">{escape(text)}</text>'
        for text, (x, anchor) in zip(ends, places, strict=True)
    )
    return (
        f'<svg viewBox="0 0 {WIDTH} {HEIGHT}" role="img" aria-label="{escape(title)}"><title>{escape(title)}</title>'
        f"{drawn}{words}</svg>"
    )
