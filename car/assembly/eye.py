"""What a person sees of a drive: the camera's own picture, or the simulated one drawn larger from the same place."""

from __future__ import annotations

import math
import threading
from collections.abc import Callable
from dataclasses import replace

from car.config.sections import CarConfig
from car.drive_record import DriveRecord
from car.kinds.ours import CAMERAS, DRIVETRAINS
from hardware.camera import CameraGeometry, Frame, Image
from hardware.cameras.turned import turned_image
from hardware.drivetrain import Pose
from hardware.errors import HardwareError
from simulator.renderer import Renderer, draw_scene
from simulator.track import Track
from simulator.track_file import open_track

EYE_WIDTH, EYE_HEIGHT = 320, 240
"""What a simulated picture has at least for a person, whatever the pilot's has."""

MAX_PIXELS = 640 * 480
"""For very flat or tall pictures: they stay smaller than that rather than cost the controls their time."""

Eye = Callable[[DriveRecord, Frame], Image]


def open_eye(config: CarConfig, track: Callable[[], str], entered: Callable[[], int] = int) -> Eye:
    """Return what turns a cycle into the picture that a person is shown.

    ``track`` tells where the car is now, ``entered`` the number of times that it has been carried somewhere.
    """
    simulated = CAMERAS.find(config.camera.kind).is_simulated and DRIVETRAINS.find(config.drivetrain.kind).is_simulated
    if simulated and _factor(config.camera.geometry) > 1:
        return SimulatedEye(config, track, entered)
    return lambda _record, frame: frame.image


class SimulatedEye:
    """Draws what the simulated camera sees in a whole multiple of its size; from any thread.

    >>> eye = SimulatedEye(CarConfig(), lambda: "oval")
    >>> eye(replace(record, pose=open_track("oval").pose_at(0.0)), frame).shape
    (240, 320, 3)

    The picture is level and sharp, at an exposure that stays, whatever the pilot's camera makes of the light. A cycle
    that says no pose has its own frame shown. Each frame is drawn once, for all who look on.
    """

    def __init__(self, config: CarConfig, track: Callable[[], str], entered: Callable[[], int] = int) -> None:
        self._camera = config.camera
        self._seed = config.simulator.seed
        # Read now, as the drive process reads it: the file may be changed later.
        self._own = track_called(config.simulator.track)
        self._track = track
        self._drawing = threading.Lock()
        self._number_of_entries = entered
        # A file may have been changed between two times that the car is carried to it.
        self._entered = ("", 0)
        self._renderer: Renderer | None = None
        self._number = -1
        self._picture: Image | None = None

    def __call__(self, record: DriveRecord, frame: Frame) -> Image:
        """Return the picture of a cycle: RGB uint8, height × width × 3, read-only."""
        if record.pose is None:
            return frame.image
        with self._drawing:
            if self._picture is None or frame.number != self._number:
                self._number, self._picture = frame.number, self._drawn(record.pose, frame)
            return self._picture

    def _drawn(self, pose: Pose, frame: Frame) -> Image:
        renderer = self._renderer_of(self._track())
        if renderer is None:
            return frame.image
        return turned_image(renderer.render(pose, frame.number), self._camera.rotation, self._camera.flip)

    def _renderer_of(self, name: str) -> Renderer | None:
        entry = (name, self._number_of_entries())
        if entry != self._entered:
            self._entered, self._renderer = entry, None
            track = self._own if self._own is not None and name == self._own.name else track_called(name)
            if track is None:
                return None
            own = self._camera.unturned.geometry
            factor = _factor(self._camera.geometry)
            large = replace(own, width=own.width * factor, height=own.height * factor)
            _, self._renderer = draw_scene(track, large, self._seed)
        return self._renderer


def track_called(name: str) -> Track | None:
    """Return the track of that name or in that file, None where there is none that can be driven."""
    try:
        return open_track(name)
    except HardwareError:
        return None


def _factor(geometry: CameraGeometry) -> int:
    wanted = max(math.ceil(EYE_WIDTH / geometry.width), math.ceil(EYE_HEIGHT / geometry.height))
    return min(wanted, math.isqrt(MAX_PIXELS // (geometry.width * geometry.height)))
