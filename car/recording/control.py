"""The switch of the recorder: while it is on, every drive becomes a session of its own."""

from __future__ import annotations

import threading
from collections import deque
from collections.abc import Callable
from dataclasses import replace
from functools import partial
from pathlib import Path

from car.config.sections import CarConfig
from car.drive_record import DriveRecord
from car.gate import GateState, Mode
from car.link.ring import CycleRing, RingReader
from car.recording.recorder import Recorder, RecordingStatus, describe_session, new_session_path
from car.sessions.writer import SessionWriter
from car.telemetry.telemetry import Telemetry
from hardware.clock import NS_PER_S, Clock

PERIOD_S = 0.02
AROUND_NS = NS_PER_S
"""How long before the arming a session begins, and how long after the end of a drive it ends."""


class DriveFollower:
    """Tells when a drive begins and ends: it is one from the arming until a second after the gate has let go.

    >>> drive = DriveFollower(ring, clock, first=1)
    >>> drive.is_driving()
    True

    Calibration is no drive. ``started_number`` is the number of the ring's cycle a second before the newest arming,
    ``armed_number`` that of the newest one in which the car was armed.
    """

    def __init__(self, ring: CycleRing, clock: Clock, first: int) -> None:
        self._reader = RingReader(ring, with_frames=False, first=first)
        self._clock = clock
        self._before: deque[tuple[int, int]] = deque()
        self._armed_ns: int | None = None
        self._is_armed = False
        self.started_number = first
        self.armed_number = 0

    @property
    def next_number(self) -> int:
        """The number of the ring's cycle that is to be looked at next."""
        return self._reader.next_number

    def is_driving(self) -> bool:
        """Take note of what was published since the last call, and tell whether the car is being driven."""
        armed_before = self.armed_number
        for cycle in self._reader.read():
            self._take(cycle.record, self._reader.next_number - 1)
        # A drive may have begun and ended since the last call.
        if self._is_armed or self.armed_number > armed_before:
            self._armed_ns = self._clock.now_ns()
        return self._armed_ns is not None and self._clock.now_ns() - self._armed_ns <= AROUND_NS

    def _take(self, record: DriveRecord, number: int) -> None:
        is_armed = record.gate_state is GateState.ARMED and record.mode is not Mode.CALIBRATION
        if is_armed and not self._is_armed:
            self.started_number = self._before[0][0] if self._before else number
        if is_armed:
            self.armed_number = number
        self._is_armed = is_armed
        self._before.append((number, record.captured_ns))
        while record.captured_ns - self._before[0][1] > AROUND_NS:
            self._before.popleft()


class RecorderControl:
    """Records what the drive process publishes while the car is driven, for as long as it is switched on.

    >>> control = RecorderControl(ring, folder / "sessions", CarConfig(), "straight", clock)
    >>> control.switch_on()
    >>> control.poll()          # ``run`` does it again and again, in a thread of its own
    >>> control.switch_off()
    >>> control.close()
    >>> control.status.frames
    60

    A car that stands with nobody at it fills no card. A drive that is over for a second is a session that is closed;
    the next arming begins another one.

    What is asked of it returns at once, from any thread, and is done in the thread that runs it, in the order in which
    it was asked: a disk that stalls holds up nobody else. ``first`` is the number of the ring's cycle before which
    nothing is recorded.
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
        self._drive = DriveFollower(ring, clock, first)
        self._is_on = False
        self._is_at_start = True
        self._first = first
        self._status = RecordingStatus()

    @property
    def status(self) -> RecordingStatus:
        """How the recording stands; the latest one's end while nothing is recorded."""
        recorder = self._recorder
        return replace(self._status, waits=self._is_on) if recorder is None else recorder.status

    @property
    def is_on(self) -> bool:
        """Whether drives are recorded."""
        return self._is_on

    @property
    def next_number(self) -> int:
        """The number of the ring's cycle that is to be recorded next."""
        recorder = self._recorder
        return self._first if recorder is None else recorder.next_number

    def switch_on(self) -> None:
        """Record this drive from now on, or the next one; one that is being recorded goes on."""
        self._requests.append(self._turn_on)

    def switch_off(self) -> None:
        """Close the session, and record no more."""
        self._requests.append(self._turn_off)

    def erase(self, seconds: float) -> None:
        """Leave the latest ``seconds`` out of the session that is being recorded; see ``Recorder.erase``."""
        self._requests.append(partial(self._erase, seconds))

    def note_pilot(self, name: str) -> None:
        """Say which pilot drives from now on; the session that is being recorded notes it too."""
        self._requests.append(partial(self._note_pilot, name))

    def add_telemetry(self, telemetry: Telemetry) -> None:
        """Write how the car is into the session that is being recorded, if one is."""
        self._requests.append(partial(self._add_telemetry, telemetry))

    def note(self, kind: str, text: str, time_ns: int | None = None) -> None:
        """Write an event, of now or of ``time_ns``, into the session that is being recorded, if one is."""
        self._requests.append(partial(self._note, self._clock.now_ns() if time_ns is None else time_ns, kind, text))

    def run(self, ended: threading.Event) -> None:
        """Be the recorder until ``ended``, then close the session."""
        while not ended.wait(PERIOD_S):
            self.poll()
        self.close()

    def poll(self) -> None:
        """Do what was asked, and write whatever the drive loop has published."""
        while self._requests:
            self._requests.popleft()()
        is_driving = self._drive.is_driving()
        if self._recorder is not None:
            self._recorder.poll()
            if not is_driving:
                self._stop()
        elif self._is_on and is_driving and not self._status.failure and self._drive.armed_number >= self._first:
            # A drive that was over before it was switched on has had its session, or was to have none.
            self._start()
        self._is_at_start = False

    def close(self) -> None:
        """Do what was asked, write what is left and close the session."""
        self.poll()
        self._stop()

    def _turn_on(self) -> None:
        if self._recorder is not None and self._recorder.failure:
            self._stop()
        if not self._is_on and not self._is_at_start:
            # What came until now is in the session before, or was not meant to be recorded.
            self._first = max(self._first, self._drive.next_number)
        self._is_on, self._status = True, replace(self._status, failure="")

    def _turn_off(self) -> None:
        self._stop()
        self._is_on = False

    def _start(self) -> None:
        settings = self._config.recording
        reader = RingReader(self._ring, first=max(self._first, self._drive.started_number))
        try:
            path = new_session_path(self._sessions_dir)
            info = describe_session(path.stem, self._config, "drive", {"pilot": self._pilot})
            writer = SessionWriter(path, info, self._clock, min_free_bytes=settings.min_free_mb * 1_000_000)
        except OSError as error:
            self._status = RecordingStatus(failure=str(error))
            return
        self._recorder = Recorder(reader, writer, settings.jpeg_quality)
        self._recorder.poll()

    def _stop(self) -> None:
        if self._recorder is not None:
            self._recorder.close()
            self._status = self._recorder.status
            self._first = self._recorder.next_number
            self._recorder = None

    def _erase(self, seconds: float) -> None:
        if self._recorder is not None:
            self._recorder.erase(seconds)

    def _add_telemetry(self, telemetry: Telemetry) -> None:
        if self._recorder is not None:
            self._recorder.add_telemetry(telemetry)

    def _note(self, time_ns: int, kind: str, text: str) -> None:
        if self._recorder is not None:
            self._recorder.note(time_ns, kind, text)

    def _note_pilot(self, name: str) -> None:
        self._pilot = name
        if self._recorder is not None:
            self._recorder.poll()
            self._recorder.note(self._clock.now_ns(), "pilot", f"{name} from here on")
