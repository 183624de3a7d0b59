"""A moving average over times that are odd."""

from __future__ import annotations

import math

import pytest
from hypothesis import given
from hypothesis import strategies as st

from car.pilots.smoothed import Smoothed
from hardware.clock import NS_PER_MS, NS_PER_S

values = st.lists(st.floats(0.0, 10.0), min_size=1, max_size=30)


def averaged(values: list[float], period_ns: int) -> list[float]:
    smoothed = Smoothed()
    return [smoothed.add(value, now_ns=number * period_ns) for number, value in enumerate(values)]


@given(values, st.integers(1, NS_PER_S))
def test_it_lies_between_all_that_there_was(given: list[float], period_ns: int) -> None:
    assert all(min(given) - 1e-9 <= value <= max(given) + 1e-9 for value in averaged(given, period_ns))


def test_twice_as_many_frames_a_second_make_no_difference() -> None:
    slow = averaged([0.0] + [1.0] * 10, 60 * NS_PER_MS)
    fast = averaged([0.0] + [1.0] * 20, 30 * NS_PER_MS)
    assert slow[-1] == pytest.approx(fast[-1]) == pytest.approx(1.0 - math.exp(-1.0))


def test_after_a_gap_it_is_what_is_seen_now() -> None:
    smoothed = Smoothed()
    smoothed.add(0.0, now_ns=0)
    assert smoothed.add(1.0, now_ns=10 * NS_PER_S) == pytest.approx(1.0, abs=1e-6)


@pytest.mark.parametrize("now_ns", [NS_PER_S, 0, -NS_PER_S], ids=["the same", "back", "far back"])
def test_a_clock_that_does_not_go_on_begins_anew(now_ns: int) -> None:
    smoothed = Smoothed()
    smoothed.add(0.0, now_ns=NS_PER_S)
    assert smoothed.add(1.0, now_ns=now_ns) == 1.0


@pytest.mark.parametrize("wild", [math.nan, math.inf])
def test_what_is_not_finite_comes_out_and_is_forgotten(wild: float) -> None:
    smoothed = Smoothed()
    smoothed.add(0.5, now_ns=0)
    assert not math.isfinite(smoothed.add(wild, now_ns=NS_PER_MS))
    assert smoothed.add(0.5, now_ns=2 * NS_PER_MS) == 0.5
