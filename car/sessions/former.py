"""What recordings of earlier versions say otherwise than today's, and what it means."""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass
from enum import StrEnum
from typing import Any

from car.drive_record import Field
from car.gate import ArmRefusal, TripReason
from hardware.drivetrain import LapCount, Motion


@dataclass(frozen=True, slots=True)
class Odometry:
    """Motion and lap count in one, as version 0.1 recorded them; the distance driven was not among them."""

    speed_m_s: float
    laps: int
    progress_m: float
    lateral_m: float
    departures: int

    def apart(self) -> dict[str, Any]:
        """Return what a drive record has instead."""
        return {
            "motion": Motion(self.speed_m_s, math.nan),
            "lap_count": LapCount(self.laps, self.progress_m, self.lateral_m, self.departures),
        }


ODOMETRY = Field("odometry", 10, Odometry, optional=True)
"""A drive record's field that nobody writes any more."""
ODOMETRY_FIELDS = (
    Field("speed_m_s", 1, float),
    Field("laps", 2, int),
    Field("progress_m", 3, float),
    Field("lateral_m", 4, float),
    Field("departures", 5, int),
)

WORDS: Mapping[type[StrEnum], Mapping[str, StrEnum]] = {
    TripReason: {
        "stopped by the driver": TripReason.STOP,
        "the camera stopped delivering fresh frames": TripReason.STALE_FRAME,
        "the pilot stopped giving commands in time": TripReason.STALE_PILOT,
        "the link to the driver was lost": TripReason.LINK_LOST,
        "a part of the program failed": TripReason.FAULT,
        "the drive loop did not come round in time": TripReason.STALLED,
        "the clock went backwards": TripReason.CLOCK,
    },
    ArmRefusal: {
        "no fresh frame from the camera": ArmRefusal.NO_FRAME,
        "no live link to a driver": ArmRefusal.NO_DRIVER,
        "let go of the throttle first": ArmRefusal.THROTTLE_NOT_NEUTRAL,
        "it is armed already; change the mode, or disarm first": ArmRefusal.ALREADY_ARMED,
        "lift the wheels off the ground first, and say so": ArmRefusal.WHEELS_NOT_UP,
        "the processor is too hot": ArmRefusal.TOO_HOT,
        "the supply voltage is too low": ArmRefusal.UNDER_VOLTAGE,
        "steering and throttle are not calibrated yet": ArmRefusal.NOT_CALIBRATED,
        "the steering moves in steps that are too coarse to drive by": ArmRefusal.COARSE_STEERING,
    },
}
"""The words by which version 0.1 recorded a reason. They stay as they are, whatever a reason's words become."""
