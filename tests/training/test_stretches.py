"""A stretch is of frames that followed each other, and of no others."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from car.errors import TrainingError
from car.sessions.edits import Edits, FrameRange
from hardware.camera import CameraGeometry
from hardware.clock import NS_PER_MS
from tests.training.drives import write_drive
from training.dataset import Dataset, Recording, load_dataset
from training.stretches import begins, stretches_of


def recording(times_ms: list[int]) -> Recording:
    count = len(times_ms)
    return Recording(
        "drive",
        "",
        CameraGeometry(),
        images=np.zeros((count, 1, 1, 3), np.uint8),
        labels=np.zeros((count, 2), np.float32),
        captured_ns=np.array(times_ms, np.int64) * NS_PER_MS,
        origins=np.zeros(count, np.uint8),
    )


def stretches(parts: list[list[int]], *drives: list[int], apart: bool = False) -> list[list[int]]:
    dataset = Dataset(tuple(map(recording, drives)), 1, 1)
    found: list[list[int]] = stretches_of(
        dataset, [np.array(part, np.intp) for part in parts], apart=apart, frames=3
    ).tolist()
    return found


STEADY = [0, 50, 100, 150, 200, 250, 300, 350]


def test_all_stretches_are_found_or_those_that_share_no_frame() -> None:
    everything = [list(range(8))]
    assert stretches(everything, STEADY) == [[start, start + 1, start + 2] for start in range(6)]
    assert stretches(everything, STEADY, apart=True) == [[0, 1, 2], [3, 4, 5]]


def test_none_goes_across_the_end_of_a_session() -> None:
    later = [time_ms + 400 for time_ms in STEADY[:4]]
    assert stretches([[0, 1, 2, 3], [0, 1, 2, 3]], STEADY, later) == [[0, 1, 2], [1, 2, 3], [4, 5, 6], [5, 6, 7]]


@pytest.mark.parametrize("step_ms", [99, 100, 5000])
def test_none_goes_across_a_gap_be_it_of_one_frame(step_ms: int) -> None:
    times_ms = [0, 50, 101, 101 + step_ms, 151 + step_ms, 201 + step_ms]
    assert stretches([list(range(6))], times_ms) == [[0, 1, 2], [3, 4, 5]]


def test_frames_that_come_a_little_late_still_follow() -> None:
    assert stretches([list(range(5))], [0, 50, 120, 150, 200]) == [[0, 1, 2], [1, 2, 3], [2, 3, 4]]


def test_none_goes_over_a_frame_that_is_held_out_however_fast_the_camera_was_there() -> None:
    assert stretches([[0, 1, 2, 4, 5, 6]], [0, 50, 100, 110, 120, 170, 220, 270]) == [[0, 1, 2], [3, 4, 5]]


def test_what_was_edited_out_of_a_session_ends_a_stretch(tmp_path: Path) -> None:
    path = write_drive(tmp_path / "monday.mcap", frames=40)
    Edits.of([FrameRange(20, 20)]).save(path)
    dataset = load_dataset([path])
    found = stretches_of(dataset, [np.arange(39)])
    assert found[:, 0].tolist() == [0, 1, 2, 3, 4, 20, 21, 22, 23]


def test_they_are_in_the_order_of_time_where_the_frames_are_not() -> None:
    assert stretches([list(range(5))], [100, 150, 200, 0, 50]) == [[3, 4, 0], [4, 0, 1], [0, 1, 2]]


def test_frames_that_count_several_times_make_the_stretches_that_end_there_count_so() -> None:
    found = stretches([[0, 1, 2, 3, 3, 3]], STEADY)
    assert found == [[0, 1, 2], [1, 2, 3], [1, 2, 3], [1, 2, 3]]


def test_too_few_in_a_row_are_refused_with_what_to_do() -> None:
    with pytest.raises(TrainingError, match=r"no 3 frames in a row .* Record longer drives, or train another network"):
        stretches([[0, 1, 3, 4, 6, 7], []], STEADY, STEADY)


def test_the_first_frame_follows_none_and_of_none_there_is_no_first() -> None:
    assert begins(np.array([7], np.int64), np.arange(1)).tolist() == [True]
    assert begins(np.array([], np.int64), np.arange(0)).tolist() == []
    # A clock that stands still tells no order.
    assert begins(np.array([5, 5, 5], np.int64), np.arange(3)).tolist() == [True, True, True]
