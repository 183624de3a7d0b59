"""How a camera that sets its own exposure and white balance follows the light: later, and not all the way."""

from __future__ import annotations

import math
from dataclasses import dataclass

import cv2

from hardware.camera import Image
from hardware.clock import NS_PER_S

_LAG_S = 0.35
_CONTENT_MEAN = (50.0, 135.0)
_GAINS = (0.45, 2.5)
_CONTENT_CAST = 0.25
_BALANCES = (0.8, 1.25)
_EVERY = 4  # Metering looks at every fourth pixel each way.


@dataclass(frozen=True, slots=True)
class Exposure:
    """What a camera multiplies the light by: ``gain`` all of it, ``red`` and ``blue`` these colours, against a cast.

    >>> Exposure(gain=1.4).is_white
    True
    """

    gain: float = 1.0
    red: float = 1.0
    blue: float = 1.0

    @property
    def is_white(self) -> bool:
        """Whether the colours are left alone."""
        return self.red == 1.0 and self.blue == 1.0


STEADY = Exposure()


class AutoExposure:
    """Follows the light of one camera's frames.

    >>> import numpy as np
    >>> auto = AutoExposure()
    >>> dark = np.full((120, 160, 3), 30, np.uint8)
    >>> auto.observe(dark, time_ns=0)
    >>> round(auto.exposure.gain, 1)
    1.7

    A picture whose mean grey level is between 50 and 135 is left alone, as is a colour cast below a quarter; beyond
    that the gain follows with a lag of 0.35 s, an estimate from films of Pi cameras that drive out of the dark. The
    first frame sets it at once: a camera has run for a while before a car drives.
    """

    def __init__(self) -> None:
        self.restart()

    def restart(self) -> None:
        """Forget the light seen so far."""
        self.exposure = STEADY
        self._observed_ns: int | None = None

    @property
    def has_settled(self) -> bool:
        """Whether a frame has been seen since the start."""
        return self._observed_ns is not None

    def observe(self, image: Image, time_ns: int) -> None:
        """Take in a frame (RGB uint8) that was exposed as ``exposure`` says, at ``time_ns``."""
        share = 1.0
        # Looked at once: another thread may carry the car away, and so restart this, at any moment.
        observed_ns = self._observed_ns
        if observed_ns is not None:
            share = -math.expm1(-max(time_ns - observed_ns, 0) / (_LAG_S * NS_PER_S))
        self._observed_ns = time_ns
        wanted = _wanted(image, self.exposure)
        before = self.exposure
        self.exposure = Exposure(
            _between(before.gain, wanted.gain, share),
            _between(before.red, wanted.red, share),
            _between(before.blue, wanted.blue, share),
        )


def _wanted(image: Image, exposure: Exposure) -> Exposure:
    metered = image[::_EVERY, ::_EVERY]
    # Five times as fast as NumPy's mean, and exact as well.
    sums = cv2.sumElems(metered)
    red, green, blue = (max(level / (metered.shape[0] * metered.shape[1]), 1.0) for level in sums[:3])
    mean = (red / exposure.red + green + blue / exposure.blue) / 3.0 / exposure.gain
    gain = min(max(1.0, _CONTENT_MEAN[0] / mean), _CONTENT_MEAN[1] / mean)
    return Exposure(
        min(max(gain, _GAINS[0]), _GAINS[1]),
        _balance(green / red * exposure.red),
        _balance(green / blue * exposure.blue),
    )


def _balance(ratio: float) -> float:
    cast = math.log(ratio)
    beyond = math.copysign(max(abs(cast) - _CONTENT_CAST, 0.0), cast)
    return min(max(math.exp(0.5 * beyond), _BALANCES[0]), _BALANCES[1])


def _between(before: float, wanted: float, share: float) -> float:
    return before + (wanted - before) * share
