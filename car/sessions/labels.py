"""What a pilot should learn from a session."""

from __future__ import annotations

from collections import deque
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from enum import IntEnum

from car.drive_record import DriveRecord
from car.errors import SessionError
from car.gate import GateState, Limits, Mode, TripReason
from car.sessions.format import EncodedFrame, SessionInfo
from car.sessions.reader import DrivenFrame, Session
from hardware.camera import Frame
from hardware.clock import NS_PER_S
from hardware.drivetrain import Command

TEACHER = "teacher"
"""In a session's description, who said in every cycle what to do there, as the driver, whoever drove."""

NEUTRAL_STICK = Limits().neutral_stick
LED_ASTRAY_NS = NS_PER_S
"""The pilot's last second before somebody takes over, or stops it, is what the taking over was for."""


class Origin(IntEnum):
    """Whose answer a label is: a driver's, the pilot's, or that of a driver who has just taken over from it."""

    DRIVER = 0
    PILOT = 1
    CORRECTION = 2


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
    """A frame, None when its image is broken, what a pilot should do on seeing it, and whose answer that is.

    >>> with Session.open(path) as session:
    ...     lessons = list(lessons_in(session))
    >>> lessons[0].label
    Command(steering=-1.0, throttle=0.2)
    """

    frame: Frame | None
    label: Command
    origin: Origin = Origin.DRIVER


@dataclass(frozen=True, slots=True)
class LabelledFrame:
    r"""A frame as it was recorded, what a pilot should do on seeing it, and whose answer that is.

    >>> with Session.open(path) as session:
    ...     labelled = list(labelled_frames(session))
    >>> labelled[0].label, labelled[0].frame.jpeg[:2]
    (Command(steering=-1.0, throttle=0.2), b'\xff\xd8')
    """

    frame: EncodedFrame
    label: Command
    origin: Origin


def lessons_in(session: Session) -> Iterator[Lesson]:
    """Yield what there is to learn from ``session``, as ``labelled_frames`` does, with the images decoded."""
    for labelled in labelled_frames(session):
        yield Lesson(_decoded(labelled.frame), labelled.label, labelled.origin)


def labelled_frames(session: Session) -> Iterator[LabelledFrame]:
    """Yield the frames of ``session`` that teach something: somebody drove on them, and they are not left out.

    Where a driver takes over from a pilot, or stops it, the pilot's last second teaches nothing, nor does what is
    before the driver's hand has moved; what the driver does from there until the pilot drives again is a correction. A
    session with a teacher is one driver's answers throughout.
    """
    is_taught = has_teacher(session.info)
    frames: Iterator[_Attributed] = ((driven, Origin.DRIVER) for driven in session.driven_frames())
    if not is_taught:
        frames = _without_idle_hands(_without_what_led_astray(_with_origins(session.driven_frames())))
    for driven, origin in frames:
        label = label_of(driven.record, is_taught=is_taught)
        if label is not None:
            yield LabelledFrame(driven.frame, label, origin)


_Attributed = tuple[DrivenFrame, Origin]


def _with_origins(frames: Iterable[DrivenFrame]) -> Iterator[_Attributed]:
    """Yield each frame with whose answer its label is."""
    before: Origin | None = None
    for driven in frames:
        record = driven.record
        if record.gate_state is not GateState.ARMED:
            before = None
        elif record.mode.has_pilot:
            before = Origin.PILOT
        elif before in (None, Origin.DRIVER):
            before = Origin.DRIVER
        else:
            before = Origin.CORRECTION
        yield driven, Origin.DRIVER if before is None else before


def _without_idle_hands(frames: Iterable[_Attributed]) -> Iterator[_Attributed]:
    """Yield the frames without those of a correction in which the driver has not begun to do anything.

    Between the change of mode and the first move of the stick it says straight on, just where that is wrong.
    """
    has_begun = False
    for driven, origin in frames:
        has_begun = origin is Origin.CORRECTION and (has_begun or _moves(driven.record.driver))
        if origin is not Origin.CORRECTION or has_begun:
            yield driven, origin


def _moves(command: Command | None) -> bool:
    return command is not None and max(abs(command.steering), abs(command.throttle)) > NEUTRAL_STICK


def _without_what_led_astray(frames: Iterable[_Attributed]) -> Iterator[_Attributed]:
    """Yield the frames without the pilot's last second before each time that somebody took over from it, or stopped it.

    A pilot's frames are kept back for that second, undecoded.
    """
    waiting: deque[_Attributed] = deque()
    for driven, origin in frames:
        while waiting and driven.record.captured_ns - waiting[0][0].record.captured_ns > LED_ASTRAY_NS:
            yield waiting.popleft()
        if origin is Origin.PILOT:
            waiting.append((driven, origin))
            continue
        if origin is not Origin.CORRECTION and driven.record.trip is not TripReason.STOP:
            yield from waiting
        waiting.clear()
        yield driven, origin
    yield from waiting


def _decoded(frame: EncodedFrame) -> Frame | None:
    try:
        return frame.decode()
    except SessionError:
        return None
