"""Rare steering is shown more often, and nothing is left out."""

from __future__ import annotations

from itertools import pairwise

import numpy as np
from hypothesis import given, settings
from hypothesis import strategies as st

from car.sessions.index import HISTOGRAM_BINS
from training.balance import MOST_TIMES, balanced

steerings = st.lists(st.floats(-1.0, 1.0, width=32) | st.just(0.0), min_size=1, max_size=200).map(
    lambda values: np.array(values, np.float32)
)


def histogram(steering: np.ndarray) -> np.ndarray:
    return np.histogram(steering, HISTOGRAM_BINS, (-1.0, 1.0))[0]


def test_a_drive_that_is_mostly_straight_on_is_drawn_nearly_evenly() -> None:
    steering = np.repeat(np.array([-1.0, -0.5, 0.0, 0.5, 1.0], np.float32), [150, 20, 600, 300, 160])
    drawn = histogram(steering[balanced(steering)])
    assert drawn[drawn > 0].tolist() == [600, 100, 600, 600, 640]


@settings(deadline=None)
@given(steering=steerings)
def test_every_frame_is_drawn_and_none_more_than_five_times(steering: np.ndarray) -> None:
    times = np.bincount(balanced(steering), minlength=len(steering))
    assert times.min() >= 1
    assert times.max() <= MOST_TIMES


@settings(deadline=None)
@given(steering=steerings)
def test_the_rarer_a_steering_the_more_often_it_is_drawn(steering: np.ndarray) -> None:
    # Of the same step, all frames are drawn as often.
    times = np.bincount(balanced(steering), minlength=len(steering))
    steps = np.clip((steering + 1.0) / 2.0 * HISTOGRAM_BINS, 0, HISTOGRAM_BINS - 1).astype(int)
    found = sorted((int((steps == step).sum()), set(times[steps == step].tolist())) for step in set(steps.tolist()))
    assert all(len(drawn) == 1 for _, drawn in found)
    assert all(max(rarer) >= max(commoner) for (_, rarer), (_, commoner) in pairwise(found))


def test_what_is_mirrored_is_as_common_on_both_sides() -> None:
    steering = np.repeat(np.array([-0.5, 0.0, 0.5], np.float32), [10, 100, 90])
    assert np.bincount(balanced(steering)).tolist() == [5] * 10 + [1] * 190
    assert np.bincount(balanced(steering, mirrored=True)).tolist() == [2] * 10 + [1] * 100 + [2] * 90
