"""Draws the room into a camera's picture: above the floor, and mirrored in it where it shines."""

from __future__ import annotations

import math

import cv2
import numpy as np

from hardware.camera import Image
from hardware.drivetrain import Pose
from simulator.appearance import Appearance
from simulator.lens import FLOOR_REACH_M, Bearings, Mount, Table
from simulator.room import HIGHEST_DEG, MIRRORED_DEG, PIXELS_PER_DEG, draw_room

MOST_LEAN_RAD = 0.08
"""A body whose pitch and roll together are more is drawn as one that leans that much."""

_MOST_HALF_PIXEL = 0.05  # In slope; straight up or down pixels have no end, and nothing to do with the horizon.


class RoomView:
    """The room that one camera sees.

    ``top`` is the first row that has any floor in it on a level car, ``top_leaning`` on a leaning one.
    """

    def __init__(self, mount: Mount, seen: Bearings, appearance: Appearance) -> None:
        panorama = draw_room(appearance)
        self._room, self._mirrored = panorama.image, panorama.mirrored
        self._edge_slope = np.float32(-mount.geometry.mount_height_m / FLOOR_REACH_M)
        self._highest_slope, self._lowest_slope = seen.slope.max(axis=1), seen.slope.min(axis=1)
        self._mirroring = int((self._highest_slope > -math.tan(math.radians(MIRRORED_DEG))).sum())
        self._half_pixel = np.minimum(0.5 / seen.fineness.min(axis=1), _MOST_HALF_PIXEL)
        self._level_places = _places(seen)
        self.top = self.rows(0.0)[0]
        self.top_leaning = self.rows(MOST_LEAN_RAD)[0]

    def rows(self, lean_rad: float) -> tuple[int, int]:
        """Return the first row that has floor in it, and the first below which there is nothing else."""
        edge = float(self._edge_slope)
        top = int((self._lowest_slope - self._half_pixel > edge + lean_rad).sum())
        bottom = int((self._highest_slope + self._half_pixel > edge - lean_rad).sum())
        return top, bottom

    def draw(self, pose: Pose, seen: Bearings, lean_rad: float, image: Image) -> None:
        """Draw the room above the floor that ``image`` shows."""
        top, bottom = self.rows(lean_rad)
        if bottom == 0:
            return
        places = self._level_places if lean_rad == 0.0 else _places(seen)
        turned = (math.degrees(pose.heading_rad) % 360.0) * PIXELS_PER_DEG
        pixels = cv2.transform(places[:bottom], np.array([[1.0, 0.0, turned], [0.0, 1.0, 0.0]]))
        room = cv2.remap(self._room, pixels, None, cv2.INTER_LINEAR)  # type: ignore[call-overload]
        image[:top] = room[:top]
        if top < bottom:
            mixed = slice(top, bottom)
            floor_share = np.clip((self._edge_slope - seen.slope[mixed]) * seen.fineness[mixed] + np.float32(0.5), 0, 1)
            cv2.blendLinear(image[mixed], room[top:], floor_share, np.float32(1.0) - floor_share, dst=image[mixed])

    def mirror(self, pose: Pose, seen: Bearings, lean_rad: float, image: Image) -> None:
        """Add what the floor mirrors to the floor that ``image`` shows."""
        top = self.rows(lean_rad)[0]
        if self._mirrored is None or top >= self._mirroring:
            return
        places = (self._level_places if lean_rad == 0.0 else _places(seen))[top : self._mirroring]
        turned = (math.degrees(pose.heading_rad) % 360.0) * PIXELS_PER_DEG
        # A floor seen 10 degrees below the horizon shows what is 10 degrees above it.
        pixels = cv2.transform(places, np.array([[1.0, 0.0, turned], [0.0, 1.0, -HIGHEST_DEG * PIXELS_PER_DEG]]))
        thrown_back = cv2.remap(self._mirrored, pixels, None, cv2.INTER_LINEAR)  # type: ignore[call-overload]
        rows = image[top : self._mirroring]
        cv2.add(rows, thrown_back, dst=rows)


def _places(seen: Bearings) -> Table:
    """Return the panorama's pixels that are seen when the car's heading is 0."""
    azimuth_deg = np.degrees(seen.azimuth_rad) + 180.0
    elevation_deg = HIGHEST_DEG - np.degrees(np.arctan(seen.slope))
    return np.asarray(np.dstack([azimuth_deg, elevation_deg]) * PIXELS_PER_DEG - 0.5, dtype=np.float32)
