"""The capture thread: frames from the camera into a mailbox, of which the drive loop takes the newest."""

from __future__ import annotations

import contextlib
import threading
from collections.abc import Iterator

from hardware.camera import Camera, LatestFrame
from hardware.errors import CameraError, CameraTimeout

CAPTURE_TIMEOUT_MS = 1000.0


class CaptureThread(threading.Thread):
    """Takes frames from the camera as they come and puts them into the mailbox."""

    def __init__(self, camera: Camera, latest: LatestFrame) -> None:
        super().__init__(name="capture", daemon=True)
        self._camera = camera
        self._latest = latest
        self._ended = threading.Event()

    def run(self) -> None:
        """Capture until ended; a camera that fails passes its error on to whoever waits for a frame."""
        while not self._ended.is_set():
            try:
                self._latest.put(self._camera.next_frame(CAPTURE_TIMEOUT_MS))
            except CameraTimeout:
                continue
            except CameraError as error:
                self._latest.fail(error)
                return
            except Exception as error:  # noqa: BLE001 - whatever a driver raises must reach the loop, not end unheard
                self._latest.fail(CameraError(f"The camera's driver failed ({error!r}). Start the car again."))
                return

    def end(self) -> None:
        """End after the frame in flight."""
        self._ended.set()
        self.join(CAPTURE_TIMEOUT_MS / 1000)


@contextlib.contextmanager
def capturing(camera: Camera) -> Iterator[LatestFrame]:
    """Fill a mailbox with the camera's frames until the ``with`` block ends."""
    latest = LatestFrame()
    thread = CaptureThread(camera, latest)
    thread.start()
    try:
        yield latest
    finally:
        thread.end()
