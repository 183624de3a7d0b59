"""One look at the car itself: what is told of its machine, its supply, its loop and its recorder."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from car.drive_record import Field, as_json


@dataclass(frozen=True, slots=True)
class Processor:
    """How hot the processor is."""

    temperature_c: float


@dataclass(frozen=True, slots=True)
class Firmware:
    """What a Raspberry Pi's firmware says: too little voltage at the board (4.63 V), and that it slows things down."""

    under_voltage: bool
    throttled: bool


@dataclass(frozen=True, slots=True)
class Supply:
    """What a sensor measures at the supply; the current is NaN where it measures none.

    ``is_low`` says that the voltage has been below ``warn_v`` of ``[supply]`` for a while.
    """

    voltage_v: float
    current_a: float
    is_low: bool = False


@dataclass(frozen=True, slots=True)
class Wifi:
    """How strong the wifi is that the car hears: −50 dBm is close by, −80 hardly enough."""

    signal_dbm: float


@dataclass(frozen=True, slots=True)
class Disk:
    """How much may yet be recorded."""

    free_bytes: int


@dataclass(frozen=True, slots=True)
class Loop:
    """The drive loop over its last 3 s: frames per second, and from the capture of a frame to the wheels."""

    rate_hz: float
    latency_p50_ms: float
    latency_p99_ms: float


@dataclass(frozen=True, slots=True)
class Recording:
    """The session that is being recorded: cycles that wait to be written, and those that came too late for it."""

    waiting: int
    missed: int


@dataclass(frozen=True, slots=True)
class Telemetry:
    """How the car is at ``time_ns``; a part is None where the machine has no such thing, or it does not answer.

    >>> telemetry = Telemetry(clock.now_ns(), wifi=Wifi(-52.0))
    >>> telemetry.wifi.signal_dbm, telemetry.processor
    (-52.0, None)
    """

    time_ns: int
    processor: Processor | None = None
    firmware: Firmware | None = None
    supply: Supply | None = None
    wifi: Wifi | None = None
    disk: Disk | None = None
    loop: Loop | None = None
    recording: Recording | None = None

    def to_dict(self) -> dict[str, Any]:
        """Return it as JSON has it, null where there is nothing."""
        return as_json(self, FIELDS)


FIELDS: Mapping[type, tuple[Field, ...]] = {
    Processor: (Field("temperature_c", 1, float),),
    Firmware: (Field("under_voltage", 1, bool), Field("throttled", 2, bool)),
    Supply: (Field("voltage_v", 1, float), Field("current_a", 2, float), Field("is_low", 3, bool)),
    Wifi: (Field("signal_dbm", 1, float),),
    Disk: (Field("free_bytes", 1, int),),
    Loop: (Field("rate_hz", 1, float), Field("latency_p50_ms", 2, float), Field("latency_p99_ms", 3, float)),
    Recording: (Field("waiting", 1, int), Field("missed", 2, int)),
    Telemetry: (
        Field("time_ns", 1, int),
        Field("processor", 2, Processor, optional=True),
        Field("firmware", 3, Firmware, optional=True),
        Field("supply", 4, Supply, optional=True),
        Field("wifi", 5, Wifi, optional=True),
        Field("disk", 6, Disk, optional=True),
        Field("loop", 7, Loop, optional=True),
        Field("recording", 8, Recording, optional=True),
    ),
}
"""The fields of each message of ``/telemetry``; their numbers are for ever, as those of a drive record are."""
