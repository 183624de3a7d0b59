"""What is known of a car before its ``car.toml`` is read: the file's name, and what it need not say.

These stand apart because ``car neutral`` needs them too, and imports next to nothing.
"""

from __future__ import annotations

from typing import Final

CONFIG_NAME = "car.toml"
CONFIG_ENCODING = "utf-8-sig"
"""UTF-8, with or without the mark that some of Windows's editors put at a file's beginning, where nobody sees it."""
DEFAULT_CAR = "mycar"

JPEG_QUALITY = 75
"""Of recorded frames."""

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


def servo_pins(pins: str) -> tuple[int, int]:
    """Return where steering and throttle are on ``pins``."""
    return PCA9685_SERVO_PINS if pins == "pca9685" else GPIO_SERVO_PINS
