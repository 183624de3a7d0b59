"""An LED on a GPIO."""

from __future__ import annotations

from abc import abstractmethod
from typing import Any

from gpiozero import DigitalOutputDevice, Factory, GPIOZeroError

from hardware.closing import Closing
from hardware.errors import HardwareError


class Led(Closing):
    """A light that is on or off; ``close`` puts it out."""

    @abstractmethod
    def switch(self, *, on: bool) -> None:
        """Light it, or put it out, at once."""

    @abstractmethod
    def close(self) -> None:
        """Put it out and let go of it; may be called twice."""


class GpioLed(Led):
    """An LED between a GPIO and ground, with its resistor; dark until it is switched on.

    >>> with GpioLed(factory, gpio=26) as led:
    ...     led.switch(on=True)
    ...     bool(factory.pin(26).state)
    True

    ``factory`` is closed with it. Raises HardwareError when the pin cannot be used.
    """

    def __init__(self, factory: Factory, gpio: int) -> None:
        self._factory = factory
        self._device: Any = None
        try:
            self._device = DigitalOutputDevice(gpio, pin_factory=factory)
        except GPIOZeroError as error:
            factory.close()
            raise HardwareError(
                f"The LED cannot use GPIO {gpio} ({error}). Name the one that it is wired to with --gpio."
            ) from error

    def switch(self, *, on: bool) -> None:
        """Light it, or put it out, at once."""
        self._device.value = on

    def close(self) -> None:
        """Put it out and let go of the pin."""
        if self._device is not None:
            self._device.off()
            self._device.close()
            self._device = None
            self._factory.close()
