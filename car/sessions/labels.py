"""What a pilot should learn from a recorded cycle."""

from __future__ import annotations

from car.drive_record import DriveRecord
from car.gate import GateState, Mode
from hardware.drivetrain import Command


def label_of(record: DriveRecord) -> Command | None:
    """Return what a pilot should learn from ``record``; None when nobody drove.

    In manual mode that is what the driver asked for: what was applied is late by the gate's slew limit. Otherwise it
    is what was applied, because a driver's stick says nothing while the pilot drives.
    """
    if record.gate_state is not GateState.ARMED or record.mode is Mode.CALIBRATION:
        return None
    command = record.driver if record.mode is Mode.MANUAL and record.driver is not None else record.applied
    return command if command.is_valid() else None
