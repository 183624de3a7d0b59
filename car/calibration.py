"""Calibration: which pulses steer straight and stand still, found by trying them with the wheels off the ground.

A value is tried out on the *full scale*, a calibration of its own: with a servo and an ESC, full steering is the end
of the servo's safe range and full throttle is 500 µs from neutral, and a motor without pulses gets the throttle as its
power. Whoever tries a value turns it into a command on that scale, which goes to the gate like any other; while the
gate is armed for calibration, ``CalibrationSwitch`` keeps the drivetrain on the same scale. So the gate decides whether
anything moves, and its cap of 0.2 on the throttle means 100 µs. What there is to calibrate, and how it is tried, the
kind of drivetrain knows: see ``car.kinds``.
"""

from __future__ import annotations

import contextlib
from collections.abc import Callable, Iterable, Mapping
from dataclasses import replace
from datetime import datetime
from pathlib import Path
from typing import TypeVar

from car.config.sections import CarConfig, load_config
from car.errors import ConfigError
from car.gate import Event, Gate, GateState, Limits, Mode
from car.kinds.calibration import Calibration, CalibrationField, Value
from car.kinds.ours import DRIVETRAINS
from hardware.drivetrain import Command

CalibrationT = TypeVar("CalibrationT", bound=Calibration)
FULL_SCALE_THROTTLE = Limits().calibration_throttle_cap


def calibration_fields(config: CarConfig) -> list[CalibrationField]:
    """Return what there is to calibrate on this car, with the values so far; nothing on a simulated one."""
    return [*DRIVETRAINS.find(config.drivetrain.kind).fields(config.drivetrain, config.calibration)]


def save_calibration(path: Path, changes: Mapping[str, Value]) -> None:
    """Write ``changes`` to ``[calibration]`` of the ``car.toml`` at ``path``, with today's date.

    All else in the file stays as it is, and a power cut leaves the old file or the new one. Raises ConfigError, and
    writes nothing, when a value is no part of this car's calibration, is outside what a servo takes without harm, or
    does not go with the others.
    """
    # Only here: the drive process imports this module too, and never writes the file.
    from car.config.change import change_config

    known = [field.name for field in calibration_fields(load_config(path))]
    for name in changes:
        if name not in known:
            names = ", ".join(known) or "nothing"
            raise ConfigError(f"`{name}` is not calibrated on this car. Choose from: {names}.")
    today = datetime.now().astimezone().date()
    change_config(path, {"calibration": {**changes, "calibrated": today}})


def full_scale_calibration(calibration: CalibrationT) -> CalibrationT:
    """Return the full scale of a car that is calibrated so far by ``calibration``."""
    return calibration.on_full_scale()


def field_command(scale: Calibration, field: CalibrationField, value: Value) -> Command:
    """Return the command that shows on the full scale what ``value`` does, no faster than the gate lets anything."""
    command = field.show(scale, value)
    return replace(command, throttle=min(max(command.throttle, -FULL_SCALE_THROTTLE), FULL_SCALE_THROTTLE))


class CurrentCalibration:
    """A car's calibration as ``car.toml`` has it now, read again when the file has changed.

    While the file cannot be read, or has a mistake, the last one stays.
    """

    def __init__(self, path: Path, calibration: Calibration) -> None:
        self._path = path
        self._calibration = calibration
        self._stamp = self._read_stamp()

    def read(self) -> Calibration:
        """Return the calibration."""
        stamp = self._read_stamp()
        if stamp != self._stamp:
            self._stamp = stamp
            with contextlib.suppress(ConfigError):
                self._take(load_config(self._path).calibration)
        return self._calibration

    def _take(self, calibration: Calibration) -> None:
        # Somebody may have chosen another drivetrain, which counts from the next start; this one cannot follow it.
        if type(calibration) is type(self._calibration):
            self._calibration = calibration

    def _read_stamp(self) -> tuple[int, int] | None:
        try:
            status = self._path.stat()
        except OSError:
            return None
        return status.st_mtime_ns, status.st_ino


class CalibrationSwitch:
    """Keeps the drivetrain on the calibration that goes with the gate; it stands after the driver among the sources.

    That is the full scale while it is armed for calibration, and the saved calibration else: one that has been saved
    meanwhile counts from the next time that somebody arms. ``recalibrate`` is told each that is new, at neutral.
    """

    def __init__(
        self,
        gate: Gate,
        current: CurrentCalibration,
        recalibrate: Callable[[Calibration], None],
    ) -> None:
        self._gate = gate
        self._current = current
        self._recalibrate = recalibrate
        self._calibration = current.read()
        self._before = (False, False)

    def events(self, now_ns: int) -> Iterable[Event]:
        """Return nothing: what the driver's events have made of the gate is all that matters here."""
        is_armed = self._gate.state is GateState.ARMED
        is_calibrating = is_armed and self._gate.mode is Mode.CALIBRATION
        # Between two cycles somebody may have ended the calibration and armed to drive: armed both times, and yet new.
        if (is_armed, is_calibrating) != self._before or is_calibrating:
            saved = self._current.read()
            self._use(full_scale_calibration(saved) if is_calibrating else saved)
        self._before = (is_armed, is_calibrating)
        return ()

    def _use(self, calibration: Calibration) -> None:
        if calibration != self._calibration:
            self._calibration = calibration
            self._recalibrate(calibration)
