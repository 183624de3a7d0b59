"""Draws what the camera of a simulated car sees, at about a millisecond a frame.

A flat floor, the room around it, walls and obstacles that stand on the floor, and what the camera makes of it.
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from hardware.camera import CameraGeometry, Image
from hardware.drivetrain import Pose
from simulator import lens
from simulator.appearance import Appearance, varied
from simulator.body import STILL, Body
from simulator.exposure import STEADY, Exposure
from simulator.floor import Floor, draw_floor
from simulator.ground_view import GroundView
from simulator.lens import Sight
from simulator.markings import Mark
from simulator.obstacle_view import ObstacleView
from simulator.obstacles import Obstacle
from simulator.panels import draw_panels
from simulator.room_view import MOST_LEAN_RAD, RoomView
from simulator.sensor import Sensor, smear
from simulator.track import Track
from simulator.wall_view import WallView
from simulator.walls import Wall, walls_of

Scene = tuple[Floor, "Renderer"]
"""A floor, and what a camera sees there; any number of cars may share it."""


class Renderer:
    """Renders one camera in one room.

    >>> from simulator.appearance import nominal
    >>> from simulator.floor import draw_floor
    >>> from simulator.track import make_track
    >>> track = make_track("oval")
    >>> renderer = Renderer(CameraGeometry(), draw_floor(track), nominal(track.style))
    >>> renderer.render(track.pose_at(progress_m=0.0)).shape
    (120, 160, 3)

    ``obstacles`` and ``walls`` stand on the floor. Raises ValueError for a lens that is not known and a camera that
    sees no floor.
    """

    def __init__(
        self,
        geometry: CameraGeometry,
        floor: Floor,
        appearance: Appearance,
        obstacles: Sequence[Obstacle] = (),
        walls: Sequence[Wall] = (),
    ) -> None:
        self.geometry = geometry
        self.obstacles = tuple(obstacles)
        mount = lens.mounted(geometry, appearance)
        self._exposure_s = appearance.exposure_ms / 1000.0
        self._sight = Sight(mount)
        level = self._sight.on(STILL)
        self._room = RoomView(mount, level, appearance)
        if self._room.top > geometry.height - 2:
            raise ValueError(f"A camera pitched by {geometry.pitch_deg:g}° sees no floor. Tilt it further down.")
        self._ground = GroundView(mount, floor, self._room.top_leaning, self._room.top)
        self._walls = WallView(mount, level, walls, draw_panels(walls, appearance, floor)) if walls else None
        self._obstacles = ObstacleView(mount, level, obstacles, appearance, floor) if obstacles else None
        # What stands on the floor may be anywhere; without it, only the room needs directions.
        self._rows_seen = geometry.height if walls or obstacles else self._room.reach
        self._pixels_per_rad = 1.0 / float(np.abs(np.diff(level.azimuth_rad[self._room.top])).max())
        self._sensor = Sensor(geometry, appearance)

    def render(self, pose: Pose, number: int = 0, body: Body = STILL, exposure: Exposure = STEADY) -> Image:
        """Return what the camera sees from ``pose``: RGB uint8, height × width × 3, read-only.

        ``number`` picks the sensor's noise, ``body`` is how the car leans and moves, ``exposure`` what the camera
        multiplies the light by: the same four give the same picture.
        """
        body = _drawable(body)
        lean_rad = abs(body.pitch_rad) + abs(body.roll_rad)
        seen = self._sight.on(body, self._rows_seen)
        image = np.empty((self.geometry.height, self.geometry.width, 3), np.uint8)
        self._ground.draw(pose, body, self._exposure_s, self._room.rows(lean_rad)[0], image)
        self._room.draw(pose, seen, lean_rad, image)
        standing = self._walls.draw(pose, seen, lean_rad, image) if self._walls else None
        if self._obstacles:
            self._obstacles.draw(pose, seen, lean_rad, standing, image)
        smear(image, abs(body.yaw_rate_rad_s) * self._exposure_s * self._pixels_per_rad)
        self._sensor.develop(image, number, exposure)
        image.flags.writeable = False
        return image


def _drawable(body: Body) -> Body:
    """Return ``body`` within what is drawn; a body that hardly leans is level, which is drawn faster."""
    return Body(
        _drawable_lean(body.pitch_rad),
        _drawable_lean(body.roll_rad),
        body.forward_m_s,
        body.leftward_m_s,
        body.yaw_rate_rad_s,
    )


def _drawable_lean(lean_rad: float) -> float:
    return 0.0 if abs(lean_rad) < _LEAST_LEAN_RAD else min(max(lean_rad, -_HALF_LEAN_RAD), _HALF_LEAN_RAD)


_LEAST_LEAN_RAD = 2e-4
_HALF_LEAN_RAD = 0.5 * MOST_LEAN_RAD


def draw_scene(
    track: Track,
    geometry: CameraGeometry,
    seed: int = 0,
    appearance: Appearance | None = None,
    obstacles: Sequence[Obstacle] = (),
    marks: Sequence[Mark] = (),
) -> Scene:
    """Return the floor with ``track`` on it, and what a camera sees there, in the light and the colours of ``seed``.

    ``marks`` are painted over the lines. Where an ``appearance`` is given, that is used. Raises what Renderer raises.
    """
    appearance = appearance or varied(track.style, seed)
    floor = draw_floor(track, appearance, marks, obstacles)
    return floor, Renderer(geometry, floor, appearance, obstacles, walls_of(track))
