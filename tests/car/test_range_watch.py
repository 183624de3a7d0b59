"""What is ahead: each measurement is told once, and a sensor that is dead, frozen or late is one event."""

from __future__ import annotations

import math
import threading
from collections.abc import Callable, Mapping
from typing import Any

import pytest

from car.config.sections import CarConfig, ObstacleSection, SpeedSection
from car.gate import Ahead, Event
from car.kinds import Reading, Sensor, SensorError, SensorSection
from car.kinds.simulated import SimulatedEncoderSection, SimulatedRangeSection
from car.range_watch import RangeWatch, watch_range
from car.readings import asked, polling
from hardware.clock import NS_PER_MS, NS_PER_S, SystemClock, VirtualClock

SILENCE_NS = 200 * NS_PER_MS
NOW_NS = 5 * NS_PER_S


class Ruler(Sensor):
    """Gives what it is told to give."""

    def __init__(self) -> None:
        self.name = "front"
        self.reading: object = None
        self.problem: Exception | None = None

    def measures(self, distance_m: float, measured_ns: int = NOW_NS) -> None:
        self.reading = Reading({"distance_m": distance_m}, measured_ns)

    def read(self) -> Reading | None:
        if self.problem is not None:
            raise self.problem
        return self.reading  # type: ignore[return-value]

    def close(self) -> None:
        pass


class Rig:
    """A watch over some rulers."""

    def __init__(self, rulers: int = 1, *, tells: bool = True) -> None:
        self.rulers = [Ruler() for _ in range(rulers)]
        self.clock = VirtualClock(NOW_NS)
        self.watch = RangeWatch([asked(ruler, self.clock) for ruler in self.rulers], SILENCE_NS, tells=tells)

    @property
    def ruler(self) -> Ruler:
        return self.rulers[0]

    def hears(self, after_ns: int = 0) -> list[Event]:
        self.clock.sleep_until_ns(NOW_NS + after_ns)
        return list(self.watch.events(NOW_NS + after_ns))


def is_lost(events: list[Event]) -> bool:
    return len(events) == 1 and isinstance(events[0], Ahead) and math.isnan(events[0].distance_m)


def test_each_measurement_is_told_once() -> None:
    rig = Rig()
    assert rig.hears() == []
    rig.ruler.measures(0.8)
    assert rig.hears() == [Ahead(0.8)]
    assert rig.hears() == []
    # The same distance, measured anew, is news: the sensor lives.
    rig.ruler.measures(0.8, NOW_NS + 1)
    assert rig.hears(1) == [Ahead(0.8)]
    assert rig.watch.ahead() == Ahead(0.8)


@pytest.mark.parametrize("how", ["frozen", "broken", "silent"])
def test_a_sensor_that_measures_no_more_is_one_event_at_its_limit(how: str) -> None:
    rig = Rig()
    rig.ruler.measures(0.8)
    assert rig.hears(SILENCE_NS) == [Ahead(0.8)]
    late_ns = SILENCE_NS + 1
    if how == "broken":
        rig.ruler.problem, late_ns = SensorError("It is gone. Look for it."), 1
    elif how == "silent":
        rig.ruler.reading, late_ns = None, 1
    assert is_lost(rig.hears(late_ns))
    assert rig.watch.ahead() is None
    assert rig.hears(late_ns) == []
    rig.ruler.problem = None
    rig.ruler.measures(0.9, NOW_NS + late_ns)
    assert rig.hears(late_ns) == [Ahead(0.9)]


def test_readings_that_always_come_late_are_never_told() -> None:
    rig = Rig()
    for cycle in range(5):
        rig.ruler.measures(0.8, NOW_NS + cycle - SILENCE_NS - 1)
        assert rig.hears(cycle) == []


def test_a_measurement_that_was_made_while_the_loop_looked_counts_and_one_by_another_clock_does_not() -> None:
    rig = Rig()
    # The loop has looked at its clock, and is made to wait before it looks at its sensor.
    rig.clock.advance_ns(SILENCE_NS + 2)
    rig.ruler.measures(0.8, NOW_NS + SILENCE_NS + 1)
    assert list(rig.watch.events(NOW_NS)) == [Ahead(0.8)]
    rig.ruler.measures(0.8, NOW_NS + SILENCE_NS + 3)
    assert is_lost(list(rig.watch.events(NOW_NS)))


@pytest.mark.parametrize("distance_m", [math.nan, -0.1, math.inf, 1e300, 100.1, True, "far", None, [1.0], 10**400])
def test_what_is_no_distance_is_a_lost_sensor(distance_m: Any) -> None:
    rig = Rig()
    rig.ruler.measures(0.8)
    rig.hears()
    rig.ruler.measures(distance_m, NOW_NS + 1)
    assert is_lost(rig.hears(1))
    assert rig.watch.ahead() is None


MALFORMED: list[Any] = [
    0.8,
    {"distance_m": 0.8},
    Reading(None, NOW_NS),  # type: ignore[arg-type]
    Reading({"distance_m": 0.8}, None),  # type: ignore[arg-type]
    Reading({"distance_m": 0.8}, float(NOW_NS)),  # type: ignore[arg-type]
]


@pytest.mark.parametrize("tells", [True, False])
@pytest.mark.parametrize("answer", MALFORMED)
def test_what_is_no_reading_is_a_lost_sensor_and_raises_nothing_in_the_loop(answer: Any, tells: bool) -> None:
    rig = Rig(tells=tells)
    rig.ruler.measures(0.8)
    rig.hears()
    rig.ruler.reading = answer
    found = rig.hears(1)
    assert is_lost(found) if tells else found == []
    assert rig.watch.ahead() is None
    # In a thread likewise, and the sensor is asked on.
    with polling(rig.ruler, SystemClock()) as newest:
        assert newest() is None
        rig.ruler.measures(0.9, 1)
        wait_for(lambda: newest() is not None)


def test_of_two_sensors_the_nearest_counts_and_none_may_be_lost() -> None:
    rig = Rig(rulers=2)
    left, right = rig.rulers
    left.measures(2.0)
    assert rig.hears() == []
    right.measures(0.7)
    assert rig.hears() == [Ahead(0.7)]
    right.reading = None
    assert is_lost(rig.hears())


def test_a_car_that_only_shows_what_is_ahead_tells_the_gate_nothing() -> None:
    rig = Rig(tells=False)
    rig.ruler.measures(0.8)
    assert rig.hears() == []
    assert rig.watch.ahead() == Ahead(0.8)
    rig.ruler.reading = Reading({"way_m": 12.0}, NOW_NS + 1)
    assert rig.hears(1) == []
    assert rig.watch.ahead() is None


def test_a_sensor_that_measures_something_else_cannot_look_ahead() -> None:
    rig = Rig()
    rig.ruler.reading = Reading({"way_m": 12.0}, NOW_NS)
    with pytest.raises(SensorError, match=r"measures way_m and no distance_m\. Name one there that looks ahead"):
        rig.hears()
    # A thread asks it but once, maybe long before the loop looks.
    with pytest.raises(SensorError, match="measures way_m"):
        rig.hears(2 * SILENCE_NS)
    rig.ruler.reading = Reading({}, NOW_NS)
    with pytest.raises(SensorError, match="measures nothing and no distance_m"):
        rig.hears(2 * SILENCE_NS)


def test_a_sensor_that_makes_its_reader_wait_or_raises_anything_holds_up_nobody() -> None:
    clock, ruler, goes_on = SystemClock(), Ruler(), threading.Event()

    def wait() -> Reading | None:
        goes_on.wait()
        return Ruler.read(ruler)

    ruler.measures(0.8, clock.now_ns())
    with polling(ruler, clock) as newest:
        wait_for(lambda: newest() == ruler.reading)
        ruler.problem = RuntimeError("a stranger's own")
        wait_for(lambda: newest() is None)
        ruler.problem = None
        wait_for(lambda: newest() == ruler.reading)
        ruler.read = wait  # type: ignore[method-assign]
        asked_ns = clock.now_ns()
        newest()
        assert clock.now_ns() - asked_ns < NS_PER_S
        goes_on.set()


def test_a_sensor_that_measures_no_distance_is_asked_once() -> None:
    ruler = Ruler()
    asked_times: list[None] = []

    def read() -> Reading:
        asked_times.append(None)
        return Reading({"free_gb": 3.0}, SystemClock().now_ns())

    ruler.read = read  # type: ignore[method-assign]
    with polling(ruler, SystemClock()) as newest:
        wait_for(lambda: newest() is not None)
        wait_for(lambda: all(thread.name != "sensor readings" for thread in threading.enumerate()))
    assert len(asked_times) == 1


def wait_for(holds: Callable[[], bool]) -> None:
    clock = SystemClock()
    deadline_ns = clock.now_ns() + 5 * NS_PER_S
    while not holds():
        assert clock.now_ns() < deadline_ns
        clock.sleep_until_ns(clock.now_ns() + NS_PER_MS)


def watch_of(config: CarConfig, sensors: Mapping[str, Sensor]) -> RangeWatch | None:
    return watch_range(config, sensors, lambda sensor: asked(sensor, VirtualClock(NOW_NS)))


def test_the_sensors_that_obstacle_names_are_watched_and_without_it_the_first_is_shown() -> None:
    sections: dict[str, SensorSection] = {"way": SimulatedRangeSection(), "front": SimulatedRangeSection()}
    rulers = {name: Ruler() for name in sections}
    rulers["way"].measures(2.0)
    rulers["front"].measures(0.3)
    looking = watch_of(CarConfig(sensors=sections, obstacle=ObstacleSection()), rulers)
    assert looking is not None
    assert list(looking.events(NOW_NS)) == [Ahead(0.3)]
    shown = watch_of(CarConfig(sensors=sections), rulers)
    assert shown is not None
    assert list(shown.events(NOW_NS)) == []
    assert shown.ahead() == Ahead(2.0)
    assert watch_of(CarConfig(), {}) is None


def test_without_obstacle_a_wheel_encoder_is_not_taken_for_what_looks_ahead() -> None:
    sections: dict[str, SensorSection] = {"wheel": SimulatedEncoderSection(), "front": SimulatedRangeSection()}
    front = Ruler()
    front.measures(0.3)
    watch = watch_of(CarConfig(sensors=sections, speed=SpeedSection()), {"wheel": Ruler(), "front": front})
    assert watch is not None
    assert list(watch.events(NOW_NS)) == []
    assert watch.ahead() == Ahead(0.3)


def test_a_sensor_that_obstacle_names_and_nobody_opened_is_lost() -> None:
    sections: dict[str, SensorSection] = {"left": SimulatedRangeSection(), "right": SimulatedRangeSection()}
    config = CarConfig(sensors=sections, obstacle=ObstacleSection(sensors=("left", "right")))
    left = Ruler()
    left.measures(2.0)
    watch = watch_of(config, {"left": left})
    assert watch is not None
    assert list(watch.events(NOW_NS)) == []
    assert watch.ahead() is None
    assert watch_of(config, {}) is not None
