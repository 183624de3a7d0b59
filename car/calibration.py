"""Calibration: which pulses steer straight and stand still, found by trying them with the wheels off the ground.

A value is tried out on the *trial scale*, a calibration of its own: full steering is the end of the servo's safe range,
full throttle is 500 µs from neutral, half of what radio control has between full reverse and full forward, and a motor
without pulses gets the throttle as its power. Whoever tries a pulse turns it into a command on that scale, which goes
to the gate like any other; while the gate is armed for calibration, ``CalibrationSwitch`` keeps the drivetrain on the
same scale. So the gate decides whether anything moves, and its cap of 0.2 on the throttle means 100 µs.
"""

from __future__ import annotations

import contextlib
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from typing import Literal

from car.config.drivetrain import CalibrationSection, DifferentialSection, ServoEscSection
from car.config.sections import CarConfig, load_config
from car.errors import ConfigError
from car.gate import Event, Gate, GateState, Limits, Mode
from hardware.drivetrain import NEUTRAL, Command
from hardware.drivetrains.pulses import LONGEST_PULSE_US, SHORTEST_PULSE_US

Value = float | bool
Output = Literal["steering", "throttle", "motors"]

THROTTLE_RANGE_US = 500.0
TRIAL_THROTTLE = Limits().calibration_throttle_cap
MAX_MOTOR_START = 0.9


@dataclass(frozen=True, slots=True)
class CalibrationField:
    """One value of ``[calibration]`` as a person sees it: numbers in ``minimum`` … ``maximum``, or yes and no."""

    name: str
    label: str
    output: Output
    value: Value
    help: str
    minimum: float = SHORTEST_PULSE_US
    maximum: float = LONGEST_PULSE_US
    step: float = 1.0
    unit: str = "µs"


_SERVO = (
    ("steering_centre_us", "Centre", "Where the car runs straight."),
    ("steering_left_us", "Left end", "As far left as the wheels go without the servo humming against its stop."),
    ("steering_right_us", "Right end", "As far right as they go."),
)
_ESC = (
    ("neutral_us", "Neutral", "Where the motor stands still."),
    ("forward_start_us", "Forward, start", "Where the wheels just begin to turn forwards."),
    ("forward_max_us", "Forward, most", "What full throttle is to be; tried no faster than a slow turn."),
)
_ESC_REVERSE = (
    ("reverse_start_us", "Reverse, start", "Where they just begin to turn backwards, after a tap on the brake."),
    ("reverse_max_us", "Reverse, most", "What full reverse is to be."),
)
_MOTORS = (
    ("left_inverted", "Left motor runs backwards", "Tried: the left wheel alone, which is to turn forwards."),
    ("right_inverted", "Right motor runs backwards", "Tried: the right wheel alone."),
)


_STARTS = ("forward_start_us", "reverse_start_us")
_WHEELS = {"left_inverted": 1.0, "right_inverted": -1.0}
"""The steering with which one wheel turns alone."""


def calibration_fields(config: CarConfig) -> list[CalibrationField]:
    """Return what there is to calibrate on this car, with the values so far; nothing on a simulated one."""
    calibration = config.calibration
    match config.drivetrain:
        case ServoEscSection(reverse=reverse):
            throttle = _ESC if reverse == "none" else (*_ESC, *_ESC_REVERSE)
            return [*_named_fields("steering", _SERVO, calibration), *_named_fields("throttle", throttle, calibration)]
        case DifferentialSection():
            return [*_named_fields("motors", _MOTORS, calibration), _motor_start(calibration)]
        case _:
            return []


def _named_fields(
    output: Output, names: tuple[tuple[str, str, str], ...], calibration: CalibrationSection
) -> list[CalibrationField]:
    return [CalibrationField(name, label, output, getattr(calibration, name), words) for name, label, words in names]


def _motor_start(calibration: CalibrationSection) -> CalibrationField:
    words = "The share of full power at which the wheels just begin to turn; tried up to 0.2."
    return CalibrationField(
        "motor_start", "Start", "motors", calibration.motor_start, words, 0.0, MAX_MOTOR_START, 0.01, ""
    )


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


def changed_values(values: Mapping[str, Value], name: str, value: Value) -> dict[str, Value]:
    """Return ``values`` with another one for ``name``; what begins at neutral goes along with neutral."""
    follows = [start for start in _STARTS if name == "neutral_us" and values.get(start) == values[name]]
    return {**values, name: value, **dict.fromkeys(follows, value)}


def inverted_values(output: Output, values: Mapping[str, Value]) -> dict[str, Value]:
    """Return the values that change when ``output`` is to work the other way round.

    A servo gets its ends swapped, an ESC its pulses mirrored about neutral, motors their yes and no.
    """
    if output == "steering":
        return {"steering_left_us": values["steering_right_us"], "steering_right_us": values["steering_left_us"]}
    if output == "motors":
        return {name: not values[name] for name, _, _ in _MOTORS}
    neutral_us = values["neutral_us"]
    mirrored = {name: 2 * neutral_us - values[name] for name in values if name.startswith(("forward_", "reverse_"))}
    return {name: min(max(us, SHORTEST_PULSE_US), LONGEST_PULSE_US) for name, us in mirrored.items()}


def trial_calibration(calibration: CalibrationSection) -> CalibrationSection:
    """Return the trial scale of a car that is calibrated so far by ``calibration``; its neutral is the same."""
    neutral_us = calibration.neutral_us
    # Forward stays the way that it is now, so that an ESC whose pulses are inverted gets its tap before reverse.
    way = 1 if calibration.forward_max_us > neutral_us else -1
    reverse_us, forward_us = (
        min(max(neutral_us + share * THROTTLE_RANGE_US, SHORTEST_PULSE_US), LONGEST_PULSE_US) for share in (-way, way)
    )
    changes = {
        "steering_left_us": SHORTEST_PULSE_US,
        "steering_right_us": LONGEST_PULSE_US,
        "forward_start_us": neutral_us,
        "forward_max_us": forward_us,
        "reverse_start_us": neutral_us,
        "reverse_max_us": reverse_us,
        "motor_start": 0.0,
    }
    return calibration.model_copy(update=changes)


def pulse_command(trial: CalibrationSection, output: Output, pulse_us: float) -> Command:
    """Return the command that sends ``pulse_us`` on the trial scale, as far as it goes; ``motors`` have no pulses."""
    if output == "steering":
        return Command(trial.servo.steering(pulse_us), 0.0)
    return Command(0.0, trial.esc.throttle(pulse_us)) if output == "throttle" else NEUTRAL


def field_command(trial: CalibrationSection, field: CalibrationField, value: Value) -> Command:
    """Return the command that shows on the trial scale what ``value`` does."""
    if field.name in _WHEELS:
        # The drivetrain is not inverted before it is saved: until then, the other way is shown by reverse.
        throttle = TRIAL_THROTTLE if value == getattr(trial, field.name) else -TRIAL_THROTTLE
        return Command(_WHEELS[field.name], throttle)
    return Command(0.0, value) if field.output == "motors" else pulse_command(trial, field.output, value)


class CurrentCalibration:
    """A car's calibration as ``car.toml`` has it now, read again when the file has changed.

    While the file cannot be read, or has a mistake, the last one stays.
    """

    def __init__(self, path: Path, calibration: CalibrationSection) -> None:
        self._path = path
        self._calibration = calibration
        self._stamp = self._read_stamp()

    def read(self) -> CalibrationSection:
        """Return the calibration."""
        stamp = self._read_stamp()
        if stamp != self._stamp:
            self._stamp = stamp
            with contextlib.suppress(ConfigError):
                self._calibration = load_config(self._path).calibration
        return self._calibration

    def _read_stamp(self) -> tuple[int, int] | None:
        try:
            status = self._path.stat()
        except OSError:
            return None
        return status.st_mtime_ns, status.st_ino


class CalibrationSwitch:
    """Keeps the drivetrain on the calibration that goes with the gate; it stands after the driver among the sources.

    That is the trial scale while it is armed for calibration, and the saved calibration else: one that has been saved
    meanwhile counts from the next time that somebody arms. ``recalibrate`` is told each that is new, at neutral.
    """

    def __init__(
        self,
        gate: Gate,
        current: CurrentCalibration,
        recalibrate: Callable[[CalibrationSection], None],
    ) -> None:
        self._gate = gate
        self._current = current
        self._recalibrate = recalibrate
        self._calibration = current.read()
        self._before = (False, False)

    def events(self, now_ns: int) -> Iterable[Event]:
        """Return nothing: what the driver's events have made of the gate is all that matters here."""
        is_armed = self._gate.state is GateState.ARMED
        is_trial = is_armed and self._gate.mode is Mode.CALIBRATION
        # Between two cycles somebody may have ended the calibration and armed to drive: armed both times, and yet new.
        if (is_armed, is_trial) != self._before or is_trial:
            saved = self._current.read()
            self._use(trial_calibration(saved) if is_trial else saved)
        self._before = (is_armed, is_trial)
        return ()

    def _use(self, calibration: CalibrationSection) -> None:
        if calibration != self._calibration:
            self._calibration = calibration
            self._recalibrate(calibration)
