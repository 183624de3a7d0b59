"""What a person sees of a drive: the camera's own picture, or the simulated one drawn larger from the same place."""

from __future__ import annotations

import math
import threading
from collections.abc import Callable
from dataclasses import replace

from car.assembly.entered_track import EnteredTrack
from car.config.sections import CarConfig
from car.drive_record import DriveRecord
from car.kinds.ours import CAMERAS, DRIVETRAINS
from hardware.camera import CameraGeometry, Frame, Image
from hardware.cameras.turned import turned_image
from hardware.drivetrain import Pose
from simulator.renderer import Renderer, draw_scene

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

    >>> from simulator.track_file import open_track
    >>> eye = SimulatedEye(CarConfig(), lambda: "oval")
    >>> eye(replace(record, pose=open_track("oval").pose_at(0.0)), frame).shape
    (240, 320, 3)

    The picture is level and sharp, at an exposure that stays, whatever the pilot's camera makes of the light. A cycle
    that says no pose has its own frame shown. Each frame is drawn once, for all who look on.
    """

    def __init__(self, config: CarConfig, track: Callable[[], str], entered: Callable[[], int] = int) -> None:
        self._camera = config.camera
        self._seed = config.simulator.seed
        self._entered = EnteredTrack(config, track, entered)
        self._drawing = threading.Lock()
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
        renderer = self._current_renderer()
        if renderer is None:
            return frame.image
        return turned_image(renderer.render(pose, frame.number), self._camera.rotation, self._camera.flip)

    def _current_renderer(self) -> Renderer | None:
        if self._entered.has_changed():
            self._renderer = None
            if self._entered.track is None:
                return None
            own = self._camera.unturned.geometry
            factor = _factor(self._camera.geometry)
            large = replace(own, width=own.width * factor, height=own.height * factor)
            _, self._renderer = draw_scene(self._entered.track, large, self._seed)
        return self._renderer


def _factor(geometry: CameraGeometry) -> int:
    wanted = max(math.ceil(EYE_WIDTH / geometry.width), math.ceil(EYE_HEIGHT / geometry.height))
    return min(wanted, math.isqrt(MAX_PIXELS // (geometry.width * geometry.height)))
