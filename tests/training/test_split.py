"""Training and validation never see the same moment."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import assume, given
from hypothesis import strategies as st
from numpy.typing import NDArray

from car.errors import TrainingError
from hardware.clock import NS_PER_S
from training.split import GUARD_S, SESSIONS_TO_HOLD_SOME_OUT, split_recordings

times = st.lists(st.integers(0, 2**53), min_size=1, max_size=60).map(lambda values: np.array(values, np.int64))
close_times = st.lists(st.integers(0, 60 * NS_PER_S), min_size=1, max_size=200).map(
    lambda values: np.array(values, np.int64)
)


def at_20_hz(seconds: float) -> NDArray[np.int64]:
    return np.arange(round(seconds * 20), dtype=np.int64) * (NS_PER_S // 20)


@given(recordings=st.lists(times | close_times, min_size=1, max_size=8), seed=st.integers(0, 99))
def test_no_validation_frame_is_within_two_seconds_of_a_training_frame(
    recordings: list[NDArray[np.int64]], seed: int
) -> None:
    try:
        made = split_recordings(recordings, seed)
    except TrainingError:
        assume(False)
    for captured_ns, train, validation in zip(recordings, made.train, made.validation, strict=True):
        assert len(set(train) | set(validation)) == len(train) + len(validation) <= len(captured_ns)
        if len(train) and len(validation):
            distances_ns = np.abs(captured_ns[train][:, None] - captured_ns[validation][None, :])
            assert distances_ns.min() >= 2 * NS_PER_S


def test_a_few_recordings_give_their_last_fifth() -> None:
    made = split_recordings([at_20_hz(100), at_20_hz(50)])
    assert made.validation[0].tolist() == list(range(1600, 2000))
    assert made.validation[1].tolist() == list(range(800, 1000))
    assert made.train[0].tolist() == list(range(1600 - GUARD_S * 20 + 1))
    assert made.words.startswith("by time: the last 20% of each session")


def test_frames_out_of_order_are_split_by_their_time() -> None:
    captured_ns = at_20_hz(100)[::-1].copy()
    made = split_recordings([captured_ns])
    assert captured_ns[made.validation[0]].min() == 80 * NS_PER_S
    assert captured_ns[made.train[0]].max() == 78 * NS_PER_S


def test_many_recordings_are_split_whole() -> None:
    recordings = [at_20_hz(30)] * 10
    made = split_recordings(recordings)
    held_out = [index for index, frames in enumerate(made.validation) if len(frames)]
    assert len(held_out) == 2
    assert made.words == "by session: 2 of 10 whole sessions held out for validation"
    for index in range(10):
        assert len(made.train[index]) == (0 if index in held_out else 600)


def test_a_session_with_most_of_the_frames_is_never_held_out() -> None:
    recordings = [at_20_hz(600), *[at_20_hz(20)] * SESSIONS_TO_HOLD_SOME_OUT]
    for seed in range(20):
        assert len(split_recordings(recordings, seed).validation[0]) == 0


def test_the_seed_chooses_the_sessions_and_the_same_one_chooses_the_same() -> None:
    def held_out(seed: int) -> list[int]:
        made = split_recordings([at_20_hz(30)] * 10, seed)
        return [index for index, frames in enumerate(made.validation) if len(frames)]

    assert held_out(1) == held_out(1)
    assert len({tuple(held_out(seed)) for seed in range(10)}) > 1


@pytest.mark.parametrize("seconds", [0, 0.1, 1.5])
def test_a_recording_too_short_for_the_gap_is_refused(seconds: float) -> None:
    with pytest.raises(TrainingError, match="too short"):
        split_recordings([at_20_hz(seconds)])
