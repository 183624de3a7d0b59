"""How a simulated room and its camera look; a seed makes them differ a little, as rooms and cameras do."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

import numpy as np

from simulator.track import Style

Material = Literal["concrete", "wood", "carpet"]
Colour = tuple[float, float, float]
"""Red, green, blue in 0 … 255."""


@dataclass(frozen=True, slots=True)
class Appearance:
    """A room and a camera.

    >>> from dataclasses import replace
    >>> dusk = replace(nominal("tape"), gain=(0.6, 0.6, 0.7), noise=6.0)
    >>> dusk.vignette
    0.25

    ``gain`` multiplies red, green and blue: exposure and white balance in one. ``vignette`` is the share of light
    lost in the corners, ``noise`` the standard deviation of the sensor's noise in grey levels, ``pitch_error_deg``
    how far the camera looks further down than its geometry says. ``seed`` decides where spots and furniture are.
    """

    material: Material
    floor: Colour
    line: Colour
    centre: Colour = (214.0, 172.0, 38.0)
    wall: Colour = (176.0, 172.0, 164.0)
    gain: Colour = (1.0, 1.0, 1.0)
    vignette: float = 0.25
    noise: float = 2.0
    pitch_error_deg: float = 0.0
    seed: int = 0


_NOMINAL: dict[Style, Appearance] = {
    "robocars": Appearance("concrete", floor=(104.0, 102.0, 99.0), line=(226.0, 226.0, 220.0)),
    "tape": Appearance("wood", floor=(142.0, 104.0, 68.0), line=(222.0, 220.0, 210.0)),
    "road": Appearance("concrete", floor=(60.0, 96.0, 58.0), line=(230.0, 230.0, 226.0), centre=(232.0, 150.0, 40.0)),
    "line": Appearance("wood", floor=(142.0, 104.0, 68.0), line=(34.0, 34.0, 36.0)),
    "walls": Appearance("carpet", floor=(58.0, 58.0, 62.0), line=(222.0, 220.0, 210.0)),
}
_FLOORS: dict[Material, tuple[Colour, ...]] = {
    "concrete": ((104.0, 102.0, 99.0), (72.0, 72.0, 74.0), (128.0, 124.0, 116.0)),
    "wood": ((142.0, 104.0, 68.0), (112.0, 76.0, 48.0), (160.0, 126.0, 88.0)),
    "carpet": ((74.0, 78.0, 88.0), (98.0, 88.0, 76.0), (60.0, 70.0, 66.0)),
}

_MATERIALS: dict[Style, tuple[Material, ...]] = {
    "robocars": ("concrete", "carpet"),
    "tape": ("wood", "carpet", "concrete"),
    "road": ("concrete", "carpet"),
    "line": ("wood", "carpet", "concrete"),
    "walls": ("carpet", "concrete"),
}


def nominal(style: Style) -> Appearance:
    """Return the look of seed 0."""
    return _NOMINAL[style]


def varied(style: Style, seed: int) -> Appearance:
    """Return the look of ``seed``: the nominal one for 0, one drawn around it for any other."""
    if seed == 0:
        return nominal(style)
    rng = np.random.default_rng([seed, 1])
    materials: tuple[Material, ...] = _MATERIALS[style]
    material = materials[int(rng.integers(len(materials)))]
    floors = _FLOORS[material]
    exposure = rng.uniform(0.75, 1.25)
    return Appearance(
        material=material,
        floor=_tinted(rng, floors[int(rng.integers(len(floors)))], 12.0),
        line=_tinted(rng, nominal(style).line, 14.0),
        centre=_tinted(rng, nominal(style).centre, 14.0),
        wall=_tinted(rng, nominal(style).wall, 24.0),
        gain=_tinted(rng, (exposure, exposure, exposure), 0.06),
        vignette=float(rng.uniform(0.1, 0.4)),
        noise=float(rng.uniform(1.0, 4.0)),
        pitch_error_deg=float(rng.uniform(-2.0, 2.0)),
        seed=seed,
    )


def _tinted(rng: np.random.Generator, colour: Colour, spread: float) -> Colour:
    red, green, blue = (np.array(colour) + rng.uniform(-spread, spread, 3)).tolist()
    return red, green, blue
