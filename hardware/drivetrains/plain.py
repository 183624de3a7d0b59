"""What is known of our drivetrains before ``car.toml`` is checked: what it need not say, and how each is neutral.

``car neutral`` needs this, and imports next to nothing. Each function is given ``[drivetrain]`` and ``[calibration]``
as they stand in the file, and yields the outputs as ``hardware.neutral`` takes them; what is missing or makes no sense
has its default.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from typing import Any, Final

from hardware.neutral import Output
from hardware.pins.resolution import US_PER_S, pulse_step_us

SERVO_ESC_PINS: Final = "pca9685"
DIFFERENTIAL_PINS: Final = "fine_lgpio"

PCA9685_SERVO_PINS = (1, 0)
GPIO_SERVO_PINS = (12, 13)
"""Steering and throttle: channels, and the GPIOs that have hardware PWM."""

MOTOR_PINS = {"left_forward_pin": 17, "left_backward_pin": 27, "right_forward_pin": 23, "right_backward_pin": 24}
"""GPIOs that a Raspberry Pi pulls down from power-on, so that no motor starts by itself."""

I2C_BUS = 1
I2C_ADDRESS = 0x40
OSCILLATOR_HZ = 25_000_000.0
SERVO_FREQUENCY_HZ = 50.0
MOTOR_FREQUENCY_HZ = 100.0
CENTRE_US = 1500.0
NS_PER_US = 1000


def servo_pins(pins: str) -> tuple[int, int]:
    """Return where steering and throttle are on ``pins``."""
    return PCA9685_SERVO_PINS if pins == "pca9685" else GPIO_SERVO_PINS


def simulated_outputs(_drivetrain: Mapping[str, Any], _calibration: Mapping[str, Any]) -> Iterator[Output]:
    """Yield nothing: these wheels are drawn."""
    return iter(())


def servo_esc_outputs(drivetrain: Mapping[str, Any], calibration: Mapping[str, Any]) -> Iterator[Output]:
    """Yield the outputs of a servo and an ESC."""
    pins = drivetrain.get("pins", SERVO_ESC_PINS)
    steering_pin, throttle_pin = servo_pins(str(pins))
    # The throttle first: it is what must stop.
    pulses_us = {
        _integer(drivetrain, "throttle_pin", throttle_pin): _number(calibration, "neutral_us", CENTRE_US),
        _integer(drivetrain, "steering_pin", steering_pin): _number(calibration, "steering_centre_us", CENTRE_US),
    }
    frequency_hz = _number(drivetrain, "frequency_hz", SERVO_FREQUENCY_HZ)
    if pins == "pca9685":
        step_us = pulse_step_us("pca9685", frequency_hz, _number(drivetrain, "oscillator_hz", OSCILLATOR_HZ))
        # First, so that it watches over what the bus does.
        if "oe_pin" in drivetrain:
            yield {"kind": "output_enable", "gpio": drivetrain["oe_pin"]}
        yield _pca9685(drivetrain, {str(pin): round(pulse_us / step_us) for pin, pulse_us in pulses_us.items()})
    elif pins in ("hardware_pwm", "pwm_pio"):
        for gpio, pulse_us in pulses_us.items():
            yield {"kind": pins, "gpio": gpio, "pulse_ns": round(pulse_us * NS_PER_US)}
    else:
        yield {
            "kind": "servo_lines",
            "gpios": list(pulses_us),
            "pulse_us": list(pulses_us.values()),
            "period_us": US_PER_S / frequency_hz,
        }


def differential_outputs(drivetrain: Mapping[str, Any], _calibration: Mapping[str, Any]) -> Iterator[Output]:
    """Yield the outputs of two motors on an H-bridge."""
    pins = {name: _integer(drivetrain, name, number) for name, number in MOTOR_PINS.items()}
    pins |= {name: _integer(drivetrain, name, 0) for name in drivetrain if name.endswith("_pin")}
    if drivetrain.get("pins", DIFFERENTIAL_PINS) == "pca9685":
        yield _pca9685(drivetrain, {str(channel): 0 for channel in pins.values()})
    else:
        yield {"kind": "low_lines", "gpios": list(pins.values())}


OUTPUTS: Mapping[str, Callable[[Mapping[str, Any], Mapping[str, Any]], Iterator[Output]]] = {
    "simulated": simulated_outputs,
    "servo_esc": servo_esc_outputs,
    "differential": differential_outputs,
}
"""The quick way to the outputs of each of our drivetrains, which needs nothing but this module."""


def _pca9685(drivetrain: Mapping[str, Any], counts: Mapping[str, int]) -> Output:
    return {
        "kind": "pca9685",
        "bus": _integer(drivetrain, "i2c_bus", I2C_BUS),
        "address": _integer(drivetrain, "i2c_address", I2C_ADDRESS),
        "counts": counts,
    }


def _integer(section: Mapping[str, Any], name: str, default: int) -> int:
    value = section.get(name)
    return value if isinstance(value, int) else default


def _number(section: Mapping[str, Any], name: str, default: float) -> float:
    value = section.get(name)
    return value if isinstance(value, int | float) and 0 < value < US_PER_S else default
