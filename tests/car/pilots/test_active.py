"""Another pilot is activated between two frames, and whatever the new one does, no old command outlives its limit."""

from __future__ import annotations

import math
from collections.abc import Callable

import pytest

from car.drive_loop import AutoStart, DriveLoop, LockStepFrames
from car.drive_record import DriveRecord
from car.gate import Gate, GateState, Limits, Mode, TripReason
from car.kinds.pilot import Pilot, PilotAnswer
from car.pilots.active import ActivePilot
from hardware.camera import Frame
from hardware.cameras.recorded import RecordedCamera
from hardware.clock import NS_PER_MS, VirtualClock
from hardware.drivetrain import NEUTRAL, Command
from hardware.drivetrains.timeline import TimelineDrivetrain
from hardware.errors import EndOfFrames
from tests.frames import SMALL, make_frame

ACTIVATED_AT = 30
OLD, NEW = Command(0.4, 0.2), Command(-0.4, 0.1)


class ScriptedPilot(Pilot):
    """Answers with ``command``, after ``think_ns``; ``during`` runs in the middle of each call."""

    def __init__(self, name: str, command: Command, clock: VirtualClock, think_ms: float = 0) -> None:
        self.name = name
        self.command = command
        self.clock = clock
        self.think_ns = round(think_ms * NS_PER_MS)
        self.during: Callable[[Frame], None] = lambda _: None
        self.closed = False

    def drive(self, frame: Frame) -> PilotAnswer:
        assert not self.closed
        self.clock.advance_ns(self.think_ns)
        self.during(frame)
        return PilotAnswer(self.command)

    def close(self) -> None:
        self.closed = True


def drive_and_activate(mode: Mode, new: Command, think_ms: float = 0) -> tuple[list[DriveRecord], TimelineDrivetrain]:
    """Drive, let another pilot take the place of the first while it looks at frame ``ACTIVATED_AT``, and drive on."""
    clock = VirtualClock()
    old = ScriptedPilot("old", OLD, clock)
    pilot = ActivePilot(old)

    def activate(frame: Frame) -> None:
        if frame.number == ACTIVATED_AT:
            pilot.activate(ScriptedPilot("new", new, clock, think_ms))

    old.during = activate
    gate = Gate(mode=mode, headless=True)
    drivetrain = TimelineDrivetrain(clock)
    records: list[DriveRecord] = []
    camera = RecordedCamera((make_frame(number) for number in range(60)), SMALL, clock)
    loop = DriveLoop(
        LockStepFrames(camera),
        pilot,
        gate,
        drivetrain,
        clock,
        sources=[AutoStart(gate)],
        observer=lambda record, _: records.append(record),
    )
    with pytest.raises(EndOfFrames):
        loop.run(lambda _: False)
    assert pilot.name == "new"
    return records, drivetrain


def test_the_next_frame_is_the_new_pilots_and_no_frame_is_without_one() -> None:
    records, _ = drive_and_activate(Mode.AUTO, NEW)
    by_frame = {record.frame_number: record for record in records if record.pilot is not None}
    assert list(by_frame) == list(range(60))
    assert by_frame[ACTIVATED_AT].pilot == OLD
    assert by_frame[ACTIVATED_AT + 1].pilot == NEW
    assert all(record.gate_state is GateState.ARMED for record in records)
    assert records[-1].applied == NEW


def test_a_new_pilot_without_sense_is_neutral_within_the_limit_of_the_old_ones_command() -> None:
    records, drivetrain = drive_and_activate(Mode.AUTO, Command(math.nan, math.nan))
    activated_ns = next(record.captured_ns for record in records if record.frame_number == ACTIVATED_AT)
    assert records[-1].trip == TripReason.STALE_PILOT
    limit_ns = activated_ns + Limits().pilot_valid_ns + 50 * NS_PER_MS
    assert all(entry.command == NEUTRAL for entry in drivetrain.timeline if entry.time_ns > limit_ns)


def test_a_new_pilot_that_is_too_slow_trips_the_gate_like_any_other() -> None:
    records, _ = drive_and_activate(Mode.AUTO, NEW, think_ms=300)
    assert records[-1].gate_state is GateState.TRIPPED
    assert records[-1].applied == NEUTRAL


def test_the_one_before_is_not_closed_under_the_loop() -> None:
    clock = VirtualClock()
    old = ScriptedPilot("old", OLD, clock)
    pilot = ActivePilot(old)
    pilot.activate(ScriptedPilot("new", NEW, clock))
    assert not old.closed
    pilot.close()
