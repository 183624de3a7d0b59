"""Software PWM on any GPIO through lgpio, with the resolution that lgpio has and gpiozero leaves unused.

gpiozero's own pins cut the duty to whole percents, which leaves a servo 6 positions (gpiozero #1209); these hand it on
as it is. The pulses come from a thread, so that a busy processor makes them jitter: for a servo, prefer
``hardware_pwm`` or a ``pca9685``.
"""

from __future__ import annotations

import contextlib
import os
import tempfile
from collections.abc import Iterator
from typing import Any

from gpiozero import PinInvalidState

from hardware.errors import DrivetrainError
from hardware.pins.gpiochip import HEADER_LABELS

LAST_CHIP = 31


@contextlib.contextmanager
def _writable_folder() -> Iterator[None]:
    """Have lgpio make its pipe in a folder that can be written; it goes there with the whole program, so come back."""
    here = os.getcwd()  # noqa: PTH109 - chdir takes a string
    os.environ.setdefault("LG_WD", tempfile.gettempdir())
    try:
        yield
    finally:
        os.chdir(here)


with _writable_folder():
    import lgpio
    from gpiozero.pins.lgpio import LGPIOFactory, LGPIOPin


class FineLgpioPin(LGPIOPin):  # type: ignore[misc] # gpiozero has no types
    """A GPIO whose pulses are whole microseconds, as lgpio makes them, instead of whole percents of the period."""

    _pwm: tuple[float, float] | None

    def _set_state(self, value: Any) -> None:
        if self._pwm is None:
            super()._set_state(value)
            return
        frequency_hz, percent = self._pwm[0], value * 100
        try:
            lgpio.tx_pwm(self.factory._handle, self._number, frequency_hz, percent)
        except lgpio.error as error:
            raise PinInvalidState(f"invalid state {value!r} for pin {self!r}: {error}") from error
        self._pwm = (frequency_hz, percent)


class HeaderFactory(LGPIOFactory):  # type: ignore[misc]
    """Makes pins of the header's GPIOs; raises DrivetrainError for one that another program has."""

    def pin(self, name: int | str) -> LGPIOPin:
        """Return the pin of a GPIO, an input until it is told otherwise."""
        try:
            return super().pin(name)
        except lgpio.error as error:
            raise DrivetrainError(f"GPIO {name} cannot be used ({error}). End the program that has it.") from error


def open_lgpio(*, fine: bool = True) -> HeaderFactory:
    """Return a factory for the GPIOs of the 40-pin header; without ``fine`` its pins are gpiozero's own.

    Raises DrivetrainError when there is no such chip or it may not be opened.
    """
    factory = HeaderFactory(chip=_find_chip())
    if fine:
        factory.pin_class = FineLgpioPin
    return factory


def _find_chip() -> int:
    """Return the number of the chip with the header, whatever it is on this kernel."""
    for number in range(LAST_CHIP + 1):
        with contextlib.suppress(lgpio.error):
            handle = lgpio.gpiochip_open(number)
            try:
                *_, label = lgpio.gpio_get_chip_info(handle)
            finally:
                lgpio.gpiochip_close(handle)
            if label in HEADER_LABELS:
                return number
    raise DrivetrainError(
        "There is no GPIO chip of a Raspberry Pi's header here, or it cannot be opened. "
        "Join the group gpio, and see car doctor."
    )
