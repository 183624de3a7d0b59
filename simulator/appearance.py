"""How a simulated room, its light and its camera look; a seed makes them differ a little, as rooms and cameras do."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import Literal

import numpy as np

from simulator.track import Style

RoomKind = Literal["room", "hall"]
Material = Literal["concrete", "wood", "carpet", "tarmac", "tile"]
Colour = tuple[float, float, float]
"""Red, green, blue in 0 … 255."""


@dataclass(frozen=True, slots=True)
class Light:
    """The light that falls on a room, beside what the camera makes of it.

    >>> from dataclasses import replace
    >>> moved = replace(LIGHTS["lamp"], lamp_at=0.6)
    >>> moved.lamp > LIGHTS["even"].lamp
    True

    ``brightness`` and ``tint`` (red, green, blue around 1) are those of the whole room, ``ambient`` the share of the
    light that is left where no lamp shines. ``lamp`` is how much brighter it is under a lamp than far from it, at the
    share ``lamp_at`` of the lap, fading over ``lamp_radius_m``. ``glare`` is how strongly the windows are reflected in
    the floor. Across the lane lie ``shadows`` shadows with hard edges, which take away the share ``shadow_depth``.
    """

    brightness: float = 1.0
    tint: Colour = (1.0, 1.0, 1.0)
    ambient: float = 1.0
    lamp: float = 0.0
    lamp_at: float = 0.3
    lamp_radius_m: float = 1.2
    glare: float = 1.0
    shadows: int = 0
    shadow_depth: float = 0.0


LIGHTS: dict[str, Light] = {
    "even": Light(),
    "lamp": Light(ambient=0.62, lamp=1.25, tint=(1.03, 1.0, 0.93)),
    "dusk": Light(brightness=0.5, tint=(1.12, 0.98, 0.82)),
    "glare": Light(brightness=0.95, glare=4.0, tint=(0.97, 1.0, 1.04)),
    "shadow": Light(brightness=1.1, shadows=3, shadow_depth=0.55),
}
"""Lights by name: an even one; a lamp beside the track; dusk; a window's reflection on the floor; hard shadows."""


@dataclass(frozen=True, slots=True)
class Appearance:
    """A room, the light in it, and a camera.

    >>> from dataclasses import replace
    >>> dusk = replace(nominal("tape"), light=LIGHTS["dusk"], noise=6.0)
    >>> dusk.vignette
    0.25

    ``line`` and ``centre`` are the colours of the lines, ``line`` that of the panels where walls are the road, ``wall``
    that of the ``room``. ``gain`` multiplies red, green and blue: exposure and white balance in one. ``vignette`` is
    the share of light lost in the corners, ``noise`` the standard deviation of the sensor's noise in grey levels.
    ``pitch_error_deg``, ``roll_error_deg``, ``lateral_error_m`` and ``height_error_m`` are how far the camera looks
    further down, is turned clockwise, and sits further to the left and higher than its geometry says; ``exposure_ms``
    is how long it gathers light. ``wear`` is the share of the lines' paint that is gone: up to 0.04 it is thinner,
    beyond that gone in patches. ``gloss`` is how much the floor shines, 0 … 1, ``dirt`` how many spots lie on a square
    metre. ``seed`` decides where spots and furniture are.
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
    roll_error_deg: float = 0.0
    lateral_error_m: float = 0.0
    height_error_m: float = 0.0
    exposure_ms: float = 8.0
    light: Light = Light()
    wear: float = 0.04
    gloss: float = 0.1
    dirt: float = 0.5
    room: RoomKind = "room"
    seed: int = 0


_NOMINAL: dict[Style, Appearance] = {
    "robocars": Appearance("concrete", floor=(104.0, 102.0, 99.0), line=(226.0, 226.0, 220.0)),
    "tape": Appearance("wood", floor=(142.0, 104.0, 68.0), line=(222.0, 220.0, 210.0), gloss=0.2),
    "road": Appearance("concrete", floor=(60.0, 96.0, 58.0), line=(230.0, 230.0, 226.0), centre=(232.0, 150.0, 40.0)),
    "line": Appearance("wood", floor=(142.0, 104.0, 68.0), line=(34.0, 34.0, 36.0), gloss=0.2),
    "walls": Appearance(
        "carpet", floor=(54.0, 52.0, 52.0), line=(98.0, 96.0, 100.0), wall=(50.0, 42.0, 36.0), gloss=0.0, room="hall"
    ),
}
_FLOORS: dict[Material, tuple[Colour, ...]] = {
    "concrete": ((104.0, 102.0, 99.0), (72.0, 72.0, 74.0), (128.0, 124.0, 116.0)),
    "wood": ((142.0, 104.0, 68.0), (112.0, 76.0, 48.0), (160.0, 126.0, 88.0)),
    "carpet": ((74.0, 78.0, 88.0), (98.0, 88.0, 76.0), (60.0, 70.0, 66.0)),
    "tarmac": ((66.0, 66.0, 68.0), (84.0, 82.0, 80.0)),
    "tile": ((134.0, 128.0, 118.0), (112.0, 114.0, 116.0), (120.0, 92.0, 76.0)),
}
_GLOSS: dict[Material, tuple[float, float]] = {
    "concrete": (0.05, 0.25),
    "wood": (0.1, 0.4),
    "carpet": (0.0, 0.0),
    "tarmac": (0.0, 0.08),
    "tile": (0.25, 0.6),
}

_MATERIALS: dict[Style, tuple[Material, ...]] = {
    "robocars": ("concrete", "carpet", "tarmac", "tile"),
    "tape": ("wood", "carpet", "concrete", "tile"),
    "road": ("concrete", "carpet", "tarmac"),
    "line": ("wood", "carpet", "concrete", "tile"),
    "walls": ("carpet", "concrete", "wood"),
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
        roll_error_deg=float(rng.uniform(-1.5, 1.5)),
        lateral_error_m=float(rng.uniform(-0.015, 0.015)),
        height_error_m=float(rng.uniform(-0.01, 0.01)),
        exposure_ms=float(rng.uniform(4.0, 16.0)),
        light=_varied_light(rng),
        wear=float(rng.uniform(0.0, 0.2)),
        gloss=float(rng.uniform(*_GLOSS[material])),
        dirt=float(rng.uniform(0.0, 3.0)),
        room="hall" if rng.random() < 0.4 else "room",
        seed=seed,
    )


def _varied_light(rng: np.random.Generator) -> Light:
    """Half of all rooms are lit evenly; the others have one of the named lights, moved and made a little different."""
    names = list(LIGHTS)
    light = LIGHTS["even"] if rng.random() < 0.5 else LIGHTS[names[int(rng.integers(len(names)))]]
    return replace(
        light,
        lamp_at=float(rng.uniform()),
        lamp_radius_m=float(rng.uniform(0.9, 1.8)),
        glare=light.glare * float(rng.uniform(0.6, 1.4)),
        shadow_depth=light.shadow_depth * float(rng.uniform(0.7, 1.2)),
    )


def _tinted(rng: np.random.Generator, colour: Colour, spread: float) -> Colour:
    red, green, blue = (np.array(colour) + rng.uniform(-spread, spread, 3)).tolist()
    return red, green, blue
