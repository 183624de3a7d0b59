"""Readings, the sensors that give them, and what every sensor promises."""

from __future__ import annotations

import math
from abc import abstractmethod
from collections.abc import Mapping
from dataclasses import dataclass

from hardware.clock import NS_PER_MS, NS_PER_S, Clock, SystemClock
from hardware.closing import Closing
from hardware.errors import ContractError, SensorError

DISTANCE = "distance_m"
"""What a sensor calls how far away the nearest thing ahead is, if it measures that."""
VOLTAGE, CURRENT = "voltage_v", "current_a"
"""What one at a supply calls its voltage, and the current that is taken from it."""
SPEED = "speed_m_s"
"""What a sensor calls the speed of the wheels, negative backwards, if it measures that."""
UNSIGNED_SPEED = "unsigned_speed_m_s"
"""What one calls it that cannot tell forwards from backwards."""
TRAVELLED = "travelled_m"
"""What a sensor calls how far the wheels have rolled since it was opened, in either direction; it never shrinks."""
CHECK_TIMEOUT_S = 5.0
CHECK_POLL_MS = 5
CHECK_READINGS = 5
CHECK_GRACE_MS = 250.0
"""How long a call that must not wait may take, on a machine that has other things to do."""


@dataclass(frozen=True, slots=True)
class Reading:
    """What a sensor has measured, each number by its name with its unit, and the clock's time of the measurement.

    >>> reading = Reading({"distance_m": 0.42}, measured_ns=SystemClock().now_ns())
    >>> reading.values["distance_m"]
    0.42
    """

    values: Mapping[str, float]
    measured_ns: int


class Sensor(Closing):
    """Something that measures, by itself or when it is asked: an encoder, a range finder, a battery's voltage.

    Use it as a context manager; ``close`` may be called twice. ``name`` is what the car calls it::

        with RangeSensor("front", SystemClock()) as sensor:
            reading = sensor.read()
            if reading is not None:
                print(reading.values["distance_m"])

    ``check_sensor`` checks all that a sensor promises.
    """

    name: str

    @abstractmethod
    def read(self) -> Reading | None:
        """Return the newest reading without waiting for one; None before the first.

        Every reading has the same names, and finite numbers that nobody writes to again; times never decrease. The
        newest one may be old: whoever uses it looks at its time. Raises SensorError when the sensor has failed or is
        closed.
        """

    @abstractmethod
    def close(self) -> None:
        """Release the device."""


def check_sensor(sensor: Sensor, clock: Clock | None = None) -> None:
    """Check that ``sensor`` keeps every promise of ``Sensor``, and close it.

    It is for every sensor, a stranger's too, in a test or on the car itself::

        check_sensor(MySensor("front"))

    ``clock`` is the one that the sensor was given, by default the system's. It takes until the sensor has measured a
    few times. Raises ContractError with the first promise that is broken; what the sensor raises passes through.
    """
    check = _SensorCheck(sensor, clock or SystemClock())
    try:
        check.readings_follow_each_other()
    finally:
        sensor.close()
    check.closed_means_closed()


class _SensorCheck:
    def __init__(self, sensor: Sensor, clock: Clock) -> None:
        self._sensor = sensor
        self._clock = clock
        _require(isinstance(sensor, Sensor), "is not a hardware.sensor.Sensor")
        _require(isinstance(getattr(sensor, "name", None), str) and sensor.name != "", "has no name")

    def readings_follow_each_other(self) -> None:
        """Read until it has measured a few times, and look whether anything has written to the readings since."""
        deadline_ns = self._clock.now_ns() + round(CHECK_TIMEOUT_S * NS_PER_S)
        readings: list[Reading] = []
        copies: list[dict[str, float]] = []
        while len({reading.measured_ns for reading in readings}) < CHECK_READINGS:
            _require(self._clock.now_ns() < deadline_ns, f"has not measured {CHECK_READINGS} times in 5 s")
            if (reading := self._read()) is not None:
                self._is_in_order(reading, readings[-1] if readings else None)
                readings.append(reading)
                copies.append(dict(reading.values))
            self._clock.sleep_until_ns(self._clock.now_ns() + CHECK_POLL_MS * NS_PER_MS)
        unchanged = all(dict(reading.values) == copy for reading, copy in zip(readings, copies, strict=True))
        _require(unchanged, "writes to a reading that it has handed out; make a mapping for each")

    def closed_means_closed(self) -> None:
        """Close it again, and ask it for a reading that it must refuse."""
        self._sensor.close()
        try:
            self._sensor.read()
        except SensorError:
            return
        _require(False, "gives readings after it was closed; raise SensorError")

    def _read(self) -> Reading | None:
        asked_ns = self._clock.now_ns()
        reading = self._sensor.read()
        took_ms = (self._clock.now_ns() - asked_ns) / NS_PER_MS
        _require(took_ms <= CHECK_GRACE_MS, f"takes {took_ms:.0f} ms for an answer; measure in a thread of its own")
        return reading

    def _is_in_order(self, reading: Reading, before: Reading | None) -> None:
        _require(isinstance(reading, Reading), f"answers {reading!r}, which is no hardware.sensor.Reading")
        _require(len(reading.values) > 0, "gives readings without a value")
        wrong = [name for name, value in reading.values.items() if not _is_finite(value)]
        _require(not wrong, f"gives a {', '.join(map(str, wrong))} that is no finite number")
        _require(reading.measured_ns <= self._clock.now_ns(), "stamps readings with a time yet to come")
        if before is not None:
            _require(reading.values.keys() == before.values.keys(), "changes the names of its values")
            _require(reading.measured_ns >= before.measured_ns, "gives readings whose times decrease")


def _is_finite(value: object) -> bool:
    return isinstance(value, int | float) and not isinstance(value, bool) and math.isfinite(value)


def _require(holds: bool, otherwise: str) -> None:
    if not holds:
        raise ContractError(f"The sensor {otherwise}. See hardware.sensor.Sensor for what it promises.")
