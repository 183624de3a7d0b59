"""A camera that is mounted upside down or on its side, and gives upright pictures all the same."""

from __future__ import annotations

import dataclasses

import cv2
import numpy as np

from hardware.camera import MAX_AGE_MS, Camera, Frame, Image
from hardware.cameras.orientation import Flip, Rotation, turned_geometry

_ROTATIONS = {90: cv2.ROTATE_90_CLOCKWISE, 180: cv2.ROTATE_180, 270: cv2.ROTATE_90_COUNTERCLOCKWISE}
_FLIPS = {"horizontal": 1, "vertical": 0}


class TurnedCamera(Camera):
    """Passes on another camera's frames, turned and then mirrored.

    >>> with TurnedCamera(camera, rotation=90) as turned_camera:
    ...     frame = turned_camera.next_frame(timeout_ms=1000)
    >>> frame.image.shape
    (160, 120, 3)

    Its geometry is that of the turned picture: a quarter turn makes 160x120 into 120x160, and what was seen from top to
    bottom is now seen from left to right.
    """

    def __init__(self, camera: Camera, rotation: Rotation = 0, flip: Flip = "none") -> None:
        self.geometry = turned_geometry(camera.geometry, rotation)
        self.rate_hz = camera.rate_hz
        self._camera = camera
        self._rotation = rotation
        self._flip = flip

    def next_frame(self, timeout_ms: float, max_age_ms: float = MAX_AGE_MS) -> Frame:
        """Return the camera's next frame, turned; raises what the camera raises."""
        try:
            frame = self._camera.next_frame(timeout_ms, max_age_ms)
        finally:
            self.restarts = self._camera.restarts
        return dataclasses.replace(frame, image=turned_image(frame.image, self._rotation, self._flip))

    def close(self) -> None:
        """Close the camera."""
        self._camera.close()


def turned(camera: Camera, rotation: Rotation, flip: Flip) -> Camera:
    """Return ``camera`` itself where there is nothing to turn, and else one that gives its frames turned."""
    return TurnedCamera(camera, rotation, flip) if rotation or flip != "none" else camera


def turned_image(image: Image, rotation: Rotation, flip: Flip) -> Image:
    """Return a turned and mirrored copy of an image, read-only like every frame's."""
    result = image
    if rotation:
        result = np.asarray(cv2.rotate(result, _ROTATIONS[rotation]), np.uint8)
    if flip != "none":
        result = np.asarray(cv2.flip(result, _FLIPS[flip]), np.uint8)
    result.flags.writeable = False
    return result
