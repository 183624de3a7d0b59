"""The sensors' checker: a good one passes, and each broken promise is found."""

from __future__ import annotations

import math
from collections.abc import Callable
from typing import Any

import pytest

from hardware.clock import NS_PER_MS, NS_PER_S, VirtualClock
from hardware.errors import ContractError, SensorError
from hardware.sensor import Reading, Sensor, check_sensor

PERIOD_NS = 20 * NS_PER_MS
"""Longer than the checker waits between two looks."""


class Thermometer(Sensor):
    """Measures every 20 ms; what it answers, a test may spoil."""

    def __init__(self, clock: VirtualClock, spoil: Callable[[Thermometer, Reading], Any] | None = None) -> None:
        self.name = "engine"
        self.clock = clock
        self.closed = False
        self.refuses = True
        self.shared: dict[str, float] = {}
        self._spoil = spoil

    def read(self) -> Reading | None:
        if self.closed and self.refuses:
            raise SensorError("The thermometer is closed. Open it again.")
        measured_ns = self.clock.now_ns() // PERIOD_NS * PERIOD_NS
        if measured_ns == 0:
            return None
        reading = Reading({"temperature_c": 20.0 + measured_ns / NS_PER_S}, measured_ns)
        answer: Reading = reading if self._spoil is None else self._spoil(self, reading)
        return answer

    def close(self) -> None:
        self.closed = True


def test_a_sensor_that_keeps_every_promise_passes_and_is_closed() -> None:
    clock = VirtualClock()
    sensor = Thermometer(clock)
    check_sensor(sensor, clock)
    assert sensor.closed


def _later(sensor: Thermometer, reading: Reading) -> Reading:
    sensor.clock.sleep_until_ns(sensor.clock.now_ns() + NS_PER_S)
    return reading


def _shared(sensor: Thermometer, reading: Reading) -> Reading:
    sensor.shared.update(reading.values)
    return Reading(sensor.shared, reading.measured_ns)


def _renamed(_sensor: Thermometer, reading: Reading) -> Reading:
    return Reading({f"t{reading.measured_ns}": 1.0}, reading.measured_ns)


@pytest.mark.parametrize(
    ("spoil", "words"),
    [
        (lambda _, reading: reading.values, "no hardware.sensor.Reading"),
        (lambda _, reading: Reading({}, reading.measured_ns), "without a value"),
        (lambda _, reading: Reading({"temperature_c": math.nan}, reading.measured_ns), "temperature_c"),
        (lambda _, reading: Reading({"is_hot": True}, reading.measured_ns), "is_hot"),
        (lambda _, reading: Reading(reading.values, reading.measured_ns + NS_PER_S), "yet to come"),
        (lambda _, reading: Reading(reading.values, NS_PER_S - reading.measured_ns), "yet to come|decrease"),
        (lambda _, reading: Reading(reading.values, 1), "has not measured"),
        (lambda _sensor, _reading: None, "has not measured"),
        (_later, "thread of its own"),
        (_shared, "writes to a reading"),
        (_renamed, "changes the names"),
    ],
)
def test_a_broken_promise_is_found_and_the_sensor_closed(
    spoil: Callable[[Thermometer, Reading], Any], words: str
) -> None:
    clock = VirtualClock()
    sensor = Thermometer(clock, spoil)
    with pytest.raises(ContractError, match=words):
        check_sensor(sensor, clock)
    assert sensor.closed


def test_a_sensor_that_measures_after_it_was_closed_is_found() -> None:
    clock = VirtualClock()
    sensor = Thermometer(clock)
    sensor.refuses = False
    with pytest.raises(ContractError, match="after it was closed"):
        check_sensor(sensor, clock)


def test_what_the_sensor_raises_passes_through() -> None:
    clock = VirtualClock()
    sensor = Thermometer(clock)
    sensor.close()
    with pytest.raises(SensorError, match="Open it again"):
        check_sensor(sensor, clock)


def test_a_sensor_has_a_name() -> None:
    sensor = Thermometer(VirtualClock())
    sensor.name = ""
    with pytest.raises(ContractError, match="no name"):
        check_sensor(sensor)
