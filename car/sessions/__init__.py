"""Sessions: recordings of drives, written, read, repaired, edited and imported."""

from car.sessions.edits import Edits, FrameRange
from car.sessions.format import EncodedFrame, SessionEvent, SessionInfo, encode
from car.sessions.reader import Damage, DrivenFrame, Session
from car.sessions.writer import SessionWriter

__all__ = [
    "Damage",
    "DrivenFrame",
    "Edits",
    "EncodedFrame",
    "FrameRange",
    "Session",
    "SessionEvent",
    "SessionInfo",
    "SessionWriter",
    "encode",
]
