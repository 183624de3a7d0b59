"""Where a driver's own thread leaves its frames, and the camera's user finds the newest."""

from __future__ import annotations

from hardware.camera import Frame, Image, LatestFrame
from hardware.clock import NS_PER_MS, NS_PER_S, Clock
from hardware.errors import CameraError, CameraTimeout


class FrameInbox:
    """Numbers frames as they come, keeps the newest, and hands out none that is too old.

    >>> inbox = FrameInbox(rate_hz=20.0, clock=clock)
    >>> inbox.put(frame.image, captured_ns=clock.now_ns())                     # in the driver's thread
    >>> inbox.put(frame.image, captured_ns=clock.now_ns() + 100 * NS_PER_MS)   # one is missing in between
    >>> inbox.take(timeout_ms=1000, max_age_ms=150).number                     # in the camera's next_frame
    2

    The number of a frame follows from its time, so that there is a gap where the device has dropped one. ``put`` never
    waits, whatever the one who takes does.
    """

    def __init__(self, rate_hz: float, clock: Clock) -> None:
        self._rate_hz = rate_hz
        self._clock = clock
        self._latest = LatestFrame()
        self._number = -1
        self._captured_ns: int | None = None
        self._closed = False

    def put(self, image: Image, captured_ns: int) -> None:
        """Take a frame in; one that is no later than the last is not a new one, and left out."""
        periods = 1
        if self._captured_ns is not None:
            if captured_ns <= self._captured_ns:
                return
            periods = max(1, round((captured_ns - self._captured_ns) * self._rate_hz / NS_PER_S))
        self._number += periods
        self._captured_ns = captured_ns
        self._latest.put(Frame(image, captured_ns, self._number))

    def fail(self, error: CameraError) -> None:
        """Say that no more frames will come, and why."""
        self._latest.fail(error)

    def close(self) -> None:
        """Hand out no more frames; whoever waits for one is told."""
        self._closed = True
        self._latest.fail(_closed())

    def take(self, timeout_ms: float, max_age_ms: float) -> Frame:
        """Return the newest frame not yet taken, and captured at most ``max_age_ms`` before this call.

        Raises CameraTimeout when none comes in ``timeout_ms``, and the error given to ``fail``.
        """
        asked_ns = self._clock.now_ns()
        oldest_ns = asked_ns - max_age_ms * NS_PER_MS
        deadline_ns = asked_ns + timeout_ms * NS_PER_MS
        while True:
            if self._closed:
                raise _closed()
            left_ms = max(0.0, (deadline_ns - self._clock.now_ns()) / NS_PER_MS)
            frame = self._latest.take(left_ms)
            if frame is None:
                raise CameraTimeout(f"The camera gave no frame in {timeout_ms:g} ms. Check its cable.")
            if frame.captured_ns >= oldest_ns:
                return frame


def _closed() -> CameraError:
    return CameraError("The camera is closed. Open it again to go on.")
