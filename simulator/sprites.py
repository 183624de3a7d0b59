"""Pictures of what stands on the floor: a cone, a box, a person's leg, seen from the side."""

from __future__ import annotations

from collections.abc import Callable

import cv2
import numpy as np
from numpy.typing import NDArray

from simulator.obstacles import Obstacle, Shape

Floats = NDArray[np.float64]

METRES_PER_PIXEL = 0.004
PAD = 2
"""Empty pixels around a sprite, so that its edges are soft."""

_MOST_PIXELS = 400


def draw_sprite(obstacle: Obstacle, rng: np.random.Generator, light: Floats) -> tuple[NDArray[np.uint8], float]:
    """Return a picture as wide and high as the obstacle, and its pixels per metre.

    It is RGBA uint8, the colours multiplied by the share that is covered. ``light`` multiplies red, green and blue.
    """
    width_m, height_m = 2.0 * obstacle.radius_m, obstacle.height_m
    per_m = min(1.0 / METRES_PER_PIXEL, _MOST_PIXELS / max(width_m, height_m))
    columns, rows = (max(round(size_m * per_m), 4) for size_m in (width_m, height_m))
    x = ((np.arange(columns) + 0.5) / columns * 2.0 - 1.0)[None, :]
    y = ((np.arange(rows) + 0.5) / rows)[:, None]
    colour, cover = _DRAWN[obstacle.shape](x, y, obstacle, rng)
    lit = np.clip(colour * light, 0.0, 255.0)
    sprite = np.dstack([lit * cover[:, :, None], 255.0 * cover])
    padded = cv2.copyMakeBorder(sprite.astype(np.float32), PAD, PAD, PAD, PAD, cv2.BORDER_CONSTANT)
    return np.clip(np.round(padded), 0, 255).astype(np.uint8), per_m


def _cone(x: Floats, y: Floats, obstacle: Obstacle, _: np.random.Generator) -> tuple[Floats, Floats]:
    half = 0.12 + 0.6 * y
    is_foot = y > 0.94
    cover = _inside(half - np.abs(x), x)
    cover = np.where(is_foot, _inside(0.97 - np.abs(x), x), cover)
    is_band = (y > 0.38) & (y < 0.6)
    plain = np.array(obstacle.colour)
    colour = np.where(is_band[:, :, None], np.array([232.0, 230.0, 226.0]), plain)
    colour = np.where(is_foot[:, :, None], plain * 0.5, colour * _round(x / half)[:, :, None])
    return colour * np.ones((1, x.shape[1], 1)), cover


def _box(x: Floats, y: Floats, obstacle: Obstacle, rng: np.random.Generator) -> tuple[Floats, Floats]:
    corner = float(rng.uniform(-0.3, 0.5))
    cardboard = 0.35 * np.array(obstacle.colour) + (92.0, 76.0, 52.0)
    shade = np.where(x < corner, 1.0, 0.68) * (1.0 - 0.15 * y) * np.ones_like(x)
    shade = shade * np.where(np.abs(y - 0.08) < 0.015, 0.75, 1.0)
    tape = (np.abs(x - 0.5 * (corner - 1.0)) < 0.09) & (y < 0.3)
    colour = cardboard * shade[:, :, None]
    colour = np.where(tape[:, :, None], colour * 0.6 + 70.0, colour)
    return colour, _inside(0.98 - np.abs(x), x) * np.ones_like(y)


def _leg(x: Floats, y: Floats, obstacle: Obstacle, rng: np.random.Generator) -> tuple[Floats, Floats]:
    height_m = obstacle.height_m
    above_m = (1.0 - y) * height_m
    trousers = 0.14 * np.array(obstacle.colour) + (20.0, 22.0, 30.0)
    shoe = np.array([34.0, 32.0, 32.0]) if rng.random() < 0.6 else np.array([176.0, 172.0, 168.0])
    # The shoe points to one side; the trouser leg widens a little upwards and ends above the shoe.
    toe = 1.0 if rng.random() < 0.5 else -1.0
    middle = -0.2 * toe
    half = 0.52 + 0.2 * np.clip(above_m / 0.9, 0.0, 1.0)
    folds = 1.0 + 0.12 * np.sin(above_m * 37.0 + 5.0 * x) * np.clip(1.0 - above_m / 0.5, 0.2, 1.0)
    leg = _inside(half - np.abs(x - middle), x)
    arch = np.clip(1.0 - above_m / 0.1, 0.0, 1.0) ** 0.5
    along = (x - middle) * toe
    foot = _inside(np.minimum(along + 0.55, 1.15 * arch - along + 0.02), x)
    is_shoe = (above_m < 0.1) & (foot > 0.0)
    sole = np.where(above_m < 0.015, 0.5, 1.0)
    colour = trousers * (folds * _round((x - middle) / half))[:, :, None]
    colour = np.where(is_shoe[:, :, None], shoe * (sole * np.ones_like(x))[:, :, None], colour)
    cover = np.where(above_m < 0.1, np.where(above_m > 0.07, np.maximum(leg, foot), foot), leg)
    return colour, cover


def _inside(distance: Floats, x: Floats) -> Floats:
    """Return how much of each pixel is inside, for a signed distance to the edge in half widths."""
    return np.asarray(np.clip(distance * 0.5 * x.shape[1] + 0.5, 0.0, 1.0))


def _round(across: Floats) -> Floats:
    """Return the shade of a round body lit from the upper left, −1 … 1 across."""
    return np.asarray(0.45 + 0.6 * np.sqrt(np.clip(1.0 - 0.8 * np.square(across + 0.25), 0.0, 1.0)))


_DRAWN: dict[Shape, Callable[[Floats, Floats, Obstacle, np.random.Generator], tuple[Floats, Floats]]] = {
    "cone": _cone,
    "box": _box,
    "leg": _leg,
}
