"""Labels that lead are those of a moment that was recorded, and of no other."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from numpy.typing import NDArray

from car.errors import TrainingError
from car.sessions.labels import Origin
from hardware.clock import NS_PER_MS, NS_PER_S
from tests.training.report.scenes import LAG_FRAMES, RATE_HZ, drive, labelled
from training.dataset import Dataset, Recording
from training.lead import lead_labels, measured_lead_ms, with_lead
from training.report.delay import LONGEST_STEP_S
from training.split import split_recordings

steps_ms = st.lists(st.sampled_from([0, 1, 40, 50, 60, 299, 300, 301, 2000]), max_size=60)


@settings(deadline=None)
@given(steps_ms=steps_ms, lead_ms=st.integers(0, 1000))
def test_a_label_is_that_of_its_moment_and_never_from_beyond_a_gap(steps_ms: list[int], lead_ms: int) -> None:
    times_ms = np.cumsum([0, *steps_ms])
    # Each label tells its moment, so that it is known which one a frame has been given.
    labels = np.stack([times_ms, -times_ms], 1).astype(np.float32)
    led, known = lead_labels(times_ms.astype(np.int64) * NS_PER_MS, labels, by_hand(labels), lead_ms * NS_PER_MS)
    for index, time_ms in enumerate(times_ms.tolist()):
        wanted_ms = time_ms + lead_ms
        later = [other for other in times_ms.tolist()[index:] if other >= wanted_ms]
        way_ms = [time_ms, *(other for other in times_ms.tolist()[index:] if other < wanted_ms), *later[:1]]
        is_recorded = bool(later) and max(np.diff(way_ms)) <= LONGEST_STEP_S * 1000
        assert known[index] == is_recorded
        if is_recorded:
            assert led[index] == pytest.approx((wanted_ms, -wanted_ms), abs=0.01)


def test_between_two_frames_a_label_is_between_theirs() -> None:
    times_ns = np.array([0, 100, 200], np.int64) * NS_PER_MS
    labels = np.array([[0.0, 0.5], [1.0, 0.3], [-1.0, 0.3]], np.float32)
    led, known = lead_labels(times_ns, labels, by_hand(labels), 25 * NS_PER_MS)
    assert known.tolist() == [True, True, False]
    assert led[:2] == pytest.approx(np.array([[0.25, 0.45], [0.5, 0.3]]))


def test_a_clock_that_went_back_does_not_mix_up_the_frames() -> None:
    times_ns = np.array([200, 0, 100], np.int64) * NS_PER_MS
    labels = np.array([[0.2, 0.0], [0.0, 0.0], [0.1, 0.0]], np.float32)
    led, known = lead_labels(times_ns, labels, by_hand(labels), 100 * NS_PER_MS)
    assert known.tolist() == [False, True, True]
    assert led[1:, 0] == pytest.approx([0.1, 0.2])


def test_what_the_pilot_does_next_is_no_label_of_the_drivers() -> None:
    times_ns = np.arange(6, dtype=np.int64) * 50 * NS_PER_MS
    origins = np.repeat(np.array([Origin.CORRECTION, Origin.PILOT], np.uint8), 3)
    _, known = lead_labels(times_ns, np.zeros((6, 2), np.float32), origins, 50 * NS_PER_MS)
    assert known.tolist() == [True, True, False, True, True, False]


def by_hand(labels: NDArray[np.float32]) -> NDArray[np.uint8]:
    return np.full(len(labels), Origin.DRIVER, np.uint8)


@pytest.fixture(scope="module")
def recording() -> Recording:
    return drive(seconds=60.0)


def dataset_of(*recordings: Recording) -> Dataset:
    return Dataset(recordings, *recordings[0].images.shape[1:3])


def test_frames_without_a_label_fall_out_of_every_part_and_are_counted(recording: Recording) -> None:
    # The clock jumps by a minute, in the middle of the part that is learned from.
    times_ns = recording.captured_ns + np.where(np.arange(600) >= 200, 60 * NS_PER_S, 0)
    dataset = dataset_of(replace(recording, captured_ns=times_ns))
    split = split_recordings([times_ns])
    led, left = with_lead(dataset, split, 300)
    assert set(split.train[0].tolist()) - set(left.train[0].tolist()) == {197, 198, 199}
    assert left.validation[0].tolist() == split.validation[0].tolist()
    assert set(split.test[0].tolist()) - set(left.test[0].tolist()) == {597, 598, 599}
    assert left.words == f"{split.words}, without 6 frames that have no label 300 ms later"
    (learned,) = led.recordings
    for part in (left.train[0], left.validation[0], left.test[0]):
        assert learned.labels[part] == pytest.approx(recording.labels[part + 3], abs=1e-6)


def test_a_frame_that_is_shown_twice_is_counted_once(recording: Recording) -> None:
    dataset, split = dataset_of(recording), split_recordings([recording.captured_ns])
    twice = replace(split, test=(np.concatenate([split.test[0], split.test[0]]),))
    assert with_lead(dataset, twice, 300)[1].words == with_lead(dataset, split, 300)[1].words


def test_without_a_lead_everything_is_as_it_was(recording: Recording) -> None:
    dataset, split = dataset_of(recording), split_recordings([recording.captured_ns])
    assert with_lead(dataset, split, 0) == (dataset, split)


def test_a_recording_of_gaps_alone_is_refused(recording: Recording) -> None:
    dataset = dataset_of(replace(recording, captured_ns=recording.captured_ns * 5))
    with pytest.raises(TrainingError, match=r"Too few frames have a label 200 ms later\. .* smaller --lead-ms"):
        with_lead(dataset, split_recordings([dataset.recordings[0].captured_ns]), 200)


def test_the_delay_of_the_car_is_that_of_the_sessions_that_tell(recording: Recording) -> None:
    later = drive(seconds=60.0, seed=1, lag_frames=LAG_FRAMES + 2)
    silent = labelled(recording, steering=0.0)
    expected = LAG_FRAMES / RATE_HZ * 1000
    assert measured_lead_ms(dataset_of(recording, silent)) == pytest.approx(expected, abs=15)
    assert measured_lead_ms(dataset_of(recording, later)) == pytest.approx(expected + 100, abs=25)
    with pytest.raises(TrainingError, match=r"do not tell how long .* Give --lead-ms a number"):
        measured_lead_ms(dataset_of(silent))
