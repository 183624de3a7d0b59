"""What a browser tries out on the wheels while it calibrates the car."""

from __future__ import annotations

from car.calibration import CurrentCalibration, calibration_fields, field_command, full_scale_calibration
from car.config.folder import CarFolder
from car.config.plain import CONFIG_NAME
from car.gate import Limits
from car.kinds.calibration import CalibrationField, Value
from hardware.drivetrain import NEUTRAL, Command

HELD_NS = Limits().calibration_valid_ns


class TriedOutput:
    """Turns a value that is being tried into what the driver holds, for as long as it is said again.

    Only the drive channel's samples carry it to the gate, with their own times: a browser that vanishes stops what it
    tries as it stops anything else.
    """

    def __init__(self, folder: CarFolder) -> None:
        self._config = folder.config
        self._current = CurrentCalibration(folder.path / CONFIG_NAME, folder.config.calibration)
        self._command = NEUTRAL
        self._tried_ns: int | None = None

    def try_value(self, name: str, value: Value, now_ns: int) -> None:
        """Hold what shows a value of the calibration; nothing for one that this car does not have, or may not have."""
        field = next((field for field in calibration_fields(self._config) if field.name == name), None)
        self._tried_ns = None
        if field is not None and _is_allowed(field, value):
            self._command = field_command(full_scale_calibration(self._current.read()), field, value)
            self._tried_ns = now_ns

    def command(self, now_ns: int) -> Command:
        """Return what is held at ``now_ns``."""
        is_held = self._tried_ns is not None and now_ns - self._tried_ns <= HELD_NS
        return self._command if is_held else NEUTRAL


def _is_allowed(field: CalibrationField, value: Value) -> bool:
    is_yes_or_no = isinstance(value, bool)
    return is_yes_or_no == isinstance(field.value, bool) and (is_yes_or_no or field.minimum <= value <= field.maximum)
