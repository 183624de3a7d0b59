"""One client's car in a world of its own, in the Donkey simulator's words and units.

Unity's frame is left-handed, x right, y up, z forward, yaw clockwise, and its world is eight times as large as ours;
positions, velocities and accelerations are divided by that again before they are sent, the cross-track error is not.
"""

from __future__ import annotations

import base64
import math
from collections.abc import Callable, Mapping
from dataclasses import replace
from typing import Any

import cv2
import numpy as np

from hardware.camera import CameraGeometry, Image
from hardware.clock import NS_PER_S, VirtualClock
from hardware.drivetrain import NEUTRAL, Command, Pose
from simulator.donkey.messages import clipped, number
from simulator.renderer import Renderer, Scene, draw_scene
from simulator.track import Track
from simulator.vehicle import VehicleState
from simulator.world import World

RATE_HZ = 20.0
"""How often Donkey's simulator tells how its car is, at most."""
UNITY_SCALE = 8.0
NODE_M = 0.25
TICK_NS = NS_PER_S // round(RATE_HZ)
START_LINE_M = 0.05
FAR = 1000.0
"""No place that a client carries its car to is further away than so many of Unity's units."""
JPEG_QUALITY = 75
MIN_PIXELS, MAX_PIXELS = 16, 640
MIN_FOV_DEG, MAX_FOV_DEG = 20.0, 150.0
MAX_MOUNT_HEIGHT_M = 1.0
ENCODINGS = {"JPG": ".jpg", "JPEG": ".jpg", "PNG": ".png"}


Draw = Callable[[Track, CameraGeometry], Scene]
"""Draws a track for a camera; many cars may share what it returns."""


class DonkeyCar:
    """A car on ``track``, at rest at its start; time moves on by ``tick`` alone.

    >>> from simulator.track import make_track
    >>> car = DonkeyCar(make_track("oval"), CameraGeometry())
    >>> car.control({"steering": "0.0", "throttle": "0.3", "brake": "0.0"})
    >>> for _ in range(20):
    ...     telemetry = car.tick()[-1]
    >>> telemetry["msg_type"], telemetry["time"], telemetry["speed"] > 0.3
    ('telemetry', 1.0, True)
    """

    def __init__(self, track: Track, camera: CameraGeometry, draw: Draw = draw_scene) -> None:
        self._camera = camera
        self._draw = draw
        self._encoding, self._is_grey = ".jpg", False
        self._second: Renderer | None = None
        self._has_lidar = False
        self._command = NEUTRAL
        self._ticks = 0
        self._laps = -1
        self._before, self._collisions_before = VehicleState(), 0
        self._enter(track, camera)

    @property
    def track(self) -> Track:
        """The track that the car is on."""
        return self._world.track

    def control(self, message: Mapping[str, Any]) -> None:
        """Drive by a ``control`` message from here on; the brake takes the throttle away."""
        throttle = 0.0 if number(message, "brake") > 0.0 else number(message, "throttle")
        self._command = Command(clipped(number(message, "steering"), -1.0, 1.0), clipped(throttle, -1.0, 1.0))

    def tick(self) -> list[dict[str, Any]]:
        """Let the car drive for a twentieth of a second; return what is to be told of it, the telemetry last."""
        self._before, self._collisions_before = self._world.state, self._world.collisions
        self._world.command(self._command)
        self._clock.advance_ns(TICK_NS)
        self._world.advance(self._clock.now_ns())
        self._ticks += 1
        told = []
        count = self._world.lap_count()
        # A client that has reset its car counts from when it drives off.
        if count.laps > self._laps and (count.laps > 0 or count.progress_m > START_LINE_M):
            self._laps = count.laps
            told.append(
                {"msg_type": "collision_with_starting_line", "starting_line_index": 0, "timeStamp": self.time_s}
            )
        return [*told, self.telemetry()]

    @property
    def time_s(self) -> float:
        """How long the car has been there, in s; never 0, which a client would take for no time."""
        return round(max(self._ticks, 1) / RATE_HZ, 3)

    @property
    def _hit(self) -> str:
        """What the car has run into since the last telemetry, by a name such as Unity's objects have."""
        return "barrier" if self._world.collisions > self._collisions_before else "none"

    def reset(self) -> None:
        """Carry the car to the start, at rest."""
        self._world.restart()
        self._command, self._before = NEUTRAL, self._world.state
        self._laps = -1

    def load(self, track: Track) -> None:
        """Carry the car to the start of another track."""
        self._second = None
        self._enter(track, self._camera)
        self.reset()

    def look_by(self, message: Mapping[str, Any]) -> None:
        """Look as a ``cam_config`` says; raises ValueError for a camera that sees no floor."""
        pose = self._world.pose
        self._enter(self.track, _camera_of(message, self._camera))
        self._place(pose)
        # In its new world the car has driven no lap, and is under way all the same.
        self._laps = min(self._laps, 0)
        self._encoding = ENCODINGS.get(str(message.get("img_enc", "")).upper(), self._encoding)
        self._is_grey = number(message, "img_d", 3.0) == 1.0

    def look_by_second(self, message: Mapping[str, Any]) -> None:
        """Have a second camera, as a ``cam_config_b`` says; raises ValueError for one that sees no floor."""
        _, self._second = self._draw(self.track, _camera_of(message, self._camera))

    def have_lidar(self) -> None:
        """Tell of a lidar from here on, which sees nothing: walls and obstacles are for the camera alone."""
        self._has_lidar = True

    def place(self, message: Mapping[str, Any]) -> None:
        """Carry the car to a ``set_position``, which is in Unity's units and need not have a rotation."""
        ahead, right = (clipped(number(message, key), -FAR, FAR) for key in ("pos_z", "pos_x"))
        x_m, y_m = ahead / UNITY_SCALE, -right / UNITY_SCALE
        heading_rad = self._world.pose.heading_rad
        if "Qy" in message or "Qw" in message:
            heading_rad = -2.0 * math.atan2(number(message, "Qy"), number(message, "Qw", 1.0))
        self._place(Pose(x_m, y_m, heading_rad))

    def node(self, message: Mapping[str, Any]) -> dict[str, Any]:
        """Return where a node of the track is."""
        index = int(clipped(number(message, "index"), 0, self._nodes - 1))
        pose = self.track.pose_at(index * self.track.length_m / self._nodes)
        half_yaw_rad = -0.5 * pose.heading_rad
        rotation = {"Qx": 0.0, "Qy": math.sin(half_yaw_rad), "Qz": 0.0, "Qw": math.cos(half_yaw_rad)}
        return {"msg_type": "node_position", "index": index, **_in_unity("pos", pose.x_m, pose.y_m), **rotation}

    @property
    def _nodes(self) -> int:
        return max(1, round(self.track.length_m / NODE_M))

    def _enter(self, track: Track, camera: CameraGeometry) -> None:
        scene = self._draw(track, camera)
        self._clock = VirtualClock()
        self._world = World(track, self._clock, camera, RATE_HZ, scene=scene)
        self._camera, self._renderer = camera, scene[1]

    def _place(self, pose: Pose) -> None:
        seen = self.track.project(pose)
        self._world.place(seen.progress_m, seen.lateral_m, seen.heading_error_rad)
        self._before = self._world.state

    def telemetry(self) -> dict[str, Any]:
        """Return how the car is, and what it sees."""
        now, laps = self._world.state, self._world.lap_count()
        seen = self.track.project(now.pose)
        velocity, before = _velocity(now), _velocity(self._before)
        acceleration = (velocity - before) * RATE_HZ
        turned_rad = math.remainder(now.heading_rad - self._before.heading_rad, math.tau)
        telemetry: dict[str, Any] = {
            "msg_type": "telemetry",
            "steering_angle": self._command.steering,
            "throttle": self._command.throttle,
            "image": self._encoded(self._renderer.render(now.pose, self._ticks)),
            "hit": self._hit,
            "time": self.time_s,
            "speed": math.hypot(now.speed_m_s, now.leftward_m_s),
            **_in_unity("accel", *acceleration.tolist()),
            "gyro_x": 0.0,
            "gyro_y": -turned_rad * RATE_HZ,
            "gyro_z": 0.0,
            "pitch": 0.0,
            "yaw": -math.degrees(now.heading_rad),
            "roll": 0.0,
            "cte": laps.lateral_m * UNITY_SCALE,
            "activeNode": int(seen.progress_m / self.track.length_m * self._nodes) % self._nodes,
            "totalNodes": self._nodes,
            **_in_unity("pos", now.x_m, now.y_m),
            **_in_unity("vel", *velocity.tolist()),
        }
        if self._second is not None:
            # Simulator and client call it by different names.
            picture = self._encoded(self._second.render(now.pose, self._ticks))
            telemetry |= {"imageb": picture, "image_b": picture}
        return telemetry | ({"lidar": []} if self._has_lidar else {})

    def _encoded(self, image: Image) -> str:
        picture = cv2.cvtColor(image, cv2.COLOR_RGB2BGR)
        if self._is_grey:
            picture = cv2.cvtColor(cv2.cvtColor(picture, cv2.COLOR_BGR2GRAY), cv2.COLOR_GRAY2BGR)
        options = [cv2.IMWRITE_JPEG_QUALITY, JPEG_QUALITY] if self._encoding == ".jpg" else []
        return base64.b64encode(cv2.imencode(self._encoding, picture, options)[1].tobytes()).decode("ascii")


def _camera_of(message: Mapping[str, Any], camera: CameraGeometry) -> CameraGeometry:
    """Return the camera that a message describes; what is 0 or not there stays as it is. Unity's angle is vertical."""
    width = int(clipped(number(message, "img_w") or camera.width, MIN_PIXELS, MAX_PIXELS))
    height = int(clipped(number(message, "img_h") or camera.height, MIN_PIXELS, MAX_PIXELS))
    changes: dict[str, Any] = {"width": width, "height": height}
    if vertical_deg := number(message, "fov"):
        half_rad = math.radians(0.5 * clipped(vertical_deg, MIN_FOV_DEG, MAX_FOV_DEG))
        changes["fov_deg"] = math.degrees(2.0 * math.atan(math.tan(half_rad) * width / height))
    if height_units := number(message, "offset_y"):
        changes["mount_height_m"] = clipped(height_units / UNITY_SCALE, 0.02, MAX_MOUNT_HEIGHT_M)
    if pitch_deg := number(message, "rot_x"):
        changes["pitch_deg"] = clipped(pitch_deg, -30.0, 89.0)
    return replace(camera, **changes)


def _velocity(state: VehicleState) -> np.ndarray[Any, np.dtype[np.float64]]:
    cosine, sine = math.cos(state.heading_rad), math.sin(state.heading_rad)
    ahead_m_s, left_m_s = state.speed_m_s, state.leftward_m_s
    return np.array([ahead_m_s * cosine - left_m_s * sine, ahead_m_s * sine + left_m_s * cosine])


def _in_unity(name: str, x: float, y: float) -> dict[str, float]:
    return {f"{name}_x": -y, f"{name}_y": 0.0, f"{name}_z": x}
