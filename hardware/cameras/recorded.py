"""A camera that plays frames recorded before, at the times they were captured."""

from __future__ import annotations

from collections.abc import Iterable

from hardware.camera import MAX_AGE_MS, Camera, CameraGeometry, Frame
from hardware.clock import NS_PER_MS, NS_PER_S, Clock
from hardware.errors import CameraError, CameraTimeout, EndOfFrames

LONGEST_PAUSE_NS = 2 * NS_PER_S
"""A recording may have been interrupted for hours; playing it waits no longer than this."""


class RecordedCamera(Camera):
    """Plays any iterable of frames, in step with the clock it is given.

    >>> with RecordedCamera(frames, geometry, clock) as camera:
    ...     numbers = [camera.next_frame(timeout_ms=1000).number for _ in range(3)]
    >>> numbers
    [0, 1, 2]

    The first frame is due at once; the others follow it at the distance at which they were captured. On a
    VirtualClock that takes no time at all. The frames come out with ``captured_ns`` moved to the clock's time, so
    that they are as fresh as they were when they were recorded.
    """

    def __init__(self, frames: Iterable[Frame], geometry: CameraGeometry, clock: Clock, rate_hz: float = 20.0) -> None:
        self.geometry = geometry
        self.rate_hz = rate_hz
        self._frames = iter(frames)
        self._clock = clock
        self._pending: Frame | None = None
        self._recorded_ns: int | None = None
        self._due_ns = 0
        self._closed = False

    def next_frame(self, timeout_ms: float, max_age_ms: float = MAX_AGE_MS) -> Frame:
        """Wait until the next recorded frame is due and return it; those that are too old by then are left out.

        Raises CameraTimeout when it is due later than ``timeout_ms``, EndOfFrames after the last one, CameraError when
        the camera is closed.
        """
        if self._closed:
            raise CameraError("The recorded camera is closed. Open it again to play it again.")
        now_ns = self._clock.now_ns()
        frame, due_ns = self._first_since(now_ns - round(max_age_ms * NS_PER_MS))
        latest_ns = now_ns + round(timeout_ms * NS_PER_MS)
        self._clock.sleep_until_ns(min(due_ns, latest_ns))
        if due_ns > latest_ns:
            raise CameraTimeout(f"The recording has no frame for {timeout_ms:.0f} ms. Ask again to go on.")
        self._pending = None
        return Frame(frame.image, due_ns, frame.number)

    def close(self) -> None:
        """Stop playing."""
        self._closed = True

    def _first_since(self, oldest_ns: int) -> tuple[Frame, int]:
        """Return the first frame not yet played that is due no earlier than ``oldest_ns``, and when it is due."""
        while self._pending is None or self._due_ns < oldest_ns:
            self._pending = self._schedule_next()
        return self._pending, self._due_ns

    def _schedule_next(self) -> Frame:
        frame = next(self._frames, None)
        if frame is None:
            raise EndOfFrames("The recording has been played to its end.")
        if self._recorded_ns is None:
            self._due_ns = self._clock.now_ns()
        else:
            self._due_ns += min(max(0, frame.captured_ns - self._recorded_ns), LONGEST_PAUSE_NS)
        self._recorded_ns = frame.captured_ns
        return frame
