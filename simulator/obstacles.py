"""What stands on the floor beside the walls: cones, boxes, people's legs."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

Shape = Literal["cone", "box", "leg"]


@dataclass(frozen=True, slots=True)
class Obstacle:
    """One thing that stands on the floor.

    >>> Obstacle("cone", x_m=1.0, y_m=0.5).radius_m
    0.09

    ``x_m`` and ``y_m`` are its middle; ``radius_m`` that of the circle that a car may not enter, ``height_m`` how high
    it is. ``colour`` is red, green and blue in 0 … 255.
    """

    shape: Shape
    x_m: float
    y_m: float
    radius_m: float = 0.09
    height_m: float = 0.23
    colour: tuple[float, float, float] = (226.0, 84.0, 24.0)
