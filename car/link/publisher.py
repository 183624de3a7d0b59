"""From the drive loop into the ring."""

from __future__ import annotations

from car.drive_record import DriveRecord
from car.link.ring import FRAMELESS_HZ, CycleRing
from hardware.camera import Frame
from hardware.clock import NS_PER_S, Clock


class Publisher:
    """Observes the loop and passes on to the desk what it needs to know.

    Between two frames the loop asks the gate now and then; those cycles only matter when the gate has changed, or when
    frames fail to come and somebody wonders why nothing moves.
    """

    def __init__(self, ring: CycleRing, clock: Clock) -> None:
        self._ring = ring
        self._clock = clock
        self._last: DriveRecord | None = None
        self._last_ns = 0

    def __call__(self, record: DriveRecord, frame: Frame | None) -> None:
        """Publish the cycle if it has a frame or anything new."""
        if frame is not None:
            self._last, self._last_ns = record, frame.captured_ns
            self._ring.publish(record, frame)
        elif self._is_news(record):
            self._last, self._last_ns = record, self._clock.now_ns()
            self._ring.publish(record, None)

    def _is_news(self, record: DriveRecord) -> bool:
        last = self._last
        if last is None or (record.gate_state, record.mode, record.trip) != (last.gate_state, last.mode, last.trip):
            return True
        return self._clock.now_ns() - self._last_ns >= NS_PER_S / FRAMELESS_HZ
