"""An HC-SR04 whose two pins are gpiozero's mocks: the trigger's answers each ping with an echo, or with none."""

from __future__ import annotations

import threading
from collections.abc import Iterator

import pytest
from gpiozero import DigitalInputDevice, DistanceSensor, Factory
from gpiozero.pins.mock import MockFactory, MockTriggerPin

from hardware.clock import NS_PER_MS, NS_PER_S, SystemClock
from hardware.errors import DrivetrainError, SensorError
from hardware.sensor import Reading, check_sensor
from hardware.sensors.hc_sr04 import HcSr04

TRIGGER, ECHO = 20, 21
ECHO_OF_A_METRE_S = 2.0 / 343.26
CLOCK = SystemClock()


class Pins:
    """The header's pins with a sensor on two of them, something ``distance_m`` ahead of it."""

    def __init__(self, distance_m: float) -> None:
        self.factory: Factory = MockFactory()
        echo = self.factory.pin(ECHO)
        self.trigger = self.factory.pin(
            TRIGGER, pin_class=MockTriggerPin, echo_pin=echo, echo_time=distance_m * ECHO_OF_A_METRE_S
        )

    def sensor(self, max_m: float = 4.0) -> HcSr04:
        return HcSr04("front", self.factory, TRIGGER, ECHO, CLOCK, max_m)

    def pull_the_plug(self) -> None:
        self.trigger._echo = lambda: None


def reading_of(sensor: HcSr04, after_ns: int = 0) -> Reading:
    """Return the first reading of a measurement that began after ``after_ns``."""
    deadline_ns = CLOCK.now_ns() + 5 * NS_PER_S
    while (reading := sensor.read()) is None or reading.measured_ns <= after_ns:
        assert CLOCK.now_ns() < deadline_ns, "no echo was heard"
        CLOCK.sleep_until_ns(CLOCK.now_ns() + NS_PER_MS)
    return reading


@pytest.fixture
def sensor() -> Iterator[HcSr04]:
    with Pins(1.0).sensor() as sensor:
        yield sensor


def test_it_keeps_the_promises_of_a_sensor() -> None:
    check_sensor(Pins(0.2).sensor())


def test_it_measures_how_long_the_echo_was_and_counts_from_its_ping(sensor: HcSr04) -> None:
    asked_ns = CLOCK.now_ns()
    reading = reading_of(sensor, after_ns=asked_ns)
    # The mock sleeps for the echo, and a busy machine makes it the longer, never the shorter.
    assert 1.0 <= reading.values["distance_m"] <= 4.0
    assert CLOCK.now_ns() - reading.measured_ns >= ECHO_OF_A_METRE_S * NS_PER_S


def test_what_is_further_away_than_it_measures_is_at_its_end() -> None:
    with Pins(3.0).sensor(max_m=2.0) as sensor:
        assert reading_of(sensor).values == {"distance_m": 2.0}


def test_a_sensor_whose_echo_never_comes_measures_nothing_more() -> None:
    pins = Pins(0.2)
    with pins.sensor() as sensor:
        reading_of(sensor)
        pins.pull_the_plug()
        CLOCK.sleep_until_ns(CLOCK.now_ns() + NS_PER_S // 10)
        last = sensor.read()
        CLOCK.sleep_until_ns(CLOCK.now_ns() + NS_PER_S // 5)
        assert sensor.read() is last


class Turns:
    """gpiozero's lock that lets one sensor ping at a time; tells when one begins to wait for its turn."""

    def __init__(self) -> None:
        self.lock = threading.Lock()
        self.is_waited_for = threading.Event()

    def __enter__(self) -> None:
        self.is_waited_for.set()
        self.lock.acquire()

    def __exit__(self, *_: object) -> None:
        self.lock.release()


@pytest.fixture
def turns(monkeypatch: pytest.MonkeyPatch) -> Turns:
    turns = Turns()
    monkeypatch.setattr(DistanceSensor, "ECHO_LOCK", turns)
    return turns


def test_to_wait_for_other_sensors_pings_makes_no_measurement_old(turns: Turns) -> None:
    turns.lock.acquire()
    with Pins(0.2).sensor() as sensor:
        assert turns.is_waited_for.wait(5)
        let_go_ns = CLOCK.now_ns()
        turns.lock.release()
        assert reading_of(sensor).measured_ns > let_go_ns


def test_a_sensor_that_is_closed_while_it_waits_for_its_turn_ends_without_a_word(
    turns: Turns, monkeypatch: pytest.MonkeyPatch
) -> None:
    raised: list[object] = []
    monkeypatch.setattr(threading, "excepthook", raised.append)
    sensor = Pins(0.2).sensor()
    queue = sensor._device._queue
    turns.lock.acquire()
    turns.is_waited_for.clear()
    assert turns.is_waited_for.wait(5)
    closing = threading.Thread(target=sensor.close)
    closing.start()
    assert queue.stopping.wait(5)
    turns.lock.release()
    closing.join()
    assert not queue.is_alive()
    assert raised == []


def test_a_pin_that_another_device_has_is_a_sentence_with_the_next_step() -> None:
    pins = Pins(1.0)
    taken = DigitalInputDevice(ECHO, pin_factory=pins.factory)
    with taken, pytest.raises(SensorError, match=r"cannot use GPIO 20 and 21 .*\[sensors\.front\]"):
        pins.sensor()


def test_a_pin_that_another_program_has_is_a_sensors_error() -> None:
    class Busy(MockFactory):  # type: ignore[misc]
        def pin(self, name: int) -> object:
            raise DrivetrainError(f"GPIO {name} cannot be used (GPIO busy). End the program that has it.")

    with pytest.raises(SensorError, match="GPIO 21 cannot be used"):
        HcSr04("front", Busy(), TRIGGER, ECHO, CLOCK)
