"""The edges of GPIO lines, each with the time that the kernel gave it: nothing is lost while nobody looks."""

from __future__ import annotations

import contextlib
import os
import struct
from abc import abstractmethod
from collections.abc import Sequence
from typing import NamedTuple

from hardware.closing import Closing
from hardware.errors import SensorError
from hardware.pins import gpiochip

EVENT = struct.Struct("<QIIII24x")
"""Time, whether it rises or falls, the line, its number among all edges of the request, and among those of the line."""
RISES = 1


class Edge(NamedTuple):
    """A line's level has changed, at the kernel's monotonic time; the first edge of a line is its ``number`` 1.

    >>> Edge(time_ns=5_000_000, line=0, rises=True, number=1).rises
    True

    ``line`` counts the lines in the order in which they were asked for. A named tuple, since a wheel makes hundreds a
    second.
    """

    time_ns: int
    line: int
    rises: bool
    number: int


class EdgeSource(Closing):
    """Lines whose edges somebody keeps until they are read: the kernel, or a simulated wheel.

    ``levels`` are the lines' levels before the first edge.
    """

    levels: tuple[bool, ...]

    @abstractmethod
    def read(self) -> list[Edge]:
        """Return the edges since the last call, oldest first, without waiting; raises SensorError."""

    @abstractmethod
    def close(self) -> None:
        """Let go of the lines; may be called twice."""


class GpioEdges(EdgeSource):
    """The edges of a Raspberry Pi's header, by the kernel's own means: no library, no thread, no call for each edge.

    The kernel keeps 1024 of them, the newest ones. Raises SensorError when the lines cannot be had.
    """

    def __init__(self, gpios: Sequence[int], pull: str = "up", debounce_us: int = 0) -> None:
        self._gpios = tuple(gpios)
        self._names = " and ".join(f"GPIO {gpio}" for gpio in gpios)
        try:
            self._descriptor: int | None = gpiochip.request_edges(gpios, pull, debounce_us)
        except OSError as error:
            raise SensorError(
                f"{self._names} cannot be read ({error.strerror or error}). "
                "End the program that has it, join the group gpio, and see car doctor."
            ) from error
        try:
            os.set_blocking(self._descriptor, False)
            self.levels = tuple(gpiochip.levels(self._descriptor, len(self._gpios)))
        except OSError as error:
            self.close()
            raise SensorError(f"{self._names} cannot be read ({error.strerror or error}). See car doctor.") from error

    def read(self) -> list[Edge]:
        """Return the edges since the last call; raises SensorError when the kernel has no more or it is closed."""
        if self._descriptor is None:
            raise SensorError(f"{self._names} was closed. Open the car again to go on.")
        data = b""
        try:
            with contextlib.suppress(BlockingIOError):
                data = os.read(self._descriptor, gpiochip.EDGE_BUFFER * EVENT.size)
        except OSError as error:
            raise SensorError(f"{self._names} cannot be read ({error.strerror}). See car doctor.") from error
        whole = len(data) - len(data) % EVENT.size
        return [
            Edge(time_ns, self._gpios.index(gpio), kind == RISES, number)
            for time_ns, kind, gpio, _, number in EVENT.iter_unpack(data[:whole])
        ]

    def close(self) -> None:
        """Let go of the lines."""
        if self._descriptor is not None:
            os.close(self._descriptor)
            self._descriptor = None
