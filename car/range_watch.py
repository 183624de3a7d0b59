"""How far away what stands ahead of the car is, for the gate: a range sensor, read beside the loop and never by it."""

from __future__ import annotations

import contextlib
import math
import threading
from collections.abc import Callable, Iterator, Mapping

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
    """Tells the gate how far away the nearest thing is, with each measurement, and once when the sensor is lost.

    >>> watch = RangeWatch(lambda: Reading({"distance_m": 0.8}, clock.now_ns()), silence_ns=200_000_000)
    >>> list(watch.events(clock.now_ns()))
    [Ahead(distance_m=0.8)]
    >>> watch.ahead()
    Ahead(distance_m=0.8)

    A measurement counts from when it was made: a sensor that is dead, one that repeats itself and one whose readings
    come late are lost alike, ``silence_ns`` after the last measurement that came in time. ``tells`` is false on a car
    that only shows what is ahead; the gate is told nothing then.
    """

    def __init__(self, newest: Newest, silence_ns: int, *, tells: bool = True) -> None:
        self._newest = newest
        self._silence_ns = silence_ns
        self._tells = tells
        self._told_ns: int | None = None
        self._ahead: Ahead | None = None

    def ahead(self) -> Ahead | None:
        """Return what the sensor saw last, None once that is too old."""
        return self._ahead

    def events(self, now_ns: int) -> Iterator[Event]:
        """Yield what has changed since the last call."""
        reading = self._newest()
        if reading is None or not 0 <= now_ns - reading.measured_ns <= self._silence_ns:
            is_news = self._told_ns is not None
            self._told_ns, self._ahead = None, None
            if is_news and self._tells:
                yield Ahead(math.nan)
        elif reading.measured_ns != self._told_ns:
            self._told_ns = reading.measured_ns
            distance_m = reading.values.get(DISTANCE, math.nan)
            self._ahead = Ahead(distance_m) if distance_m >= 0.0 else None
            if self._tells:
                yield self._ahead or Ahead(math.nan)


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

    A sensor that has failed is asked on: it may come back.
    """
    found: list[Reading | None] = [None]
    ended = threading.Event()

    def poll() -> None:
        while not ended.wait(POLL_S):
            try:
                found[0] = sensor.read()
            except Exception:  # noqa: BLE001 - a stranger's sensor may raise anything, and is lost then
                found[0] = None

    thread = threading.Thread(target=poll, name="range sensor", daemon=True)
    thread.start()
    try:
        yield lambda: found[0]
    finally:
        ended.set()
        thread.join(END_TIMEOUT_S)


def range_sensor_name(config: CarConfig) -> str | None:
    """Return which of the car's sensors looks ahead: the one that ``[obstacle]`` names, else its first; None if none.

    What such a first one measures may be something else; then it is never shown as a distance.
    """
    if config.obstacle is not None:
        return config.obstacle.sensor
    return next(iter(config.sensors), None)


def watch_range(config: CarConfig, sensors: Mapping[str, Sensor], read: Callable[[Sensor], Newest]) -> RangeWatch | None:
    """Return the watch over the sensor that looks ahead, None on a car without one; ``read`` says how it is read."""
    name = range_sensor_name(config)
    if name is None or name not in sensors:
        return None
    return RangeWatch(read(sensors[name]), config.limits.range_silence_ns, tells=config.obstacle is not None)
