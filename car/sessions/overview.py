"""What a list of sessions shows, without reading the sessions."""

from __future__ import annotations

import struct
from dataclasses import dataclass
from pathlib import Path

from car.sessions.format import CAMERA, SessionInfo
from car.sessions.reader import Session, open_source, read_info
from car.sessions.scan import Source, read_summary
from hardware.clock import NS_PER_S

_STATISTICS = 0x0B
_COUNTS = struct.Struct("<QHIIIIQQI")  # messages, …, first and last log time, bytes of the counts that follow
_COUNT = struct.Struct("<HQ")  # channel, messages


@dataclass(frozen=True, slots=True)
class Overview:
    """A session at a glance; ``duration_s`` is from the first message to the last."""

    path: Path
    info: SessionInfo
    frames: int
    duration_s: float
    size_bytes: int
    closed: bool


def overview(path: Path) -> Overview:
    """Return what the session's own summary says, or what reading all of it shows if it has none.

    Raises SessionError when there is no session or nothing in it can be read.
    """
    source = open_source(path)
    info, counts = read_info(source), _statistics(source)
    source.close()
    if info is not None and counts is not None:
        frames, duration_s = counts
        return Overview(path, info, frames, duration_s, source.size, closed=True)
    with Session.open(path) as session:
        return Overview(
            path, session.info, session.frame_count, session.duration_s, source.size, closed=not session.damage.unclosed
        )


def _statistics(source: Source) -> tuple[int, float] | None:
    """Return the number of frames and the duration in seconds that the summary states."""
    for kind, body in read_summary(source):
        if kind == _STATISTICS and len(body) >= _COUNTS.size:
            *_, first_ns, last_ns, length = _COUNTS.unpack_from(body)
            table = body[_COUNTS.size : _COUNTS.size + length]
            counts = dict(_COUNT.iter_unpack(table[: len(table) // _COUNT.size * _COUNT.size]))
            return counts.get(CAMERA.channel_id, 0), max(0, last_ns - first_ns) / NS_PER_S
    return None
