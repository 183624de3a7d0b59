"""The sensor at the supply and its voltage: what is said of them, once each."""

from __future__ import annotations

from collections.abc import Callable, Mapping

import pytest

from car.telemetry.supply import RETRY_NS, SILENCE_NS, SupplyReader, SupplyWatch
from car.telemetry.telemetry import Supply
from hardware.clock import NS_PER_S, VirtualClock
from hardware.errors import SensorError
from hardware.sensor import Reading, Sensor


class Meter(Sensor):
    """A sensor that measures whenever it is asked, unless it is ``dead``, or ``broken``: then it raises that."""

    def __init__(self, clock: VirtualClock) -> None:
        self.name = "battery"
        self.values: Mapping[str, float] = {"voltage_v": 7.4, "current_a": 0.5}
        self.dead = self.closed = False
        self.broken: Exception | None = None
        self.before_it_answers: Callable[[], None] = lambda: None
        self._clock = clock
        self._newest: Reading | None = None

    def read(self) -> Reading | None:
        self.before_it_answers()
        if self.broken is not None:
            raise self.broken
        if not self.dead:
            self._newest = Reading(self.values, self._clock.now_ns())
        return self._newest

    def close(self) -> None:
        self.closed = True


class Rig:
    """A meter that is read and watched once a second."""

    def __init__(self, warn_v: float | None = None) -> None:
        self.clock = VirtualClock(NS_PER_S)
        self.meter = Meter(self.clock)
        self.missing: Exception | None = None
        self.opened = 0
        self.said: list[str] = []
        self.reader = SupplyReader(self._open, "battery", self.clock)
        self.watch = SupplyWatch("battery", warn_v, self.clock, self.said.append, lambda: self.reader.why)

    def _open(self) -> Sensor:
        self.opened += 1
        if self.missing is not None:
            raise self.missing
        return self.meter

    def after(self, time_ns: int) -> Supply | None:
        """Look once a second for so long; return what was seen last."""
        seen = None
        for _ in range(time_ns // NS_PER_S):
            self.clock.advance_ns(NS_PER_S)
            seen = self.watch.look(self.reader.read())
        return seen


@pytest.fixture
def rig() -> Rig:
    return Rig()


def test_what_is_measured_is_told_and_nothing_is_said(rig: Rig) -> None:
    assert rig.after(100 * NS_PER_S) == Supply(7.4, 0.5)
    assert (rig.opened, rig.said) == (1, [])


def test_a_sensor_without_a_current_tells_its_voltage(rig: Rig) -> None:
    rig.meter.values = {"voltage_v": 7.1}
    seen = rig.after(NS_PER_S)
    assert seen is not None
    assert seen.voltage_v == 7.1
    assert seen.current_a != seen.current_a


def test_one_that_measures_no_more_is_said_once_and_so_is_its_return(rig: Rig) -> None:
    rig.after(NS_PER_S)
    rig.meter.dead = True
    # For as long as its last measurement is fresh, nothing is missing.
    assert rig.after(SILENCE_NS) is not None
    assert rig.after(60 * NS_PER_S) is None
    assert rig.said == ["The sensor battery measures nothing. Look at its wires, and ask car doctor."]
    rig.meter.dead = False
    assert rig.after(NS_PER_S) == Supply(7.4, 0.5)
    assert rig.said[1:] == ["The sensor battery measures again."]


@pytest.mark.parametrize(
    ("error", "said"),
    [
        (SensorError("No INA219 measures at address 0x41. Check its wiring."), "No INA219 measures at address 0x41."),
        (ZeroDivisionError("a stranger's"), "The sensor battery fails: ZeroDivisionError"),
    ],
    ids=["ours", "a stranger's"],
)
@pytest.mark.parametrize("when", ["at the start", "later"])
def test_one_that_is_not_there_or_fails_is_said_once_and_opened_again_and_again(
    rig: Rig, error: Exception, said: str, when: str
) -> None:
    if when == "later":
        rig.after(NS_PER_S)
    rig.missing = rig.meter.broken = error
    assert rig.after(3 * RETRY_NS) is None
    assert len(rig.said) == 1
    assert said in rig.said[0]
    assert 3 <= rig.opened <= 5
    assert rig.meter.closed is (when == "later")
    rig.missing = rig.meter.broken = None
    assert rig.after(RETRY_NS) == Supply(7.4, 0.5)
    assert rig.said[1:] == ["The sensor battery measures again."]


@pytest.mark.parametrize(
    ("values", "said"),
    [
        (
            {"distance_m": 0.8},
            "The sensor battery measures distance_m and no voltage_v. Name the one at the supply in [supply].",
        ),
        ({"voltage_v": float("nan")}, "The sensor battery measures nan V. Look at its wires, and ask car doctor."),
        ({"voltage_v": float("inf")}, "The sensor battery measures inf V. Look at its wires, and ask car doctor."),
    ],
    ids=["a distance", "nan", "inf"],
)
def test_what_is_no_voltage_is_said(rig: Rig, values: Mapping[str, float], said: str) -> None:
    rig.meter.values = values
    assert rig.after(10 * NS_PER_S) is None
    assert rig.said == [rig.watch.trouble] == [said]


def test_a_sensor_that_hangs_is_lost_like_one_that_is_dead(rig: Rig) -> None:
    rig.after(NS_PER_S)
    seen_meanwhile: list[Supply | None] = []

    def hang() -> None:
        # The gauge that reads it tells nothing meanwhile.
        for _ in range(2):
            rig.clock.advance_ns(SILENCE_NS + 1)
            seen_meanwhile.append(rig.watch.look(None))

    rig.meter.before_it_answers = hang
    rig.reader.read()
    assert seen_meanwhile == [None, None]
    assert rig.said == ["The sensor battery does not answer. Look at its wires, and ask car doctor."]


def test_a_long_complaint_is_cut(rig: Rig) -> None:
    rig.missing = SensorError("x" * 10_000)
    rig.after(10 * NS_PER_S)
    assert [len(text) for text in rig.said] == [300]


def test_a_voltage_that_stays_below_the_limit_warns_once() -> None:
    rig = Rig(warn_v=6.8)
    rig.after(NS_PER_S)
    rig.meter.values = {"voltage_v": 6.79}
    seen = rig.after(3 * NS_PER_S)
    assert seen is not None
    assert not seen.is_low
    seen = rig.after(600 * NS_PER_S)
    assert seen is not None
    assert seen.is_low
    assert rig.said == ["The supply is at 6.79 V, below 6.8 V. Change the battery."]


def test_a_motor_that_starts_is_no_empty_battery() -> None:
    rig = Rig(warn_v=6.8)
    for _ in range(20):
        rig.meter.values = {"voltage_v": 6.2}
        rig.after(3 * NS_PER_S)
        rig.meter.values = {"voltage_v": 6.8}
        seen = rig.after(NS_PER_S)
        assert seen is not None
        assert not seen.is_low
    assert rig.said == []


def test_an_empty_battery_that_rests_is_still_low_and_a_new_one_is_not() -> None:
    rig = Rig(warn_v=6.8)
    rig.meter.values = {"voltage_v": 6.5}
    rig.after(10 * NS_PER_S)
    rig.meter.values = {"voltage_v": 7.0}
    seen = rig.after(30 * NS_PER_S)
    assert seen is not None
    assert seen.is_low
    seen = rig.after(NS_PER_S)
    assert seen is not None
    assert not seen.is_low
    rig.meter.values = {"voltage_v": 6.5}
    assert rig.watch.trouble == ""
    rig.after(10 * NS_PER_S)
    assert rig.said == [
        "The supply is at 6.50 V, below 6.8 V. Change the battery.",
        "The supply is at 7.00 V again.",
        "The supply is at 6.50 V, below 6.8 V. Change the battery.",
    ]
    assert rig.watch.trouble == rig.said[-1]


def test_a_car_without_a_limit_never_warns(rig: Rig) -> None:
    rig.meter.values = {"voltage_v": 0.1}
    assert rig.after(100 * NS_PER_S) is not None
    assert rig.said == []
