"""``smbus2`` for other processes: one PCA9685 whose every transfer is appended to a file, for a test to read back.

With this folder on PYTHONPATH, as ``install`` has it, ``car`` and its guard drive a chip that lives as long as the file
that the environment names in I2C_LOG.
"""

from __future__ import annotations

import os
import struct
import time
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from types import TracebackType
from typing import TYPE_CHECKING, Self

from hardware.clock import SystemClock
from tests.hardware.fakes.pca9685 import Pca9685

if TYPE_CHECKING:
    import pytest

ENTRY = struct.Struct("<qiBB4s")
"""Time in ns, the process, the register, how many values there are, and the values."""


@dataclass(frozen=True, slots=True)
class Transfer:
    """A write, and what the channels' pulses were after it, in µs."""

    time_ns: int
    process: int
    pulses_us: tuple[float, ...]


def transfers(path: Path) -> Iterator[Transfer]:
    """Yield every write so far."""
    chip = Pca9685()
    for entry in _entries(path):
        time_ns, process, register, count, values = entry
        chip.write(register, list(values[:count]))
        yield Transfer(time_ns, process, chip.pulses_us)


def install(monkeypatch: pytest.MonkeyPatch, folder: Path) -> Path:
    """Have every process that is started from now on use this bus; return the file in ``folder`` that it writes."""
    here = Path(__file__).parent
    monkeypatch.setenv("PYTHONPATH", os.pathsep.join([str(here), str(here.parents[3])]))
    log = folder / "i2c.log"
    monkeypatch.setenv("I2C_LOG", str(log))
    return log


def hang(log: Path, process: int) -> None:
    """Have the next write of ``process`` never end, as on a bus whose clock somebody holds down."""
    _hanging(log).write_text(str(process), encoding="utf-8")


def _hanging(log: Path) -> Path:
    return log.with_suffix(".hang")


class SMBus:
    """The bus; every number and address has the same chip."""

    def __init__(self, bus: int) -> None:
        self._path = Path(os.environ["I2C_LOG"])

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()

    def read_byte_data(self, address: int, register: int) -> int:
        chip = Pca9685()
        for _, _, written, count, values in _entries(self._path):
            chip.write(written, list(values[:count]))
        return chip.read(register)

    def write_byte_data(self, address: int, register: int, value: int) -> None:
        self.write_i2c_block_data(address, register, [value])

    def write_i2c_block_data(self, address: int, register: int, values: Sequence[int]) -> None:
        hanging = _hanging(self._path)
        while hanging.exists() and hanging.read_text(encoding="utf-8") == str(os.getpid()):
            time.sleep(1)
        entry = ENTRY.pack(SystemClock().now_ns(), os.getpid(), register, len(values), bytes(values))
        descriptor = os.open(self._path, os.O_WRONLY | os.O_APPEND | os.O_CREAT, 0o644)
        os.write(descriptor, entry)
        os.close(descriptor)

    def close(self) -> None:
        """Leave the chip as it is."""


def _entries(path: Path) -> Iterator[tuple[int, int, int, int, bytes]]:
    data = path.read_bytes() if path.exists() else b""
    return ENTRY.iter_unpack(data[: len(data) // ENTRY.size * ENTRY.size])
