"""Recording a drive: each cycle of the loop, its frame as a JPEG, and what the gate did."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime
from pathlib import Path

from car.config import CarConfig
from car.drive_record import DriveRecord
from car.errors import RecordingError, SessionError
from car.processes.shared import RingReader
from car.sessions.format import SUFFIX, SessionEvent, SessionInfo, encode
from car.sessions.writer import SessionWriter
from car.software import software_versions
from hardware.camera import Frame


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


class CycleWriter:
    """Writes cycles of the drive loop to a session; an Observer of the loop where nothing has to be fast."""

    def __init__(self, writer: SessionWriter, jpeg_quality: int) -> None:
        self._writer = writer
        self._jpeg_quality = jpeg_quality
        self._gate = ""
        self.frames = 0

    def __call__(self, record: DriveRecord, frame: Frame | None) -> None:
        """Write the frame and its record, and an event when the gate has changed; raises RecordingError."""
        gate = f"{record.gate_state.value}, {record.mode.value}" + (f": {record.trip}" if record.trip else "")
        if gate != self._gate:
            self._gate = gate
            self.note(record.captured_ns, "gate", gate)
        if frame is not None:
            self._writer.add_frame(encode(frame, self._jpeg_quality))
            self._writer.add_record(record)
            self.frames += 1

    def note(self, time_ns: int, kind: str, text: str) -> None:
        """Write an event; raises RecordingError."""
        self._writer.add_event(SessionEvent(time_ns, kind, text))


class Recorder:
    """Records what the drive process publishes, until it is closed or the disk refuses.

    It runs in the desk process, so that neither a JPEG nor the disk ever costs the drive loop anything::

        recorder = Recorder(RingReader(ring), writer, jpeg_quality=75)
        while driving:
            recorder.poll()
        recorder.close()
    """

    def __init__(self, reader: RingReader, writer: SessionWriter, jpeg_quality: int) -> None:
        self._reader = reader
        self._writer = writer
        self._cycles = CycleWriter(writer, jpeg_quality)
        self._missed = 0
        self.failure = ""

    @property
    def status(self) -> str:
        """How the recording stands, in a few words for the driver."""
        if self.failure:
            return f"stopped: {self.failure}"
        missed = f" · {self._missed} missed" if self._missed else ""
        return f"{self._writer.path.name} · {self._cycles.frames} frames{missed}"

    def poll(self) -> None:
        """Write whatever the drive loop has published; a disk that fails ends the recording, never the drive."""
        for cycle in self._reader.read():
            if self.failure:
                continue
            try:
                self._cycles(cycle.record, cycle.frame)
                self._note_missed(cycle.record.captured_ns)
            except (RecordingError, SessionError, ValueError) as error:
                self.failure = str(error)
        if not self.failure:
            self._keep_safe()

    def close(self) -> None:
        """Write what is left and close the session."""
        self.poll()
        try:
            self._writer.close()
        except RecordingError as error:
            self.failure = self.failure or str(error)

    def _keep_safe(self) -> None:
        """Put on the disk what has waited long enough, though nothing new has come."""
        try:
            self._writer.tick()
        except RecordingError as error:
            self.failure = str(error)

    def _note_missed(self, time_ns: int) -> None:
        if self._reader.missed > self._missed:
            self._cycles.note(time_ns, "missed", f"{self._reader.missed - self._missed} cycles came too late to record")
            self._missed = self._reader.missed
