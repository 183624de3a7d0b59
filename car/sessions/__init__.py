"""Sessions: recordings of drives, written, read, repaired, edited and imported."""

from car.sessions.edits import Edits, FrameRange
from car.sessions.format import EncodedFrame, SessionEvent, SessionInfo, encode
from car.sessions.reader import Damage, Sample, Session
from car.sessions.writer import SessionWriter

__all__ = [
    "Damage",
    "Edits",
    "EncodedFrame",
    "FrameRange",
    "Sample",
    "Session",
    "SessionEvent",
    "SessionInfo",
    "SessionWriter",
    "encode",
]
