"""An interval holds the truth as often as it says, and is as wide as what was driven is little."""

from __future__ import annotations

import numpy as np
import pytest

from training.evaluation.bootstrap import BLOCK_FRAMES, LEAST_BLOCKS, mean_interval, r2_interval, r2_lead


def driving(seed: int, blocks: int) -> np.ndarray:
    """Return a steering that changes slowly, as driving does."""
    rng = np.random.default_rng(seed)
    return np.repeat(rng.uniform(-1.0, 1.0, blocks * 2), BLOCK_FRAMES // 2)


def test_most_intervals_hold_what_a_long_drive_comes_to() -> None:
    held = 0
    for seed in range(100):
        labels = driving(seed, 40)
        # Errors that last as long as a bend: as many independent ones as there are bends, not frames.
        predicted = labels + np.repeat(np.random.default_rng([seed, 1]).normal(0.0, 0.3, 80), BLOCK_FRAMES // 2)
        interval = r2_interval(predicted, labels)
        assert interval is not None
        held += interval.low < 1.0 - 0.3**2 / (1.0 / 3.0) < interval.high
    assert 85 <= held <= 99


def test_more_driving_makes_it_narrower() -> None:
    widths = []
    for blocks in (10, 200):
        labels = driving(3, blocks)
        interval = r2_interval(labels + 0.5 * driving(4, blocks), labels)
        assert interval is not None
        widths.append(interval.high - interval.low)
    assert widths[1] < 0.5 * widths[0]


def test_a_lead_is_told_from_none_on_the_same_blocks() -> None:
    labels, errors = driving(1, 40), driving(2, 40)
    better, worse = labels + 0.4 * errors, labels + 0.5 * errors
    lead = r2_lead(better, worse, labels)
    assert lead is not None
    assert lead.is_above(0.0)
    none = r2_lead(better, better.copy(), labels)
    assert none is not None
    assert (none.low, none.high) == (0.0, 0.0)


@pytest.mark.parametrize(
    "labels", [np.ones(BLOCK_FRAMES * 20), driving(1, LEAST_BLOCKS)[: LEAST_BLOCKS * BLOCK_FRAMES - 1]]
)
def test_of_constant_labels_and_of_too_few_nothing_is_said(labels: np.ndarray) -> None:
    assert r2_interval(labels, labels) is None
    assert r2_lead(labels, labels, labels) is None


def test_most_intervals_of_a_mean_hold_it() -> None:
    held = 0
    for seed in range(100):
        interval = mean_interval(0.3 + driving(seed, 40))
        assert interval is not None
        held += interval.low < 0.3 < interval.high
    assert 85 <= held <= 99


def test_the_mean_of_what_never_changes_is_certain() -> None:
    interval = mean_interval(np.full(BLOCK_FRAMES * LEAST_BLOCKS, 0.25))
    assert interval is not None
    assert (interval.low, interval.high) == (0.25, 0.25)


def test_of_too_few_frames_no_mean_is_said() -> None:
    values = driving(1, LEAST_BLOCKS)
    assert mean_interval(values) is not None
    assert mean_interval(values[:-1]) is None
