"""Everything that the drive process shares with the processes that it starts."""

from __future__ import annotations

import secrets
from ctypes import c_bool, c_uint64
from multiprocessing.context import SpawnContext

from car.config.sections import CarConfig
from car.link.bulletin import Bulletin
from car.link.driver_slot import DriverSlot
from car.link.heartbeat import Heartbeats
from car.link.pilot_switch import PilotLink
from car.link.ring import CycleRing

CARRIERS = ("keys", "pages", "gamepad", "receiver")
"""Whatever carries a stop: the terminal's keys, the pages' server with its sockets, the gamepad, the RC receiver while
its transmitter is heard."""


class CarLink:
    """All the memory that the drive process shares with its controls and its desk.

    The controls write ``slot``, ``beats``, ``pages`` (where the pages are), ``wishes`` (what is to be recorded),
    ``hand_laps`` (when a hand said that the line was crossed) and ``scene`` (the track that a simulated car is to be
    on); ``controls_ready`` says that all carriers of a stop have
    been started. The drive process writes ``entered``, the track that such a car has been carried to. The desk writes
    ``notice``: what is recorded, which pilot drives, where its library is; and ``telemetry``: how the car is, and what
    a driver should know of its supply; and ``laps``, how long they took. ``records`` and ``recorded`` are for the
    desk that takes the place of one that died: whether it was recording, and the number of the ring's cycle that would
    have been next. ``secret`` is what the controls say to the desk's library, so that nobody else is heard there.
    """

    def __init__(self, context: SpawnContext, config: CarConfig) -> None:
        self.ring = CycleRing(context, config.camera.geometry, config.camera.rate_hz)
        self.slot = DriverSlot(context)
        self.beats = Heartbeats(context, CARRIERS)
        self.pages = Bulletin(context)
        self.wishes = Bulletin(context)
        self.scene = Bulletin(context)
        self.entered = Bulletin(context)
        self.notice = Bulletin(context)
        self.telemetry = Bulletin(context)
        self.hand_laps = Bulletin(context)
        self.laps = Bulletin(context)
        self.pilots = PilotLink(context)
        self.secret = secrets.token_urlsafe()
        self.controls_ready = context.RawValue(c_bool, False)
        self.desk_started = context.RawValue(c_bool, False)
        self.records = context.RawValue(c_bool, False)
        self.recorded = context.RawValue(c_uint64, 1)
        self.finished = context.RawValue(c_bool, False)
