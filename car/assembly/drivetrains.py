"""From ``[drivetrain]`` and ``[calibration]`` to wheels that turn."""

from __future__ import annotations

import contextlib
from typing import TYPE_CHECKING

from car.config.drivetrain import CalibrationSection, DifferentialSection, ServoEscSection
from car.config.sections import CarConfig
from hardware.clock import Clock
from hardware.drivetrain import Drivetrain
from hardware.errors import DrivetrainError, HardwareError

if TYPE_CHECKING:
    from gpiozero import Factory, OutputDevice


def open_drivetrain(config: CarConfig, clock: Clock) -> Drivetrain | None:
    """Open the drivetrain of real wheels that ``config`` names, at neutral; None for the simulated car's.

    Raises DrivetrainError when it is not there.
    """
    if not config.drivetrain.is_real:
        return None
    try:
        return _open(config, clock)
    except ImportError as error:
        raise DrivetrainError(
            f"A package for the pins is not installed ({error}). Install Pocketpilot with its extra, pocketpilot[pi]."
        ) from error
    except HardwareError:
        raise
    except Exception as error:  # gpiozero's errors and lgpio's have no base in common but this one
        raise DrivetrainError(
            f"The {config.drivetrain.kind} drivetrain cannot be opened ({error}). "
            "Check [drivetrain] in car.toml and the wiring, and see car doctor."
        ) from error


def calibrate(drivetrain: Drivetrain, calibration: CalibrationSection) -> None:
    """Have ``drivetrain``, as ``open_drivetrain`` gave it, go to neutral and follow another calibration from there on.

    Raises DrivetrainError when it is closed, or the pins cannot be written.
    """
    from hardware.drivetrains.differential import Differential
    from hardware.drivetrains.servo_esc import ServoEsc

    match drivetrain:
        case ServoEsc():
            drivetrain.calibrate(calibration.servo, calibration.esc)
        case Differential():
            drivetrain.calibrate(
                left_inverted=calibration.left_inverted,
                right_inverted=calibration.right_inverted,
                start=calibration.motor_start,
            )
        case _:
            raise DrivetrainError(f"A {type(drivetrain).__name__} has nothing to calibrate. Use its own tools.")


def _open(config: CarConfig, clock: Clock) -> Drivetrain | None:
    match config.drivetrain:
        case ServoEscSection() as section:
            return _open_servo_esc(section, config.calibration, clock)
        case DifferentialSection() as section:
            return _open_differential(section, config.calibration, clock)
        case _:
            return None


def _open_servo_esc(section: ServoEscSection, calibration: CalibrationSection, clock: Clock) -> Drivetrain:
    from hardware.drivetrains.servo_esc import ServoEsc

    with contextlib.ExitStack() as opened:
        factory = _open_pins(section, clock)
        opened.callback(factory.close)
        output_enable = None if section.oe_pin is None else _open_output_enable(section.oe_pin)
        opened.pop_all()
    return ServoEsc(
        factory,
        section.steering_pin,
        section.throttle_pin,
        calibration.servo,
        calibration.esc,
        clock,
        frequency_hz=section.frequency_hz,
        reverse=section.reverse,
        steering_step_us=section.steering_step_us,
        output_enable=output_enable,
    )


def _open_differential(section: DifferentialSection, calibration: CalibrationSection, clock: Clock) -> Drivetrain:
    from gpiozero import DigitalOutputDevice

    from hardware.drivetrains.differential import Differential, MotorPins

    left = (section.left_forward_pin, section.left_backward_pin, section.left_enable_pin)
    right = (section.right_forward_pin, section.right_backward_pin, section.right_enable_pin)
    with contextlib.ExitStack() as opened:
        factory = _open_pins(section, clock)
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


def _open_pins(section: ServoEscSection | DifferentialSection, clock: Clock) -> Factory:
    from hardware.pins.opening import open_pins

    return open_pins(
        section.pins,
        section.frequency_hz,
        clock,
        i2c_bus=section.i2c_bus,
        i2c_address=section.i2c_address,
        oscillator_hz=section.oscillator_hz,
    )


def _open_output_enable(pin: int) -> OutputDevice:
    """Return a PCA9685's OE, off: low enables its outputs."""
    from gpiozero import DigitalOutputDevice

    from hardware.pins.opening import open_gpios

    with contextlib.ExitStack() as opened:
        factory = opened.enter_context(open_gpios(fine=False))
        output_enable = DigitalOutputDevice(pin, active_high=False, pin_factory=factory)
        opened.pop_all()
    return output_enable
