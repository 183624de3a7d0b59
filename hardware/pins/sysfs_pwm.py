"""The kernel's files for hardware PWM, ``/sys/class/pwm``: which chip has a GPIO, and how they are written.

It imports next to nothing, so that ``car neutral`` can use it.
"""

from __future__ import annotations

import os

PWM_CLASS = "/sys/class/pwm"

_BCM_CHANNELS = {12: 0, 18: 0, 13: 1, 19: 1}
CHANNELS = {
    "fe20c000.pwm": _BCM_CHANNELS,  # Raspberry Pi 4
    "3f20c000.pwm": _BCM_CHANNELS,  # Raspberry Pi 3 and Zero 2
    "1f00098000.pwm": {12: 0, 13: 1, 18: 2, 19: 3},  # Raspberry Pi 5, in its RP1
}
"""The PWM devices of each Raspberry Pi by the name of the hardware, and the channel of each GPIO.

``pwmchip0`` is a Pi 4's, and was a Pi 5's fan on some kernels and its header on others: the number says nothing.
"""


def find_channel(gpio: int) -> tuple[str, int] | None:
    """Return the folder of the chip that has ``gpio``, and its channel there; None when no chip has it."""
    try:
        names = sorted(os.listdir(PWM_CLASS))  # noqa: PTH208 - pathlib costs a tenth of the time car neutral has
    except OSError:
        return None
    for name in names:
        chip = f"{PWM_CLASS}/{name}"
        device = os.path.basename(os.path.realpath(f"{chip}/device"))  # noqa: PTH119
        channel = CHANNELS.get(device, {}).get(gpio)
        if channel is not None:
            return chip, channel
    return None


def write(path: str, value: int) -> None:
    """Write a number to one of the kernel's files; raises OSError when the kernel does not accept it.

    The kernel answers a write, and Python's files write when they are flushed, too late for anyone to hear the answer.
    """
    descriptor = os.open(path, os.O_WRONLY | os.O_TRUNC)
    try:
        os.write(descriptor, b"%d\n" % value)
    finally:
        os.close(descriptor)


def read(path: str) -> int:
    """Read a number from one of the kernel's files; raises OSError, or ValueError when it is none."""
    descriptor = os.open(path, os.O_RDONLY)
    try:
        return int(os.read(descriptor, 32) or b"0")
    finally:
        os.close(descriptor)
