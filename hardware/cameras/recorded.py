"""A camera that plays frames recorded before, at the times they were captured."""

from __future__ import annotations

from collections.abc import Iterable

from hardware.camera import Camera, CameraGeometry, Frame
from hardware.clock import Clock
from hardware.errors import CameraError, EndOfFrames


class RecordedCamera(Camera):
    """Plays any iterable of frames, in step with the clock it is given.

    The first frame is due at once; the others follow it at the distance at which they were captured. On a
    VirtualClock that takes no time at all. The frames come out with ``captured_ns`` moved to the clock's time, so
    that they are as fresh as they were when they were recorded.
    """

    def __init__(self, frames: Iterable[Frame], geometry: CameraGeometry, clock: Clock, rate_hz: float = 20.0) -> None:
        self.geometry = geometry
        self.rate_hz = rate_hz
        self._frames = iter(frames)
        self._clock = clock
        self._offset_ns: int | None = None
        self._closed = False

    def next_frame(self, timeout_ms: float) -> Frame:
        """Wait until the next recorded frame is due and return it; ``timeout_ms`` is not needed, as frames never stall.

        Raises EndOfFrames after the last one.
        """
        if self._closed:
            raise CameraError("The recorded camera is closed. Open it again to play it again.")
        frame = next(self._frames, None)
        if frame is None:
            raise EndOfFrames("The recording has been played to its end.")
        if self._offset_ns is None:
            self._offset_ns = self._clock.now_ns() - frame.captured_ns
        due_ns = frame.captured_ns + self._offset_ns
        self._clock.sleep_until_ns(due_ns)
        return Frame(frame.image, due_ns, frame.number)

    def close(self) -> None:
        """Stop playing."""
        self._closed = True
