"""Donkey Car's names of pins, and what its PWM counts are in µs."""

from __future__ import annotations

import re
from dataclasses import dataclass

HEADER = {
    3: 2,
    5: 3,
    7: 4,
    8: 14,
    10: 15,
    11: 17,
    12: 18,
    13: 27,
    15: 22,
    16: 23,
    18: 24,
    19: 10,
    21: 9,
    22: 25,
    23: 11,
    24: 8,
    26: 7,
    27: 0,
    28: 1,
    29: 5,
    31: 6,
    32: 12,
    33: 13,
    35: 19,
    36: 16,
    37: 26,
    38: 20,
    40: 21,
}
"""The GPIO at each place of a Raspberry Pi's header that has one."""

US_PER_S = 1_000_000
COUNTS_PER_PERIOD = 4096
FREQUENCY_HZ = 60.0
"""Counts are of 4096 in a period, and that of 60 Hz whatever the pins' own frequency is."""
PIGPIO_STEPS_PER_COUNT = 200
"""With PIGPIO_PWM a count is 200 millionths of a period of the pins' own frequency."""

_PIN = re.compile(
    r"PCA9685\.(?P<bus>\d{1,3}):(?P<address>[0-9a-fA-F]{1,2})\.(?P<channel>\d{1,2})"
    r"|(?P<provider>RPI_GPIO|PIGPIO)\.(?P<scheme>BOARD|BCM)\.(?P<number>\d{1,2})"
)


@dataclass(frozen=True, slots=True)
class Pin:
    """A pin: a GPIO, or where ``board`` (I²C bus and address) is given a channel of the PCA9685 there."""

    number: int
    board: tuple[int, int] | None = None


def parse_pin(text: str) -> Pin | None:
    """Return the pin that Donkey Car calls ``text``, None when it is none of a Raspberry Pi's or a PCA9685's.

    >>> parse_pin("PCA9685.1:40.7")
    Pin(number=7, board=(1, 64))
    >>> parse_pin("RPI_GPIO.BOARD.33")
    Pin(number=13, board=None)
    """
    found = _PIN.fullmatch(text)
    if found is None:
        return None
    if found["provider"] is None:
        return Pin(int(found["channel"]), (int(found["bus"]), int(found["address"], 16)))
    number = int(found["number"])
    gpio = HEADER.get(number) if found["scheme"] == "BOARD" else number
    return None if gpio is None else Pin(gpio)


def pulse_us(count: float, scale: float = 1.0) -> float:
    """Return how long a pulse of ``count`` is.

    >>> pulse_us(370)
    1505.5
    """
    return round(count * scale * US_PER_S / (FREQUENCY_HZ * COUNTS_PER_PERIOD), 1)


def pigpio_pulse_us(count: float, frequency_hz: float) -> float:
    """Return how long a pulse of ``count`` is with PIGPIO_PWM.

    >>> pigpio_pulse_us(370, 50)
    1480.0
    """
    return round(count * PIGPIO_STEPS_PER_COUNT / frequency_hz, 1)
