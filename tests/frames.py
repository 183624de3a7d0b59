"""Frames and records for tests: small, distinct and made in microseconds."""

from __future__ import annotations

import numpy as np

from car.drive_record import DriveRecord
from car.gate import GateState, Mode
from hardware.camera import CameraGeometry, Frame
from hardware.clock import NS_PER_S
from hardware.drivetrain import NEUTRAL

SMALL = CameraGeometry(width=32, height=24)


def make_frame(number: int, geometry: CameraGeometry = SMALL, rate_hz: float = 20.0) -> Frame:
    """Return a frame whose pixels tell its number, captured when a camera of ``rate_hz`` would have."""
    image = np.full((geometry.height, geometry.width, 3), number % 251, np.uint8)
    image.flags.writeable = False
    return Frame(image, round(number * NS_PER_S / rate_hz), number)


def make_record(frame: Frame) -> DriveRecord:
    """Return the record of a cycle in which nothing happened."""
    return DriveRecord(frame.number, frame.captured_ns, Mode.MANUAL, GateState.ARMED, None, None, None, NEUTRAL)
