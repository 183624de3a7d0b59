"""Kinds of camera, drivetrain, sensor and pilot: ours and a stranger's, found by name.

What a package with a kind of its own imports, it imports from here: docs/extending.md has an example of each.
"""

from car.kinds.calibration import Calibration, CalibrationField, Value
from car.kinds.camera import CameraKind, CameraSection
from car.kinds.drivetrain import DrivetrainKind, DrivetrainSection, PinNeeds
from car.kinds.pilot import Pilot, PilotAnswer, PilotKind, PilotSection, check_pilot
from car.kinds.registry import PluginError, UnknownKind
from car.kinds.section import Section
from car.kinds.sensor import SensorKind, SensorSection
from car.kinds.verdict import Verdict, error, ok, warning
from hardware.camera import Camera, CameraGeometry, Frame, check_camera
from hardware.clock import Clock, SystemClock
from hardware.computer import Computer
from hardware.drivetrain import NEUTRAL, Command, Drivetrain, check_drivetrain
from hardware.errors import CameraError, CameraTimeout, DrivetrainError, SensorError
from hardware.neutral import Output
from hardware.sensor import Reading, Sensor, check_sensor

__all__ = [
    "NEUTRAL",
    "Calibration",
    "CalibrationField",
    "Camera",
    "CameraError",
    "CameraGeometry",
    "CameraKind",
    "CameraSection",
    "CameraTimeout",
    "Clock",
    "Command",
    "Computer",
    "Drivetrain",
    "DrivetrainError",
    "DrivetrainKind",
    "DrivetrainSection",
    "Frame",
    "Output",
    "Pilot",
    "PilotAnswer",
    "PilotKind",
    "PilotSection",
    "PinNeeds",
    "PluginError",
    "Reading",
    "Section",
    "Sensor",
    "SensorError",
    "SensorKind",
    "SensorSection",
    "SystemClock",
    "UnknownKind",
    "Value",
    "Verdict",
    "check_camera",
    "check_drivetrain",
    "check_pilot",
    "check_sensor",
    "error",
    "ok",
    "warning",
]
