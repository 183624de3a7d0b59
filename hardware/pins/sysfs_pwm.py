"""The kernel's files for PWM, ``/sys/class/pwm``: which chip has a GPIO, and how they are written.

A Raspberry Pi 5 makes pulses with its PIO too, on any GPIO: the overlay pwm-pio makes a chip of one channel for each.
When the kernel stops such a channel, its pin stays as it is, high in the middle of a pulse: let it go on with a duty of
0. That is how its driver is written (drivers/pwm/pwm-pio-rp1.c of raspberrypi/linux); no one has seen it on a Pi here.

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
_PIO_DEVICE = "pwm_pio@"


def channel_on(device: str, gpio: int, *, pio: bool = False) -> int | None:
    """Return the channel that ``gpio`` has on a chip, by the name of its device; None where it has none there.

    >>> channel_on("1f00098000.pwm", 18), channel_on("pwm_pio@12", 18, pio=True)
    (2, 0)

    The overlay pwm-pio names its device for the GPIO, in hexadecimal.
    """
    if pio:
        return 0 if device == f"{_PIO_DEVICE}{gpio:x}" else None
    return CHANNELS.get(device, {}).get(gpio)


def find_channel(gpio: int, *, pio: bool = False) -> tuple[str, int] | None:
    """Return the folder of the chip that has ``gpio``, and its channel there; None when no chip has it.

    ``pio`` looks among the chips of a Pi 5's PIO rather than among those of its hardware PWM.
    """
    try:
        names = sorted(os.listdir(PWM_CLASS))  # noqa: PTH208 - pathlib costs a tenth of the time car neutral has
    except OSError:
        return None
    for name in names:
        chip = f"{PWM_CLASS}/{name}"
        device = os.path.basename(os.path.realpath(f"{chip}/device"))  # noqa: PTH119
        channel = channel_on(device, gpio, pio=pio)
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
