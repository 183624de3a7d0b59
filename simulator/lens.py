"""What every pixel of a camera looks at: a table computed once per lens, so that distortion costs nothing per frame."""

from __future__ import annotations

import math
from dataclasses import dataclass, replace

import cv2
import numpy as np
from numpy.typing import NDArray

from hardware.camera import CameraGeometry
from simulator.appearance import Appearance
from simulator.body import Body

LENS_AHEAD_M = 0.06
"""How far in front of the middle of the car the lens is."""
FLOOR_REACH_M = 6.0
"""Where the floor ends and the wall of the room begins."""

_LEAN_RAD = 0.01
_OUTSIDE = -1e4

Table = NDArray[np.float32]
Doubles = NDArray[np.float64]


@dataclass(frozen=True, slots=True)
class Mount:
    """A camera as it really sits on the car.

    >>> askew = Mount(CameraGeometry(), roll_deg=1.5, left_m=0.01)
    >>> askew.geometry.width
    160

    ``geometry`` has the true pitch and height; ``roll_deg`` is how far the camera is turned clockwise, seen from
    behind, ``left_m`` how far it sits left of the middle of the car.
    """

    geometry: CameraGeometry
    roll_deg: float = 0.0
    left_m: float = 0.0


def mounted(geometry: CameraGeometry, appearance: Appearance) -> Mount:
    """Return how a camera that should sit as ``geometry`` says sits with the errors of ``appearance``."""
    looking = replace(
        geometry,
        pitch_deg=geometry.pitch_deg + appearance.pitch_error_deg,
        mount_height_m=geometry.mount_height_m + appearance.height_error_m,
    )
    return Mount(looking, appearance.roll_error_deg, appearance.lateral_error_m)


@dataclass(frozen=True, slots=True, eq=False)
class Rays:
    """Directions in the car's frame, each rows × columns: forward, to the left and down, of length 1."""

    forward: Doubles
    left: Doubles
    down: Doubles

    def leaning(self, pitch_rad: float, roll_rad: float) -> Rays:
        """Return the rays of a car whose nose has gone down by ``pitch_rad`` and that leans right by ``roll_rad``."""
        left, down = _turned(self.left, self.down, roll_rad)
        down, forward = _turned(down, self.forward, pitch_rad)
        return Rays(forward, left, down)


def _turned(first: Doubles, second: Doubles, angle_rad: float) -> tuple[Doubles, Doubles]:
    cosine, sine = math.cos(angle_rad), math.sin(angle_rad)
    return first * cosine + second * sine, second * cosine - first * sine


def rays(mount: Mount, rows: Doubles) -> Rays:
    """Return where the pixels look in the image rows ``rows``, which may be fractions; pixel centres are whole.

    ``"rectilinear"`` is the pinhole, r = f tan θ; ``"fisheye"`` the equidistant projection, r = f θ. Raises ValueError
    for another lens.
    """
    geometry = mount.geometry
    _check_lens(geometry)
    right = np.arange(geometry.width) + 0.5 - 0.5 * geometry.width
    down = rows + 0.5 - 0.5 * geometry.height
    right, down = np.meshgrid(right, down)
    half_fov_rad = math.radians(0.5 * geometry.fov_deg)
    radius = np.hypot(right, down)
    if geometry.lens == "rectilinear":
        angle = np.arctan(radius * math.tan(half_fov_rad) / (0.5 * geometry.width))
    else:
        angle = radius * half_fov_rad / (0.5 * geometry.width)
    sideways = np.sin(angle) / np.maximum(radius, 1e-9)
    camera = Rays(np.cos(angle), -right * sideways, down * sideways)
    return camera.leaning(0.0, math.radians(mount.roll_deg)).leaning(math.radians(geometry.pitch_deg), 0.0)


def ground_points(mount: Mount, rows: Doubles) -> tuple[Table, NDArray[np.bool_]]:
    """Return where the rays meet the floor and which of them do.

    The points are metres ahead and to the left of the middle of the car, rows × columns × 2; those of rays that end at
    the wall, or go up, lie on the floor's far edge.
    """
    seen = rays(mount, rows)
    level = np.hypot(seen.forward, seen.left)
    reach = mount.geometry.mount_height_m / np.maximum(seen.down, 1e-9)
    is_floor = (seen.down > 0.0) & (reach * level < FLOOR_REACH_M)
    reach = np.where(is_floor, reach, FLOOR_REACH_M / np.maximum(level, 1e-9))
    points_m = np.dstack([seen.forward * reach + LENS_AHEAD_M, seen.left * reach + mount.left_m])
    return points_m.astype(np.float32), is_floor


@dataclass(frozen=True, slots=True, eq=False)
class Bearings:
    """Directions of the pixels of some rows, each rows × columns.

    ``azimuth_rad`` is to the left of straight ahead, −π … π, ``slope`` how far they rise per metre on the level, and
    ``fineness`` the number of pixels, one above the other, by which the slope changes by 1.
    """

    azimuth_rad: Table
    slope: Table
    fineness: Table


def bearings(mount: Mount, rows: Doubles, pitch_rad: float = 0.0, roll_rad: float = 0.0) -> Bearings:
    """Return the directions of the pixels of ``rows`` on a car that leans by ``pitch_rad`` and ``roll_rad``."""
    seen = rays(mount, rows).leaning(pitch_rad, roll_rad)
    level = np.maximum(np.hypot(seen.forward, seen.left), 1e-3)
    slope = -seen.down / level
    fineness = 1.0 / np.maximum(np.abs(np.gradient(slope, axis=0)), 1e-4)
    tables = (np.arctan2(seen.left, seen.forward), slope, fineness)
    return Bearings(*(np.asarray(table, np.float32) for table in tables))


class Sight:
    """The directions in which a camera looks, however the car leans.

    >>> sight = Sight(Mount(CameraGeometry()))
    >>> level, braking = sight.on(Body()), sight.on(Body(pitch_rad=0.02))
    >>> float(level.slope[60, 80] - braking.slope[60, 80]) > 0.02
    True
    """

    def __init__(self, mount: Mount) -> None:
        rows = np.arange(mount.geometry.height, dtype=np.float64)
        self._level = bearings(mount, rows)
        self._by_pitch, self._by_roll = (
            _per_rad(bearings(mount, rows, *lean), bearings(mount, rows, *(-angle for angle in lean)))
            for lean in ((_LEAN_RAD, 0.0), (0.0, _LEAN_RAD))
        )

    def on(self, body: Body, rows: int | None = None) -> Bearings:
        """Return them for ``body``, to the first order of its angles: good to a tenth of a pixel up to 3 degrees.

        Where ``rows`` are given, no more than these are computed.
        """
        if body.pitch_rad == 0.0 and body.roll_rad == 0.0:
            return self._level
        azimuth_rad, slope = (
            cv2.scaleAdd(by_roll[:rows], body.roll_rad, cv2.scaleAdd(by_pitch[:rows], body.pitch_rad, level[:rows]))
            for level, by_pitch, by_roll in zip(
                (self._level.azimuth_rad, self._level.slope), self._by_pitch, self._by_roll, strict=True
            )
        )
        return Bearings(azimuth_rad, slope, self._level.fineness)  # type: ignore[arg-type]


def _per_rad(leaning: Bearings, opposite: Bearings) -> tuple[Table, Table]:
    turned = (leaning.azimuth_rad - opposite.azimuth_rad + np.pi) % (2.0 * np.pi) - np.pi
    risen = leaning.slope - opposite.slope
    return tuple(np.asarray(change / (2.0 * _LEAN_RAD), np.float32) for change in (turned, risen))  # type: ignore[return-value]


def project(
    geometry: CameraGeometry, forward: NDArray[np.float32], left: NDArray[np.float32], down: NDArray[np.float32]
) -> tuple[NDArray[np.float32], NDArray[np.float32]]:
    """Return the columns and the rows, as fractions, at which a camera sees these directions: ``rays`` the other way.

    The directions are in the car's frame, of any length. One that the lens cannot see, such as one behind a pinhole,
    is given a column far outside the picture. Raises ValueError for a lens that is not known.
    """
    _check_lens(geometry)
    pitch_rad = math.radians(geometry.pitch_deg)
    ahead = forward * np.float32(math.cos(pitch_rad)) + down * np.float32(math.sin(pitch_rad))
    below = down * np.float32(math.cos(pitch_rad)) - forward * np.float32(math.sin(pitch_rad))
    half_fov_rad = math.radians(0.5 * geometry.fov_deg)
    if geometry.lens == "rectilinear":
        scale = np.float32(0.5 * geometry.width / math.tan(half_fov_rad)) / np.maximum(ahead, np.float32(1e-6))
        seen = ahead > 0.0
    else:
        sideways = np.hypot(left, below)
        scale = np.float32(0.5 * geometry.width / half_fov_rad) * np.arctan2(sideways, ahead)
        scale /= np.maximum(sideways, np.float32(1e-9))
        seen = np.ones_like(ahead, dtype=np.bool_)
    columns = np.float32(0.5 * geometry.width - 0.5) - left * scale
    rows = np.float32(0.5 * geometry.height - 0.5) + below * scale
    return np.where(seen, columns, np.float32(_OUTSIDE)), np.where(seen, rows, np.float32(_OUTSIDE))


def _check_lens(geometry: CameraGeometry) -> None:
    if geometry.lens not in ("rectilinear", "fisheye"):
        raise ValueError(f'There is no lens {geometry.lens!r}. Use "rectilinear" or "fisheye".')
