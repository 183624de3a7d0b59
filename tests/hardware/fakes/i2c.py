"""A stand-in for ``smbus2.SMBus`` with PCA9685s on it."""

from __future__ import annotations

import errno
from collections.abc import Mapping, Sequence
from types import TracebackType
from typing import Self

import pytest

from tests.hardware.fakes.pca9685 import AUTO_INCREMENT, LED0, MODE1, PRE_SCALE, RESTART, SLEEP, Pca9685

__all__ = ["AUTO_INCREMENT", "LED0", "MODE1", "PRE_SCALE", "RESTART", "SLEEP", "FakeBus", "Pca9685", "install"]


class FakeBus:
    """An open I²C bus with chips by their address; ``unplugged`` makes it answer no more.

    So many transfers as ``glitches`` says fail, the next ones.
    """

    def __init__(self, chips: Mapping[int, Pca9685]) -> None:
        self.chips = chips
        self.unplugged = False
        self.glitches = 0
        self.closed = False

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()

    def read_byte_data(self, address: int, register: int) -> int:
        return self._chip(address).read(register)

    def write_byte_data(self, address: int, register: int, value: int) -> None:
        self._chip(address).write(register, [value])

    def write_i2c_block_data(self, address: int, register: int, values: Sequence[int]) -> None:
        assert 0 < len(values) <= 32
        assert all(0 <= value <= 255 for value in values)
        self._chip(address).write(register, values)

    def close(self) -> None:
        self.closed = True

    def _chip(self, address: int) -> Pca9685:
        if self.glitches:
            self.glitches -= 1
            raise OSError(errno.EREMOTEIO, "Remote I/O error")
        if self.unplugged or self.closed or address not in self.chips:
            raise OSError(errno.EREMOTEIO, "Remote I/O error")
        return self.chips[address]


def install(
    monkeypatch: pytest.MonkeyPatch, chips: Mapping[int, Pca9685], number: int = 1, glitches: int = 0
) -> list[FakeBus]:
    """Have ``smbus2.SMBus(number)`` open a bus with these chips, and every other number fail; return those opened."""
    opened: list[FakeBus] = []

    def open_bus(asked: int) -> FakeBus:
        if asked != number:
            raise FileNotFoundError(errno.ENOENT, "No such file or directory", f"/dev/i2c-{asked}")
        opened.append(FakeBus(chips))
        opened[-1].glitches = glitches
        return opened[-1]

    monkeypatch.setattr("smbus2.SMBus", open_bus)
    return opened
