"""A stand-in for the module ``lgpio``, under gpiozero's real LGPIOFactory: chips by label, lines, and pulses.

It does with a duty what lgpio's own C code does with it: whole microseconds high, and whole microseconds low.
"""

from __future__ import annotations

import sys
from collections import defaultdict
from collections.abc import Mapping
from dataclasses import dataclass
from types import ModuleType

import pytest
from gpiozero.pins.local import LocalPiFactory

PI_4B = 0xC03111
PI_5B = 0xC04170
PI_4_CHIPS = {0: "pinctrl-bcm2711", 1: "raspberrypi-exp-gpio"}
LINES = 54


class LgpioError(Exception):
    """lgpio.error."""


@dataclass(frozen=True, slots=True)
class Sent:
    """One call that reached lgpio: a pulse in whole µs per period, or a level (``period_us`` 0)."""

    gpio: int
    high_us: int
    period_us: int


class FakeLgpio(ModuleType):
    """The module; ``sent`` has every pulse and level in order, ``levels`` what each line is claimed as."""

    SET_PULL_NONE, SET_PULL_UP, SET_PULL_DOWN = 128, 32, 64
    RISING_EDGE, FALLING_EDGE, BOTH_EDGES = 1, 2, 3
    error = LgpioError

    def __init__(self, chips: Mapping[int, str]) -> None:
        super().__init__("lgpio")
        self.chips = dict(chips)
        self.opened: dict[int, int] = {}
        self.outputs: set[int] = set()
        self.busy: set[int] = set()
        self.sent: list[Sent] = []
        self.broken = False

    def gpiochip_open(self, number: int) -> int:
        if number not in self.chips:
            raise LgpioError("can not open gpiochip")
        handle = len(self.opened)
        self.opened[handle] = number
        return handle

    def gpiochip_close(self, handle: int) -> int:
        del self.opened[handle]
        return 0

    def gpio_get_chip_info(self, handle: int) -> list[object]:
        number = self.opened[handle]
        return [0, LINES, f"gpiochip{number}", self.chips[number]]

    def gpio_claim_input(self, handle: int, gpio: int, flags: int = 0) -> int:
        self._claim(handle, gpio)
        self.outputs.discard(gpio)
        return 0

    def gpio_claim_output(self, handle: int, gpio: int, level: int = 0, flags: int = 0) -> int:
        self._claim(handle, gpio)
        self.outputs.add(gpio)
        return 0

    def gpio_get_mode(self, handle: int, gpio: int) -> int:
        return 2 if gpio in self.outputs else 0

    def gpio_read(self, handle: int, gpio: int) -> int:
        return next((sent.high_us for sent in reversed(self.sent) if sent.gpio == gpio), 0)

    def gpio_write(self, handle: int, gpio: int, level: int) -> int:
        self._send(handle, Sent(gpio, int(level), 0))
        return 0

    def tx_pwm(self, handle: int, gpio: int, frequency: float, duty: float, offset: int = 0, cycles: int = 0) -> int:
        if frequency == 0:
            self._send(handle, Sent(gpio, 0, 0))
            return 0
        if not 0.1 <= frequency <= 10_000 or not 0 <= duty <= 100:
            raise LgpioError("bad PWM frequency" if 0 <= duty <= 100 else "bad PWM duty cycle")
        period_us = int(1e6 / frequency + 0.5)
        self._send(handle, Sent(gpio, int(duty / 100 * period_us + 0.5), period_us))
        return 0

    def pulses_us(self, gpio: int) -> list[int]:
        """Return the pulses of one line so far, those of no length left out."""
        return [sent.high_us for sent in self.sent if sent.gpio == gpio and sent.period_us and sent.high_us]

    def is_off(self, gpio: int) -> bool:
        """Tell whether a line that was used is neither sent pulses nor an output any more."""
        return gpio not in self.outputs and self.gpio_read(0, gpio) == 0

    def _claim(self, handle: int, gpio: int) -> None:
        if self.opened[handle] not in self.chips or gpio in self.busy:
            raise LgpioError("GPIO busy")

    def _send(self, handle: int, sent: Sent) -> None:
        if self.broken:
            raise LgpioError("unexpected error")
        if handle not in self.opened or sent.gpio not in self.outputs:
            raise LgpioError("GPIO not an output")
        self.sent.append(sent)


def install(
    monkeypatch: pytest.MonkeyPatch, chips: Mapping[int, str] | None = None, revision: int = PI_4B
) -> FakeLgpio:
    """Put a fake in the place of ``lgpio``, on a Raspberry Pi of ``revision`` with these chips; return it."""
    lgpio = FakeLgpio(PI_4_CHIPS if chips is None else chips)
    monkeypatch.setitem(sys.modules, "lgpio", lgpio)
    for name in ("gpiozero.pins.lgpio", "hardware.pins.fine_lgpio"):
        # They are imported again, with the fake; and once more, without it, by whoever comes next.
        monkeypatch.delitem(sys.modules, name, raising=False)
    monkeypatch.setattr("gpiozero.pins.local.get_pi_revision", lambda: revision)
    monkeypatch.setattr(LocalPiFactory, "pins", {})
    monkeypatch.setattr(LocalPiFactory, "_reservations", defaultdict(list))
    return lgpio
