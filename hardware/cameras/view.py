"""How much of a Raspberry Pi camera's view is in the picture, which keeps its proportions and cuts off what is over.

The sensor of Camera Module 3 is 16:9. A picture of 4:3 from it has three quarters of its width: 51.9° of the 66° on the
data sheet.
"""

from __future__ import annotations

import math
from collections.abc import Sequence

FULL_VIEW_DEG = {"ov5647": 53.5, "imx219": 62.2, "imx708": 66.0, "imx708_wide": 102.0, "imx500": 66.0}
"""The horizontal fields of view that their maker gives, of the modules that it sells with a lens."""
MODELS = {
    "imx219": "pi-camera-2",
    "imx708": "pi-camera-3",
    "imx708_wide": "pi-camera-3-wide",
    "imx500": "ai-camera",
}
"""The same cameras in ``hardware.camera_models``."""
TOLERANCE_DEG = 4.0
"""What lenses differ by, and what makes no difference to a pilot."""

Size = Sequence[float]


def known_sensor(name: str) -> str:
    """Return what libcamera calls a sensor, without what says nothing of its lens."""
    return name.removesuffix("_noir")


def share_seen(sensor: Size, crop: Size, picture: Size) -> float:
    """Return which share of a sensor's width is in a picture that is cut from ``crop``; all are widths and heights.

    >>> share_seen((4608, 2592), (4608, 2592), (160, 120))
    0.75
    """
    width = min(crop[0], crop[1] * picture[0] / picture[1])
    return min(width / sensor[0], 1.0)


def view_deg(sensor: str, share: float) -> float | None:
    """Return how many degrees the middle ``share`` of a sensor's width sees; None where its lens is not known.

    >>> view_deg("imx708", 0.75)
    51.9
    """
    full_deg = FULL_VIEW_DEG.get(known_sensor(sensor))
    if full_deg is None:
        return None
    return round(2 * math.degrees(math.atan(share * math.tan(math.radians(full_deg) / 2))), 1)


def differs(seen_deg: float | None, fov_deg: float, lens: str) -> bool:
    """Tell whether a camera sees otherwise than ``car.toml`` says; a fisheye lens is another than its maker's."""
    return seen_deg is not None and lens == "rectilinear" and abs(seen_deg - fov_deg) > TOLERANCE_DEG
