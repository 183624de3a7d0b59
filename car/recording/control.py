"""The switch of the recorder: on and off while driving, a new session each time."""

from __future__ import annotations

import threading
from collections import deque
from collections.abc import Callable
from functools import partial
from pathlib import Path

from car.config.sections import CarConfig
from car.link.ring import CycleRing, RingReader
from car.recording.recorder import Recorder, RecordingStatus, describe_session, new_session_path
from car.sessions.writer import SessionWriter
from hardware.clock import Clock

PERIOD_S = 0.02


class RecorderControl:
    """Records what the drive process publishes, for as long as it is switched on.

    What is asked of it returns at once, from any thread, and is done in the thread that runs it, in the order in which
    it was asked: a disk that stalls holds up nobody else::

        control = RecorderControl(ring, folder.sessions_dir, folder.config, pilot.name, clock)
        threading.Thread(target=control.run, args=(ended,)).start()
        control.switch_on()
        control.erase(seconds=5)
        print(control.status)

    ``first`` is the number of the ring's cycle with which the first session begins.
    """

    def __init__(
        self, ring: CycleRing, sessions_dir: Path, config: CarConfig, pilot: str, clock: Clock, *, first: int = 1
    ) -> None:
        self._ring = ring
        self._sessions_dir = sessions_dir
        self._config = config
        self._pilot = pilot
        self._clock = clock
        self._requests: deque[Callable[[], None]] = deque()
        self._recorder: Recorder | None = None
        self._is_at_start = True
        self._first = first
        self._status = RecordingStatus()

    @property
    def status(self) -> RecordingStatus:
        """How the recording stands; the latest one's end when it is switched off."""
        recorder = self._recorder
        return self._status if recorder is None else recorder.status

    @property
    def next_number(self) -> int:
        """The number of the ring's cycle that is to be recorded next."""
        recorder = self._recorder
        return self._first if recorder is None else recorder.next_number

    def switch_on(self) -> None:
        """Start a new session, unless one is being recorded."""
        self._requests.append(self._start)

    def switch_off(self) -> None:
        """Close the session."""
        self._requests.append(self._stop)

    def erase(self, seconds: float) -> None:
        """Leave the latest ``seconds`` out of the session that is being recorded; see ``Recorder.erase``."""
        self._requests.append(partial(self._erase, seconds))

    def use_pilot(self, name: str) -> None:
        """Say which pilot drives from now on; the session that is being recorded notes it too."""
        self._requests.append(partial(self._use_pilot, name))

    def run(self, ended: threading.Event) -> None:
        """Be the recorder until ``ended``, then close the session."""
        while not ended.wait(PERIOD_S):
            self.poll()
        self.close()

    def poll(self) -> None:
        """Do what was asked, and write whatever the drive loop has published."""
        while self._requests:
            self._requests.popleft()()
        if self._recorder is not None:
            self._recorder.poll()
        self._is_at_start = False

    def close(self) -> None:
        """Do what was asked, write what is left and close the session."""
        self.poll()
        self._stop()

    def _start(self) -> None:
        if self._recorder is not None and not self._recorder.failure:
            return
        self._stop()
        settings = self._config.recording
        reader = RingReader(self._ring, first=self._first)
        if not self._is_at_start:
            # What came until now is in the session before, or was not meant to be recorded.
            reader.skip()
        try:
            path = new_session_path(self._sessions_dir)
            info = describe_session(path.stem, self._config, "drive", {"pilot": self._pilot})
            writer = SessionWriter(path, info, self._clock, min_free_bytes=settings.min_free_mb * 1_000_000)
        except OSError as error:
            self._status = RecordingStatus(failure=str(error))
            return
        self._recorder = Recorder(reader, writer, settings.jpeg_quality)

    def _stop(self) -> None:
        if self._recorder is not None:
            self._recorder.close()
            self._status = self._recorder.status
            self._recorder = None

    def _erase(self, seconds: float) -> None:
        if self._recorder is not None:
            self._recorder.erase(seconds)

    def _use_pilot(self, name: str) -> None:
        self._pilot = name
        if self._recorder is not None:
            self._recorder.poll()
            self._recorder.note(self._clock.now_ns(), "pilot", f"{name} from here on")
