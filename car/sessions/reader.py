"""Reads a session: all that is left of it, whatever happened to the file."""

from __future__ import annotations

import contextlib
import hashlib
import re
import statistics
import struct
from array import array
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from functools import cached_property
from itertools import pairwise
from pathlib import Path

from car.drive_record import DriveRecord
from car.errors import SessionBusy, SessionError
from car.files import reason
from car.sessions import messages
from car.sessions.edits import Edits
from car.sessions.format import (
    CAMERA,
    DRIVE,
    EVENTS,
    METADATA_NAME,
    TELEMETRY,
    TOPICS,
    DamagedInfo,
    EncodedFrame,
    SessionEvent,
    SessionInfo,
)
from car.sessions.scan import WINDOW_BYTES, Message, Scanner, Source
from car.sessions.writer import is_recorded
from car.telemetry.telemetry import Telemetry
from hardware.camera import CameraGeometry
from hardware.clock import NS_PER_S
from hardware.closing import Closing

_METADATA_PATTERN = re.compile(rb"\x0c(?=[\s\S]{12}" + re.escape(METADATA_NAME.encode()) + rb")")
_U32 = struct.Struct("<I")


@dataclass(frozen=True, slots=True)
class Damage:
    """What is wrong with a session's file; false if nothing is.

    ``holes`` counts the places where something is missing, mostly one or more chunks of half a second each;
    ``bytes_skipped`` what they span, together with a last record that was cut short. ``info_lost`` says that the
    description was in a hole and ``Session.info`` is a guess; ``unclosed`` that the recording was not ended properly.
    """

    bytes_skipped: int = 0
    holes: int = 0
    info_lost: bool = False
    unclosed: bool = False

    def __bool__(self) -> bool:
        return self != Damage()


@dataclass(frozen=True, slots=True)
class DrivenFrame:
    """A frame and the control cycle that acted on it."""

    frame: EncodedFrame
    record: DriveRecord


@dataclass(slots=True)
class _Table:
    """Where the messages of one topic lie: a few bytes each, so that hours of driving fit in memory."""

    numbers: array[int] = field(default_factory=lambda: array("I"))
    times_ns: array[int] = field(default_factory=lambda: array("Q"))
    offsets: array[int] = field(default_factory=lambda: array("Q"))
    lengths: array[int] = field(default_factory=lambda: array("I"))

    def add(self, message: Message) -> None:
        self.numbers.append(message.number)
        self.times_ns.append(message.log_ns)
        self.offsets.append(message.offset)
        self.lengths.append(message.length)


class Session(Closing):
    """One recording, opened for reading.

    >>> with Session.open(path) as session:
    ...     for driven in session.driven_frames():
    ...         image = driven.frame.decode().image      # uint8 RGB, height × width × 3
    ...         steering = driven.record.applied.steering
    >>> session.frame_count, session.damage
    (60, Damage(bytes_skipped=0, holes=0, info_lost=False, unclosed=False))

    Opening it reads the file once and checks it; what is iterated over is read again when it is its turn, so memory
    does not grow with the recording. A session that is still being written may be read up to its last whole chunk.
    """

    def __init__(self, path: Path, source: Source) -> None:
        self.path = path
        self._source = source
        self._tables = {topic: _Table() for topic in TOPICS}
        scanner = Scanner(source)
        self._scan(scanner)
        if not any(table.offsets for table in self._tables.values()):
            raise SessionError(_why_nothing(path, source, scanner))
        info = read_info(source)
        self.info = info or self._guessed_info()
        self.damage = Damage(scanner.bytes_skipped, scanner.holes, info is None, not scanner.closed)
        self.foreign_messages = scanner.foreign_messages

    @classmethod
    def open(cls, path: Path) -> Session:
        """Open the session at ``path``; raises SessionError when there is none or nothing in it can be read.

        While its first half second is being recorded, that is SessionBusy.
        """
        try:
            return cls(path, open_source(path))
        except SessionError as error:
            if is_recorded(path):
                raise SessionBusy(f"{path.stem} has only just begun. Look again in a second.") from error
            raise

    @property
    def frame_count(self) -> int:
        """How many frames can be read."""
        return len(self._tables[CAMERA].offsets)

    @property
    def duration_s(self) -> float:
        """From the first frame to the last, in seconds; from the first record to the last if there is no frame."""
        times_ns = self._tables[CAMERA].times_ns or self._tables[DRIVE].times_ns
        return (max(times_ns) - min(times_ns)) / NS_PER_S if times_ns else 0.0

    @property
    def numbers(self) -> Sequence[int]:
        """The numbers of the frames, in the order of the file."""
        return self._tables[CAMERA].numbers

    @property
    def times_ns(self) -> Sequence[int]:
        """When the frames were captured, in the order of the file."""
        return self._tables[CAMERA].times_ns

    def catch_up(self) -> bool:
        """Take in what was written since the session was opened, for one that is being recorded; True if anything was.

        What the session says of its damage stays what it was when it was opened.
        """
        if not self._source.grow():
            return False
        before = self.frame_count
        self._scan(Scanner(self._source, self._trusted))
        self.__dict__.pop("_first_cycles", None)
        return self.frame_count > before

    def frame_at(self, index: int) -> EncodedFrame:
        """Return the frame at ``index`` 0 … ``frame_count`` − 1 in the order of the file.

        Raises IndexError beyond that, SessionError when the disk cannot read it any more.
        """
        table = self._tables[CAMERA]
        return messages.frame_from_bytes(self._payload(table, index), table.numbers[index], table.times_ns[index])

    def record_at(self, index: int) -> DriveRecord | None:
        """Return the first control cycle that acted on the frame at ``index``, None if there is none.

        Raises IndexError beyond the last frame, SessionError when the disk cannot read it any more.
        """
        row = self._first_cycles.get(self._tables[CAMERA].numbers[index])
        return None if row is None else messages.record_from_bytes(self._payload(self._tables[DRIVE], row))

    def frames(self) -> Iterator[EncodedFrame]:
        """Yield all frames, edits or not."""
        return (self.frame_at(index) for index in range(self.frame_count))

    def records(self) -> Iterator[DriveRecord]:
        """Yield all control cycles."""
        table = self._tables[DRIVE]
        return (messages.record_from_bytes(self._payload(table, index)) for index in range(len(table.offsets)))

    def events(self) -> Iterator[SessionEvent]:
        """Yield all events."""
        table = self._tables[EVENTS]
        return (messages.event_from_bytes(self._payload(table, index)) for index in range(len(table.offsets)))

    def telemetry(self) -> Iterator[Telemetry]:
        """Yield how the car was, second by second; nothing where none was recorded, as before version 0.2."""
        table = self._tables[TELEMETRY]
        return (messages.telemetry_from_bytes(self._payload(table, index)) for index in range(len(table.offsets)))

    def driven_frames(self) -> Iterator[DrivenFrame]:
        """Yield each frame with the first control cycle that acted on it, without those that were edited out.

        Frames without a cycle are passed over. Raises SessionError when the list of edits is broken.
        """
        edits = Edits.load(self.path)
        for index, number in enumerate(self.numbers):
            record = None if edits.excludes(number) else self.record_at(index)
            if record is not None:
                yield DrivenFrame(self.frame_at(index), record)

    def sha256(self) -> str:
        """Return the SHA-256 of the file as 64 hexadecimal digits."""
        digest = hashlib.sha256()
        for offset in range(0, self._source.size, WINDOW_BYTES):
            digest.update(self._source.read(offset, WINDOW_BYTES))
        return digest.hexdigest()

    def close(self) -> None:
        """Close the file; may be called twice."""
        self._source.close()

    def _scan(self, scanner: Scanner) -> None:
        for chunk in scanner.chunks():
            for message in scanner.messages_in(chunk):
                self._tables[message.topic].add(message)
        self._trusted = scanner.trusted

    @cached_property
    def _first_cycles(self) -> dict[int, int]:
        """Which row of the records is the first one of each frame; later ones found no new frame."""
        numbers = self._tables[DRIVE].numbers
        return {numbers[row]: row for row in reversed(range(len(numbers)))}

    def _payload(self, table: _Table, index: int) -> bytes:
        payload = self._source.read(table.offsets[index], table.lengths[index])
        if len(payload) != table.lengths[index]:
            raise SessionError(f"The disk cannot read {self.path} any more. Copy the session to another one.")
        return payload

    def _guessed_info(self) -> SessionInfo:
        geometry, rate_hz = CameraGeometry(), 20.0
        times_ns = self._tables[CAMERA].times_ns
        if len(times_ns) > 1:
            period_ns = statistics.median(later - earlier for earlier, later in pairwise(times_ns))
            rate_hz = round(NS_PER_S / max(1.0, period_ns), 1)
        with contextlib.suppress(SessionError, IndexError):
            height, width, _ = self.frame_at(0).decode().image.shape
            geometry = CameraGeometry(width=width, height=height)
        return SessionInfo(name=self.path.stem, camera=geometry, rate_hz=rate_hz, source="unknown")


def open_source(path: Path) -> Source:
    """Open a file for reading; raises SessionError when there is none, or nothing in it."""
    if path.is_dir():
        raise SessionError(f"{path} is a folder, not a session. Name one of the .mcap files in it.")
    if path.exists() and not path.is_file():
        # Opening a pipe would wait for whoever writes into it.
        raise SessionError(f"{path} is a pipe or a device, not a session. Copy what comes out of it into a file.")
    try:
        source = Source(path)
    except FileNotFoundError as error:
        raise SessionError(f"There is no session {path}. Check the name.") from error
    except OSError as error:
        raise SessionError(f"{path} cannot be opened ({reason(error)}). Check who may read it.") from error
    if source.size == 0:
        raise SessionError(f"{path} is empty: the recording ended before anything was written. Delete it.")
    return source


def read_info(source: Source) -> SessionInfo | None:
    """Find the session's description in the first megabyte of the file; None if it is not there.

    Raises SessionError when it was written by a newer program.
    """
    start = source.read(0, WINDOW_BYTES)
    for match in _METADATA_PATTERN.finditer(start):
        body = start[match.start() + 9 :]
        try:
            return SessionInfo.from_metadata(_parsed_metadata(body))
        except (struct.error, UnicodeDecodeError, DamagedInfo):
            continue
    return None


def _parsed_metadata(body: bytes) -> dict[str, str]:
    """Read the mapping in an MCAP metadata record; raises struct.error or UnicodeDecodeError when it is broken."""
    (position,) = _U32.unpack_from(body)
    position += _U32.size
    (length,) = _U32.unpack_from(body, position)
    position += _U32.size
    end = position + length
    texts: list[str] = []
    while position < end:
        (length,) = _U32.unpack_from(body, position)
        position += _U32.size + length
        texts.append(body[position - length : position].decode())
    return dict(zip(texts[::2], texts[1::2], strict=False))


def _why_nothing(path: Path, source: Source, scanner: Scanner) -> str:
    if scanner.compression:
        return f"{path} is compressed with {scanner.compression}. Undo that with `mcap decompress {path.name}`."
    if scanner.foreign_messages or not (scanner.has_magic or read_info(source)):
        return f"{path} is not a Pocketpilot session. Name an .mcap file that `car` has recorded."
    return f"Nothing in {path} can be read: it ends before its first half second was on the disk. Delete it."
