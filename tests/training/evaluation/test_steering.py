"""What is said of a steering beside its error: by hand on a few frames."""

from __future__ import annotations

import math

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from hardware.clock import NS_PER_S
from training.evaluation.steering import BENDS, bias, jerk, worst_frames


def at(*seconds: float) -> np.ndarray:
    return np.round(np.array(seconds) * NS_PER_S).astype(np.int64)


ONE_SESSION = np.zeros(3, np.intp)


def test_a_bias_is_to_the_right_where_it_is_above_0() -> None:
    assert bias(np.array([0.5, 0.0]), np.array([0.1, 0.2])) == pytest.approx(0.1)


def test_a_wheel_that_stops_turning_after_a_tenth_has_changed_its_pace_by_as_much_as_it_had() -> None:
    steering = np.array([0.0, 0.1, 0.1])
    # From 1 full lock per s to none, within 0.1 s.
    assert jerk(steering, at(0.0, 0.1, 0.2), ONE_SESSION) == pytest.approx(10.0)
    # Within 0.15 s, since the second step takes longer.
    assert jerk(steering, at(0.0, 0.1, 0.3), ONE_SESSION) == pytest.approx(1.0 / 0.15)


@given(values=st.lists(st.floats(-1, 1), min_size=3, max_size=30))
def test_at_an_even_rate_it_is_the_mean_second_difference(values: list[float]) -> None:
    steering = np.array(values)
    made = jerk(steering, np.arange(len(steering)) * (NS_PER_S // 20), np.zeros(len(steering), np.intp))
    assert made == pytest.approx(np.abs(np.diff(steering, n=2)).mean() * 400.0, abs=1e-9)


def test_a_wheel_that_turns_evenly_has_none() -> None:
    assert jerk(np.array([0.0, 0.1, 0.3]), at(0.0, 0.1, 0.3), ONE_SESSION) == pytest.approx(0.0)


def test_nothing_is_counted_across_a_gap_or_two_sessions() -> None:
    steering = np.array([0.0, 0.1, 0.2, -1.0, -1.0, -1.0])
    times = at(0.0, 0.1, 0.2, 0.3, 0.4, 0.5)
    assert jerk(steering, times, np.array([0, 0, 0, 1, 1, 1])) == pytest.approx(0.0)
    assert jerk(steering, times + at(0, 0, 0, 0.4, 0.4, 0.4), np.zeros(6, np.intp)) == pytest.approx(0.0)
    assert jerk(steering, times, np.zeros(6, np.intp)) > 1.0
    # Of one time, or back in time, as a clock that was set.
    assert math.isnan(jerk(steering[:3], at(0.1, 0.1, 0.0), ONE_SESSION))


@pytest.mark.parametrize("count", [0, 1, 2])
def test_two_frames_have_no_jerk(count: int) -> None:
    assert math.isnan(jerk(np.zeros(count), np.arange(count), np.zeros(count, np.intp)))


@given(values=st.lists(st.floats(-1, 1), min_size=1, max_size=30))
def test_every_frame_is_in_one_kind_of_bend(values: list[float]) -> None:
    held = np.sum([bend.holds(np.array(values)) for bend in BENDS], axis=0)
    assert held.tolist() == [1] * len(values)


def test_the_kinds_of_bends_are_by_how_far_the_driver_steered_to_either_side() -> None:
    steering = np.array([0.0, -0.05, 0.06, -0.5, 0.51, -1.0])
    found = {bend.name: np.flatnonzero(bend.holds(steering)).tolist() for bend in BENDS}
    assert found == {"straight on": [0, 1], "gentle": [2, 3], "sharp": [4, 5]}


def test_the_worst_frames_are_two_seconds_apart_in_a_session() -> None:
    errors = np.array([0.5, -0.9, 0.8, 0.1, 0.7])
    sessions = np.array([0, 0, 0, 0, 1])
    assert worst_frames(errors, at(0.0, 1.0, 1.5, 3.0, 1.0), sessions, 3) == [1, 4, 3]
    assert worst_frames(errors, at(0.0, 1.0, 1.5, 3.0, 1.0), sessions, 9) == [1, 4, 3]
