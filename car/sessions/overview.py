"""What a list of sessions shows, without reading the sessions."""

from __future__ import annotations

import contextlib
import struct
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

from car.drive_record import DriveRecord
from car.errors import SessionError
from car.sessions import messages
from car.sessions.format import CAMERA, DRIVE, EncodedFrame, SessionInfo
from car.sessions.reader import Session, open_source, read_info
from car.sessions.scan import Message, Scanner, Source, read_summary
from hardware.clock import NS_PER_S

_CHUNK_INDEX, _STATISTICS = 0x08, 0x0B
_CHUNK_PLACE = struct.Struct("<QQQ")  # first and last log time, offset of the chunk
_COUNTS = struct.Struct("<QHIIIIQQI")  # messages, …, first and last log time, bytes of the counts that follow
_COUNT = struct.Struct("<HQ")  # channel, messages

Summary = Sequence[tuple[int, bytes]]
"""Kind and content of each record in a file's summary."""


@dataclass(frozen=True, slots=True)
class Overview:
    """A session at a glance.

    ``duration_s`` is from the first message to the last; ``laps`` were driven in it, None where nothing counts them.
    """

    path: Path
    info: SessionInfo
    frames: int
    duration_s: float
    size_bytes: int
    closed: bool
    laps: int | None = None


def overview(path: Path) -> Overview:
    """Return what the session's own summary says, or what reading all of it shows if it has none.

    >>> glance = overview(path)
    >>> glance.info.car, glance.frames, glance.closed
    ('mycar', 60, True)

    Raises SessionError when there is no session or nothing in it can be read.
    """
    source = open_source(path)
    summary = list(read_summary(source))
    info, counts, chunks = read_info(source), _statistics(summary), _chunk_offsets(summary)
    laps = laps_between(_record(source, chunks, 0), _record(source, chunks[::-1], -1))
    source.close()
    if info is not None and counts is not None:
        frames, duration_s = counts
        return Overview(path, info, frames, duration_s, source.size, closed=True, laps=laps)
    with Session.open(path) as session:
        return Overview(
            path, session.info, session.frame_count, session.duration_s, source.size, closed=not session.damage.unclosed
        )


def middle_frame(path: Path) -> EncodedFrame | None:
    """Return a frame from the middle of a session that was closed, without reading more of it; None if there is none.

    Raises SessionError when there is no session.
    """
    source = open_source(path)
    try:
        chunks = _chunk_offsets(list(read_summary(source)))
        frames = [message for message in _messages(source, chunks[len(chunks) // 2 :][:1]) if message.topic is CAMERA]
        if not frames:
            return None
        middle = frames[len(frames) // 2]
        return messages.frame_from_bytes(middle.payload, middle.number, middle.log_ns)
    finally:
        source.close()


def laps_between(first: DriveRecord | None, last: DriveRecord | None) -> int | None:
    """Return how many laps were completed from one cycle to another; None where nothing counts them."""
    if first is None or last is None or first.lap_count is None or last.lap_count is None:
        return None
    return last.lap_count.laps - first.lap_count.laps


def _record(source: Source, chunks: Sequence[int], place: int) -> DriveRecord | None:
    """Return the cycle at ``place`` in the first of ``chunks`` that has any."""
    for chunk in chunks:
        payloads = [message.payload for message in _messages(source, [chunk]) if message.topic is DRIVE]
        if payloads:
            with contextlib.suppress(SessionError):
                return messages.record_from_bytes(payloads[place])
    return None


def _messages(source: Source, chunks: Sequence[int]) -> Iterator[Message]:
    scanner = Scanner(source)
    for offset in chunks:
        chunk = scanner.chunk_at(offset)
        if chunk is not None:
            yield from scanner.messages_in(chunk)


def _chunk_offsets(summary: Summary) -> list[int]:
    return [
        _CHUNK_PLACE.unpack_from(body)[2]
        for kind, body in summary
        if kind == _CHUNK_INDEX and len(body) >= _CHUNK_PLACE.size
    ]


def _statistics(summary: Summary) -> tuple[int, float] | None:
    """Return the number of frames and the duration in seconds that the summary states."""
    for kind, body in summary:
        if kind == _STATISTICS and len(body) >= _COUNTS.size:
            *_, first_ns, last_ns, length = _COUNTS.unpack_from(body)
            table = body[_COUNTS.size : _COUNTS.size + length]
            counts = dict(_COUNT.iter_unpack(table[: len(table) // _COUNT.size * _COUNT.size]))
            return counts.get(CAMERA.channel_id, 0), max(0, last_ns - first_ns) / NS_PER_S
    return None
