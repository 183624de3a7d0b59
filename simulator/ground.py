"""What floors are made of: concrete, wood, carpet, tarmac, tiles, and the spots that lie on them."""

from __future__ import annotations

import cv2
import numpy as np
from numpy.typing import NDArray

from simulator.appearance import Material
from simulator.markings import METRES_PER_PIXEL

Floats = NDArray[np.float32]

_PATCH = 256  # Fine grain repeats after so many pixels, 1.3 m: nobody sees it, and it is drawn ten times as fast.
_SPOT_M = (0.006, 0.05)
_LIGHTEST, _DARKEST = 1.5, 0.55


def draw_ground(rng: np.random.Generator, material: Material, width: int, height: int) -> Floats:
    """Return the brightness of the bare floor around 1, height × width."""
    if material == "wood":
        return _planks(rng, width, height)
    if material == "tile":
        return _tiles(rng, width, height)
    ground = blotches(rng, width, height, cell=150, strength=0.04)
    ground *= blotches(rng, width, height, cell=24, strength=0.03)
    fine = {"carpet": _grain(rng, 0.7, 0.17), "tarmac": _grain(rng, 0.6, 0.12), "concrete": _grain(rng, 0.9, 0.045)}
    patch = fine[material]
    if material == "tarmac":
        # Now and then a stone of another colour.
        patch *= np.where(rng.random(patch.shape) < 0.03, 1.5, 1.0).astype(np.float32)
    ground *= _repeated(patch, width, height)
    return ground


def lay_dirt(rng: np.random.Generator, ground: Floats, per_m2: float) -> None:
    """Put spots on a floor's brightness, in place: dark stains, and scraps that are lighter than it."""
    height, width = ground.shape
    count = rng.poisson(per_m2 * width * height * METRES_PER_PIXEL**2)
    largest = round(_SPOT_M[1] / METRES_PER_PIXEL) + 2
    if min(width, height) <= 2 * largest + 2:
        return
    for _ in range(count):
        radius = rng.uniform(*_SPOT_M) / METRES_PER_PIXEL
        column, row = rng.integers(largest, width - largest), rng.integers(largest, height - largest)
        # Stains are soft and may be wide; scraps are small.
        is_stain = rng.random() < 0.7
        strength = rng.uniform(_DARKEST, 0.9) if is_stain else rng.uniform(1.1, _LIGHTEST)
        radius = radius if is_stain else 0.4 * radius
        reach = int(np.ceil(radius)) + 1
        at = np.arange(-reach, reach + 1, dtype=np.float32)
        oval = np.hypot(at[None, :] * np.float32(rng.uniform(0.6, 1.0)), at[:, None])
        spot = np.clip((radius + 0.5 - oval) / (0.4 * radius if is_stain else 1.0), 0.0, 1.0)
        ground[row - reach : row + reach + 1, column - reach : column + reach + 1] *= 1.0 + (strength - 1.0) * spot


def blotches(rng: np.random.Generator, width: int, height: int, cell: int, strength: float) -> Floats:
    """Return smooth noise around 1 with features of ``cell`` pixels, height × width."""
    return _stretched(rng.normal(1.0, strength, (height // cell + 3, width // cell + 3)), width, height)


def _grain(rng: np.random.Generator, sigma: float, strength: float) -> Floats:
    noise = rng.standard_normal((_PATCH, _PATCH), np.float32)
    soft = cv2.GaussianBlur(noise, (0, 0), sigma, borderType=cv2.BORDER_REFLECT_101)
    return np.asarray(1.0 + strength * soft / soft.std(), np.float32)


def _repeated(patch: Floats, width: int, height: int) -> Floats:
    return np.tile(patch, (height // _PATCH + 1, width // _PATCH + 1))[:height, :width]


def _stretched(grid: NDArray[np.float64], width: int, height: int) -> Floats:
    picture = cv2.resize(grid.astype(np.float32), (width, height), interpolation=cv2.INTER_CUBIC)
    return np.asarray(picture, dtype=np.float32)


def _planks(rng: np.random.Generator, width: int, height: int) -> Floats:
    """Boards 12 cm wide and 1.2 m long, each of its own tone, with grain along them and dark joints."""
    breadth, length = round(0.12 / METRES_PER_PIXEL), round(1.2 / METRES_PER_PIXEL)
    row, column = np.arange(height) // breadth, np.arange(width)
    shift = rng.integers(0, length, row[-1] + 1)[row]
    board = (column[None, :] + shift[:, None]) // length
    tones = rng.normal(1.0, 0.07, (row[-1] + 1, width // length + 3))
    grain = _stretched(rng.normal(1.0, 0.05, (height // 2, width // 60 + 3)), width, height)
    grain *= tones[row[:, None], board].astype(np.float32)
    joints = (np.arange(height) % breadth == 0)[:, None] | ((column[None, :] + shift[:, None]) % length == 0)
    grain[joints] *= 0.72
    return grain


def _tiles(rng: np.random.Generator, width: int, height: int) -> Floats:
    """Tiles of 30 cm, each of its own tone, with darker joints of 1 cm."""
    size, joint = round(0.3 / METRES_PER_PIXEL), round(0.01 / METRES_PER_PIXEL)
    tones = rng.normal(1.0, 0.025, (height // size + 1, width // size + 1)).astype(np.float32)
    ground = np.repeat(np.repeat(tones, size, axis=0)[:height], size, axis=1)[:, :width]
    ground *= blotches(rng, width, height, cell=30, strength=0.03)
    for offset in range(joint):
        ground[offset::size] *= 0.74
        ground[:, offset::size] *= 0.74
    return ground
