"""Memory that the car's processes share, made so that neither side can ever make the other wait.

A ring has one writer that never looks back: a reader that is too slow finds its next slot overwritten, skips to the
oldest one still there and counts what it missed. The blocks are anonymous (``multiprocessing.RawArray``), so a killed
process leaves nothing behind.
"""

from __future__ import annotations

import math
import platform
import struct
import threading
from collections.abc import Iterator
from ctypes import c_uint8
from dataclasses import dataclass
from multiprocessing.context import SpawnContext
from typing import Any

import numpy as np
from numpy.typing import NDArray

from car.drive_record import DriveRecord
from car.kinds.camera import BUFFER_S
from car.link.packing import PACKED_BYTES, pack_record, unpack_record
from hardware.camera import CameraGeometry, Frame

FRAMELESS_HZ = 10.0
"""How often at most a cycle without a new frame is published, unless the gate has changed."""

# Native, because that is stored in one piece.
_SEQUENCE = struct.Struct("Q")
_ORDER_IS_KEPT = platform.machine() in {"x86_64", "AMD64"}
_fence = threading.Lock()


def keep_order() -> None:
    """Keep what is read and written before apart from what comes after, as other processes see it.

    An x86-64 does so by itself. A 64-bit Arm does not; taking and releasing a lock twice is the fence that Python has
    there.
    """
    if not _ORDER_IS_KEPT:
        for _ in range(2):
            _fence.acquire()
            _fence.release()


@dataclass(frozen=True, slots=True)
class Cycle:
    """One cycle of the drive loop as it crosses from process to process; ``frame`` is None when it had no new one."""

    record: DriveRecord
    frame: Frame | None


class CycleRing:
    """The last ``BUFFER_S`` seconds of driving, frames and records, written by the drive process.

    >>> ring = CycleRing(context, CameraGeometry(), rate_hz=20.0)
    >>> ring.publish(record, frame)   # in the drive process
    >>> [cycle.record.frame_number for cycle in RingReader(ring).read()]
    [0]

    Hand the object to a process when it is started. The writer calls ``publish``; each reader has a ``RingReader``.
    """

    def __init__(self, context: SpawnContext, geometry: CameraGeometry, rate_hz: float) -> None:
        self.slots = math.ceil(BUFFER_S * (rate_hz + FRAMELESS_HZ)) + 1
        self.shape = (geometry.height, geometry.width, 3)
        self.header_bytes = _SEQUENCE.size + PACKED_BYTES
        # Slots start on a cache line, so that the sequence number is written in one piece.
        self.slot_bytes = -(-(self.header_bytes + math.prod(self.shape)) // 64) * 64
        self._memory = context.RawArray(c_uint8, self.slots * self.slot_bytes)
        self._written = 0
        self._views: tuple[memoryview, list[NDArray[np.uint8]]] | None = None

    def __getstate__(self) -> dict[str, Any]:
        return {**self.__dict__, "_views": None}

    @property
    def views(self) -> tuple[memoryview, list[NDArray[np.uint8]]]:
        """The memory as bytes, and each slot's image in it (height × width × 3); each process makes its own."""
        if self._views is None:
            memory = memoryview(self._memory).cast("B")
            slots = np.frombuffer(memory, np.uint8).reshape(self.slots, self.slot_bytes)
            images = slots[:, self.header_bytes : self.header_bytes + math.prod(self.shape)]
            self._views = memory, [image.reshape(self.shape) for image in images]
        return self._views

    def publish(self, record: DriveRecord, frame: Frame | None) -> None:
        """Write one cycle into the next slot; never waits, whoever may be reading."""
        memory, images = self.views
        slot = self._written % self.slots
        start = slot * self.slot_bytes
        # Zero while the slot is being written: a reader that sees it, or sees it change, knows the slot is torn.
        _SEQUENCE.pack_into(memory, start, 0)
        keep_order()
        record_start = start + _SEQUENCE.size
        memory[record_start : record_start + PACKED_BYTES] = pack_record(record, has_frame=frame is not None)
        if frame is not None:
            np.copyto(images[slot], frame.image)
        keep_order()
        self._written += 1
        _SEQUENCE.pack_into(memory, start, self._written)


class RingReader:
    """Reads a ring from its oldest cycle on; ``missed`` counts the cycles it came too late for.

    >>> ring = CycleRing(context, CameraGeometry(), rate_hz=20.0)
    >>> reader = RingReader(ring, with_frames=False)
    >>> ring.publish(record, frame)
    >>> reader.newest().frame is None, reader.missed
    (True, 0)

    Without ``with_frames`` it gives the records alone and spares itself the copies. ``first`` is the number of the
    cycle to begin with, the first one ever by default.
    """

    def __init__(self, ring: CycleRing, *, with_frames: bool = True, first: int = 1) -> None:
        self._ring = ring
        self._with_frames = with_frames
        self._next = first
        self.missed = 0

    @property
    def next_number(self) -> int:
        """The number of the cycle to be read next."""
        return self._next

    def read(self) -> Iterator[Cycle]:
        """Yield every cycle published since the last call, oldest first; frames are copies, read-only."""
        while (cycle := self._read_next()) is not None:
            yield cycle

    def newest(self) -> Cycle | None:
        """Return the newest cycle published since the last call that has a frame, None when there is none."""
        newest: int | None = None
        while (found := self._find_next()) is not None:
            self._next += 1
            if self._has_frame(found):
                newest = found
        if newest is None:
            return None
        cycle = self._copy((newest - 1) % self._ring.slots)
        keep_order()
        # Overwritten meanwhile, there is a newer one for the next call.
        return cycle if self._sequence((newest - 1) % self._ring.slots) == newest else None

    def _newest(self) -> int:
        return max(self._sequence(slot) for slot in range(self._ring.slots))

    def _sequence(self, slot: int) -> int:
        memory, _ = self._ring.views
        sequence: int = _SEQUENCE.unpack_from(memory, slot * self._ring.slot_bytes)[0]
        return sequence

    def _read_next(self) -> Cycle | None:
        while (number := self._find_next()) is not None:
            slot = (number - 1) % self._ring.slots
            cycle = self._copy(slot)
            keep_order()
            if self._sequence(slot) == number:
                self._next += 1
                return cycle
        return None

    def _find_next(self) -> int | None:
        """Return the number of the next cycle that is there to be read, or None when there is no new one."""
        while True:
            sequence = self._sequence((self._next - 1) % self._ring.slots)
            if sequence < self._next:
                # Nothing was written here yet, or the writer is in this very slot: both are for the next call.
                return None
            if sequence == self._next:
                return sequence
            self._skip_overwritten()

    def _has_frame(self, number: int) -> bool:
        memory, _ = self._ring.views
        start = (number - 1) % self._ring.slots * self._ring.slot_bytes
        return bool(memory[start + _SEQUENCE.size])

    def _skip_overwritten(self) -> None:
        oldest = max(self._next + 1, self._newest() - self._ring.slots + 2)
        self.missed += oldest - self._next
        self._next = oldest

    def _copy(self, slot: int) -> Cycle:
        ring = self._ring
        memory, images = ring.views
        start = slot * ring.slot_bytes + _SEQUENCE.size
        record, has_frame = unpack_record(bytes(memory[start : start + PACKED_BYTES]))
        if not (has_frame and self._with_frames):
            return Cycle(record, None)
        image = images[slot].copy()
        image.flags.writeable = False
        return Cycle(record, Frame(image, record.captured_ns, record.frame_number))
