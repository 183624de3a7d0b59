"""A VL53L1X modelled register by register, under a thin driver and under Adafruit's own where that is installed."""

from __future__ import annotations

import importlib.util
from collections.abc import Callable
from typing import Any

import pytest

from hardware.clock import NS_PER_MS, NS_PER_S, SystemClock
from hardware.errors import SensorError
from hardware.sensor import Reading, check_sensor
from hardware.sensors import i2c
from hardware.sensors.vl53l1x import Vl53l1x
from tests.hardware.fakes.vl53l1x import Chip, FakeDriver

CLOCK = SystemClock()
HAS_ADAFRUITS = importlib.util.find_spec("adafruit_vl53l1x") is not None
# pip install adafruit-circuitpython-vl53l1x
needs_adafruits = pytest.mark.skipif(not HAS_ADAFRUITS, reason="adafruit-circuitpython-vl53l1x is not installed")


@pytest.fixture(params=["thin", pytest.param("adafruit's", marks=needs_adafruits)])
def open_chip(request: pytest.FixtureRequest) -> Callable[[Any, int], Any] | None:
    return FakeDriver if request.param == "thin" else None


def reading_after(sensor: Vl53l1x, after_ns: int = 0) -> Reading:
    """Return the first reading of a measurement that began after ``after_ns``."""
    deadline_ns = CLOCK.now_ns() + 5 * NS_PER_S
    while (reading := sensor.read()) is None or reading.measured_ns <= after_ns:
        assert CLOCK.now_ns() < deadline_ns, "nothing was measured"
        CLOCK.sleep_until_ns(CLOCK.now_ns() + NS_PER_MS)
    return reading


def stays_silent(sensor: Vl53l1x) -> bool:
    """Tell whether it gives no new reading, once what was under way has come."""
    CLOCK.sleep_until_ns(CLOCK.now_ns() + 100 * NS_PER_MS)
    last = sensor.read()
    CLOCK.sleep_until_ns(CLOCK.now_ns() + 200 * NS_PER_MS)
    return sensor.read() is last


Open = Callable[[Any, int], Any] | None


def test_it_keeps_the_promises_of_a_sensor(open_chip: Open) -> None:
    chip = Chip(CLOCK)
    check_sensor(Vl53l1x("front", chip, CLOCK, open_chip=open_chip))
    assert chip.closed
    assert not chip.is_ranging


def test_it_measures_in_metres_from_when_the_chip_began(open_chip: Open) -> None:
    chip = Chip(CLOCK, distance_mm=834)
    with Vl53l1x("front", chip, CLOCK, open_chip=open_chip) as sensor:
        reading = reading_after(sensor)
        assert reading.values == pytest.approx({"distance_m": 0.834})
        assert CLOCK.now_ns() - reading.measured_ns >= 50 * NS_PER_MS
        chip.distance_mm = None
        assert reading_after(sensor, CLOCK.now_ns()).values == {"distance_m": 4.0}


def test_each_measurement_is_taken_once(open_chip: Open) -> None:
    chip = Chip(CLOCK)
    with Vl53l1x("front", chip, CLOCK, open_chip=open_chip) as sensor:
        before, first = chip.measured, reading_after(sensor)
        times = {first.measured_ns}
        while len(times) < 4:
            times.add(reading_after(sensor, max(times)).measured_ns)
        assert chip.measured - before <= 6


@pytest.mark.parametrize("how", ["unplugged", "hangs", "loses its power"])
def test_a_chip_that_dies_measures_nothing_more(how: str, open_chip: Open) -> None:
    chip = Chip(CLOCK)
    with Vl53l1x("front", chip, CLOCK, open_chip=open_chip) as sensor:
        reading_after(sensor)
        chip.unplugged, chip.hangs = how == "unplugged", how == "hangs"
        if how == "loses its power":
            chip.lose_power()
        assert stays_silent(sensor)


def test_a_transfer_that_fails_now_and_then_is_overcome(open_chip: Open) -> None:
    chip = Chip(CLOCK)
    with Vl53l1x("front", chip, CLOCK, open_chip=open_chip) as sensor:
        reading_after(sensor)
        chip.unplugged = True
        CLOCK.sleep_until_ns(CLOCK.now_ns() + 30 * NS_PER_MS)
        chip.unplugged = False
        assert reading_after(sensor, CLOCK.now_ns()).values == {"distance_m": 1.0}


def test_a_bus_on_which_nobody_answers_is_a_sentence_with_the_next_step(open_chip: Open) -> None:
    chip = Chip(CLOCK)
    chip.unplugged = True
    with pytest.raises(SensorError, match=r"No VL53L1X measures at address 0x29 \(.+\)\. Check its wiring"):
        Vl53l1x("front", chip, CLOCK, open_chip=open_chip)
    assert chip.closed


def test_a_chip_that_never_begins_is_a_sentence_too(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(i2c, "START_TIMEOUT_S", 0.1)
    monkeypatch.setattr(i2c, "END_TIMEOUT_S", 0.1)

    def wait(*_: Any) -> Any:
        CLOCK.sleep_until_ns(CLOCK.now_ns() + NS_PER_S // 2)
        raise OSError("too late")

    with pytest.raises(SensorError, match="it does not begin"):
        Vl53l1x("front", Chip(CLOCK), CLOCK, open_chip=wait)


@pytest.mark.skipif(HAS_ADAFRUITS, reason="it is installed")
def test_without_adafruits_driver_the_package_is_named() -> None:
    with pytest.raises(SensorError, match="adafruit-circuitpython-vl53l1x is not installed"):
        Vl53l1x("front", Chip(CLOCK), CLOCK)
