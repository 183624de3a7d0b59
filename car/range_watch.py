"""How far away what stands ahead of the car is, for the gate: range sensors, read beside the loop and never by it."""

from __future__ import annotations

import contextlib
import math
import threading
from collections.abc import Callable, Iterator, Mapping, Sequence

from car.config.sections import CarConfig
from car.gate import Ahead, Event
from hardware.errors import SensorError
from hardware.sensor import Reading, Sensor

DISTANCE = "distance_m"
"""What a sensor calls how far away the nearest thing ahead is, if it measures that."""
POLL_S = 0.01
END_TIMEOUT_S = 1.0

Newest = Callable[[], Reading | None]
"""Whoever knows a sensor's newest reading, and answers at once; None where there is none."""


class RangeWatch:
    """Tells the gate how far away the nearest thing is, with each measurement, and once when a sensor is lost.

    >>> watch = RangeWatch([lambda: Reading({"distance_m": 0.8}, clock.now_ns())], silence_ns=200_000_000)
    >>> list(watch.events(clock.now_ns()))
    [Ahead(distance_m=0.8)]
    >>> watch.ahead()
    Ahead(distance_m=0.8)

    A measurement counts from when it was made: a sensor that is dead, one that repeats itself and one whose readings
    come late are lost alike, ``silence_ns`` after the last measurement that came in time. Of several sensors none may
    be lost. ``tells`` is false on a car that only shows what is ahead; the gate is told nothing then.
    """

    def __init__(self, sensors: Sequence[Newest], silence_ns: int, *, tells: bool = True) -> None:
        self._sensors = sensors
        self._silence_ns = silence_ns
        self._tells = tells
        self._told_ns: list[int] | None = None
        self._ahead: Ahead | None = None

    def ahead(self) -> Ahead | None:
        """Return what the sensor saw last, None once that is too old."""
        return self._ahead

    def events(self, now_ns: int) -> Iterator[Event]:
        """Yield what has changed since the last call; raises SensorError when a sensor measures no distance at all."""
        readings = [reading for newest in self._sensors if (reading := newest()) and self._is_fresh(reading, now_ns)]
        told_ns = [reading.measured_ns for reading in readings] if len(readings) == len(self._sensors) else None
        if told_ns == self._told_ns:
            return
        self._told_ns = told_ns
        distances_m = [self._distance_m(reading) for reading in readings]
        is_known = told_ns is not None and all(distance_m >= 0.0 for distance_m in distances_m)
        self._ahead = Ahead(min(distances_m)) if is_known else None
        if self._tells:
            yield self._ahead or Ahead(math.nan)

    def _distance_m(self, reading: Reading) -> float:
        if self._tells and DISTANCE not in reading.values:
            raise SensorError(
                f"A sensor that [obstacle] names measures {', '.join(reading.values)} and no {DISTANCE}. "
                "Name one there that looks ahead."
            )
        return reading.values.get(DISTANCE, math.nan)

    def _is_fresh(self, reading: Reading, now_ns: int) -> bool:
        # One that was measured since ``now_ns`` is fresh; one from a time far to come is by no clock of ours.
        return abs(now_ns - reading.measured_ns) <= self._silence_ns


def asked(sensor: Sensor) -> Newest:
    """Return what asks ``sensor`` itself, for a loop in lock-step with it; one that has failed has no reading."""

    def newest() -> Reading | None:
        try:
            return sensor.read()
        except SensorError:
            return None

    return newest


@contextlib.contextmanager
def polling(sensor: Sensor) -> Iterator[Newest]:
    """Read ``sensor`` in a thread of its own for the ``with`` block; what waits there or fails there holds up nobody.

    A sensor that has failed is asked on: it may come back. One that measures no distance is asked no more.
    """
    found: list[Reading | None] = [None]
    ended = threading.Event()

    def poll() -> None:
        while not ended.wait(POLL_S):
            try:
                found[0] = reading = sensor.read()
            except Exception:  # noqa: BLE001 - a stranger's sensor may raise anything, and is lost then
                found[0] = None
            else:
                if reading is not None and DISTANCE not in reading.values:
                    return

    thread = threading.Thread(target=poll, name="range sensor", daemon=True)
    thread.start()
    try:
        yield lambda: found[0]
    finally:
        ended.set()
        thread.join(END_TIMEOUT_S)


def watch_range(
    config: CarConfig, sensors: Mapping[str, Sensor], read: Callable[[Sensor], Newest]
) -> RangeWatch | None:
    """Return the watch over what looks ahead, None on a car without it; ``read`` says how a sensor is read.

    It is the sensors that ``[obstacle]`` names; without that section the car's first one, whose distance is shown if
    that is what it measures.
    """
    names = list(config.sensors)[:1] if config.obstacle is None else config.obstacle.sensors
    found = [read(sensors[name]) for name in names if name in sensors]
    return RangeWatch(found, config.limits.range_silence_ns, tells=config.obstacle is not None) if found else None
