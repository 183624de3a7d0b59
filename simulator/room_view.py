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
from simulator.sampling import look_up

MOST_LEAN_RAD = 0.08
"""A body whose pitch and roll together are more is drawn as one that leans that much."""

_PIXELS_PER_RAD = math.degrees(1.0) * PIXELS_PER_DEG
_MOST_HALF_PIXEL = 0.05  # In slope; straight up or down pixels have no end, and nothing to do with the horizon.


class RoomView:
    """The room that one camera sees.

    ``top`` is the first row that has any floor in it on a level car, ``top_leaning`` on a leaning one. Nothing of the
    room is drawn below the row ``reach``.
    """

    def __init__(self, mount: Mount, seen: Bearings, appearance: Appearance) -> None:
        panorama = draw_room(appearance)
        self._room, self._mirrored = panorama.image, panorama.mirrored
        self._edge_slope = np.float32(-mount.geometry.mount_height_m / FLOOR_REACH_M)
        self._highest_slope, self._lowest_slope = seen.slope.max(axis=1), seen.slope.min(axis=1)
        self._mirroring = int((self._highest_slope > -math.tan(math.radians(MIRRORED_DEG))).sum())
        self._half_pixel = np.minimum(0.5 / seen.fineness.min(axis=1), _MOST_HALF_PIXEL)
        self._level = seen
        self._level_places = _places(seen)
        # By how many pixels of the panorama a ray rises with its slope: saves a leaning car the arctangent.
        self._pixels_per_slope = np.float32(math.degrees(1.0) * PIXELS_PER_DEG) / (1.0 + np.square(seen.slope))
        self._level_rows = self._counted(0.0)
        self.top = self._level_rows[0]
        self.top_leaning, bottom_leaning = self._counted(MOST_LEAN_RAD)
        self.reach = max(bottom_leaning, self._mirroring)

    def rows(self, lean_rad: float) -> tuple[int, int]:
        """Return the first row that has floor in it, and the first below which there is nothing else."""
        return self._counted(lean_rad) if lean_rad else self._level_rows

    def _counted(self, lean_rad: float) -> tuple[int, int]:
        edge = float(self._edge_slope)
        top = int(np.count_nonzero(self._lowest_slope - self._half_pixel > edge + lean_rad))
        bottom = int(np.count_nonzero(self._highest_slope + self._half_pixel > edge - lean_rad))
        return top, bottom

    def draw(self, pose: Pose, seen: Bearings, lean_rad: float, image: Image) -> None:
        """Draw the room above the floor that ``image`` shows, and add what the floor mirrors of it."""
        top, bottom = self.rows(lean_rad)
        mirroring = self._mirroring if self._mirrored is not None and top < self._mirroring else 0
        if max(bottom, mirroring) == 0:
            return
        places = self._places(max(bottom, mirroring), seen, lean_rad)
        if self._mirrored is not None and mirroring:
            # What it mirrors is blurred: a quarter of the pixels is enough.
            thrown_back = look_up(self._mirrored, _turned(places[top:mirroring:2, ::2], pose, -HIGHEST_DEG))
            rows = image[top:mirroring]
            fine = cv2.resize(thrown_back, (rows.shape[1], rows.shape[0]), interpolation=cv2.INTER_LINEAR)
            cv2.add(rows, fine, dst=rows)
        if bottom == 0:
            return
        room = look_up(self._room, _turned(places[:bottom], pose, 0))
        image[:top] = room[:top]
        if top < bottom:
            mixed = slice(top, bottom)
            floor_share = (self._edge_slope - seen.slope[mixed]) * seen.fineness[mixed] + np.float32(0.5)
            np.clip(floor_share, 0.0, 1.0, out=floor_share)
            cv2.blendLinear(image[mixed], room[top:], floor_share, np.float32(1.0) - floor_share, dst=image[mixed])

    def _places(self, rows: int, seen: Bearings, lean_rad: float) -> Table:
        """Return the room's pixels that the first ``rows`` of the image see when the car's heading is 0."""
        places = self._level_places[:rows]
        if lean_rad == 0.0:
            return places
        turn = (seen.azimuth_rad[:rows] - self._level.azimuth_rad[:rows]) * np.float32(_PIXELS_PER_RAD)
        rise = (self._level.slope[:rows] - seen.slope[:rows]) * self._pixels_per_slope[:rows]
        return places + cv2.merge([turn, rise])


def _turned(places: Table, pose: Pose, lower_deg: float) -> Table:
    """Return ``places`` as the car is headed, in a panorama that begins ``lower_deg`` above the room's."""
    turned = (math.degrees(pose.heading_rad) % 360.0) * PIXELS_PER_DEG
    shift = np.array([[1.0, 0.0, turned], [0.0, 1.0, lower_deg * PIXELS_PER_DEG]])
    return np.asarray(cv2.transform(places, shift), np.float32)


def _places(seen: Bearings) -> Table:
    """Return the panorama's pixels that are seen when the car's heading is 0."""
    azimuth_deg = np.degrees(seen.azimuth_rad) + 180.0
    elevation_deg = HIGHEST_DEG - np.degrees(np.arctan(seen.slope))
    return np.asarray(np.dstack([azimuth_deg, elevation_deg]) * PIXELS_PER_DEG - 0.5, dtype=np.float32)
