"""An INA219 modelled register by register: what it measures, and the ways in which it breaks."""

from __future__ import annotations

import pytest

from hardware.clock import NS_PER_MS, NS_PER_S, SystemClock
from hardware.errors import SensorError
from hardware.sensor import Reading, check_sensor
from hardware.sensors import i2c
from hardware.sensors.ina219 import Ina219
from tests.hardware.fakes.ina219 import Chip

CLOCK = SystemClock()
PATIENCE_NS = 20 * NS_PER_S


@pytest.fixture(autouse=True)
def asked_often(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(Ina219, "period_s", 0.01)


def reading_after(sensor: Ina219, after_ns: int = 0) -> Reading:
    """Return the first reading whose conversion began after ``after_ns``."""
    deadline_ns = CLOCK.now_ns() + PATIENCE_NS
    while (reading := sensor.read()) is None or reading.measured_ns <= after_ns:
        assert CLOCK.now_ns() < deadline_ns, "nothing was measured"
        CLOCK.sleep_until_ns(CLOCK.now_ns() + NS_PER_MS)
    return reading


def test_it_keeps_the_promises_of_a_sensor() -> None:
    chip = Chip(CLOCK)
    check_sensor(Ina219("battery", chip, CLOCK))
    assert chip.closed


@pytest.mark.parametrize(("shunt_ohm", "current_a"), [(0.1, 1.25), (0.01, 12.5), (0.1, -0.75)])
def test_it_measures_volts_and_amperes_by_its_shunt(shunt_ohm: float, current_a: float) -> None:
    chip = Chip(CLOCK, shunt_ohm=shunt_ohm)
    chip.voltage_v, chip.current_a = 8.24, current_a
    with Ina219("battery", chip, CLOCK, shunt_ohm=shunt_ohm) as sensor:
        reading = reading_after(sensor)
    assert reading.values == pytest.approx({"voltage_v": 8.24, "current_a": current_a})
    # It counts from the beginning of the two means that the chip was told to make.
    assert CLOCK.now_ns() - reading.measured_ns >= 136 * NS_PER_MS
    assert chip.written == [(0, 0x3FFF)]


def test_a_current_beyond_its_range_reads_as_the_end_of_it() -> None:
    chip = Chip(CLOCK)
    chip.current_a = 9.0
    with Ina219("battery", chip, CLOCK) as sensor:
        assert reading_after(sensor).values["current_a"] == pytest.approx(3.2)


@pytest.mark.parametrize("how", ["unplugged", "frozen"])
def test_a_chip_that_dies_measures_nothing_more_until_it_is_back(how: str) -> None:
    chip = Chip(CLOCK)
    with Ina219("battery", chip, CLOCK) as sensor:
        reading_after(sensor)
        setattr(chip, how, True)
        times, until_ns = {reading_after(sensor).measured_ns}, CLOCK.now_ns() + 500 * NS_PER_MS
        while CLOCK.now_ns() < until_ns:
            CLOCK.sleep_until_ns(CLOCK.now_ns() + NS_PER_MS)
            times.add(reading_after(sensor).measured_ns)
        # What was converted already may yet come.
        assert len(times) <= 2
        setattr(chip, how, False)
        chip.voltage_v = 6.2
        assert reading_after(sensor, CLOCK.now_ns()).values["voltage_v"] == pytest.approx(6.2)


def test_a_chip_that_was_without_power_for_a_moment_goes_on() -> None:
    chip = Chip(CLOCK)
    with Ina219("battery", chip, CLOCK) as sensor:
        reading_after(sensor)
        chip.lose_power()
        assert reading_after(sensor, CLOCK.now_ns()).values["voltage_v"] == pytest.approx(7.4)


@pytest.mark.parametrize("configuration", [0x1104, 0x2004, 0x0000, 0xFFFF], ids=hex)
def test_nothing_is_written_to_a_chip_that_is_none(configuration: int) -> None:
    chip = Chip(CLOCK, configuration=configuration)
    with pytest.raises(SensorError, match=r"has 0x.{4} where an INA219 has 0x399f"):
        Ina219("battery", chip, CLOCK)
    assert chip.written == []
    assert chip.closed


def test_one_that_an_earlier_start_has_configured_is_known_again() -> None:
    chip = Chip(CLOCK, configuration=0x3FFF)
    with Ina219("battery", chip, CLOCK) as sensor:
        assert reading_after(sensor).values["voltage_v"] == pytest.approx(7.4)


def test_a_bus_on_which_nobody_answers_is_a_sentence_with_the_next_step() -> None:
    chip = Chip(CLOCK)
    chip.unplugged = True
    with pytest.raises(SensorError, match=r"No INA219 measures at address 0x41 \(.+\)\. Check its wiring"):
        Ina219("battery", chip, CLOCK)
    assert chip.closed


def test_a_bus_that_is_stuck_holds_up_neither_the_opening_nor_the_end(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(i2c, "START_TIMEOUT_S", 0.1)
    monkeypatch.setattr(i2c, "END_TIMEOUT_S", 0.1)
    chip = Chip(CLOCK)
    chip.free.clear()
    try:
        with pytest.raises(SensorError, match="the bus does not answer"):
            Ina219("battery", chip, CLOCK)
    finally:
        chip.free.set()
