"""From an encoder's readings to the car's motion: signs, ages, and whatever is no speed."""

from __future__ import annotations

import math
from collections.abc import Mapping

import pytest

from car.speed.wheels import FIRST_NS, SILENCE_NS, WheelSpeed
from hardware.clock import NS_PER_MS, NS_PER_S
from hardware.drivetrain import Motion
from hardware.errors import SensorError
from hardware.sensor import Reading

NOW_NS = 5 * NS_PER_S


class Rig:
    def __init__(self) -> None:
        self.reading: Reading | None = None
        self.wheels = WheelSpeed(lambda: self.reading)

    def measures(self, values: Mapping[str, float], measured_ns: int = NOW_NS) -> Motion | None:
        self.reading = Reading(values, measured_ns)
        return self.wheels.look(measured_ns)


def test_speed_and_way_are_the_encoders() -> None:
    assert Rig().measures({"speed_m_s": -0.8, "travelled_m": 4.5}) == Motion(-0.8, 4.5)


def test_of_a_sensor_that_measures_no_way_it_is_reckoned_from_the_speed() -> None:
    rig = Rig()
    assert rig.measures({"speed_m_s": 1.0}) == Motion(1.0, 0.0)
    assert rig.measures({"speed_m_s": -1.0}, NOW_NS + 100 * NS_PER_MS) == Motion(-1.0, 0.1)
    # Looked at again, the same reading is no more way.
    assert rig.wheels.look(NOW_NS + 150 * NS_PER_MS) == Motion(-1.0, 0.1)


def test_a_speed_without_a_sign_has_the_throttles_once_the_wheels_have_nearly_stood() -> None:
    rig = Rig()
    seen = []
    for step, (speed_m_s, throttle) in enumerate([(0.0, 0.0), (0.5, 0.2), (0.5, -0.2), (0.05, -0.2), (0.4, 0.0)]):
        rig.wheels.note_throttle(throttle)
        motion = rig.measures({"unsigned_speed_m_s": speed_m_s}, NOW_NS + step)
        seen.append(None if motion is None else motion.speed_m_s)
    assert seen == [0.0, 0.5, 0.5, -0.05, -0.4]


def test_a_speed_without_a_sign_turns_too_where_the_wheels_turned_round_between_two_marks() -> None:
    rig = Rig()
    seen = []
    for step, (speed_m_s, throttle) in enumerate([(0.8, 0.3), (0.8, -0.3), (0.3, -0.3), (0.45, -0.3), (0.6, -0.3)]):
        rig.wheels.note_throttle(throttle)
        motion = rig.measures({"unsigned_speed_m_s": speed_m_s}, NOW_NS + step)
        seen.append(None if motion is None else motion.speed_m_s)
    assert seen == [0.8, 0.8, 0.3, 0.45, -0.6]
    assert not rig.wheels.tells_direction


def test_a_reading_that_once_has_no_speed_in_it_is_none() -> None:
    rig = Rig()
    assert rig.measures({}) is None
    assert rig.measures({"speed_m_s": 0.5}, NOW_NS + 1) is not None
    assert rig.measures({"temperature_c": 40.0}, NOW_NS + SILENCE_NS) == Motion(0.5, 0.0)
    assert rig.measures({}, NOW_NS + SILENCE_NS + 2) is None


@pytest.mark.parametrize("how", ["frozen", "gone", "nonsense", "late"])
def test_an_encoder_that_measures_no_more_is_lost_at_its_limit(how: str) -> None:
    rig = Rig()
    rig.measures({"speed_m_s": 0.5})
    at_limit_ns, past_it_ns = NOW_NS + SILENCE_NS, NOW_NS + SILENCE_NS + 1
    if how == "gone":
        rig.reading = None
    elif how == "nonsense":
        rig.reading = Reading({"speed_m_s": math.nan}, at_limit_ns)
    elif how == "late":
        rig.reading = Reading({"speed_m_s": 0.6}, NOW_NS - 1)
    assert rig.wheels.look(at_limit_ns) == Motion(0.5, 0.0)
    assert not rig.wheels.is_lost(at_limit_ns)
    assert rig.wheels.look(past_it_ns) is None
    assert rig.wheels.is_lost(past_it_ns)
    assert rig.measures({"speed_m_s": 0.4}, past_it_ns) is not None
    assert not rig.wheels.is_lost(past_it_ns)


@pytest.mark.parametrize("speed_m_s", [math.nan, math.inf, -math.inf, 30.1, -1e300])
def test_what_is_no_speed_is_no_motion(speed_m_s: float) -> None:
    assert Rig().measures({"speed_m_s": speed_m_s}) is None
    assert Rig().measures({"unsigned_speed_m_s": speed_m_s}) is None


def test_a_way_that_is_no_number_is_no_motion() -> None:
    assert Rig().measures({"speed_m_s": 0.5, "travelled_m": math.nan}) is None


def test_one_that_has_not_measured_yet_has_its_time() -> None:
    rig = Rig()
    assert rig.wheels.look(NOW_NS) is None
    assert not rig.wheels.is_lost(NOW_NS + FIRST_NS)
    assert rig.wheels.is_lost(NOW_NS + FIRST_NS + 1)


def test_a_sensor_that_measures_something_else_is_named_with_the_next_step() -> None:
    rig = Rig()
    with pytest.raises(SensorError, match=r"measures distance_m and no speed_m_s\. Name a wheel encoder there"):
        rig.measures({"distance_m": 0.8})
