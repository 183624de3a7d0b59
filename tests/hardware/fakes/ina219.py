"""An INA219: its registers behind an I²C bus, as its data sheet (SBOS448, section 8.6) has them.

It converts by the clock. ``Chip`` stands in for an open ``smbus2.SMBus`` that has nothing else on it.
"""

from __future__ import annotations

import errno
import threading
from collections.abc import Sequence

from hardware.clock import NS_PER_S, Clock

CONFIGURATION, SHUNT_VOLTAGE, BUS_VOLTAGE, POWER = range(4)
AFTER_RESET = 0x399F
CONVERTED = 0x2
CONTINUOUS = 0b111
FULL_SCALE = {0: 4000, 1: 8000, 2: 16000, 3: 32000}
ADC_US = {0b0011: 532.0, 0b1000: 532.0, 0b1111: 68_100.0}


class Chip:
    """The chip at a supply of ``voltage_v``, with ``current_a`` through its shunt.

    ``unplugged`` makes it answer no more, ``frozen`` convert no more; a transfer waits for ``stuck`` to be cleared.
    ``configuration`` is what another kind of chip would have where this one has its own; ``written`` is what it was
    told.
    """

    def __init__(
        self, clock: Clock, address: int = 0x41, shunt_ohm: float = 0.1, configuration: int = AFTER_RESET
    ) -> None:
        self._clock = clock
        self._address = address
        self._shunt_ohm = shunt_ohm
        self._configuration = configuration
        self.voltage_v, self.current_a = 7.4, 0.5
        self.unplugged = self.frozen = self.closed = False
        self.free = threading.Event()
        self.free.set()
        self.written: list[tuple[int, int]] = []
        self._begin()

    def lose_power(self) -> None:
        """Forget everything, as after a dip of its own supply."""
        self._configuration = AFTER_RESET
        self._begin()

    def read_i2c_block_data(self, address: int, register: int, length: int) -> list[int]:
        self._require(address)
        assert length == 2
        return list(self._value(register).to_bytes(2, "big"))

    def write_i2c_block_data(self, address: int, register: int, values: Sequence[int]) -> None:
        self._require(address)
        value = int.from_bytes(bytes(values), "big")
        self.written.append((register, value))
        assert register == CONFIGURATION
        self._configuration = value
        self._begin()

    def close(self) -> None:
        self.closed = True

    def _require(self, address: int) -> None:
        self.free.wait()
        if self.closed:
            raise TypeError("argument must be an int, or have a fileno() method")  # As smbus2 does.
        if self.unplugged or address != self._address:
            raise OSError(errno.EREMOTEIO, "Remote I/O error")

    def _begin(self) -> None:
        self._is_converted = False
        self._shunt = self._bus = 0
        self._due_ns = self._clock.now_ns() + self._period_ns()

    def _period_ns(self) -> int:
        bus, shunt = self._configuration >> 7 & 0xF, self._configuration >> 3 & 0xF
        return round((ADC_US.get(bus, 532.0) + ADC_US.get(shunt, 532.0)) * 1e-6 * NS_PER_S)

    def _convert(self) -> None:
        if self.frozen or self._configuration & 7 != CONTINUOUS or self._clock.now_ns() < self._due_ns:
            return
        limit = FULL_SCALE[self._configuration >> 11 & 3]
        counts = round(self.current_a * self._shunt_ohm / 10e-6)
        self._shunt, self._bus = max(-limit, min(limit, counts)), round(self.voltage_v / 4e-3)
        self._is_converted = True
        self._due_ns = self._clock.now_ns() + self._period_ns()

    def _value(self, register: int) -> int:
        self._convert()
        if register == POWER:
            self._is_converted = False
            return 0
        if register == BUS_VOLTAGE:
            return self._bus << 3 | CONVERTED * self._is_converted
        return {CONFIGURATION: self._configuration, SHUNT_VOLTAGE: self._shunt & 0xFFFF}[register]
