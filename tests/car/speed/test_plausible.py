"""What an encoder says beside what the motor was told: stuck, cut off, wired the wrong way round."""

from __future__ import annotations

import pytest

from car.gate import TripReason
from car.speed.plausible import Plausibility
from hardware.clock import NS_PER_MS, NS_PER_S
from hardware.drivetrain import Motion

CYCLE_NS = 33 * NS_PER_MS


class Rig:
    """A car whose encoder says what it is told to say."""

    def __init__(self) -> None:
        self.check = Plausibility()
        self.now_ns = NS_PER_S
        self.distance_m = 0.0

    def drives(
        self, seconds: float, throttle: float, speed_m_s: float, gains_m_s2: float = 0.0
    ) -> tuple[TripReason, int] | None:
        """Return the first doubt and how many ms after the beginning it came."""
        start_ns = self.now_ns
        while self.now_ns - start_ns < seconds * NS_PER_S:
            self.now_ns += CYCLE_NS
            speed_m_s += gains_m_s2 * CYCLE_NS / NS_PER_S
            self.distance_m += abs(speed_m_s) * CYCLE_NS / NS_PER_S
            doubt = self.check.doubt(Motion(speed_m_s, self.distance_m), throttle, self.now_ns)
            if doubt is not None:
                return doubt, (self.now_ns - start_ns) // NS_PER_MS
        return None


def test_a_car_that_drives_is_no_doubt_nor_is_one_that_stands_without_throttle() -> None:
    rig = Rig()
    assert rig.drives(3.0, 0.0, 0.0) is None
    assert rig.drives(3.0, 0.3, 0.5) is None
    assert rig.drives(3.0, -0.3, -0.5) is None
    assert rig.drives(3.0, 0.05, 0.0) is None


def test_wheels_that_seem_to_stand_while_the_car_drives_are_noticed_in_a_quarter_of_a_second() -> None:
    rig = Rig()
    assert rig.drives(2.0, 0.3, 0.5) is None
    reason, after_ms = rig.drives(2.0, 0.3, 0.0) or (None, 0)
    assert reason is TripReason.NO_MOTION
    assert 200 < after_ms <= 250


def test_a_car_that_stands_has_a_second_to_move() -> None:
    rig = Rig()
    rig.drives(2.0, 0.0, 0.0)
    assert rig.drives(0.95, 0.3, 0.0) is None
    reason, after_ms = rig.drives(1.0, 0.3, 0.0) or (None, 0)
    assert reason is TripReason.NO_MOTION
    assert after_ms <= 150


def test_a_car_that_is_stuck_after_a_pause_has_its_second_again() -> None:
    rig = Rig()
    assert rig.drives(1.0, 0.3, 0.5) is None
    assert rig.drives(0.9, 0.0, 0.0) is None
    assert rig.drives(0.9, 0.3, 0.0) is None


def test_an_encoder_with_few_marks_may_be_silent_between_them() -> None:
    rig = Rig()
    for _ in range(20):
        rig.distance_m += 0.05
        assert rig.drives(0.19, 0.3, 0.0) is None


@pytest.mark.parametrize("direction", [1.0, -1.0])
def test_wheels_that_gather_speed_against_the_throttle_are_wired_the_wrong_way_round(direction: float) -> None:
    reason, after_ms = Rig().drives(3.0, 0.3 * direction, 0.0, gains_m_s2=-0.6 * direction) or (None, 0)
    assert reason is TripReason.WRONG_WAY
    assert after_ms <= 450


def test_a_car_that_rolls_on_after_a_change_of_direction_is_no_doubt() -> None:
    rig = Rig()
    assert rig.drives(1.0, 0.3, 1.0) is None
    assert rig.drives(1.6, -0.3, 1.0, gains_m_s2=-0.6) is None
    assert rig.drives(1.0, -0.3, 0.0, gains_m_s2=-0.6) is None
