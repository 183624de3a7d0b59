"""From a device's buffer to an image: whatever order its colours come in, and however long its rows are."""

from __future__ import annotations

from dataclasses import dataclass

import cv2
import numpy as np
from numpy.typing import NDArray

from hardware.camera import Image
from hardware.errors import CameraError


@dataclass(frozen=True, slots=True)
class _Format:
    """How a pixel lies in memory: ``bytes_per_pixel`` is 0 for three planes, ``code`` OpenCV's conversion to RGB."""

    bytes_per_pixel: int
    code: int | None


# libcamera names a format by the bits of a little-endian word, so that the bytes come in the opposite order.
_FORMATS = {
    "BGR888": _Format(3, None),
    "RGB888": _Format(3, cv2.COLOR_BGR2RGB),
    "XBGR8888": _Format(4, cv2.COLOR_RGBA2RGB),
    "XRGB8888": _Format(4, cv2.COLOR_BGRA2RGB),
    "YUV420": _Format(0, cv2.COLOR_YUV2RGB_I420),
    "YVU420": _Format(0, cv2.COLOR_YUV2RGB_YV12),
}


class PixelReader:
    """Makes an image of each buffer: one new array per frame, read-only, RGB.

    >>> reader = PixelReader("RGB888", width=2, height=1, stride=8)
    >>> buffer = np.array([0, 0, 255, 255, 0, 0, 0, 0], np.uint8)   # blue comes first, and two bytes of padding last
    >>> reader.read(buffer).tolist()
    [[[255, 0, 0], [0, 0, 255]]]

    ``pixel_format`` is libcamera's name for it and ``stride`` the length of a row in bytes, which may exceed what its
    pixels need. Raises CameraError for a format it does not know.
    """

    def __init__(self, pixel_format: str, width: int, height: int, stride: int) -> None:
        if pixel_format not in _FORMATS:
            known = ", ".join(_FORMATS)
            raise CameraError(
                f"The camera gives pixels as {pixel_format}. Choose another one; these are read: {known}."
            )
        self._format = _FORMATS[pixel_format]
        self._width, self._height, self._stride = width, height, stride
        self._wide = np.empty((height, stride, 3), np.uint8) if self._is_planar and stride > width else None

    @property
    def _is_planar(self) -> bool:
        return self._format.bytes_per_pixel == 0

    def read(self, buffer: NDArray[np.uint8]) -> Image:
        """Return the image in ``buffer``, a flat array of bytes; the buffer may be used again at once."""
        image = self._from_planes(buffer) if self._is_planar else self._from_pixels(buffer)
        image.flags.writeable = False
        return image

    def _from_pixels(self, buffer: NDArray[np.uint8]) -> Image:
        height, width, size = self._height, self._width, self._format.bytes_per_pixel
        rows = buffer[: height * self._stride].reshape(height, self._stride)
        pixels = rows[:, : width * size].reshape(height, width, size)
        return pixels.copy() if self._format.code is None else to_rgb(pixels, self._format.code)

    def _from_planes(self, buffer: NDArray[np.uint8]) -> Image:
        rows = self._height * 3 // 2
        planes = buffer[: rows * self._stride].reshape(rows, self._stride)
        code = self._format.code or 0
        if self._wide is None:
            return to_rgb(planes, code)
        # The padding of the colour planes can only be cut off afterwards; that memory is the same for every frame.
        cv2.cvtColor(planes, code, dst=self._wide)
        return self._wide[:, : self._width].copy()


def to_rgb(pixels: NDArray[np.uint8], code: int) -> Image:
    """Return ``pixels`` converted by OpenCV's ``code`` in a new array."""
    return np.asarray(cv2.cvtColor(pixels, code), np.uint8)
