"""The tables of kinds: ours by name, each written as an entry point is; a stranger's are found beside them."""

from __future__ import annotations

from typing import Any

from car.kinds.calibration import Calibration
from car.kinds.camera import CameraKind, CameraSection
from car.kinds.differential import MotorCalibration
from car.kinds.drivetrain import DrivetrainKind, DrivetrainSection
from car.kinds.pilot import PilotKind, PilotSection
from car.kinds.registry import Registry
from car.kinds.sensor import SensorKind, SensorSection
from car.kinds.servo_esc import PulseCalibration

CAMERAS: Registry[CameraKind[Any]] = Registry(
    "pocketpilot.cameras",
    CameraKind,
    CameraSection,
    {
        "simulated": "car.kinds.simulated:SimulatedCameraKind",
        "picamera": "car.kinds.picamera:PicameraKind",
        "usb": "car.kinds.usb:UsbKind",
    },
)
DRIVETRAINS: Registry[DrivetrainKind[Any, Any]] = Registry(
    "pocketpilot.drivetrains",
    DrivetrainKind,
    DrivetrainSection,
    {
        "simulated": "car.kinds.simulated:SimulatedKind",
        "servo_esc": "car.kinds.servo_esc:ServoEscKind",
        "differential": "car.kinds.differential:DifferentialKind",
    },
)
SENSORS: Registry[SensorKind[Any]] = Registry(
    "pocketpilot.sensors",
    SensorKind,
    SensorSection,
    {
        "simulated": "car.kinds.simulated:SimulatedRangeKind",
        "hc_sr04": "car.kinds.hc_sr04:HcSr04Kind",
        "vl53l1x": "car.kinds.vl53l1x:Vl53l1xKind",
        "ina219": "car.kinds.ina219:Ina219Kind",
        "encoder": "car.kinds.encoder:EncoderKind",
        "simulated_encoder": "car.kinds.simulated:SimulatedEncoderKind",
    },
)
PILOTS: Registry[PilotKind[Any]] = Registry(
    "pocketpilot.pilots",
    PilotKind,
    PilotSection,
    {
        "tflite": "car.pilots.tflite_kind:TfliteKind",
        "line-follower": "car.pilots.line_follower_kind:LineFollowerKind",
        "straight-ahead": "car.pilots.straight_ahead:StraightAheadKind",
    },
)


class CalibrationSection(PulseCalibration, MotorCalibration):
    """``[calibration]`` of all our drivetrains: what was found for one stays there when the car gets another."""


def calibration_of(kind: DrivetrainKind[Any, Any]) -> type[Calibration]:
    """Return the class of ``[calibration]`` on a car with such a drivetrain."""
    return CalibrationSection if issubclass(CalibrationSection, kind.calibration) else kind.calibration
