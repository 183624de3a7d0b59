"""What a camera makes of the light: exposure, the lens's dark corners, blur, noise."""

from __future__ import annotations

import math

import cv2
import numpy as np

from hardware.camera import CameraGeometry, Image
from simulator.appearance import Appearance
from simulator.exposure import Exposure

_NOISE_SHIFTS = 32
_LEVELS_PER_SIGMA = 25.0


class Sensor:
    """Turns light into the picture of one camera."""

    def __init__(self, geometry: CameraGeometry, appearance: Appearance) -> None:
        self._vignette = _vignette(geometry, appearance.vignette)
        self._noise = _noise(geometry, appearance.seed)
        self._noise_levels = appearance.noise

    def develop(self, image: Image, number: int, exposure: Exposure) -> None:
        """Expose ``image`` as ``exposure`` says, and add the noise of frame ``number``, in place."""
        if not exposure.is_white:
            balance = np.diag([exposure.red, 1.0, exposure.blue])
            cv2.transform(image, balance, dst=image)
        cv2.multiply(image, self._vignette, dst=image, scale=exposure.gain / 255.0)
        if self._noise_levels > 0.0:
            self._add_noise(image, number, exposure.gain)

    def _add_noise(self, image: Image, number: int, gain: float) -> None:
        shift = number * 389 % _NOISE_SHIFTS**2  # a prime, so that all windows are used before one comes again
        rows = slice(shift // _NOISE_SHIFTS, shift // _NOISE_SHIFTS + image.shape[0])
        columns = slice(shift % _NOISE_SHIFTS, shift % _NOISE_SHIFTS + image.shape[1])
        strength = self._noise_levels * gain / _LEVELS_PER_SIGMA
        cv2.addWeighted(image, 1.0, self._noise[rows, columns], strength, -128.0 * strength, dst=image)


def smear(image: Image, pixels: float) -> None:
    """Smear ``image`` sideways over so many pixels, in place; up to one does nothing, for a pixel is that wide."""
    if pixels <= 1.0:
        return
    reach = math.ceil(0.5 * (pixels - 1.0))
    at = np.abs(np.arange(-reach, reach + 1))
    kernel = np.clip(0.5 * pixels - (at - 0.5), 0.0, 1.0)
    cv2.filter2D(image, -1, (kernel / kernel.sum())[None], dst=image, borderType=cv2.BORDER_REPLICATE)


def _vignette(geometry: CameraGeometry, loss: float) -> Image:
    y, x = np.mgrid[-1.0 : 1.0 : geometry.height * 1j, -1.0 : 1.0 : geometry.width * 1j]
    light = 255.0 * (1.0 - loss * 0.5 * (x**2 + y**2))
    return np.repeat(np.round(light).astype(np.uint8)[:, :, None], 3, axis=2)


def _noise(geometry: CameraGeometry, seed: int) -> Image:
    """Return noise around 128, larger than a frame to be shifted about."""
    rng = np.random.default_rng([seed, 4])
    shape = (geometry.height + _NOISE_SHIFTS, geometry.width + _NOISE_SHIFTS, 3)
    noise = rng.standard_normal(shape, np.float32)
    return cv2.convertScaleAbs(noise, alpha=_LEVELS_PER_SIGMA, beta=128.0).astype(np.uint8, copy=False)
