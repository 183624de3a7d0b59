"""Recording a drive: each cycle of the loop, its frame as a JPEG, and what the gate did."""

from __future__ import annotations

from collections import deque
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from typing import Protocol

from car.config.sections import CarConfig
from car.drive_record import DriveRecord
from car.errors import RecordingError, SessionError
from car.gate import AWAITS_NEUTRAL, TripReason
from car.link.ring import RingReader
from car.sessions.edits import FrameRange, change_edits
from car.sessions.format import SUFFIX, EncodedFrame, SessionEvent, SessionInfo, encode
from car.sessions.writer import SessionWriter
from car.software import software_versions
from car.telemetry.telemetry import Telemetry
from hardware.camera import Frame
from hardware.clock import NS_PER_S

MAX_ERASED_S = 60.0
"""How far back a recording can be erased while it runs."""


@dataclass(frozen=True, slots=True)
class RecordingStatus:
    """How a recording stands.

    ``name`` is the session's, the latest one's when nothing is recorded, empty before the first. ``frames`` are on the
    disk, or soon; ``erased`` ones among them are left out by its edits; ``missed`` counts the cycles that came too
    late; ``failure`` is what last went wrong, in sentences; ``waits`` says that the next drive will be recorded.
    """

    on: bool = False
    name: str = ""
    frames: int = 0
    missed: int = 0
    erased: int = 0
    failure: str = ""
    waits: bool = False

    def __str__(self) -> str:
        if self.failure and not self.on:
            return f"stopped: {self.failure}"
        if self.waits:
            return "when the car is driven"
        if not self.name:
            return "off"
        counts = {"frames": self.frames, "missed": self.missed, "erased": self.erased}
        words = [f"{count} {what}" for what, count in counts.items() if count or what == "frames"]
        return " · ".join([self.name + SUFFIX, *words, *filter(None, [self.failure])])


def new_session_path(folder: Path) -> Path:
    """Return the path of a session that starts now, named for the wall time; makes the folder where there is none."""
    folder.mkdir(parents=True, exist_ok=True)
    stem = datetime.now().astimezone().strftime("%Y-%m-%d_%H-%M-%S")
    names = (f"{stem}{SUFFIX}", *(f"{stem}_{number}{SUFFIX}" for number in range(1, 1000)))
    return next(folder / name for name in names if not (folder / name).exists())


def describe_session(name: str, config: CarConfig, source: str, extra: Mapping[str, str] | None = None) -> SessionInfo:
    """Return the description of a session that a car like ``config`` starts to record now."""
    return SessionInfo(
        name=name,
        car=config.car.name,
        camera=config.camera.geometry,
        rate_hz=config.camera.rate_hz,
        started=datetime.now().astimezone().isoformat(timespec="seconds"),
        source=source,
        software=software_versions(),
        extra=extra or {},
    )


class CycleSink(Protocol):
    """Where the cycles of a drive go: a session, or a live stream that is made of the same messages."""

    def add_frame(self, frame: EncodedFrame) -> None:
        """Take a frame; raises RecordingError."""

    def add_record(self, record: DriveRecord) -> None:
        """Take one control cycle; raises RecordingError."""

    def add_event(self, event: SessionEvent) -> None:
        """Take an event; raises RecordingError."""


class CycleWriter:
    """Writes cycles of the drive loop to a session or a stream; an Observer of the loop where nothing has to be fast.

    >>> info = describe_session("drive", CarConfig(), source="simulator")
    >>> with SessionWriter(folder / "drive.mcap", info, clock) as writer:
    ...     observer = CycleWriter(writer, jpeg_quality=75)
    ...     observer(record, frame)
    """

    def __init__(self, writer: CycleSink, jpeg_quality: int) -> None:
        self._writer = writer
        self._jpeg_quality = jpeg_quality
        self._gate = ""
        self._sees_ahead = self._sees_motion = False
        self.frames = 0

    def __call__(self, record: DriveRecord, frame: Frame | None) -> None:
        """Write the frame and its record, and an event when the gate has changed or a sensor fell silent.

        Raises RecordingError.
        """
        gate = f"{record.gate_state.value}, {record.mode.value}" + (f": {record.trip}" if record.trip else "")
        gate += f": {AWAITS_NEUTRAL}" if record.awaits_neutral else ""
        if gate != self._gate:
            self._gate = gate
            self.note(record.captured_ns, "gate", gate)
        if self._sees_ahead and record.ahead is None:
            self.note(record.captured_ns, "range", TripReason.RANGE_LOST)
        if self._sees_motion and record.motion is None:
            self.note(record.captured_ns, "encoder", TripReason.ENCODER_LOST)
        self._sees_ahead, self._sees_motion = record.ahead is not None, record.motion is not None
        if frame is not None:
            self._writer.add_frame(encode(frame, self._jpeg_quality))
            self._writer.add_record(record)
            self.frames += 1

    def note(self, time_ns: int, kind: str, text: str) -> None:
        """Write an event; raises RecordingError."""
        self._writer.add_event(SessionEvent(time_ns, kind, text))


class Recorder:
    """Records what the drive process publishes, until it is closed or the disk refuses.

    >>> writer = SessionWriter(folder / "drive.mcap", describe_session("drive", CarConfig(), "drive"), clock)
    >>> recorder = Recorder(RingReader(ring), writer, jpeg_quality=75)
    >>> recorder.poll()   # again and again
    >>> recorder.close()
    >>> print(recorder.status)
    drive.mcap · 60 frames

    It runs in the desk process, so that neither a JPEG nor the disk ever costs the drive loop anything.
    """

    def __init__(self, reader: RingReader, writer: SessionWriter, jpeg_quality: int) -> None:
        self._reader = reader
        self._writer = writer
        self._cycles = CycleWriter(writer, jpeg_quality)
        self._missed = 0
        self._erased = 0
        self._closed = False
        self._erase_failure = ""
        # What could still be erased: number and capture time of the latest frames, the newest last.
        self._latest: deque[tuple[int, int]] = deque()
        self.failure = ""

    @property
    def status(self) -> RecordingStatus:
        """How the recording stands."""
        on = not (self._closed or self.failure)
        failure = self.failure or self._erase_failure
        name = self._writer.path.stem
        return RecordingStatus(on, name, self._cycles.frames, self._missed, self._erased, failure)

    @property
    def next_number(self) -> int:
        """The number of the ring's cycle that is to be recorded next."""
        return self._reader.next_number

    def poll(self) -> None:
        """Write whatever the drive loop has published; a disk that fails ends the recording, never the drive."""
        for cycle in self._reader.read():
            if self.failure:
                continue
            try:
                self._cycles(cycle.record, cycle.frame)
                self._remember(cycle.frame)
                self._note_missed(cycle.record.captured_ns)
            except (RecordingError, SessionError, ValueError) as error:
                self.failure = str(error)
        # What has waited long enough is put on the disk, though nothing new has come.
        self._write(self._writer.tick)

    def erase(self, seconds: float) -> None:
        """Leave out the latest ``seconds`` of what is recorded, and of what has not been erased before.

        The frames stay in the file; its list of edits names them. At most ``MAX_ERASED_S`` can be erased.
        """
        self.poll()
        newest_ns = self._latest[-1][1] if self._latest else 0
        erased = []
        while self._latest and newest_ns - self._latest[-1][1] < seconds * NS_PER_S:
            erased.append(self._latest.pop()[0])
        if not erased:
            return
        cut = FrameRange(min(erased), max(erased))
        try:
            change_edits(self._writer.path, lambda edits: edits.without(cut))
            self._cycles.note(newest_ns, "erased", f"frames {cut.first} to {cut.last}, by the driver")
        except (RecordingError, SessionError) as error:
            self._erase_failure = str(error)
        else:
            self._erased += len(erased)

    def note(self, time_ns: int, kind: str, text: str) -> None:
        """Write an event."""
        self._write(lambda: self._cycles.note(time_ns, kind, text))

    def add_telemetry(self, telemetry: Telemetry) -> None:
        """Write how the car is."""
        self._write(lambda: self._writer.add_telemetry(telemetry))

    def close(self) -> None:
        """Write what is left and close the session; may be called twice."""
        if self._closed:
            return
        self.poll()
        self._closed = True
        try:
            self._writer.close()
        except RecordingError as error:
            self.failure = self.failure or str(error)

    def _remember(self, frame: Frame | None) -> None:
        if frame is None:
            return
        self._latest.append((frame.number, frame.captured_ns))
        while frame.captured_ns - self._latest[0][1] > MAX_ERASED_S * NS_PER_S:
            self._latest.popleft()

    def _write(self, step: Callable[[], None]) -> None:
        if self.failure:
            return
        try:
            step()
        except RecordingError as error:
            self.failure = str(error)

    def _note_missed(self, time_ns: int) -> None:
        if self._reader.missed > self._missed:
            self._cycles.note(time_ns, "missed", f"{self._reader.missed - self._missed} cycles came too late to record")
            self._missed = self._reader.missed
