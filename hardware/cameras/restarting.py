"""A camera that is opened again when it stops: a loose plug must cost seconds, not the drive."""

from __future__ import annotations

import threading
from collections.abc import Callable

from hardware.camera import MAX_AGE_MS, Camera, Frame
from hardware.clock import NS_PER_MS, NS_PER_S, Clock
from hardware.errors import CameraError, CameraTimeout, EndOfFrames

STALL_MS = 140.0
"""So long without a frame and the camera is opened again; the gate trips at 150 ms, and nobody should wait longer."""
START_MS = 2000.0
"""How long a camera that has just been opened may take for its first frame."""
RETRY_MS = 500.0
"""How long to wait before trying again to open a camera that is not there."""


class RestartingCamera(Camera):
    """Passes on another camera's frames, and opens that camera again when it stalls or fails.

    >>> from hardware.cameras.recorded import RecordedCamera
    >>> with RestartingCamera(lambda: RecordedCamera(frames, geometry, clock), clock) as camera:
    ...     frame = camera.next_frame(timeout_ms=1000)
    >>> camera.restarts
    0

    The first opening raises whatever it raises: a camera that is not there at the start is somebody's mistake. After
    that ``next_frame`` only ever times out while the camera is away. Numbers and times go on increasing over a restart,
    with a gap for what was missed. One thread takes the frames; ``close`` may come from another.
    """

    def __init__(self, open_camera: Callable[[], Camera], clock: Clock) -> None:
        self._open_camera = open_camera
        self._clock = clock
        self._lock = threading.Lock()
        self._closed = False
        camera = open_camera()
        self._camera: Camera | None = camera
        self.geometry, self.rate_hz = camera.geometry, camera.rate_hz
        self._retry_ns = 0
        self._waited_ms = 0.0
        self._patience_ms = START_MS
        self._last: Frame | None = None
        self._first_number: int | None = 0  # None: to be found by the first frame after a restart

    def next_frame(self, timeout_ms: float, max_age_ms: float = MAX_AGE_MS) -> Frame:
        """Return the camera's next frame; raises CameraTimeout also while it is away.

        Raises CameraError when closed. Opening a camera again may take longer than ``timeout_ms``.
        """
        deadline_ns = self._clock.now_ns() + round(timeout_ms * NS_PER_MS)
        while True:
            camera = self._current_camera(deadline_ns)
            left_ms = max(0.0, (deadline_ns - self._clock.now_ns()) / NS_PER_MS)
            asked_ms = min(left_ms, self._patience_ms - self._waited_ms)
            try:
                frame = camera.next_frame(asked_ms, max_age_ms)
            except CameraTimeout:
                self._waited_ms += asked_ms
                if self._waited_ms >= self._patience_ms:
                    self._release()
            except EndOfFrames:
                raise
            except CameraError:
                self._release()
            else:
                self._waited_ms, self._patience_ms = 0.0, STALL_MS
                if self._last is None or frame.captured_ns > self._last.captured_ns:
                    return self._numbered(frame)
            if self._clock.now_ns() >= deadline_ns:
                raise CameraTimeout(f"The camera gave no frame in {timeout_ms:g} ms. Check its cable.")

    def close(self) -> None:
        """Close the camera, and open it no more."""
        with self._lock:
            self._closed = True
        self._release()

    def _release(self) -> None:
        with self._lock:
            camera, self._camera = self._camera, None
        if camera is not None:
            camera.close()

    def _current_camera(self, deadline_ns: int) -> Camera:
        """Return the open camera, opening it if need be and possible before ``deadline_ns``; CameraTimeout if not."""
        while True:
            with self._lock:
                if self._closed:
                    raise CameraError("The camera is closed. Open it again to go on.")
                if self._camera is not None:
                    return self._camera
            if self._clock.now_ns() >= self._retry_ns:
                self._try_to_open()
            elif self._clock.now_ns() < deadline_ns:
                self._clock.sleep_until_ns(min(deadline_ns, self._retry_ns))
            else:
                raise CameraTimeout("The camera is away. Plug it in again, and check its cable.")

    def _try_to_open(self) -> None:
        try:
            camera = self._open_camera()
        except CameraError:
            self._retry_ns = self._clock.now_ns() + round(RETRY_MS * NS_PER_MS)
            return
        with self._lock:
            unwanted = self._closed
            self._camera = None if unwanted else camera
        if unwanted:
            camera.close()
            return
        self.restarts += 1
        self._waited_ms, self._patience_ms, self._first_number = 0.0, START_MS, None

    def _numbered(self, frame: Frame) -> Frame:
        """Return ``frame`` with a number that follows those from before the restart."""
        if self._first_number is None:
            self._first_number = self._number_after_gap(frame) - frame.number
        self._last = Frame(frame.image, frame.captured_ns, frame.number + self._first_number)
        return self._last

    def _number_after_gap(self, frame: Frame) -> int:
        if self._last is None:
            return 0
        missed = round((frame.captured_ns - self._last.captured_ns) * self.rate_hz / NS_PER_S)
        return self._last.number + max(1, missed)
