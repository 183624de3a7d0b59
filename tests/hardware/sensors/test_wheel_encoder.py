"""A wheel encoder, by the edges that a wheel with marks makes."""

from __future__ import annotations

import itertools
from pathlib import Path

import pytest

from hardware.clock import NS_PER_MS, NS_PER_S, VirtualClock
from hardware.errors import SensorError
from hardware.pins.edges import Edge, GpioEdges
from hardware.sensor import check_sensor
from hardware.sensors.wheel_encoder import TickCounter, WheelEncoder
from simulator.wheel_encoder import SimulatedWheel
from tests.hardware.fakes import gpiochip

TICK_M = 0.01
START_NS = NS_PER_S


class Rig:
    """An encoder on a wheel whose speed can be set."""

    def __init__(self, channels: int = 2, *, inverted: bool = False) -> None:
        self.clock = VirtualClock(START_NS)
        self.speed_m_s = 0.0
        self._way_m, self._time_ns = 0.0, START_NS
        wheel = SimulatedWheel(self._rolled_m, self.clock, TICK_M, channels)
        self.encoder = WheelEncoder("wheel", wheel, TICK_M, self.clock, inverted=inverted, kernel_ns=self.clock.now_ns)

    def _rolled_m(self, time_ns: int) -> float:
        self._way_m += self.speed_m_s * (time_ns - self._time_ns) / NS_PER_S
        self._time_ns = time_ns
        return self._way_m

    def rolls(self, speed_m_s: float, seconds: float) -> dict[str, float]:
        """Roll on for so long, looked at every 10 ms, and return the last reading."""
        self.speed_m_s = speed_m_s
        values: dict[str, float] = {}
        for _ in range(round(seconds * 100)):
            self.clock.advance_ns(10 * NS_PER_MS)
            values = dict(self.encoder.read().values)
        return values


@pytest.mark.parametrize("channels", [1, 2])
def test_it_keeps_the_promises_of_a_sensor(channels: int) -> None:
    rig = Rig(channels)
    rig.speed_m_s = 1.0
    check_sensor(rig.encoder, rig.clock)


@pytest.mark.parametrize("speed_m_s", [0.08, 0.5, 1.0, 4.0, -0.5])
def test_it_measures_speed_and_way(speed_m_s: float) -> None:
    values = Rig().rolls(speed_m_s, 2.0)
    assert values["speed_m_s"] == pytest.approx(speed_m_s, rel=0.02)
    assert values["travelled_m"] == pytest.approx(abs(speed_m_s) * 2.0, abs=1.5 * TICK_M)


def test_one_channel_cannot_tell_the_direction_and_says_so_by_its_names() -> None:
    rig = Rig(channels=1)
    assert rig.rolls(-0.5, 1.0).keys() == {"unsigned_speed_m_s", "travelled_m"}
    assert rig.rolls(-0.5, 1.0)["unsigned_speed_m_s"] == pytest.approx(0.5, rel=0.02)


def test_two_channels_that_are_swapped_are_put_right_by_inverting_them() -> None:
    assert Rig(inverted=True).rolls(0.5, 1.0)["speed_m_s"] == pytest.approx(-0.5, rel=0.02)


def test_the_way_never_shrinks_when_the_wheel_rolls_back() -> None:
    rig = Rig()
    assert rig.rolls(1.0, 1.0)["travelled_m"] == pytest.approx(1.0, abs=TICK_M)
    assert rig.rolls(-1.0, 1.0)["travelled_m"] == pytest.approx(2.0, abs=2 * TICK_M)


def test_a_wheel_that_stops_is_seen_to_stand_and_its_readings_stay_fresh() -> None:
    rig = Rig()
    rig.rolls(1.0, 1.0)
    # After 50 ms without a mark it cannot be faster than a mark in 50 ms.
    assert 0.0 < rig.rolls(0.0, 0.05)["speed_m_s"] <= 0.25
    assert rig.rolls(0.0, 0.5)["speed_m_s"] == 0.0
    assert rig.encoder.read().measured_ns == rig.clock.now_ns()


def test_marks_that_are_not_as_wide_as_their_gaps_make_no_jumps() -> None:
    counter = TickCounter(TICK_M)
    speeds = []
    for tick in range(20):
        for part, share in ((True, 0.0), (False, 0.2)):
            at_ns = round((tick + share) * 10 * NS_PER_MS)
            counter.take(Edge(at_ns, 0, part, 2 * tick + (1 if part else 2)))
            speeds.append(counter.speed_m_s(at_ns))
    assert speeds[4:] == pytest.approx([1.0] * 36)


def test_a_wheel_that_trembles_at_the_edge_of_a_mark_goes_nowhere() -> None:
    counter = TickCounter(TICK_M, (False, False))
    for number in range(1, 101):
        counter.take(Edge(number * NS_PER_MS, 0, number % 2 == 1, number))
    assert counter.travelled_m <= TICK_M
    assert counter.speed_m_s(101 * NS_PER_MS) == 0.0


def test_edges_that_were_lost_are_counted_by_the_numbers_of_the_others() -> None:
    counter = TickCounter(TICK_M)
    for number in (1, 2, 3, 4, 95, 96, 97, 98, 99, 100):
        counter.take(Edge(number * 5 * NS_PER_MS, 0, number % 2 == 1, number))
    assert counter.travelled_m == pytest.approx(100 * 0.5 * TICK_M)
    assert counter.speed_m_s(500 * NS_PER_MS) == pytest.approx(1.0)


def test_edges_at_the_same_time_are_no_infinite_speed() -> None:
    counter = TickCounter(TICK_M)
    for number in range(1, 7):
        counter.take(Edge(NS_PER_MS, 0, number % 2 == 1, number))
    assert counter.speed_m_s(NS_PER_MS) == 0.0


def test_a_closed_encoder_refuses_and_may_be_closed_twice() -> None:
    encoder = Rig().encoder
    encoder.close()
    encoder.close()
    with pytest.raises(SensorError, match="wheel is closed"):
        encoder.read()


@pytest.fixture
def kernel(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> gpiochip.GpioChips:
    return gpiochip.install(monkeypatch, tmp_path / "dev", {0: "pinctrl-bcm2711"})


def test_on_a_header_it_counts_the_kernels_edges_by_the_kernels_clock(kernel: gpiochip.GpioChips) -> None:
    clock, kernel_clock = VirtualClock(NS_PER_S), VirtualClock(900 * NS_PER_S)
    wheel = SimulatedWheel(lambda time_ns: -0.5 * time_ns / NS_PER_S, kernel_clock, TICK_M)
    edges = GpioEdges((5, 6))
    with WheelEncoder("wheel", edges, TICK_M, clock, kernel_ns=kernel_clock.now_ns) as encoder:
        for _ in itertools.repeat(None, 20):
            kernel_clock.advance_ns(20 * NS_PER_MS)
            kernel.happen(wheel.read())
        reading = encoder.read()
    assert reading.values["speed_m_s"] == pytest.approx(-0.5, rel=0.03)
    assert reading.values["travelled_m"] == pytest.approx(0.2, abs=1.5 * TICK_M)
    assert reading.measured_ns == NS_PER_S
    with pytest.raises(SensorError, match="closed"):
        edges.read()
