"""How a car moved, from what its camera saw: each frame is laid over the next one on the ground plane.

A real car knows neither its speed nor where it is. The motion between two frames, a way and a turn, is the one by which
the first frame, reprojected, comes out most like the second: Gauss-Newton on grey levels ("direct" registration; Baker
and Matthews, "Lucas-Kanade 20 years on", IJCV 2004). What the commands make likely goes in as a second measurement, so
that a floor without texture falls back to them.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass, replace

import cv2
import numpy as np
from numpy.typing import NDArray

from hardware.camera import CameraGeometry, Image
from hardware.drivetrain import Command, Pose
from simulator.reprojection import Displacement, Reprojection
from simulator.vehicle import SIXTEENTH

TOP_SPEED_M_S = SIXTEENTH.acceleration_m_s2 / SIXTEENTH.drag_per_s
"""What full throttle gives in the end, where nothing else is known."""

_WIDTHS = (40, 80)
_STEPS = 3
_SPEED_SETTLES_S = 1.0
# How far a prediction may be off from one frame to the next: standard deviations.
_SPEED_DOUBT_M_S = 0.25
_TURN_DOUBT_RAD_S = 1.5
# Residuals beyond this many grey levels are noise, glare or what stands upright, and count no more for being larger.
_ROBUST_LEVELS = 12.0
# Neighbouring pixels are wrong together: this many count as one.
_PIXELS_ALIKE = 25.0
_DETAIL_PX = (0.8, 4.0)
_NUDGE = np.array([0.004, 0.004])

Values = NDArray[np.float64]
Picture = NDArray[np.float32]


@dataclass(frozen=True, slots=True)
class Motion:
    """What a car did between two frames: the way it went in metres and its turn, radians counter-clockwise.

    >>> round(Motion(way_m=0.05, turned_rad=0.02).displacement.forward_m, 3)
    0.05
    """

    way_m: float
    turned_rad: float

    @property
    def displacement(self) -> Displacement:
        """How the middle of the car is displaced: it swings outwards as the rear axle, which does not slip, turns."""
        left_m = self.turned_rad * (0.5 * self.way_m + 0.5 * SIXTEENTH.wheelbase_m)
        return Displacement(self.way_m, -left_m, self.turned_rad)


def estimate_poses(
    images: Sequence[Image] | NDArray[np.uint8], times_s: Values, commands: Sequence[Command], geometry: CameraGeometry
) -> list[Pose]:
    """Return where the car was at each frame, the first at the origin and looking along x.

    ``images`` are RGB uint8, ``times_s`` when they were taken, ``commands`` what was applied from each frame on.
    """
    registration = Registration(geometry)
    poses = [Pose(0.0, 0.0, 0.0)]
    speed_m_s, turn_rad_s = TOP_SPEED_M_S * max(commands[0].throttle, 0.0), 0.0
    pyramid = registration.pyramid(images[0])
    for index in range(1, len(times_s)):
        duration_s = float(times_s[index] - times_s[index - 1])
        settled = -math.expm1(-duration_s / _SPEED_SETTLES_S)
        speed_m_s += (TOP_SPEED_M_S * commands[index - 1].throttle - speed_m_s) * settled
        expected = Motion(speed_m_s * duration_s, turn_rad_s * duration_s)
        following = registration.pyramid(images[index])
        motion = registration.motion(pyramid, following, expected, duration_s)
        poses.append(motion.displacement.after(poses[-1]))
        speed_m_s, turn_rad_s = motion.way_m / duration_s, motion.turned_rad / duration_s
        pyramid = following
    return poses


class Registration:
    """Finds the motion between two frames of one camera.

    >>> registration = Registration(CameraGeometry())
    >>> image = frames[0].image
    >>> still = Motion(0.0, 0.0)
    >>> pyramid = registration.pyramid(image)
    >>> registration.motion(pyramid, pyramid, still, duration_s=0.05) == still
    True

    Raises ValueError for a lens that is not known.
    """

    def __init__(self, geometry: CameraGeometry) -> None:
        widths = sorted({min(width, geometry.width) for width in _WIDTHS})
        sizes = [(width, max(1, round(width * geometry.height / geometry.width))) for width in widths]
        self._levels = [Reprojection(replace(geometry, width=width, height=height)) for width, height in sizes]

    def pyramid(self, image: Image) -> list[Picture]:
        """Return a frame in grey, small and somewhat larger."""
        grey = np.asarray(cv2.cvtColor(image, cv2.COLOR_RGB2GRAY), np.uint8)
        return [self._shrunk(grey, level.geometry) for level in self._levels]

    def motion(
        self, earlier: Sequence[Picture], later: Sequence[Picture], expected: Motion, duration_s: float
    ) -> Motion:
        """Return the motion between two frames ``duration_s`` apart, near what is ``expected``."""
        prior = np.array([expected.way_m, expected.turned_rad])
        certainty = np.diag(1.0 / (np.array([_SPEED_DOUBT_M_S, _TURN_DOUBT_RAD_S]) * duration_s) ** 2)
        moved = prior.copy()
        for level, one, other in zip(self._levels, earlier, later, strict=True):
            for _ in range(_STEPS):
                hessian, gradient = _equations(level, one, other, moved)
                step = np.linalg.solve(hessian + certainty, certainty @ (prior - moved) - gradient)
                moved = moved + step
        return Motion(float(moved[0]), float(moved[1]))

    @staticmethod
    def _shrunk(grey: NDArray[np.uint8], geometry: CameraGeometry) -> Picture:
        small = cv2.resize(grey, (geometry.width, geometry.height), interpolation=cv2.INTER_AREA).astype(np.float32)
        # Vignetting stays where it is as the car moves, and would have it stand still; so only detail is looked at.
        fine, coarse = (cv2.GaussianBlur(small, (0, 0), sigma) for sigma in _DETAIL_PX)
        return np.asarray(fine - coarse, np.float32)


def _equations(level: Reprojection, earlier: Picture, later: Picture, moved: Values) -> tuple[Values, Values]:
    """Return the normal equations of the registration at ``moved``: how sure it is, and which way is uphill."""
    predicted, inside = _moved(level, earlier, moved)
    residual = predicted - later
    slopes = []
    for axis in range(2):
        nudge = np.where(np.arange(2) == axis, _NUDGE, 0.0)
        ahead, _ = _moved(level, earlier, moved + nudge)
        behind, _ = _moved(level, earlier, moved - nudge)
        slopes.append((ahead - behind)[inside] / (2.0 * _NUDGE[axis]))
    errors = residual[inside].astype(np.float64)
    jacobian = np.stack(slopes, axis=1).astype(np.float64)
    weights = 1.0 / np.maximum(np.abs(errors) / _ROBUST_LEVELS, 1.0)
    spread = max(float(np.mean(weights * errors**2)), 1.0) * _PIXELS_ALIKE
    weighted = jacobian * weights[:, None] / spread
    return weighted.T @ jacobian, weighted.T @ errors


def _moved(level: Reprojection, picture: Picture, moved: Values) -> tuple[Picture, NDArray[np.bool_]]:
    columns, rows, inside = level.maps(Motion(float(moved[0]), float(moved[1])).displacement)
    return np.asarray(cv2.remap(picture, columns, rows, cv2.INTER_LINEAR, borderMode=cv2.BORDER_REPLICATE)), inside
