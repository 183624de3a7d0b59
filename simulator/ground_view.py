"""Draws the floor into a camera's picture.

Per lens, a table says where on the ground each pixel looks. Per frame, one affine transform turns it to where the car
is and ``cv2.remap`` takes the colours from the floor's picture. So that nothing shimmers, each band of rows reads the
picture at the mip level that fits the width of its pixels, and is sampled several times where pixels are longer than
wide. A car that leans sees by the rays themselves instead of the table, and one that moves is drawn from several places
of its way during the exposure, as many as the rows need.
"""

from __future__ import annotations

import math
from collections.abc import Iterator

import cv2
import numpy as np

from hardware.camera import Image
from hardware.drivetrain import Pose
from simulator.body import Body
from simulator.floor import Floor
from simulator.ground_plan import MIP_LEVELS, Plan, Run, bands
from simulator.lens import LENS_AHEAD_M, Doubles, Mount, Table
from simulator.sampling import look_up, mean_of


class GroundView:
    """The floor that one camera sees, in the image rows from ``top``; from ``level_top`` where the car is level."""

    def __init__(self, mount: Mount, floor: Floor, top: int, level_top: int) -> None:
        self._floor = floor
        # The outermost pixels are those of the plain floor.
        self._beyond = tuple(float(value) for value in floor.image[0].mean(axis=0))
        self._mips = _mips(floor.image)
        self._bands = bands(mount, top, level_top, floor.metres_per_pixel)
        self._plans: dict[tuple[int, ...], Plan] = {}
        height_m = mount.geometry.mount_height_m
        # Where on the ground a ray ends that goes down by 1: below the lens, and the lens's height to the side.
        self._ray_to_ground = np.array([[height_m, 0.0, LENS_AHEAD_M], [0.0, height_m, mount.left_m], [0.0, 0.0, 1.0]])

    def draw(self, pose: Pose, body: Body, exposure_s: float, top: int, image: Image) -> None:
        """Draw the rows of ``image`` from ``top`` down as seen from ``pose`` while the car leans and moves."""
        way_m = np.array([body.forward_m_s, body.leftward_m_s]) * exposure_s
        to_floor = self._ground_to_floor(pose)
        # The way in the floor picture's own pixels; it is the same for level and for leaning cars.
        way = to_floor[:2, :2] @ way_m
        is_level = body.pitch_rad == 0.0 and body.roll_rad == 0.0
        if not is_level:
            to_floor = to_floor @ self._ray_to_ground @ _lean(body.pitch_rad, body.roll_rad)
        plan = self._plan(top, math.hypot(*way_m))
        read = np.empty((plan.rows, image.shape[1], 3), np.uint8)
        for run, places in _places(plan, to_floor, is_level, way):
            look_up(self._mips[run.level], places, self._beyond, read[run.rows])
        for group in plan.groups:
            rows = image[group.rows]
            parts = read[group.read] if group.order is None else read.take(group.order, axis=0)
            mean_of(parts.reshape(group.parts, *rows.shape), rows)

    def _plan(self, top: int, moved_m: float) -> Plan:
        seen = [band for band in self._bands if band.bottom > top]
        places = tuple(band.places(moved_m) for band in seen)
        plan = self._plans.get(places)
        if plan is None:
            plan = self._plans[places] = Plan(seen, places)
        return plan

    def _ground_to_floor(self, pose: Pose) -> Doubles:
        """Return the 3 × 3 matrix from metres ahead and left of the car to pixels of the floor's picture."""
        scale = 1.0 / self._floor.metres_per_pixel
        cosine, sine = math.cos(pose.heading_rad) * scale, math.sin(pose.heading_rad) * scale
        column = (pose.x_m - self._floor.left_m) * scale - 0.5
        row = (self._floor.top_m - pose.y_m) * scale - 0.5
        return np.array([[cosine, -sine, column], [-sine, -cosine, row], [0.0, 0.0, 1.0]])


def _places(plan: Plan, to_floor: Doubles, is_level: bool, way: Doubles) -> Iterator[tuple[Run, Table]]:
    """Yield the plan's runs, each with the pixels of its mip level that it looks at."""
    matrices = np.zeros((len(plan.scales), 3, 4))
    moved = matrices[:, :, :3]
    np.matmul(plan.scales, to_floor, out=moved)
    moved[:, :2] += plan.shifts * way[:, None] * moved[:, 2:]
    each = iter(moved[:, :2] if is_level else matrices)
    for run in plan.runs:
        tables = [look.points_m if is_level else look.rays for look in run.looks]
        places = np.empty((run.rows.stop - run.rows.start, tables[0].shape[1], 2), np.float32)
        start = 0
        for table in tables:
            into = places[start : start + len(table)]
            if is_level:
                cv2.transform(table, next(each), dst=into)
            else:
                cv2.perspectiveTransform(table, next(each), dst=into)
            start += len(table)
        yield run, places


def _lean(pitch_rad: float, roll_rad: float) -> Doubles:
    """Return the matrix that does to a ray (forward, left, down) what Rays.leaning does."""
    pitch_cosine, pitch_sine = math.cos(pitch_rad), math.sin(pitch_rad)
    roll_cosine, roll_sine = math.cos(roll_rad), math.sin(roll_rad)
    return np.array(
        [
            [pitch_cosine, pitch_sine * roll_sine, -pitch_sine * roll_cosine],
            [0.0, roll_cosine, roll_sine],
            [pitch_sine, -pitch_cosine * roll_sine, pitch_cosine * roll_cosine],
        ]
    )


def _mips(image: Image) -> list[Image]:
    levels = [image]
    while len(levels) < MIP_LEVELS:
        height, width = levels[-1].shape[:2]
        half = cv2.resize(levels[-1], (width // 2, height // 2), interpolation=cv2.INTER_AREA)
        levels.append(np.asarray(half, dtype=np.uint8))
    return levels
