"""What happened in one cycle of the drive loop: the row that is shown, recorded and replayed.

``FIELDS`` is the one table of its fields. The ring between the processes, a session's file and the pages' JSON are
made from it, so a field that joins is a line there and an attribute here.
"""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass
from enum import StrEnum
from typing import Any

from car.gate import SURE, Ahead, ArmRefusal, GateState, Mode, TripReason
from hardware.drivetrain import Command, LapCount, Motion, Pose

JSON_DIGITS = 4


@dataclass(frozen=True, slots=True)
class StageTimes:
    """Where the time from capture to wheels went, in nanoseconds.

    >>> StageTimes(age_ns=18_000_000, pilot_ns=4_000_000, gate_ns=50_000, apply_ns=400_000).latency_ns
    22450000

    ``age_ns`` from the exposure until the loop took the frame; ``pilot_ns`` the whole pilot call, of which
    ``inference_ns`` is the network's own invoke; ``gate_ns`` hearing the driver and the gate's decision; ``apply_ns``
    the drivetrain; ``publish_ns`` handing the *previous* frame to the recorder.
    """

    age_ns: int = 0
    pilot_ns: int = 0
    inference_ns: int = 0
    gate_ns: int = 0
    apply_ns: int = 0
    publish_ns: int = 0

    @property
    def latency_ns(self) -> int:
        """From the exposure to the command at the drivetrain."""
        return self.age_ns + self.pilot_ns + self.gate_ns + self.apply_ns


@dataclass(frozen=True, slots=True)
class DriveRecord:
    """One control cycle.

    >>> from car.drive_loop import DriveLoop, LockStepFrames
    >>> from car.gate import Gate
    >>> record = DriveLoop(LockStepFrames(camera), None, Gate(), drivetrain, clock).step()
    >>> record.frame_number, record.applied.throttle
    (0, 0.0)

    ``frame_number`` and ``captured_ns`` name the frame it acted on; ``driver`` and ``pilot`` are the commands asked for
    (None: there was none); ``applied`` is what reached the wheels; ``trip`` is the gate's reason, None unless it is
    tripped; ``motion`` is None on a car that does not measure it, ``lap_count`` and ``pose`` where nobody knows the
    track; ``refusal`` is why the gate would not arm when it was last asked to, None when it did; ``awaits_neutral``
    says that the throttle counts again only once the stick has been at neutral; ``uncertainty`` is how little the pilot
    knows of what it saw, from 1 on a reason to be slow, 0 for a pilot that cannot tell; ``ahead`` is how far away the
    nearest thing was, None on a car that does not measure it and while its sensor does not tell.
    """

    frame_number: int
    captured_ns: int
    mode: Mode
    gate_state: GateState
    trip: TripReason | None
    driver: Command | None
    pilot: Command | None
    applied: Command
    times: StageTimes = StageTimes()
    motion: Motion | None = None
    lap_count: LapCount | None = None
    refusal: ArmRefusal | None = None
    awaits_neutral: bool = False
    pose: Pose | None = None
    uncertainty: float = 0.0
    ahead: Ahead | None = None

    @property
    def is_unsure(self) -> bool:
        """Whether a pilot has the throttle that knows too little of what it saw: the gate slows it down."""
        return (self.mode, self.gate_state) == (Mode.AUTO, GateState.ARMED) and self.uncertainty > SURE


@dataclass(frozen=True, slots=True)
class Field:
    """A field: its name, its number in a session's file, what it is, and whether it may be None.

    ``kind`` is int, float, bool or str, a StrEnum, or a class with fields of its own in the table. Only the last two
    may be None.
    """

    name: str
    number: int
    kind: type
    optional: bool = False


FIELDS: Mapping[type, tuple[Field, ...]] = {
    Command: (Field("steering", 1, float), Field("throttle", 2, float)),
    StageTimes: (
        Field("age_ns", 1, int),
        Field("pilot_ns", 2, int),
        Field("inference_ns", 3, int),
        Field("gate_ns", 4, int),
        Field("apply_ns", 5, int),
        Field("publish_ns", 6, int),
    ),
    Motion: (Field("speed_m_s", 1, float), Field("distance_m", 2, float)),
    LapCount: (
        Field("laps", 1, int),
        Field("progress_m", 2, float),
        Field("lateral_m", 3, float),
        Field("departures", 4, int),
    ),
    Pose: (Field("x_m", 1, float), Field("y_m", 2, float), Field("heading_rad", 3, float)),
    Ahead: (Field("distance_m", 1, float),),
    DriveRecord: (
        Field("frame_number", 1, int),
        Field("captured_ns", 2, int),
        Field("mode", 3, Mode),
        Field("gate_state", 4, GateState),
        Field("trip", 5, TripReason, optional=True),
        Field("driver", 6, Command, optional=True),
        Field("pilot", 7, Command, optional=True),
        Field("applied", 8, Command),
        Field("times", 9, StageTimes),
        Field("motion", 12, Motion, optional=True),
        Field("lap_count", 13, LapCount, optional=True),
        Field("refusal", 11, ArmRefusal, optional=True),
        Field("awaits_neutral", 14, bool),
        Field("pose", 15, Pose, optional=True),
        Field("uncertainty", 16, float),
        Field("ahead", 17, Ahead, optional=True),
    ),
}
"""The fields of a drive record and of its parts, in the order of their classes.

The numbers are for ever, because recordings have them: append, never renumber, never reuse. 10 was the odometry of
earlier recordings.
"""


def as_json(item: object, fields: Mapping[type, tuple[Field, ...]] = FIELDS) -> dict[str, Any]:
    """Return a drive record, or a part of one, as JSON has it; or what another table of ``fields`` describes.

    Numbers are rounded to ``JSON_DIGITS`` after the point, and null where they are not finite; a reason is in words,
    empty where there is none; a part that there is not is null.
    """
    return {field.name: _json_value(getattr(item, field.name), field, fields) for field in fields[type(item)]}


def _json_value(value: Any, field: Field, fields: Mapping[type, tuple[Field, ...]]) -> Any:
    if field.kind in fields:
        return None if value is None else as_json(value, fields)
    if issubclass(field.kind, StrEnum):
        return "" if value is None else value.value
    if field.kind is float:
        return round(value, JSON_DIGITS) if math.isfinite(value) else None
    return value
