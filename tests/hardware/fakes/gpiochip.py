"""The kernel's GPIO character devices, as version 2 of their interface has them: chips, lines and their levels."""

from __future__ import annotations

import errno
import itertools
import os
import struct
import time
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from types import SimpleNamespace

import pytest

from hardware.pins import gpiochip

# The layout of linux/gpio.h, by offsets that a C program printed, apart from what the code under test has of it.
REQUEST_BYTES, CONSUMER, CONFIG, NUM_LINES, DESCRIPTOR = 592, 256, 288, 560, 588
ATTRIBUTES = CONFIG + 32
OUTPUT = 8


@dataclass(frozen=True, slots=True)
class Level:
    """A line was set to a level, at a time in s."""

    gpio: int
    level: int
    time_s: float


class GpioChips:
    """``/dev/gpiochip…`` in a folder, by number and label. ``levels`` has every change of a line of any chip.

    ``busy`` are lines that another program has; it lets go of them after so many requests.
    """

    def __init__(self, folder: Path, chips: Mapping[int, str]) -> None:
        self._folder = folder
        self._chips = {f"gpiochip{number}": label for number, label in chips.items()}
        for name in (*self._chips, "null"):
            (folder / name).touch()
        self.levels: list[Level] = []
        self.busy: dict[int, int] = {}
        self._requests: dict[int, list[int]] = {}

    def last_level(self, gpio: int) -> int | None:
        """Return what a line was last set to; None when never."""
        return next((change.level for change in reversed(self.levels) if change.gpio == gpio), None)

    def pulses_us(self, gpio: int) -> list[float]:
        """Return how long a line was high, each time."""
        changes = [change for change in self.levels if change.gpio == gpio]
        return [(down.time_s - up.time_s) * 1e6 for up, down in itertools.pairwise(changes) if up.level]

    def ioctl(self, descriptor: int, request: int, data: bytearray | bytes) -> int:
        name = Path(f"/proc/self/fd/{descriptor}").readlink().name
        if request == 0x8044B401 and isinstance(data, bytearray):
            data[:] = struct.pack("32s32sI", name.encode(), self._chips[name].encode(), 54)
        elif request == 0xC250B407 and isinstance(data, bytearray):
            self._request_lines(data)
        elif request == 0xC010B40F:
            bits, mask = struct.unpack("QQ", data)
            self._set(self._requests[descriptor], bits, mask)
        else:
            raise OSError(errno.ENOTTY, "Inappropriate ioctl for device")
        return 0

    def _request_lines(self, data: bytearray) -> None:
        assert len(data) == REQUEST_BYTES
        (count,) = struct.unpack_from("I", data, NUM_LINES)
        gpios = list(struct.unpack_from(f"{count}I", data, 0))
        flags, attributes = struct.unpack_from("QI", data, CONFIG)
        identity, _, values, mask = struct.unpack_from("IIQQ", data, ATTRIBUTES)
        assert (flags, attributes, identity) == (OUTPUT, 1, 2)
        for gpio in gpios:
            if self.busy.get(gpio):
                self.busy[gpio] -= 1
                raise OSError(errno.EBUSY, "Device or resource busy")
        descriptor = os.open(self._folder / "null", os.O_RDONLY)
        self._requests[descriptor] = gpios
        self._set(gpios, values, mask)
        struct.pack_into("i", data, DESCRIPTOR, descriptor)

    def _set(self, gpios: list[int], bits: int, mask: int) -> None:
        for index, gpio in enumerate(gpios):
            if mask >> index & 1:
                self.levels.append(Level(gpio, bits >> index & 1, time.perf_counter()))


def install(monkeypatch: pytest.MonkeyPatch, folder: Path, chips: Mapping[int, str]) -> GpioChips:
    """Have the chips in ``folder`` instead of those in ``/dev``."""
    folder.mkdir(exist_ok=True)
    kernel = GpioChips(folder, chips)
    monkeypatch.setattr(gpiochip, "DEVICES", str(folder))
    monkeypatch.setattr(gpiochip, "fcntl", SimpleNamespace(ioctl=kernel.ioctl))
    return kernel
