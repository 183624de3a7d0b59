"""The controller by itself, and on a motor of one line: it settles, learns, and never drives the wrong way."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from car.speed.controller import MOST_CORRECTION, SpeedController
from hardware.clock import NS_PER_S

CYCLE_S = 1 / 30
TOP_M_S = 4.0


class Motor:
    """A first-order lag; ``strength`` is what its battery has left, ``hill`` what a slope takes of the throttle."""

    def __init__(self, response_s: float = 1.0, strength: float = 1.0, hill: float = 0.0, cap: float = 1.0) -> None:
        self.controller = SpeedController(TOP_M_S, response_s)
        self.response_s, self.strength, self.hill, self.cap = response_s, strength, hill, cap
        self.speed_m_s = 0.0
        self.now_ns = 0
        self.given: list[float] = []

    def drive(self, wanted: float, seconds: float) -> float:
        for _ in range(round(seconds / CYCLE_S)):
            self.now_ns += round(CYCLE_S * NS_PER_S)
            throttle = self.controller.throttle(wanted, self.speed_m_s, self.now_ns)
            self.given.append(throttle)
            applied = max(min(throttle, self.cap), -self.cap)
            self.controller.note_applied(applied)
            pull = (applied * self.strength - self.hill) * TOP_M_S
            self.speed_m_s += (pull - self.speed_m_s) * CYCLE_S / self.response_s
        return self.speed_m_s


@pytest.mark.parametrize("wanted", [0.1, 0.25, -0.2])
@pytest.mark.parametrize("response_s", [0.1, 1.0, 2.0])
def test_it_settles_at_the_speed_that_is_asked_for(wanted: float, response_s: float) -> None:
    motor = Motor(response_s)
    assert motor.drive(wanted, 8.0) == pytest.approx(wanted * TOP_M_S, rel=0.01)


@pytest.mark.parametrize(("strength", "hill"), [(0.8, 0.0), (1.0, 0.08), (1.0, -0.08), (0.8, 0.08)])
def test_a_flat_battery_and_a_slope_are_made_up_for(strength: float, hill: float) -> None:
    motor = Motor(strength=strength, hill=hill)
    assert motor.drive(0.2, 8.0) == pytest.approx(0.2 * TOP_M_S, rel=0.01)


def test_without_a_wish_there_is_no_throttle_and_nothing_is_remembered() -> None:
    motor = Motor(hill=0.1)
    motor.drive(0.2, 5.0)
    assert motor.controller.throttle(0.0, motor.speed_m_s, motor.now_ns) == 0.0
    fresh = SpeedController(TOP_M_S, 1.0)
    assert motor.controller.throttle(0.2, 0.5, motor.now_ns) == fresh.throttle(0.2, 0.5, motor.now_ns)


def test_what_the_gate_holds_back_is_not_made_up_for_later() -> None:
    motor = Motor(hill=0.1, cap=0.15)
    motor.drive(0.3, 20.0)
    motor.hill, motor.cap = 0.0, 1.0
    fastest_m_s = max(motor.drive(0.3, CYCLE_S) for _ in range(300))
    assert fastest_m_s <= 1.1 * 0.3 * TOP_M_S


def test_what_cannot_be_made_up_for_is_not_made_up_for_later() -> None:
    motor = Motor(strength=0.2)
    motor.drive(0.5, 20.0)
    motor.strength = 1.0
    fastest_m_s = max(motor.drive(0.5, CYCLE_S) for _ in range(300))
    assert fastest_m_s <= 1.15 * 0.5 * TOP_M_S


def test_while_the_car_rolls_the_other_way_it_gives_what_was_asked_for() -> None:
    controller = SpeedController(TOP_M_S, 1.0)
    assert controller.throttle(-0.2, 1.0, 0) == -0.2


shares = st.floats(-1.0, 1.0)
cycles = st.lists(st.tuples(shares, st.floats(-30.0, 30.0), shares, st.integers(0, 10**9)), max_size=30)


@given(cycles)
def test_whatever_the_encoder_says_the_throttle_is_near_what_was_asked_for_and_never_the_other_way(
    steps: list[tuple[float, float, float, int]],
) -> None:
    controller, now_ns = SpeedController(TOP_M_S, 1.0), 0
    for wanted, speed_m_s, applied, elapsed_ns in steps:
        now_ns += elapsed_ns
        throttle = controller.throttle(wanted, speed_m_s, now_ns)
        controller.note_applied(applied)
        assert abs(throttle) <= 1.0
        assert abs(throttle - wanted) <= MOST_CORRECTION + 1e-9
        assert throttle * wanted >= 0.0
        assert wanted != 0.0 or throttle == 0.0
