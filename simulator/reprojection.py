"""What a camera would have seen from a place beside the one it was at, from what it did see there.

The floor is flat, so each pixel below the horizon is a known point of it: the displaced view is nearly a homography
there. What is further away than the floor reaches is taken for infinitely far, and only turns. What stands upright on
the floor, a wall or a cone, comes out as if it were painted on it.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass

import cv2
import numpy as np
from numpy.typing import NDArray

from hardware.camera import CameraGeometry, Image
from hardware.drivetrain import Pose
from simulator import lens

FURTHER_BACK_M = (0.06, 0.12, 0.25, 0.5)
"""Where the frames were taken that show the floor beside the car: measured against the renderer, near ones first."""

Places = NDArray[np.float32]
"""One value for each of some pixels."""


@dataclass(frozen=True, slots=True)
class Displacement:
    """How a car stands from where it was: metres ahead and to the right, radians counter-clockwise.

    >>> aside = Displacement(lateral_m=0.1)
    >>> Displacement.between(Pose(2.0, 0.0, 0.0), Pose(2.0, -0.1, 0.0)) == aside
    True
    """

    forward_m: float = 0.0
    lateral_m: float = 0.0
    heading_rad: float = 0.0

    @classmethod
    def between(cls, was: Pose, stands: Pose) -> Displacement:
        """Return how a car that ``stands`` there is displaced from where it ``was``."""
        cosine, sine = math.cos(was.heading_rad), math.sin(was.heading_rad)
        east_m, north_m = stands.x_m - was.x_m, stands.y_m - was.y_m
        turned_rad = math.remainder(stands.heading_rad - was.heading_rad, math.tau)
        return cls(east_m * cosine + north_m * sine, east_m * sine - north_m * cosine, turned_rad)

    def after(self, pose: Pose) -> Pose:
        """Return where a car stands that is displaced so from ``pose``."""
        cosine, sine = math.cos(pose.heading_rad), math.sin(pose.heading_rad)
        x_m = pose.x_m + self.forward_m * cosine + self.lateral_m * sine
        y_m = pose.y_m + self.forward_m * sine - self.lateral_m * cosine
        return Pose(x_m, y_m, math.remainder(pose.heading_rad + self.heading_rad, math.tau))


@dataclass(frozen=True, slots=True, eq=False)
class Source:
    """A picture that was taken, RGB uint8, and how far from there the car is to stand now.

    >>> from_further_back = Source(frames[0].image, Displacement(forward_m=0.25, lateral_m=0.1))
    """

    image: Image
    displacement: Displacement


class Reprojection:
    """Displaced views of one camera.

    >>> reprojection = Reprojection(CameraGeometry())
    >>> aside = Displacement(lateral_m=-0.1, heading_rad=0.05)
    >>> reprojection.view([Source(frames[0].image, aside)]).shape
    (120, 160, 3)

    Raises ValueError for a lens that is not known.
    """

    def __init__(self, geometry: CameraGeometry) -> None:
        self.geometry = geometry
        rows = np.arange(geometry.height, dtype=np.float64)
        mount = lens.Mount(geometry)
        rays = lens.rays(mount, rows)
        _, is_floor = lens.ground_points(mount, rows)
        # One over the way along the ray to what it meets, per metre; what is not floor is infinitely far.
        nearness = np.where(is_floor, rays.down / geometry.mount_height_m, 0.0)
        self._rays = np.stack([rays.forward, rays.left, rays.down, nearness]).astype(np.float32).reshape(4, -1)

    def view(self, sources: Sequence[Source]) -> Image:
        """Return what the camera would see: RGB uint8, height × width × 3, read-only.

        Each pixel comes from the first of the ``sources`` that shows it; the nearest should come first, and one from
        further back may fill in the floor beside the car. What none shows is the nearest edge of the first.
        """
        columns, rows = self._taken_at(sources[0].displacement, self._rays)
        image = _remap(sources[0].image, columns, rows)
        missing = np.flatnonzero(~self._is_inside(columns, rows))
        for source in sources[1:]:
            columns, rows = self._taken_at(source.displacement, self._rays[:, missing])
            inside = self._is_inside(columns, rows)
            image[missing[inside]] = _remap(source.image, columns[inside], rows[inside])
            missing = missing[~inside]
        image = image.reshape(self.geometry.height, self.geometry.width, 3)
        image.flags.writeable = False
        return image

    def maps(self, displacement: Displacement) -> tuple[Places, Places, NDArray[np.bool_]]:
        """Return where the taken picture shows what each displaced pixel looks at: columns, rows, and whether it does.

        Each is height × width; the first two are what ``cv2.remap`` takes.
        """
        shape = self.geometry.height, self.geometry.width
        columns, rows = self._taken_at(displacement, self._rays)
        return columns.reshape(shape), rows.reshape(shape), self._is_inside(columns, rows).reshape(shape)

    def _taken_at(self, displacement: Displacement, rays: Places) -> tuple[Places, Places]:
        """Return the columns and the rows of the taken picture where it shows what the displaced rays meet."""
        cosine, sine = math.cos(displacement.heading_rad), math.sin(displacement.heading_rad)
        forward, left, down, nearness = rays
        # The lens is ahead of the middle of the car, about which the car turns.
        ahead_m = displacement.forward_m + lens.LENS_AHEAD_M * (cosine - 1.0)
        left_m = lens.LENS_AHEAD_M * sine - displacement.lateral_m
        return lens.project(
            self.geometry,
            forward * np.float32(cosine) - left * np.float32(sine) + nearness * np.float32(ahead_m),
            forward * np.float32(sine) + left * np.float32(cosine) + nearness * np.float32(left_m),
            down,
        )

    def _is_inside(self, columns: Places, rows: Places) -> NDArray[np.bool_]:
        width, height = self.geometry.width, self.geometry.height
        return (columns > -0.5) & (columns < width - 0.5) & (rows > -0.5) & (rows < height - 0.5)


def _remap(image: Image, columns: Places, rows: Places) -> Image:
    """Return the colours at some places of a picture, places × 3."""
    if not len(columns):
        return np.empty((0, 3), np.uint8)
    # OpenCV takes no map with a side of 32768 or more.
    width = min(len(columns), 1024)
    height = -(-len(columns) // width)
    maps = [np.resize(places, (height, width)) for places in (columns, rows)]
    taken = cv2.remap(image, maps[0], maps[1], cv2.INTER_LINEAR, borderMode=cv2.BORDER_REPLICATE)
    return np.asarray(taken, np.uint8).reshape(-1, 3)[: len(columns)]
