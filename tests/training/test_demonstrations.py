"""Sessions by the expert: the same ones by their seed, whole or not there, and never written over."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from car.errors import RecordingError
from car.sessions.reader import Session
from tests.car.runs.test_instructor import CONFIG
from tests.system.car_process import assert_refused, run_car
from training.dataset import load_recording
from training.demonstrations import Drive, _record, drives_for, record_demonstrations, record_drives
from training.worlds import learning_worlds


def drives_in(folder: Path, seed: int, count: int = 1) -> list[Drive]:
    worlds = learning_worlds(count, seed)
    return [Drive(CONFIG, world, folder / f"{number}.mcap", seconds=1.0) for number, world in enumerate(worlds)]


def test_the_same_seed_gives_the_same_frames_and_another_one_others(tmp_path: Path) -> None:
    recordings = []
    for name, seed in (("a", 1), ("b", 1), ("c", 2)):
        record_drives(drives_in(tmp_path / name, seed), tmp_path / name)
        recordings.append(load_recording(tmp_path / name / "0.mcap"))
    first, again, other = recordings
    assert np.array_equal(first.images, again.images)
    assert np.array_equal(first.labels, again.labels)
    assert not np.array_equal(first.images, other.images)
    assert len(first.labels) > 20


def test_minutes_are_made_up_of_short_drives() -> None:
    assert [drives_for(minutes) for minutes in (0.01, 1.0, 20.0)] == [1, 3, 60]


def test_what_is_there_already_stays_as_it_is(tmp_path: Path) -> None:
    there = tmp_path / "expert-5-000.mcap"
    there.write_bytes(b"precious")
    assert record_demonstrations(CONFIG, tmp_path, minutes=0.1, seed=5) == ([there], 1)
    assert there.read_bytes() == b"precious"


def test_a_drive_that_was_interrupted_leaves_nothing_behind(tmp_path: Path) -> None:
    def interrupt(_: float) -> None:
        raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        record_drives(drives_in(tmp_path, seed=1), tmp_path, interrupt)
    assert list(tmp_path.iterdir()) == []


def test_a_drive_whose_process_was_killed_is_recorded_from_its_beginning(tmp_path: Path) -> None:
    unfinished = tmp_path / "unfinished"
    unfinished.mkdir()
    (unfinished / "0.mcap").write_bytes(b"half")
    (drive,) = drives_in(tmp_path, seed=1)
    _record(unfinished, drive, lambda _: None)
    assert len(load_recording(tmp_path / "0.mcap").labels) > 20
    assert list(unfinished.iterdir()) == []


def test_a_folder_that_cannot_be_made_is_named(tmp_path: Path) -> None:
    (tmp_path / "file").touch()
    with pytest.raises(RecordingError, match="file/inside"):
        record_drives(drives_in(tmp_path, seed=1), tmp_path / "file" / "inside")


def test_a_car_gets_its_sessions_by_one_command(tmp_path: Path) -> None:
    (tmp_path / "car.toml").write_text("[camera]\nwidth = 48\nheight = 36\n")
    done = run_car("sessions", "make", "--minutes", "0.1", "--seed", "7", cwd=tmp_path)
    assert done.returncode == 0, done.stderr
    assert "1 drives of seed 7" in done.stdout
    with Session.open(tmp_path / "sessions" / "expert-7-000.mcap") as session:
        assert session.frame_count > 500
    assert_refused(run_car("sessions", "make", "--out", "car.toml", cwd=tmp_path), "car.toml")
