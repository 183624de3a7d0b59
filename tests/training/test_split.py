"""Training, validation and test never see the same moment."""

from __future__ import annotations

import itertools

import numpy as np
import pytest
from hypothesis import assume, given
from hypothesis import strategies as st
from numpy.typing import NDArray

from car.errors import TrainingError
from hardware.clock import NS_PER_S
from training.split import (
    GUARD_S,
    SESSIONS_TO_TEST_ON_SOME,
    SESSIONS_TO_VALIDATE_ON_SOME,
    held_out_end,
    split_recordings,
)

times = st.lists(st.integers(0, 2**53), min_size=1, max_size=60).map(lambda values: np.array(values, np.int64))
close_times = st.lists(st.integers(0, 60 * NS_PER_S), min_size=1, max_size=200).map(
    lambda values: np.array(values, np.int64)
)


def at_20_hz(seconds: float) -> NDArray[np.int64]:
    return np.arange(round(seconds * 20), dtype=np.int64) * (NS_PER_S // 20)


@given(recordings=st.lists(times | close_times, min_size=1, max_size=12), seed=st.integers(0, 99))
def test_no_frame_is_within_two_seconds_of_one_of_another_part(recordings: list[NDArray[np.int64]], seed: int) -> None:
    try:
        made = split_recordings(recordings, seed)
    except TrainingError:
        assume(False)
    for captured_ns, *parts in zip(recordings, made.train, made.validation, made.test, strict=True):
        assert len(set().union(*parts)) == sum(map(len, parts)) <= len(captured_ns)
        for one, other in itertools.combinations([part for part in parts if len(part)], 2):
            distances_ns = np.abs(captured_ns[one][:, None] - captured_ns[other][None, :])
            assert distances_ns.min() >= 2 * NS_PER_S


def test_a_few_recordings_give_their_ends() -> None:
    made = split_recordings([at_20_hz(100), at_20_hz(50)])
    assert made.test[0].tolist() == list(range(1600, 2000))
    assert made.test[1].tolist() == list(range(800, 1000))
    until = 1600 - GUARD_S * 20 + 1
    assert made.validation[0].tolist() == list(range(round(0.9 * until), until))
    assert made.train[0].tolist() == list(range(round(0.9 * until) - GUARD_S * 20 + 1))
    assert made.words == "the last 20% of each session for the test, the last 10% of each session for validation"


def test_frames_out_of_order_are_split_by_their_time() -> None:
    captured_ns = at_20_hz(100)[::-1].copy()
    made = split_recordings([captured_ns])
    assert captured_ns[made.test[0]].min() == 80 * NS_PER_S
    assert captured_ns[made.validation[0]].max() == 78 * NS_PER_S


def test_of_many_recordings_some_are_for_the_test_and_others_for_validation() -> None:
    made = split_recordings([at_20_hz(30)] * 20)
    held_out = [[index for index, frames in enumerate(parts) if len(frames)] for parts in (made.test, made.validation)]
    assert [len(sessions) for sessions in held_out] == [4, 2]
    assert made.words == "4 of 20 whole sessions for the test, 2 of 20 whole sessions for validation"
    for index in range(20):
        assert [len(made.train[index]), sum(index in sessions for sessions in held_out)] in ([600, 0], [0, 1])


def test_of_a_handful_one_is_for_the_test_and_the_others_give_their_ends_for_validation() -> None:
    made = split_recordings([at_20_hz(30)] * SESSIONS_TO_TEST_ON_SOME)
    for train, validation, test in zip(made.train, made.validation, made.test, strict=True):
        assert (len(test) == 600) != (len(validation) == 60 and len(train) == 501)


def test_a_session_with_most_of_the_frames_is_learned_from() -> None:
    recordings = [at_20_hz(600), *[at_20_hz(20)] * SESSIONS_TO_VALIDATE_ON_SOME]
    for seed in range(20):
        assert len(split_recordings(recordings, seed).train[0]) == 12_000


@pytest.mark.parametrize(
    ("seconds", "test", "validation"),
    [
        pytest.param(
            [600, 600] + [20] * 8, "8 of 10 whole sessions", "the last 10% of each session", id="none is left"
        ),
        pytest.param(
            [600] + [3] * 4, "the last 20% of each session", "the last 10% of each session", id="false starts"
        ),
    ],
)
def test_long_sessions_give_their_ends_where_the_short_ones_are_too_little(
    seconds: list[float], test: str, validation: str
) -> None:
    for seed in range(5):
        made = split_recordings([at_20_hz(each) for each in seconds], seed)
        assert made.words == f"{test} for the test, {validation} for validation"
        frames = sum(map(len, made.train + made.validation + made.test))
        assert sum(map(len, made.test)) > 0.1 * frames
        assert sum(map(len, made.validation)) > 0.05 * frames


def test_the_seed_chooses_the_sessions_and_the_same_one_chooses_the_same() -> None:
    def held_out(seed: int) -> list[int]:
        made = split_recordings([at_20_hz(30)] * 10, seed)
        return [index for index, frames in enumerate(made.test) if len(frames)]

    assert held_out(1) == held_out(1)
    assert len({tuple(held_out(seed)) for seed in range(10)}) > 1


@pytest.mark.parametrize("seconds", [0, 0.1, 1.5, 3.0])
def test_a_recording_too_short_for_the_gaps_is_refused(seconds: float) -> None:
    with pytest.raises(TrainingError, match="too short"):
        split_recordings([at_20_hz(seconds)])


@given(recordings=st.lists(times | close_times, min_size=1, max_size=14), seed=st.integers(0, 9))
def test_a_card_tells_the_ends_that_were_held_out_or_nothing(recordings: list[NDArray[np.int64]], seed: int) -> None:
    try:
        made = split_recordings(recordings, seed)
    except TrainingError:
        assume(False)
    for captured_ns, train, test in zip(recordings, made.train, made.test, strict=True):
        told = held_out_end(captured_ns, made.words, len(train))
        if made.words.startswith("the last 20% of each session for the test"):
            assert told.tolist() == test.tolist()
        else:
            assert told.tolist() == []


def test_of_a_recording_that_was_edited_since_it_is_not_told_what_was_held_out() -> None:
    made = split_recordings([at_20_hz(100)])
    learned = len(made.train[0])
    assert len(held_out_end(at_20_hz(100), made.words, learned)) == 400
    assert len(held_out_end(at_20_hz(99), made.words, learned)) == 0
    assert len(held_out_end(at_20_hz(100), "as seemed best", learned)) == 0
