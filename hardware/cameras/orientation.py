"""How a camera's picture is turned, and what that makes of its geometry; for a configuration, so without OpenCV."""

from __future__ import annotations

import dataclasses
import math
from typing import Literal

from hardware.camera import CameraGeometry

Rotation = Literal[0, 90, 180, 270]
"""By how many degrees a picture is turned, clockwise."""
Flip = Literal["none", "horizontal", "vertical"]
"""How a picture is mirrored after it was turned: left and right change places, or top and bottom."""


def turned_geometry(geometry: CameraGeometry, rotation: Rotation) -> CameraGeometry:
    """Return the geometry of the turned picture: its field of view is horizontal too, which was the vertical one."""
    if rotation in (0, 180):
        return geometry
    width, height = geometry.height, geometry.width
    return dataclasses.replace(geometry, width=width, height=height, fov_deg=_vertical_fov_deg(geometry))


def _vertical_fov_deg(geometry: CameraGeometry) -> float:
    ratio = geometry.height / geometry.width
    if geometry.lens == "fisheye":
        return geometry.fov_deg * ratio
    return math.degrees(2 * math.atan(math.tan(math.radians(geometry.fov_deg) / 2) * ratio))
