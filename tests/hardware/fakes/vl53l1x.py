"""A VL53L1X: its registers behind an I²C bus, as ST's driver and Adafruit's read and write them.

``Chip`` answers single transfers, and measures by the clock. ``FakeDriver`` is a thin stand-in for Adafruit's driver,
with the names that we use of it; ``test_vl53l1x.py`` has the real one in its place where that is installed.
"""

from __future__ import annotations

import errno
import struct
from typing import Any

from hardware.clock import NS_PER_MS, Clock

ADDRESS = 0x29
POLARITY, STATUS, PHASECAL, CLEAR, START = 0x30, 0x31, 0x4B, 0x86, 0x87
RANGE_STATUS, RANGE_MM, MODEL_ID = 0x89, 0x96, 0x10F
VALID, NO_SIGNAL = 0x09, 0x04
RANGING = 0x40
PERIOD_NS = 50 * NS_PER_MS


class Chip:
    """The chip, with something ``distance_mm`` ahead of it, None for nothing; ``unplugged`` makes it answer no more."""

    def __init__(self, clock: Clock, distance_mm: int | None = 1000) -> None:
        self._clock = clock
        self.distance_mm = distance_mm
        self.unplugged = False
        self.hangs = False
        self.measured = 0
        self.closed = False
        self._pointer = 0
        self.lose_power()

    def lose_power(self) -> None:
        """Forget everything, as after a dip of the supply: it ranges no more, and its interrupt is low."""
        self._registers = bytearray(0x200)
        self._registers[MODEL_ID : MODEL_ID + 3] = b"\xea\xcc\x10"
        self._registers[POLARITY] = 0x11
        self._due_ns = 0

    def i2c_rdwr(self, message: Any) -> None:
        """Take a transfer of smbus2."""
        if self.unplugged or message.addr != ADDRESS:
            raise OSError(errno.EREMOTEIO, "Remote I/O error")
        if message.flags & 1:
            for index in range(message.len):
                message.buf[index] = self._read(self._pointer + index)
        elif data := bytes(message):
            (self._pointer,) = struct.unpack(">H", data[:2])
            for index, value in enumerate(data[2:]):
                self._write(self._pointer + index, value)

    def close(self) -> None:
        """Note that the bus was closed."""
        self.closed = True

    @property
    def is_ranging(self) -> bool:
        """Whether it was told to."""
        return self._registers[START] == RANGING

    def _write(self, register: int, value: int) -> None:
        self._registers[register] = value
        if register == START and value == RANGING:
            self._begin()
        if register == CLEAR and value == 1 and self.is_ranging:
            self._registers[STATUS] ^= self._is_ready()
            self._begin()

    def _begin(self) -> None:
        self._registers[STATUS] = 0 if self._active_high() else 1
        self._due_ns = self._clock.now_ns() + PERIOD_NS

    def _read(self, register: int) -> int:
        if self.is_ranging and not self.hangs and self._clock.now_ns() >= self._due_ns and not self._is_ready():
            self._registers[STATUS] ^= 1
            self.measured += 1
            self._registers[RANGE_STATUS] = NO_SIGNAL if self.distance_mm is None else VALID
            self._registers[RANGE_MM : RANGE_MM + 2] = struct.pack(">H", self.distance_mm or 0)
        return self._registers[register]

    def _active_high(self) -> bool:
        return not self._registers[POLARITY] & 0x10

    def _is_ready(self) -> bool:
        return bool(self._registers[STATUS] & 1) is self._active_high()


class FakeDriver:
    """What we use of ``adafruit_vl53l1x.VL53L1X`` 1.2.9, by the same registers."""

    def __init__(self, i2c: Any, address: int) -> None:
        self._i2c, self._address = i2c, address
        if self._get(MODEL_ID, 3) != b"\xea\xcc\x10":
            raise RuntimeError("Wrong sensor ID or type!")
        self._set(POLARITY, b"\x01\x02")
        self.distance_mode = 2
        self.timing_budget = 50

    @property
    def data_ready(self) -> bool:
        """Whether the interrupt is at the level that the polarity says."""
        return bool(self._get(STATUS)[0] & 1) is not bool(self._get(POLARITY)[0] & 0x10)

    @property
    def distance(self) -> float | None:
        """In centimetres, None for what is not valid."""
        if self._get(RANGE_STATUS)[0] != VALID:
            return None
        (distance_mm,) = struct.unpack(">H", self._get(RANGE_MM, 2))
        return float(distance_mm) / 10

    def start_ranging(self) -> None:
        """Measure from now on."""
        self._set(START, bytes([RANGING]))

    def stop_ranging(self) -> None:
        """Measure no more."""
        self._set(START, b"\x00")

    def clear_interrupt(self) -> None:
        """Let the next measurement begin."""
        self._set(CLEAR, b"\x01")

    def _set(self, register: int, values: bytes) -> None:
        self._i2c.writeto(self._address, struct.pack(">H", register) + values)

    def _get(self, register: int, count: int = 1) -> bytes:
        values = bytearray(count)
        self._i2c.writeto(self._address, struct.pack(">H", register))
        self._i2c.readfrom_into(self._address, values)
        return bytes(values)
