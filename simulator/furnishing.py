"""The walls of a room, seen from straight before them: windows, doors, shelves, posters, chairs, skirting."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from simulator.appearance import Colour

PIXELS_PER_M = 40

Floats = NDArray[np.float32]
Box = tuple[float, float, float, float]
"""Left, right, lower and upper edge in metres."""

_SKIRTING_M = 0.09
_WHITE: Colour = (226.0, 226.0, 222.0)
_DARK: Colour = (34.0, 32.0, 32.0)


@dataclass(frozen=True, slots=True)
class Inside:
    """The inside of a building: half its length and depth, its height, and how much of what stands along a wall.

    ``window_m`` is where windows begin and end above the floor; there are ``windows``, ``doors``, ``shelves``,
    ``posters``, ``seats`` and ``pillars`` per 10 m of wall, about.
    """

    half_m: tuple[float, float]
    height_m: float
    window_m: tuple[float, float]
    windows: float
    doors: float
    shelves: float
    posters: float
    seats: float
    pillars: float


INSIDES = {
    "room": Inside((4.6, 3.7), 2.6, (0.85, 2.1), 2.2, 0.9, 1.2, 1.8, 3.0, 0.0),
    "hall": Inside((15.0, 11.0), 6.5, (3.2, 5.4), 1.8, 0.5, 0.4, 1.0, 2.2, 1.0),
}
"""By the name that an appearance gives its room."""


class WallPicture:
    """One wall of a room, ``width_m`` wide, painted from behind forward; and what shines in it."""

    def __init__(self, width_m: float, inside: Inside, colour: Colour, rng: np.random.Generator) -> None:
        self._rng = rng
        self._inside = inside
        self._width_m = width_m
        size = (round(inside.height_m * PIXELS_PER_M), round(width_m * PIXELS_PER_M))
        self.image: Floats = np.empty((*size, 3), np.float32)
        self.image[:] = colour
        # A wall is lighter where the ceiling's lamps are near.
        self.image *= np.linspace(1.12, 0.86, size[0], dtype=np.float32)[:, None, None]
        self.shine: Floats = np.zeros(size, np.float32)

    def furnish(self) -> None:
        """Paint everything that hangs on the wall or stands before it."""
        self._box((0.0, self._width_m, 0.0, _SKIRTING_M), tuple(0.55 * self.image[-1, 0]))
        for left_m in self._places(self._inside.windows, 1.3, least=1):
            self._window(left_m)
        for left_m in self._places(self._inside.doors, 0.9):
            self._door(left_m)
        for left_m in self._places(self._inside.posters, 0.7):
            self._poster(left_m)
        for left_m in self._places(self._inside.shelves, 1.2):
            self._shelf(left_m)
        for left_m in self._places(self._inside.pillars, 0.5):
            self._box((left_m, left_m + 0.35, 0.0, self._inside.height_m), tuple(0.9 * self.image[2, 2]))
            self._box((left_m + 0.35, left_m + 0.5, 0.0, self._inside.height_m), tuple(0.68 * self.image[2, 2]))
        for left_m in self._places(self._inside.seats, 0.5):
            self._seat(left_m)

    def _places(self, per_10_m: float, width_m: float, least: int = 0) -> list[float]:
        count = max(int(self._rng.poisson(per_10_m * self._width_m / 10.0)), least)
        return [float(at_m) for at_m in self._rng.uniform(0.1, max(self._width_m - width_m - 0.1, 0.2), count)]

    def _window(self, left_m: float) -> None:
        low_m, high_m = self._inside.window_m
        width_m = float(self._rng.uniform(0.9, 1.6))
        outer = (left_m, left_m + width_m, low_m, high_m)
        self._box((left_m - 0.07, left_m + width_m + 0.07, low_m - 0.07, high_m + 0.07), _WHITE)
        self._box(outer, (250.0, 252.0, 255.0))
        green = float(self._rng.uniform(0.15, 0.5))
        self._box((left_m, left_m + width_m, low_m, low_m + green * (high_m - low_m)), (168.0, 188.0, 150.0))
        self._lines(outer, 2, 1, 0.05, (206.0, 206.0, 204.0))
        self._box((left_m - 0.12, left_m + width_m + 0.12, low_m - 0.11, low_m - 0.05), (196.0, 194.0, 190.0))
        self.shine[self._slices(outer)] = 1.0

    def _door(self, left_m: float) -> None:
        wood = float(self._rng.uniform(0.5, 1.2)) * np.array((128.0, 92.0, 62.0))
        self._box((left_m - 0.06, left_m + 0.96, 0.0, 2.1), tuple(wood * 0.6))
        self._box((left_m, left_m + 0.9, 0.0, 2.03), tuple(wood))
        for low_m in (0.25, 1.15):
            self._box((left_m + 0.15, left_m + 0.75, low_m, low_m + 0.7), tuple(wood * 0.86))
        self._box((left_m + 0.06, left_m + 0.16, 1.0, 1.04), (190.0, 188.0, 180.0))

    def _poster(self, left_m: float) -> None:
        width_m, height_m = self._rng.uniform(0.4, 0.8, 2)
        low_m = float(self._rng.uniform(1.0, 1.4))
        frame = (left_m, left_m + width_m, low_m, low_m + height_m)
        self._box(frame, self._colour(40.0, 220.0))
        self._box(
            (left_m + 0.06, left_m + width_m - 0.06, low_m + 0.3 * height_m, low_m + 0.85 * height_m), self._colour()
        )
        self._box((left_m + 0.06, left_m + 0.7 * width_m, low_m + 0.1, low_m + 0.16), _WHITE)

    def _shelf(self, left_m: float) -> None:
        width_m, height_m = float(self._rng.uniform(0.8, 1.6)), float(self._rng.choice([0.8, 1.2, 1.9]))
        wood = float(self._rng.uniform(0.4, 1.3)) * np.array((120.0, 96.0, 70.0))
        self._box((left_m, left_m + width_m, 0.0, height_m), tuple(wood))
        for low_m in np.arange(0.06, height_m - 0.2, 0.37):
            self._box((left_m + 0.03, left_m + width_m - 0.03, low_m, low_m + 0.33), tuple(wood * 0.35))
            at_m = left_m + 0.05
            while at_m < left_m + width_m - 0.12:
                thick_m = float(self._rng.uniform(0.02, 0.12))
                if self._rng.random() < 0.75:
                    top_m = low_m + float(self._rng.uniform(0.14, 0.3))
                    self._box((at_m, at_m + thick_m, low_m, top_m), self._colour(20.0, 200.0))
                at_m += thick_m

    def _seat(self, left_m: float) -> None:
        colour = self._colour(24.0, 110.0)
        self._box((left_m, left_m + 0.46, 0.42, 0.47), colour)
        for leg_m in (0.0, 0.12, 0.3, 0.42):
            self._box((left_m + leg_m, left_m + leg_m + 0.035, 0.0, 0.42), _DARK)
        if self._rng.random() < 0.6:
            self._box((left_m, left_m + 0.05, 0.47, 0.9), colour)
            self._box((left_m, left_m + 0.44, 0.66, 0.9), colour)

    def _colour(self, low: float = 30.0, high: float = 210.0) -> Colour:
        grey = self._rng.uniform(low, high)
        red, green, blue = np.clip(grey + self._rng.uniform(-34.0, 34.0, 3), 12.0, 245.0).tolist()
        return red, green, blue

    def _lines(self, box: Box, columns: int, rows: int, width_m: float, colour: Colour) -> None:
        left_m, right_m, low_m, high_m = box
        for number in range(1, columns):
            at_m = left_m + (right_m - left_m) * number / columns
            self._box((at_m - 0.5 * width_m, at_m + 0.5 * width_m, low_m, high_m), colour)
        for number in range(1, rows + 1):
            at_m = low_m + (high_m - low_m) * number / (rows + 1)
            self._box((left_m, right_m, at_m - 0.5 * width_m, at_m + 0.5 * width_m), colour)

    def _box(self, box: Box, colour: tuple[float, ...]) -> None:
        which = self._slices(box)
        self.image[which] = colour
        self.shine[which] = 0.0

    def _slices(self, box: Box) -> tuple[slice, slice]:
        left_m, right_m, low_m, high_m = box
        height = len(self.image)
        top, bottom = (height - round(at_m * PIXELS_PER_M) for at_m in (high_m, low_m))
        first, last = (round(at_m * PIXELS_PER_M) for at_m in (left_m, right_m))
        return slice(max(top, 0), max(bottom, 0)), slice(max(first, 0), max(last, 0))
