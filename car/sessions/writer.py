"""Writes a session so that a power cut at any moment takes at most its last second."""

from __future__ import annotations

import contextlib
import shutil
from collections.abc import Callable
from io import FileIO
from pathlib import Path
from types import TracebackType
from typing import IO, TYPE_CHECKING, Any, Self, cast

from car import files
from car.drive_record import DriveRecord
from car.errors import RecordingError
from car.sessions import messages
from car.sessions.format import (
    CAMERA,
    CHUNK_NS,
    DRIVE,
    EVENTS,
    MAX_FRAME_NUMBER,
    MAX_TIME_NS,
    METADATA_NAME,
    PROFILE,
    TELEMETRY,
    TOPICS,
    EncodedFrame,
    SessionEvent,
    SessionInfo,
    Topic,
)
from car.telemetry.telemetry import Telemetry
from hardware.clock import Clock

if TYPE_CHECKING:
    from mcap.writer import Writer

MIN_FREE_BYTES = 500_000_000
"""A car whose disk is full does not boot well; recording stops before that."""


def start_mcap(stream: object, info: SessionInfo) -> Writer:
    """Write the head of a session to ``stream`` (``write``, ``tell``, ``flush``) and return what writes the rest."""
    from mcap.writer import CompressionType, Writer

    # JPEG does not compress any further, and an uncompressed chunk is one that any byte-level search can find again.
    writer = Writer(cast("IO[Any]", stream), compression=CompressionType.NONE)
    writer.start(profile=PROFILE)
    writer.add_metadata(METADATA_NAME, info.to_metadata())
    for topic in TOPICS:
        schema_id = writer.register_schema(topic.schema, "protobuf", messages.schema_data(topic.schema))
        writer.register_channel(topic.name, "protobuf", schema_id)
    return writer


def is_recorded(path: Path) -> bool:
    """Tell whether a program is recording to ``path``, as far as the file system knows locks."""
    try:
        return files.is_locked(path)
    except OSError:
        return False


class SessionWriter:
    """Records one drive to ``path``, which must not exist yet.

    >>> from car.sessions.format import encode
    >>> with SessionWriter(folder / "second.mcap", SessionInfo("second"), clock) as session:
    ...     session.add_frame(encode(frame))
    ...     session.add_record(record)
    >>> (folder / "second.mcap").stat().st_size > 1000
    True

    Frames, records and events are kept in memory for at most 0.5 s by ``clock``, then written as one chunk and synced
    to the disk. Call it from one thread; the calls that end a chunk wait for the disk.

    When the disk has less than ``min_free_bytes`` left by ``free_bytes()``, a write or ``sync(descriptor)`` fails, or
    the file was deleted or moved, the call raises RecordingError, and so does every later one; what was written stays
    readable and ``close`` is quiet.
    """

    def __init__(
        self,
        path: Path,
        info: SessionInfo,
        clock: Clock,
        *,
        min_free_bytes: int = MIN_FREE_BYTES,
        free_bytes: Callable[[], int] | None = None,
        sync: Callable[[int], None] = files.sync_to_disk,
    ) -> None:
        self.path = path
        self._clock = clock
        self._min_free_bytes = min_free_bytes
        self._free_bytes = free_bytes or (lambda: shutil.disk_usage(path.parent).free)
        self._sync = sync
        self._failure: str | None = None
        self._mcap: Any = None
        self._chunk_start_ns = clock.now_ns()
        self._file = self._create()
        try:
            self._guarded(lambda: self._start(info))
        except RecordingError:
            path.unlink(missing_ok=True)
            raise
        files.sync_folder(path.parent)

    def add_frame(self, frame: EncodedFrame) -> None:
        """Record a frame; raises RecordingError, or ValueError for a number or time below 0 or beyond 32 or 64 bits."""
        self._add(CAMERA, messages.frame_to_bytes(frame), frame.captured_ns, frame.number)

    def add_record(self, record: DriveRecord) -> None:
        """Record one control cycle; raises RecordingError."""
        # A cycle that never saw a frame has no capture time, and must not put the start of the session at zero.
        log_ns = record.captured_ns if record.captured_ns > 0 else self._clock.now_ns()
        # A cycle without a frame has number −1, which becomes one that no frame has.
        number = record.frame_number & MAX_FRAME_NUMBER
        self._add(DRIVE, messages.record_to_bytes(record), log_ns, number)

    def add_event(self, event: SessionEvent) -> None:
        """Record an event; raises RecordingError."""
        self._add(EVENTS, messages.event_to_bytes(event), event.time_ns, 0)

    def add_telemetry(self, telemetry: Telemetry) -> None:
        """Record how the car was; raises RecordingError."""
        self._add(TELEMETRY, messages.telemetry_to_bytes(telemetry), telemetry.time_ns, 0)

    def tick(self) -> None:
        """End the chunk if its time has come; for when nothing is added for a while. Raises RecordingError."""
        if self._clock.now_ns() - self._chunk_start_ns >= CHUNK_NS:
            self._guarded(self._end_chunk)
            try:
                self._require_name()
                self._require_space()
            except RecordingError as error:
                # There is room enough left for the summary: this recording ends like any other.
                self._guarded(self._finish)
                self._failure = str(error)
                raise

    def close(self) -> None:
        """Write the summary and close the file; may be called twice.

        Raises RecordingError if that fails or the file has lost its name, but never after another call has raised it.
        """
        if not self._file.closed:
            lost = self._failure is None and not files.names(self.path, self._file.fileno())
            self._guarded(self._finish)
            if lost:
                raise RecordingError(self._lost())

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        # Whatever ended the block matters more than a disk that fills up as it ends.
        with contextlib.suppress(*(() if error is None else (RecordingError,))):
            self.close()

    def _create(self) -> FileIO:
        try:
            self._free_now = self._free_bytes()
            self._require_space()
            return files.create_locked(self.path)
        except FileExistsError as error:
            raise RecordingError(f"{self.path} exists already. Give the session another name.") from error
        except RecordingError:
            raise
        except OSError as error:
            raise RecordingError(
                f"{self.path} cannot be created ({files.reason(error)}). Choose a folder that can be written."
            ) from error

    def _start(self, info: SessionInfo) -> None:
        self._mcap = start_mcap(files.WholeWrites(self._file), info)
        self._sync(self._file.fileno())

    def _add(self, topic: Topic, data: bytes, log_ns: int, number: int) -> None:
        if not (0 <= log_ns <= MAX_TIME_NS and 0 <= number <= MAX_FRAME_NUMBER):
            raise ValueError(f"Frame {number} at {log_ns} ns is out of a session's range. Count both from 0.")
        self.tick()
        self._guarded(lambda: self._mcap.add_message(topic.channel_id, log_ns, data, self._clock.now_ns(), number))

    def _end_chunk(self) -> None:
        self._mcap.flush()
        self._sync(self._file.fileno())
        self._chunk_start_ns = self._clock.now_ns()
        self._free_now = self._free_bytes()

    def _finish(self) -> None:
        self._mcap.finish()
        self._sync(self._file.fileno())
        self._file.close()
        self._failure = f"{self.path.name} is closed. Start a new session to record any more."

    def _require_name(self) -> None:
        """Raise RecordingError when the file has lost its name: what is written to it is then found by nobody."""
        if not files.names(self.path, self._file.fileno()):
            raise RecordingError(self._lost())

    def _lost(self) -> str:
        return f"{self.path.name} was deleted or moved while it was being recorded. Start a new recording."

    def _require_space(self) -> None:
        if self._free_now < self._min_free_bytes:
            raise RecordingError(
                f"Only {self._free_now // 1_000_000} MB are free on the disk, too little to record {self.path.name} "
                "any further. Move old sessions to a laptop and delete them here."
            )

    def _guarded(self, step: Callable[[], None]) -> None:
        """Do ``step``; if the disk refuses, now and for ever raise RecordingError."""
        if self._failure is not None:
            raise RecordingError(self._failure)
        try:
            step()
        except OSError as error:
            self._failure = (
                f"{self.path.name} cannot be recorded any further ({files.reason(error)}). It stays readable; "
                "free some space or replace the card."
            )
            with contextlib.suppress(OSError):
                self._file.close()
            raise RecordingError(self._failure) from error
