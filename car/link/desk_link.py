"""Everything that the drive process shares with its desk."""

from __future__ import annotations

from ctypes import c_bool, c_uint64
from multiprocessing.context import SpawnContext

from car.config.sections import CarConfig
from car.link.driver_slot import DriverSlot
from car.link.pilot_switch import PilotLink
from car.link.ring import CycleRing


class DeskLink:
    """All the memory that the drive process shares with its desk.

    ``records`` and ``recorded`` are for the desk that takes the place of one that died: whether it was recording, and
    the number of the ring's cycle that would have been next.
    """

    def __init__(self, context: SpawnContext, config: CarConfig) -> None:
        self.ring = CycleRing(context, config.camera.geometry, config.camera.rate_hz)
        self.slot = DriverSlot(context)
        self.pilots = PilotLink(context)
        self.ready = context.RawValue(c_bool, False)
        self.records = context.RawValue(c_bool, False)
        self.recorded = context.RawValue(c_uint64, 1)
        self.finished = context.RawValue(c_bool, False)
