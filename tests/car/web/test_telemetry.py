"""How the car is, as the page is told: each part that there is, for as long as the desk says it."""

from __future__ import annotations

import math
import multiprocessing
from pathlib import Path
from typing import Any

from car.config.folder import CarFolder
from car.config.sections import CarConfig
from car.controls.hub import DriverHub
from car.link.bulletin import Bulletin
from car.link.driver_slot import DriverSlot, SlotWriter
from car.link.ring import CycleRing
from car.recording.control import RecorderControl
from car.telemetry.telemetry import Disk, Supply, Telemetry
from car.web.context import OLD_TELEMETRY_NS, WebContext
from hardware.clock import NS_PER_S, VirtualClock
from tests.frames import SMALL


def test_what_the_desk_posts_is_shown_until_it_is_old(tmp_path: Path) -> None:
    spawn, clock = multiprocessing.get_context("spawn"), VirtualClock(NS_PER_S)
    ring, config, bulletin = CycleRing(spawn, SMALL, 20.0), CarConfig(), Bulletin(spawn)
    hub = DriverHub(SlotWriter(DriverSlot(spawn)), clock)
    recorder = RecorderControl(ring, tmp_path, config, "first", clock)
    context = WebContext(CarFolder(tmp_path, config), ring, hub, recorder, clock, posted_telemetry=bulletin.read)
    nothing: dict[str, Any] = {"trouble": ""}
    assert context.telemetry == nothing
    now = Telemetry(clock.now_ns(), supply=Supply(7.4, math.nan, is_low=True), disk=Disk(5))
    bulletin.post({"now": now.to_dict(), "trouble": "It is low."})
    shown = {
        "time_ns": NS_PER_S,
        "supply": {"voltage_v": 7.4, "current_a": None, "is_low": True},
        "disk": {"free_bytes": 5},
        "trouble": "It is low.",
    }
    assert context.telemetry == shown
    clock.advance_ns(OLD_TELEMETRY_NS)
    assert context.telemetry == shown
    clock.advance_ns(1)
    assert context.telemetry == nothing
