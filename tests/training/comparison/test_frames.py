"""No model is judged by what it learned from, as long as there is anything else."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from car.errors import SessionError, TrainingError, UnusableSession
from car.gate import Mode
from car.sessions.labels import Origin
from hardware.camera import CameraGeometry, Frame
from hardware.clock import NS_PER_S
from hardware.drivetrain import Command
from models.contract import ModelCard, TrainingSession
from tests.training.drives import GEOMETRY, draw, record, write_drive, write_rows
from tests.training.test_dataset import write_idle
from training.comparison.frames import JudgedFrames, load_sessions
from training.dataset import LeftOut, Recording
from training.split import split_recordings

SIZE = (GEOMETRY.height, GEOMETRY.width)


def drive(name: str, seconds: float) -> Recording:
    """Return a drive whose frames are all black, with its index as the steering of each."""
    count = round(seconds * 20)
    images = np.zeros((count, 2, 2, 3), np.uint8)
    labels = np.stack([np.arange(count), np.zeros(count)], axis=1).astype(np.float32)
    captured_ns = np.arange(count, dtype=np.int64) * (NS_PER_S // 20)
    return Recording(name, name, CameraGeometry(), images, labels, captured_ns, np.zeros(count, np.uint8))


def card_of(recordings: Sequence[Recording]) -> ModelCard:
    """Return the card of a model that was trained on ``recordings``."""
    split = split_recordings([recording.captured_ns for recording in recordings])
    sessions = tuple(
        TrainingSession(recording.name, recording.sha256, len(train))
        for recording, train in zip(recordings, split.train, strict=True)
        if len(train)
    )
    return ModelCard("a", 2, 2, sessions=sessions, split=split.words)


MONDAY, TUESDAY = drive("monday", 100.0), drive("tuesday", 60.0)


def test_of_a_session_that_was_learned_from_the_end_that_was_held_out_is_judged_by() -> None:
    judged = JudgedFrames.of([MONDAY, TUESDAY], {"a": card_of([MONDAY])})
    assert (judged.frames, judged.is_unseen) == (400 + 1200, True)
    assert judged.labels[:400, 0].tolist() == list(range(1600, 2000))
    assert judged.remarks == ("Of monday only the last fifth, 400 frames: a learned from the rest.",)


def test_a_frame_counts_only_if_no_model_has_learned_from_it() -> None:
    judged = JudgedFrames.of([MONDAY, TUESDAY], {"a": card_of([MONDAY]), "b": card_of([TUESDAY]), "c": None})
    assert [len(part) for part in judged.parts] == [400, 240]


def test_a_session_that_was_edited_since_is_passed_over() -> None:
    card = card_of([MONDAY])
    edited = replace(
        MONDAY,
        images=MONDAY.images[:1500],
        labels=MONDAY.labels[:1500],
        captured_ns=MONDAY.captured_ns[:1500],
    )
    judged = JudgedFrames.of([edited, TUESDAY], {"a": card, "b": None})
    assert [recording.name for recording in judged.recordings] == ["tuesday"]
    assert judged.remarks == ("monday is not compared on: a learned from it.",)


def test_where_everything_was_learned_from_all_of_it_is_judged_by_and_that_is_said() -> None:
    card = replace(card_of([MONDAY]), split="as seemed best")
    judged = JudgedFrames.of([MONDAY], {"a": card, "b": card, "c": None})
    assert (judged.frames, judged.is_unseen) == (2000, False)
    assert judged.remarks[0].startswith("a and b learned from all of these sessions")


def test_what_a_pilot_drove_is_no_measure_of_pilots() -> None:
    origins = np.array([Origin.DRIVER] * 500 + [Origin.PILOT] * 1000 + [Origin.CORRECTION] * 500, np.uint8)
    judged = JudgedFrames.of([replace(MONDAY, origins=origins)], {"a": None})
    assert judged.labels[:, 0].tolist() == [*range(500), *range(1500, 2000)]
    held_out = JudgedFrames.of([replace(MONDAY, origins=origins)], {"a": card_of([MONDAY])})
    assert held_out.labels[:, 0].tolist() == list(range(1600, 2000))


def test_frames_are_in_the_order_of_time_and_know_their_image_and_session() -> None:
    images = np.arange(2000, dtype=np.int64) % 251
    shuffled = replace(
        MONDAY,
        images=np.broadcast_to(images[:, None, None, None], (2000, 2, 2, 3)).astype(np.uint8),
        captured_ns=MONDAY.captured_ns[::-1].copy(),
    )
    judged = JudgedFrames.of([shuffled, TUESDAY], {})
    assert judged.labels[:3, 0].tolist() == [1999.0, 1998.0, 1997.0]
    assert [int(judged.image(index)[0, 0, 0]) for index in (0, 1, 1999, 2000)] == [1999 % 251, 1998 % 251, 0, 0]
    assert judged.sessions[[1999, 2000]].tolist() == [0, 1]
    assert (judged.seconds(20), judged.seconds(2020)) == (1.0, 1.0)


def test_what_cannot_be_compared_on_is_left_out_and_named(tmp_path: Path) -> None:
    good = write_drive(tmp_path / "good.mcap", frames=30)
    copy = tmp_path / "copy.mcap"
    copy.write_bytes(good.read_bytes())
    other = write_drive(tmp_path / "other.mcap", frames=5, geometry=CameraGeometry(width=64, height=48))
    noise = tmp_path / "noise.mcap"
    noise.write_bytes(b"no session")
    idle = write_idle(tmp_path / "idle.mcap")
    frame = Frame(draw(0.0), 0, 0)
    own = write_rows(tmp_path / "own.mcap", [(frame, record(frame, Command(0.5, 0.2), Mode.AUTO))])
    left_out: list[LeftOut] = []
    found = load_sessions([noise, good, copy, other, idle, own], SIZE, left_out.append)
    assert [recording.name for recording in found] == ["good"]
    told = {one.path: str(one.error) for one in left_out}
    assert list(told) == [noise, copy, other, idle, own]
    assert "the same recording as" in told[copy]
    assert "are 64x48, and these models take 48x36" in told[other]
    assert "a pilot drove" in told[own]
    assert [one.is_damaged for one in left_out] == [True, False, False, False, False]
    with pytest.raises(TrainingError, match="None of these 2 sessions"):
        load_sessions([noise, idle], SIZE)
    with pytest.raises(SessionError, match="noise"):
        load_sessions([noise], SIZE)
    with pytest.raises(UnusableSession, match="64x48"):
        load_sessions([other], SIZE)
