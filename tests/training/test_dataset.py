"""Sessions become arrays once, and only what was driven is in them."""

from __future__ import annotations

import shutil
from pathlib import Path

import numpy as np
import pytest

from car.errors import SessionError, TrainingError
from car.gate import GateState
from car.sessions.edits import Edits, FrameRange
from car.sessions.format import EncodedFrame
from hardware.camera import CameraGeometry, Frame
from hardware.drivetrain import NEUTRAL, Command
from tests.training.drives import GEOMETRY, draw, record, steer, write_drive, write_rows
from training.dataset import CACHE_FOLDER, Dataset, LeftOut, load_dataset, load_recording
from training.progress import Progress

FRAME = Frame(draw(0.0), captured_ns=0, number=0)
DRIVER, APPLIED = Command(0.5, 0.8), Command(0.3, 0.2)


def forbid_decoding(monkeypatch: pytest.MonkeyPatch) -> None:
    def decode(_: EncodedFrame) -> Frame:
        raise AssertionError("decoded again")

    monkeypatch.setattr(EncodedFrame, "decode", decode)


def test_frames_and_labels_are_those_of_the_drive(tmp_path: Path) -> None:
    recording = load_recording(write_drive(tmp_path / "monday.mcap", frames=50, seed=3))
    assert (recording.name, recording.camera, recording.broken_frames) == ("monday", GEOMETRY, 0)
    assert recording.images.shape == (50, 36, 48, 3)
    assert recording.images.dtype == np.uint8
    assert recording.labels[:, 0] == pytest.approx(steer(50, seed=3))
    assert recording.captured_ns.tolist() == [number * 50_000_000 for number in range(50)]
    # JPEG is lossy, but not so much that the bar moves.
    assert np.abs(recording.images[7].astype(int) - draw(steer(50, seed=3)[7])).mean() < 5


def test_frames_before_arming_and_those_edited_out_are_left_out(tmp_path: Path) -> None:
    rows = []
    for number in range(40):
        frame = Frame(draw(0.0), number * 50_000_000, number)
        rows.append((frame, record(frame, NEUTRAL, state=GateState.DISARMED if number < 5 else GateState.ARMED)))
    path = write_rows(tmp_path / "monday.mcap", rows)
    Edits.of([FrameRange(10, 19)]).save(path)
    numbers = (load_recording(path).captured_ns // 50_000_000).tolist()
    assert numbers == [*range(5, 10), *range(20, 40)]


def test_the_second_time_nothing_is_decoded(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    path = write_drive(tmp_path / "monday.mcap", frames=30)
    first = load_recording(path)
    forbid_decoding(monkeypatch)
    second = load_recording(path)
    assert np.array_equal(first.images, second.images)
    assert np.array_equal(first.labels, second.labels)
    assert second.sha256 == first.sha256


def test_an_edit_or_another_recording_is_decoded_anew_and_the_old_frames_are_gone(tmp_path: Path) -> None:
    path = write_drive(tmp_path / "monday.mcap", frames=30)
    assert len(load_recording(path).images) == 30
    Edits.of([FrameRange(0, 9)]).save(path)
    assert len(load_recording(path).images) == 20
    assert len(list((tmp_path / CACHE_FOLDER / "monday").iterdir())) == 1
    path.unlink()
    write_drive(path, frames=12, seed=5)
    Edits().save(path)
    assert len(load_recording(path).images) == 12


def test_two_trainings_may_decode_the_same_session_at_once(tmp_path: Path) -> None:
    path = write_drive(tmp_path / "monday.mcap", frames=250)
    second: list[int] = []

    def meanwhile(_: Progress) -> None:
        if not second:
            second.append(0)
            second[0] = len(load_recording(path).images)

    first = load_recording(path, meanwhile)
    assert second == [250]
    assert len(first.images) == 250
    assert len(list((tmp_path / CACHE_FOLDER / "monday").iterdir())) == 1


def test_a_decoding_that_was_cut_off_is_done_again(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    path = write_drive(tmp_path / "monday.mcap", frames=250)

    def interrupt(_: Progress) -> None:
        raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        load_recording(path, interrupt)
    assert list((tmp_path / CACHE_FOLDER / "monday").iterdir()) == []
    assert len(load_recording(path).images) == 250


def test_progress_is_told_while_reading(tmp_path: Path) -> None:
    seen: list[Progress] = []
    load_dataset([write_drive(tmp_path / "monday.mcap", frames=250)], seen.append)
    assert [(item.stage, item.done, item.total) for item in seen] == [("read", 100, 250), ("read", 200, 250)]


def test_a_frame_that_cannot_be_decoded_is_passed_over_and_counted(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    path = write_drive(tmp_path / "monday.mcap", frames=30)
    decode = EncodedFrame.decode

    def sometimes(frame: EncodedFrame) -> Frame:
        if frame.number in (3, 4):
            raise SessionError("broken")
        return decode(frame)

    monkeypatch.setattr(EncodedFrame, "decode", sometimes)
    recording = load_recording(path)
    assert recording.broken_frames == 2
    assert len(recording.images) == len(recording.labels) == len(recording.captured_ns) == 28


LARGE = CameraGeometry(width=64, height=48)


def names(dataset: Dataset) -> list[str]:
    return [recording.name for recording in dataset.recordings]


def write_idle(path: Path) -> Path:
    """Record a car that nobody armed."""
    return write_rows(path, [(FRAME, record(FRAME, NEUTRAL, state=GateState.DISARMED))])


def test_a_session_in_which_nobody_drove_is_left_out_and_said(tmp_path: Path) -> None:
    paths = [write_idle(tmp_path / "idle.mcap"), write_drive(tmp_path / "monday.mcap", frames=5)]
    left_out: list[LeftOut] = []
    assert names(load_dataset(paths, tell=left_out.append)) == ["monday"]
    (idle,) = left_out
    assert (idle.path, idle.is_damaged) == (paths[0], False)
    assert str(idle.error) == f"Nobody drove in {paths[0]}, so there is nothing to learn from it."


def test_a_session_that_cannot_be_read_is_left_out_as_damaged(tmp_path: Path) -> None:
    odd, lost = tmp_path / "odd.mcap", tmp_path / "lost.mcap"
    odd.write_bytes(b"not a session")
    left_out: list[LeftOut] = []
    dataset = load_dataset([odd, write_drive(tmp_path / "monday.mcap", frames=5), lost], tell=left_out.append)
    assert names(dataset) == ["monday"]
    assert [(item.path, item.is_damaged) for item in left_out] == [(odd, True), (lost, True)]


def test_a_session_whose_frames_change_their_size_is_left_out(tmp_path: Path) -> None:
    frames = [Frame(draw(0.0, size), number * 50_000_000, number) for number, size in enumerate((GEOMETRY, LARGE))]
    odd = write_rows(tmp_path / "odd.mcap", [(frame, record(frame, NEUTRAL)) for frame in frames])
    left_out: list[LeftOut] = []
    assert names(load_dataset([odd, write_drive(tmp_path / "a.mcap", frames=5)], tell=left_out.append)) == ["a"]
    assert "changes its frame size at frame 1" in str(left_out[0].error)


def test_a_session_of_broken_images_is_damaged_and_not_one_in_which_nobody_drove(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    path = write_drive(tmp_path / "monday.mcap", frames=5)

    def fail(_: EncodedFrame) -> Frame:
        raise SessionError("broken")

    monkeypatch.setattr(EncodedFrame, "decode", fail)
    with pytest.raises(SessionError, match="Not one of the 5 frames driven in"):
        load_dataset([path])


def test_of_two_frame_sizes_the_one_with_more_frames_is_trained_on(tmp_path: Path) -> None:
    small = write_drive(tmp_path / "small.mcap", frames=5)
    large = [write_drive(tmp_path / f"large-{seed}.mcap", frames=4, seed=seed, geometry=LARGE) for seed in (0, 1)]
    left_out: list[LeftOut] = []
    dataset = load_dataset([small, *large], tell=left_out.append)
    assert (names(dataset), dataset.height, dataset.width) == (["large-0", "large-1"], 48, 64)
    assert "48x36, and this training is on 64x48" in str(left_out[0].error)


def test_the_size_of_the_cars_camera_goes_before_the_one_with_more_frames(tmp_path: Path) -> None:
    small = write_drive(tmp_path / "small.mcap", frames=5)
    large = write_drive(tmp_path / "large.mcap", frames=20, geometry=LARGE)
    assert names(load_dataset([small, large], size=(36, 48))) == ["small"]
    assert names(load_dataset([small, large], size=(120, 160))) == ["large"]


def test_a_recording_that_is_named_twice_is_learned_once(tmp_path: Path) -> None:
    path = write_drive(tmp_path / "monday.mcap", frames=5)
    copy = Path(shutil.copy(path, tmp_path / "copy.mcap"))
    left_out: list[LeftOut] = []
    assert names(load_dataset([path, copy, path], tell=left_out.append)) == ["monday"]
    assert [item.path for item in left_out] == [copy, path]
    assert "the same recording" in str(left_out[0].error)


def test_no_sessions_are_refused() -> None:
    with pytest.raises(TrainingError, match="no session to train on"):
        load_dataset([])


def test_a_training_on_nothing_but_a_car_that_stands_is_refused(tmp_path: Path) -> None:
    first, second = write_idle(tmp_path / "a.mcap"), write_idle(tmp_path / "b.mcap")
    with pytest.raises(TrainingError, match=r"Nobody drove in .*Record one with `car drive`"):
        load_dataset([first])
    with pytest.raises(TrainingError, match=r"None of these 2 sessions can be trained on.*Nobody drove in"):
        load_dataset([first, second])


def test_a_disk_that_takes_no_more_is_one_sentence(tmp_path: Path) -> None:
    path = write_drive(tmp_path / "monday.mcap", frames=5)
    (tmp_path / CACHE_FOLDER).write_text("in the way")
    with pytest.raises(TrainingError, match=r"cannot be kept in .*Make room.* folder that can be written"):
        load_dataset([path])
