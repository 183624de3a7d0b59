"""A pilot that has learned nothing: it looks for the lane's lines on the floor and steers along their middle."""

from __future__ import annotations

import math

import cv2
import numpy as np
from numpy.typing import NDArray

from car.kinds.pilot import Pilot, PilotAnswer
from car.pilots.lane_picture import lane_picture
from hardware.camera import CameraGeometry, Frame, Image
from hardware.drivetrain import Command
from models.errors import ModelError

STEP_M = 0.02
NEAREST_M, FURTHEST_M, SIDE_M = 0.3, 1.2, 1.0
"""How much of the floor is looked at: from so far ahead to so far, and so far to each side."""
LINE_M, ASIDE_M = 0.06, 0.08
"""A line is about as wide as this, and so far to either side of it there is floor again."""
FAINTEST = 40.0
"""How many grey levels, of all three colours together, a line differs from the floor at least; grain differs by less.
"""
LINES_SHARE = 0.005
"""The strongest line of a frame takes up at least so much of what is looked at, and the others are measured by it."""
LOOK_AHEAD_M = 0.45
HABIT = 1.5
"""How much a lane where the last one was is preferred to one further off, per metre at ``LOOK_AHEAD_M``: half a lane
aside, where the line beside it would be the one in its middle, costs more than that middle is worth."""

MIDDLE_WEIGHT = 1.3
"""How much more a line in the middle says than one at the side: where there is but one, it is that."""
PLAIN = 0.3
"""What is at least so certainly a line is dotted in the picture for a person."""
CHOOSINESS = 30.0
"""How much the best lanes count before others that fit nearly as well; fewer would make the steering jump."""

_OFFSETS_M = np.arange(-0.3, 0.31, 0.05)
_HEADINGS_RAD = np.arange(-0.5, 0.51, 0.1)
_CURVATURES_PER_M = np.arange(-1.5, 1.51, 0.3)

Grid = NDArray[np.float32]


class LineFollower(Pilot):
    """Follows two lines beside the lane or one along its middle, whether they are brighter than the floor or darker.

    >>> follower = LineFollower(geometry, lane_half_width_m=0.4)
    >>> follower.drive(frame).command.throttle
    0.2

    Each frame is laid out on the floor, as the camera's geometry says. Of many lanes that differ in offset, heading and
    curvature it takes the one whose lines stand out most there, and steers for a point of its middle by pure pursuit
    (Coulter, CMU-RI-TR-92-01). Where nothing stands out it goes on as before. Raises ModelError for a camera that does
    not see the floor before the car.
    """

    name = "line-follower"

    def __init__(
        self,
        camera: CameraGeometry,
        lane_half_width_m: float = 0.4,
        throttle: float = 0.2,
        wheelbase_m: float = 0.17,
        max_steering_deg: float = 25.0,
    ) -> None:
        self._throttle, self._wheelbase_m = throttle, wheelbase_m
        self._max_steering_rad = math.radians(max_steering_deg)
        self._map = _floor_map(camera)
        self._columns = _lanes(lane_half_width_m)
        self._targets_m = _middles(np.array([LOOK_AHEAD_M]))[:, 0]
        self._target_m = 0.0

    def drive(self, frame: Frame) -> PilotAnswer:
        """Return the steering towards the middle of the lane that fits ``frame`` best."""
        self._look(frame)
        return PilotAnswer(Command(self._steering(), self._throttle))

    def picture(self, frame: Frame) -> Image:
        """Return ``frame`` with dots on what passes for a line, the lane that fits best, and what is steered for."""
        lines, lane = self._look(frame)
        rows = np.arange(lines.shape[0])
        row, column = (LOOK_AHEAD_M - NEAREST_M) / STEP_M, (self._target_m + SIDE_M) / STEP_M
        aim = self._map[round(row), min(max(0, round(column)), lines.shape[1] - 1)]
        return lane_picture(frame.image, self._map[lines >= PLAIN], self._map[rows, self._columns[lane]], aim)

    def reset(self) -> None:
        """Look for the lane ahead, wherever the last one was."""
        self._target_m = 0.0

    def close(self) -> None:
        """Have nothing to release."""

    def _look(self, frame: Frame) -> tuple[Grid, int]:
        """Aim for the middle of the lane; return how certainly each place is a line's, and which lane fits best."""
        # Beyond what the camera sees, its outermost pixels go on: any colour of ours would make a line there.
        floor = cv2.remap(  # type: ignore[call-overload]
            frame.image, self._map, None, cv2.INTER_LINEAR, borderMode=cv2.BORDER_REPLICATE
        )
        lines = _lines(floor)
        rows = np.arange(lines.shape[0])
        found = lines[rows, self._columns].mean(axis=2) @ (1.0, MIDDLE_WEIGHT, 1.0)
        found -= HABIT * np.abs(self._targets_m - self._target_m)
        weights = np.exp(CHOOSINESS * (found - found.max()))
        self._target_m = float(weights @ self._targets_m / weights.sum())
        return lines, int(found.argmax())

    def _steering(self) -> float:
        """Return the steering of the circle that is tangent to the car and meets the target, −1 … +1."""
        curvature_per_m = 2.0 * self._target_m / (LOOK_AHEAD_M**2 + self._target_m**2)
        angle_rad = math.atan(self._wheelbase_m * curvature_per_m)
        return min(1.0, max(-1.0, angle_rad / self._max_steering_rad))


def _floor_map(camera: CameraGeometry) -> Grid:
    """Return where in the image each place of the floor before the car is seen: rows ahead × columns to the right × 2.

    A pinhole camera that is not rolled; a lens that bends straight lines is a little off at the edges.
    """
    ahead_m, right_m = np.meshgrid(
        np.arange(NEAREST_M, FURTHEST_M, STEP_M), np.arange(-SIDE_M, SIDE_M + STEP_M, STEP_M), indexing="ij"
    )
    pitch_rad = math.radians(camera.pitch_deg)
    focal_px = 0.5 * camera.width / math.tan(math.radians(min(camera.fov_deg, 170.0)) / 2)
    depth_m = ahead_m * math.cos(pitch_rad) + camera.mount_height_m * math.sin(pitch_rad)
    below_m = camera.mount_height_m * math.cos(pitch_rad) - ahead_m * math.sin(pitch_rad)
    column = 0.5 * (camera.width - 1) + focal_px * right_m / depth_m
    row = 0.5 * (camera.height - 1) + focal_px * below_m / depth_m
    middle = row[:, row.shape[1] // 2]
    if not ((middle >= 0.0) & (middle < camera.height)).any():
        raise ModelError("The line follower does not see the floor with this camera. Check its pitch_deg in car.toml.")
    return np.stack([column, row], axis=2).astype(np.float32)


def _middles(ahead_m: NDArray[np.float64]) -> NDArray[np.float64]:
    """Return how far to the right the middle of each lane is at these distances: lanes × distances, in metres."""
    offset_m, heading_rad, curvature_per_m = (
        part.reshape(-1, 1) for part in np.meshgrid(_OFFSETS_M, _HEADINGS_RAD, _CURVATURES_PER_M)
    )
    return np.asarray(offset_m + heading_rad * ahead_m + 0.5 * curvature_per_m * ahead_m**2, np.float64)


def _lanes(half_width_m: float) -> NDArray[np.intp]:
    """Return in which column each lane's left, middle and right line is: lanes × 3 × rows."""
    middles_m = _middles(np.arange(NEAREST_M, FURTHEST_M, STEP_M))
    lines_m = np.stack([middles_m - half_width_m, middles_m, middles_m + half_width_m], axis=1)
    last = round(2 * SIDE_M / STEP_M)
    return np.clip(np.rint((lines_m + SIDE_M) / STEP_M), 0, last).astype(np.intp)


def _lines(floor: Image) -> Grid:
    """Return how certainly each place is one of a line, 0 … 1, from the colours of the floor: rows × columns.

    A line is brighter, or darker, than the floor on both of its sides; a wall or the edge of a carpet is not.
    """
    line, aside = round(LINE_M / STEP_M), round(ASIDE_M / STEP_M)
    here = cv2.blur(floor.astype(np.float32), (line, line))
    widened = np.pad(here, ((0, 0), (aside, aside), (0, 0)), mode="edge")
    left, right = here - widened[:, : -2 * aside], here - widened[:, 2 * aside :]
    stands_out = np.maximum(np.minimum(left, right), np.minimum(-left, -right)).clip(min=0.0).sum(axis=2)
    # What is faint at dusk is plain in daylight, so that a frame's own lines are the measure.
    strongest = np.quantile(stands_out, 1.0 - LINES_SHARE)
    # Squared, for the many weak streaks of a wooden floor are not to add up to a line.
    return np.asarray(np.minimum(stands_out / max(strongest, FAINTEST), 1.0) ** 2, np.float32)
