"""How far away what stands ahead of the car is, for the gate: range sensors, read beside the loop and never by it."""

from __future__ import annotations

import math
from collections.abc import Callable, Iterator, Mapping, Sequence

from car.config.sections import CarConfig
from car.gate import Ahead, Event
from car.readings import Newest, nothing
from hardware.errors import SensorError
from hardware.sensor import DISTANCE, Reading, Sensor

FURTHEST_M = 100.0
"""No sensor of a car sees further: more than that is no distance. One that sees nothing says how far it could see."""


class RangeWatch:
    """Tells the gate how far away the nearest thing is, with each measurement, and once when a sensor is lost.

    >>> watch = RangeWatch([lambda: Reading({"distance_m": 0.8}, clock.now_ns())], silence_ns=200_000_000)
    >>> list(watch.events(clock.now_ns()))
    [Ahead(distance_m=0.8)]
    >>> watch.ahead()
    Ahead(distance_m=0.8)

    A measurement counts from when it was made: a sensor that is dead, one that repeats itself and one whose readings
    come late are lost alike, ``silence_ns`` after the last measurement that came in time; and so is one whose distance
    is not from 0 to 100 m. Of several sensors none may be lost. ``tells`` is false on a car that only shows what is
    ahead; the gate is told nothing then.
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
        there = [reading for newest in self._sensors if (reading := newest())]
        if self._tells:
            # Before their age: one of something else may have been asked once, long ago.
            for reading in there:
                _must_be_a_distance(reading)
        readings = [reading for reading in there if now_ns - reading.measured_ns <= self._silence_ns]
        told_ns = [reading.measured_ns for reading in readings] if len(readings) == len(self._sensors) else None
        if told_ns == self._told_ns:
            return
        self._told_ns = told_ns
        distances_m = [reading.values.get(DISTANCE, math.nan) for reading in readings]
        is_known = told_ns is not None and all(0.0 <= distance_m <= FURTHEST_M for distance_m in distances_m)
        self._ahead = Ahead(min(distances_m)) if is_known else None
        if self._tells:
            yield self._ahead or Ahead(math.nan)


def _must_be_a_distance(reading: Reading) -> None:
    if DISTANCE not in reading.values:
        raise SensorError(
            f"A sensor that [obstacle] names measures {', '.join(reading.values) or 'nothing'} and no {DISTANCE}. "
            "Name one there that looks ahead."
        )


def watch_range(
    config: CarConfig, sensors: Mapping[str, Sensor], read: Callable[[Sensor], Newest]
) -> RangeWatch | None:
    """Return the watch over what looks ahead, None on a car without it; ``read`` says how a sensor is read.

    It is the sensors that ``[obstacle]`` names, and one of them that is not among ``sensors`` is lost; without that
    section the car's first one that ``[speed]`` does not name, whose distance is shown if that is what it measures.
    """
    silence_ns = config.limits.range_silence_ns
    if config.obstacle is not None:
        names = config.obstacle.sensors
        return RangeWatch([read(sensors[name]) if name in sensors else nothing for name in names], silence_ns)
    others = [name for name in config.loop_sensors if config.speed is None or name != config.speed.sensor]
    first = [read(sensors[name]) for name in others[:1] if name in sensors]
    return RangeWatch(first, silence_ns, tells=False) if first else None
