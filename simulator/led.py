"""An LED before a simulated camera: lit in the frames that were exposed while it was on."""

from __future__ import annotations

import cv2

from hardware.camera import MAX_AGE_MS, Camera, Frame
from hardware.clock import Clock
from hardware.led import Led

_ACROSS, _DOWN = 0.7, 0.4
_RADIUS = 0.03
_WHITE = (255, 255, 255)


class SimulatedLed(Led):
    """Remembers when it was switched.

    >>> led = SimulatedLed(clock)
    >>> led.switch(on=True)
    >>> led.was_on(clock.now_ns())
    True
    """

    def __init__(self, clock: Clock) -> None:
        self._clock = clock
        self._switched: list[tuple[int, bool]] = []

    def switch(self, *, on: bool) -> None:
        """Light it, or put it out, now."""
        self._switched.append((self._clock.now_ns(), on))

    def was_on(self, time_ns: int) -> bool:
        """Tell whether it was on at ``time_ns``."""
        return next((on for at_ns, on in reversed(self._switched) if at_ns <= time_ns), False)

    def close(self) -> None:
        """Put it out."""
        self.switch(on=False)


class CameraWithLed(Camera):
    """``camera`` with ``led`` before it, in the upper right of its picture.

    >>> with CameraWithLed(camera, SimulatedLed(clock)) as seeing:
    ...     seeing.next_frame(timeout_ms=1000).image.shape
    (120, 160, 3)
    """

    def __init__(self, camera: Camera, led: SimulatedLed) -> None:
        self._camera = camera
        self._led = led
        self.geometry, self.rate_hz = camera.geometry, camera.rate_hz

    def next_frame(self, timeout_ms: float, max_age_ms: float = MAX_AGE_MS) -> Frame:
        """Return the camera's next frame, with the LED as it was at the exposure."""
        frame = self._camera.next_frame(timeout_ms, max_age_ms)
        if not self._led.was_on(frame.captured_ns):
            return frame
        image = frame.image.copy()
        height, width = image.shape[:2]
        place = round(_ACROSS * width), round(_DOWN * height)
        cv2.circle(image, place, max(2, round(_RADIUS * height)), _WHITE, cv2.FILLED)
        image.flags.writeable = False
        return Frame(image, frame.captured_ns, frame.number)

    def close(self) -> None:
        """Close the camera."""
        self._camera.close()
