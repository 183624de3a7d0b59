"""What a pilot should learn from a session."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

from car.drive_record import DriveRecord
from car.errors import SessionError
from car.gate import GateState, Mode
from car.sessions.format import EncodedFrame, SessionInfo
from car.sessions.reader import Session
from hardware.camera import Frame
from hardware.drivetrain import Command

TEACHER = "teacher"
"""In a session's description, who said in every cycle what to do there, as the driver, whoever drove."""


def has_teacher(info: SessionInfo) -> bool:
    """Tell whether the driver's commands of a session are what to learn, in every mode."""
    return bool(info.extra.get(TEACHER))


def label_of(record: DriveRecord, *, is_taught: bool = False) -> Command | None:
    """Return what a pilot should learn from ``record``; None when nobody drove.

    In manual mode that is what the driver asked for: what was applied is late by the gate's slew limit. Otherwise it
    is what was applied, because a driver's stick says nothing while the pilot drives; unless the cycle ``is_taught``,
    of a session that has a teacher: then it is what the driver asked for, and nothing where the driver asked nothing.
    """
    if record.gate_state is not GateState.ARMED or record.mode is Mode.CALIBRATION:
        return None
    counts = is_taught or (record.mode is Mode.MANUAL and record.driver is not None)
    command = record.driver if counts else record.applied
    return command if command is not None and command.is_valid() else None


@dataclass(frozen=True, slots=True)
class Lesson:
    """A frame, None when its image is broken, and what a pilot should do on seeing it.

    >>> with Session.open(path) as session:
    ...     lessons = list(lessons_in(session))
    >>> lessons[0].label
    Command(steering=-1.0, throttle=0.2)
    """

    frame: Frame | None
    label: Command


def lessons_in(session: Session) -> Iterator[Lesson]:
    """Yield what there is to learn from ``session``: the frames that somebody drove on and that are not left out."""
    is_taught = has_teacher(session.info)
    for driven in session.driven_frames():
        label = label_of(driven.record, is_taught=is_taught)
        if label is not None:
            yield Lesson(_decoded(driven.frame), label)


def _decoded(frame: EncodedFrame) -> Frame | None:
    try:
        return frame.decode()
    except SessionError:
        return None
