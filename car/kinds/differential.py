"""The drivetrain of two motors on an H-bridge."""

from __future__ import annotations

import contextlib
from collections.abc import Iterable, Mapping, Sequence
from typing import Annotated, Any, Literal, Self

from pydantic import Field, model_validator

from car.kinds.calibration import Calibration, CalibrationField, Value
from car.kinds.drivetrain import DrivetrainKind, PinNeeds
from car.kinds.pins import PCA9685_CHANNELS, PULLED_DOWN_GPIOS, PinsSection, check_pins, needs_of, open_pins
from hardware.clock import Clock
from hardware.drivetrain import Command, Drivetrain
from hardware.drivetrains import plain as defaults
from hardware.neutral import Output

MAX_START = 0.9


class DifferentialSection(PinsSection):
    """Two motors on an H-bridge. ``…_enable_pin`` and ``standby_pin`` are for bridges that have them.

    >>> section = DifferentialSection(pins="pca9685", left_forward_pin=0, left_backward_pin=1,
    ...                               right_forward_pin=2, right_backward_pin=3)
    >>> section.frequency_hz
    100.0
    """

    kind: str = "differential"
    pins: Literal["fine_lgpio", "lgpio", "pca9685"] = defaults.DIFFERENTIAL_PINS
    left_forward_pin: int = defaults.MOTOR_PINS["left_forward_pin"]
    left_backward_pin: int = defaults.MOTOR_PINS["left_backward_pin"]
    left_enable_pin: int | None = None
    right_forward_pin: int = defaults.MOTOR_PINS["right_forward_pin"]
    right_backward_pin: int = defaults.MOTOR_PINS["right_backward_pin"]
    right_enable_pin: int | None = None
    standby_pin: int | None = None
    frequency_hz: Annotated[float, Field(ge=50, le=1000)] = defaults.MOTOR_FREQUENCY_HZ

    @model_validator(mode="after")
    def _has_possible_pins(self) -> Self:
        possible = PCA9685_CHANNELS if self.pins == "pca9685" else PULLED_DOWN_GPIOS
        names = [name for name in type(self).model_fields if name.endswith("_pin")]
        check_pins(self.used_pins(names), possible, self.pins)
        return self


class MotorCalibration(Calibration):
    """A motor that runs backwards is ``inverted``; below ``motor_start`` of full power it does not turn.

    >>> MotorCalibration(left_inverted=True, motor_start=0.2).on_full_scale().motor_start
    0.0
    """

    left_inverted: bool = False
    right_inverted: bool = False
    motor_start: Annotated[float, Field(ge=0, le=MAX_START)] = 0.0

    def on_full_scale(self) -> Self:
        """Return the full scale: a motor gets the throttle as its power."""
        return super().on_full_scale().model_copy(update={"motor_start": 0.0})


def left_command(scale: MotorCalibration, value: bool) -> Command:
    """Return the command that turns the left wheel alone: forwards, if ``value`` is right."""
    # The drivetrain is not inverted before it is saved: until then, the other way is shown by reverse.
    return Command(1.0, 1.0 if value == scale.left_inverted else -1.0)


def right_command(scale: MotorCalibration, value: bool) -> Command:
    """Return the command that turns the right wheel alone: forwards, if ``value`` is right."""
    return Command(-1.0, 1.0 if value == scale.right_inverted else -1.0)


def start_command(_scale: MotorCalibration, value: float) -> Command:
    """Return the command that gives both motors ``value`` of their power."""
    return Command(0.0, value)


class DifferentialKind(DrivetrainKind[DifferentialSection, MotorCalibration]):
    """Two motors on an H-bridge, by GPIOs or a PCA9685."""

    section = DifferentialSection
    calibration = MotorCalibration

    def open(self, section: DifferentialSection, calibration: MotorCalibration, clock: Clock) -> Drivetrain:
        """Open the pins and whatever enables the bridge, with both motors off."""
        from gpiozero import DigitalOutputDevice

        from hardware.drivetrains.differential import Differential, MotorPins

        left = (section.left_forward_pin, section.left_backward_pin, section.left_enable_pin)
        right = (section.right_forward_pin, section.right_backward_pin, section.right_enable_pin)
        with contextlib.ExitStack() as opened:
            factory = open_pins(section, section.pins, section.frequency_hz, clock)
            opened.callback(factory.close)
            pin = section.standby_pin
            standby = None if pin is None else DigitalOutputDevice(pin, pin_factory=factory)
            opened.pop_all()
        return Differential(
            factory,
            MotorPins(*left, inverted=calibration.left_inverted),
            MotorPins(*right, inverted=calibration.right_inverted),
            clock,
            frequency_hz=section.frequency_hz,
            start=calibration.motor_start,
            standby=standby,
        )

    def outputs(self, drivetrain: Mapping[str, Any], calibration: Mapping[str, Any]) -> Iterable[Output]:
        """Return the bridge's pins, off."""
        return defaults.differential_outputs(drivetrain, calibration)

    def fields(self, section: DifferentialSection, calibration: MotorCalibration) -> Sequence[CalibrationField]:
        """Return which way the motors turn, and where they begin to."""
        return [
            CalibrationField(
                *("left_inverted", "Left motor runs backwards", "motors", calibration.left_inverted),
                *("Tried: the left wheel alone, which is to turn forwards.", left_command),
            ),
            CalibrationField(
                *("right_inverted", "Right motor runs backwards", "motors", calibration.right_inverted),
                *("Tried: the right wheel alone.", right_command),
            ),
            CalibrationField(
                *("motor_start", "Start", "motors", calibration.motor_start),
                *("The share of full power at which the wheels just begin to turn; tried up to 0.2.", start_command),
                maximum=MAX_START,
            ),
        ]

    def recalibrate(self, drivetrain: Drivetrain, calibration: MotorCalibration) -> None:
        """Turn the motors by another calibration, from neutral on."""
        from hardware.drivetrains.differential import Differential

        if isinstance(drivetrain, Differential):
            drivetrain.calibrate(
                left_inverted=calibration.left_inverted,
                right_inverted=calibration.right_inverted,
                start=calibration.motor_start,
            )

    def inverted(self, output: str, values: Mapping[str, Value]) -> dict[str, Value]:
        """Return both motors the other way round."""
        return {name: not values[name] for name in ("left_inverted", "right_inverted")}

    def pin_needs(self, section: DifferentialSection) -> PinNeeds:
        """Return what its pins are on."""
        return needs_of(section, section.pins)
