"""The desk's look at the car itself, once a second: each part of it is read where it may hang and hold up nobody."""

from __future__ import annotations

import contextlib
import shutil
from collections.abc import Callable
from pathlib import Path

from car.assembly.devices import open_sensor
from car.config.sections import CarConfig
from car.link.ring import CycleRing, RingReader
from car.recording.control import RecorderControl
from car.statistics import LoopStatistics
from car.telemetry.gauge import gauge
from car.telemetry.supply import SupplyReader, SupplyWatch
from car.telemetry.telemetry import Disk, Firmware, Loop, Processor, Recording, Supply, Telemetry, Wifi
from hardware.clock import Clock
from hardware.health import read_temperature_c, read_throttling_now
from hardware.wifi import read_signal_dbm

WINDOW_S = 3.0
"""Over how long the drive loop's figures are, as on the page."""


class LoopFollower:
    """Follows the drive loop in the ring: its figures over the last seconds, and how much the recorder is behind it."""

    def __init__(self, ring: CycleRing, rate_hz: float) -> None:
        self._reader = RingReader(ring, with_frames=False)
        self._statistics = LoopStatistics(round(rate_hz * WINDOW_S))

    def loop(self) -> Loop | None:
        """Return the figures; None when the loop has not come round since the last call."""
        before = self._statistics.frames
        for cycle in self._reader.read():
            self._statistics.add(cycle.record)
        if self._statistics.frames == before:
            return None
        latency = self._statistics.figures()[-1]
        return Loop(self._statistics.frame_rate_hz(), latency.p50_ms, latency.p99_ms)

    def recording(self, recorder: RecorderControl) -> Recording | None:
        """Return how far the recorder has come with what the last call has seen; None while it does not record."""
        status = recorder.status
        return Recording(max(0, self._reader.next_number - recorder.next_number), status.missed) if status.on else None


class TelemetryTaker:
    """Takes the car's telemetry from gauges of its own, which ``stack`` ends.

    ``root`` is the folder that the machine's own state is read from, ``folder`` one on the disk that is recorded to.
    ``say`` is told of the supply what a driver should know.
    """

    def __init__(
        self,
        stack: contextlib.ExitStack,
        config: CarConfig,
        root: Path,
        folder: Path,
        clock: Clock,
        say: Callable[[str], None],
    ) -> None:
        self._clock = clock
        self._processor = stack.enter_context(gauge("processor", lambda: _processor(root), clock))
        self._firmware = stack.enter_context(gauge("firmware", lambda: _firmware(root), clock))
        self._wifi = stack.enter_context(gauge("wifi", lambda: _wifi(root), clock))
        self._disk = stack.enter_context(gauge("disk", lambda: Disk(shutil.disk_usage(folder).free), clock))
        self._supply: Callable[[], Supply | None] = lambda: None
        self._watch: SupplyWatch | None = None
        if config.supply is not None:
            name, section = config.supply.sensor, config.sensors[config.supply.sensor]
            reader = SupplyReader(lambda: open_sensor(section, name, clock), name, clock)
            self._supply = stack.enter_context(gauge("supply", reader.read, clock, reader.close))
            self._watch = SupplyWatch(name, config.supply.warn_v, clock, say, lambda: reader.why)

    @property
    def trouble(self) -> str:
        """What is wrong with the supply, in sentences; empty if nothing is."""
        return "" if self._watch is None else self._watch.trouble

    def take(self, follower: LoopFollower, recorder: RecorderControl) -> Telemetry:
        """Return how the car is now; it waits for nothing."""
        return Telemetry(
            self._clock.now_ns(),
            self._processor(),
            self._firmware(),
            self._supply() if self._watch is None else self._watch.look(self._supply()),
            self._wifi(),
            self._disk(),
            follower.loop(),
            follower.recording(recorder),
        )


def _processor(root: Path) -> Processor | None:
    temperature_c = read_temperature_c(root)
    return None if temperature_c is None else Processor(temperature_c)


def _firmware(root: Path) -> Firmware | None:
    now = read_throttling_now(root)
    return None if now is None else Firmware(now.under_voltage, now.throttled)


def _wifi(root: Path) -> Wifi | None:
    signal_dbm = read_signal_dbm(root)
    return None if signal_dbm is None else Wifi(signal_dbm)
