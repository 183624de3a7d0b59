"""The kernel's GPIO character devices, as version 2 of their interface has them: chips, lines and their levels."""

from __future__ import annotations

import errno
import itertools
import os
import struct
import time
from collections import Counter
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from pathlib import Path
from types import SimpleNamespace

import pytest

from hardware.pins import gpiochip
from hardware.pins.edges import Edge

# The layout of linux/gpio.h, by offsets that a C program printed, apart from what the code under test has of it.
REQUEST_BYTES, CONSUMER, CONFIG, NUM_LINES, DESCRIPTOR = 592, 256, 288, 560, 588
ATTRIBUTES = CONFIG + 32
EVENT_BUFFER = 564
OUTPUT = 8
INPUT, RISING, FALLING = 4, 16, 32
BIAS = {256: "up", 512: "down", 1024: "none"}
EVENT_BYTES = 48
KEPT_EDGES = 1024


@dataclass(frozen=True, slots=True)
class Level:
    """A line was set to a level, at a time in s."""

    gpio: int
    level: int
    time_s: float


@dataclass(frozen=True, slots=True)
class Inputs:
    """Lines that were asked for with their edges: which, with what pull and debounce, and where the edges go in."""

    gpios: list[int]
    pull: str
    debounce_us: int
    pipe: int


class GpioChips:
    """``/dev/gpiochip…`` in a folder, by number and label. ``levels`` has every change of a line of any chip.

    ``busy`` are lines that another program has; it lets go of them after so many requests. ``inputs`` are the requests
    for edges, which ``happen`` puts in, and ``high`` the lines that are high when they are asked for.
    """

    def __init__(self, folder: Path, chips: Mapping[int, str]) -> None:
        self._folder = folder
        self._chips = {f"gpiochip{number}": label for number, label in chips.items()}
        for name in (*self._chips, "null"):
            (folder / name).touch()
        self.levels: list[Level] = []
        self.busy: dict[int, int] = {}
        self._requests: dict[int, list[int]] = {}
        self.inputs: list[Inputs] = []
        self.high: set[int] = set()
        self._counts: Counter[int] = Counter()

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
        elif request == 0xC010B40E and isinstance(data, bytearray):
            _, mask = struct.unpack("QQ", data)
            gpios = self._requests[descriptor]
            bits = sum(1 << index for index, gpio in enumerate(gpios) if gpio in self.high and mask >> index & 1)
            data[:] = struct.pack("QQ", bits, mask)
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
        is_input = bool(flags & INPUT)
        assert is_input or (flags, attributes, identity) == (OUTPUT, 1, 2)
        for gpio in gpios:
            if self.busy.get(gpio):
                self.busy[gpio] -= 1
                raise OSError(errno.EBUSY, "Device or resource busy")
        if is_input:
            assert flags & ~sum(BIAS) == INPUT | RISING | FALLING
            assert struct.unpack_from("I", data, EVENT_BUFFER) == (KEPT_EDGES,)
            assert (attributes, identity, mask) in ((0, 0, 0), (1, 3, (1 << count) - 1))
            descriptor, pipe = os.pipe()
            self.inputs.append(Inputs(gpios, BIAS[flags & sum(BIAS)], values, pipe))
        else:
            descriptor = os.open(self._folder / "null", os.O_RDONLY)
            self._set(gpios, values, mask)
        self._requests[descriptor] = gpios
        struct.pack_into("i", data, DESCRIPTOR, descriptor)

    def happen(self, edges: Iterable[Edge]) -> None:
        """Have these edges happen on the lines that were asked for last; a number that is left out was lost."""
        inputs = self.inputs[-1]
        for edge in edges:
            self._counts[inputs.pipe] += 1
            event = struct.pack(
                "QIIII24x",
                edge.time_ns,
                1 if edge.rises else 2,
                inputs.gpios[edge.line],
                self._counts[inputs.pipe],
                edge.number,
            )
            assert len(event) == EVENT_BYTES
            os.write(inputs.pipe, event)

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
