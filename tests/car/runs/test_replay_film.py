"""The film of a replay shows the pilot's wish beside what was driven, and what it looked at."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

import models
from car.drive_record import DriveRecord
from car.gate import GateState, Limits, Mode
from car.pilots.loading import open_pilot
from car.pilots.occlusion import LIGHT
from car.runs.film_picture import MAP_PX
from car.runs.replay import replay
from car.runs.replay_picture import DRIVER, PILOT, ReplayPictures
from car.sessions.edits import Edits, FrameRange
from car.sessions.reader import Session
from hardware.camera import CameraGeometry, Frame
from hardware.drivetrain import Command
from tests.car.runs.test_film import pixels, played
from tests.frames import make_frame, make_record
from tests.system.car_process import assert_refused, run_car
from tests.training.drives import draw, write_drive, write_rows
from tests.training.drives import record as drive_record

SHIPPED = Path(models.__file__).parent / "simulated-lane.tflite"
BLACK = np.zeros((120, 160, 3), np.uint8)
RECORD = replace(make_record(make_frame(0)), driver=Command(-0.8, 0.1), pilot=Command(0.6, 0.2))


def test_the_driver_and_the_pilot_each_have_a_line_that_leans_their_way() -> None:
    view = ReplayPictures().draw(RECORD, BLACK)[:, :-MAP_PX]
    driver, pilot = (np.nonzero(np.abs(view.astype(int) - colour).sum(axis=2) < 12)[1] for colour in (DRIVER, PILOT))
    assert driver.mean() < 200 < 280 < pilot.mean()


@pytest.mark.parametrize("record", [replace(RECORD, driver=None), replace(RECORD, driver=Command(float("nan"), 0.0))])
def test_where_nobody_drove_there_is_no_line_of_a_driver(record: object) -> None:
    view = ReplayPictures().draw(record, BLACK)[:, :-MAP_PX]  # type: ignore[arg-type]
    assert pixels(view, DRIVER) == 0
    assert pixels(view, PILOT) > 100


def test_the_light_is_found_anew_for_every_fourth_picture() -> None:
    asked: list[float] = []

    def steer(image: np.ndarray) -> float:
        asked.append(image[60:70, 80:90].mean())
        return asked[-1] / 255.0

    image = BLACK.copy()
    image[60:70, 80:90] = 255
    pictures = ReplayPictures(steer)
    drawn = [pictures.draw(replace(RECORD, driver=None, pilot=None), image) for _ in range(5)]
    assert len(asked) == 2 * 193
    # Not at the white place itself, where the light makes white orange; beside it, on black.
    assert drawn[0][200, 275, 0] > 40 > drawn[0][200, 275, 2]
    assert drawn[0][20, 20].max() < 20
    assert all(np.array_equal(drawn[0][:, :-MAP_PX], other[:, :-MAP_PX]) for other in drawn[1:])
    assert LIGHT[0] > LIGHT[1] > LIGHT[2]


def test_the_lines_hold_the_last_ten_seconds() -> None:
    pictures = ReplayPictures()
    for second in range(30):
        picture = pictures.draw(replace(RECORD, captured_ns=second * 1_000_000_000), BLACK)
    plot = picture[44:194, -MAP_PX:]
    assert pixels(plot, DRIVER) + pixels(plot, PILOT) > 200
    assert len(pictures._steered) == 11


def test_an_observer_sees_every_frame_with_what_was_driven_and_what_the_pilot_would_do(tmp_path: Path) -> None:
    rows = []
    for number, mode in enumerate([Mode.MANUAL, Mode.MANUAL, Mode.AUTO, Mode.AUTO]):
        frame = Frame(draw(0.0, CameraGeometry()), number * 50_000_000, number)
        state = GateState.DISARMED if number == 1 else GateState.ARMED
        rows.append((frame, drive_record(frame, Command(0.25 * number, 0.2), mode, state)))
    session = write_rows(tmp_path / "mixed.mcap", rows, CameraGeometry())
    seen: list[tuple[int, float | None, bool]] = []

    def watch(record: DriveRecord, frame: Frame | None) -> None:
        assert frame is not None
        seen.append((frame.number, None if record.driver is None else record.driver.steering, record.pilot is not None))

    with Session.open(session) as recording, open_pilot(SHIPPED, CameraGeometry())[0] as pilot:
        replay(recording, pilot, Limits(), observer=watch)
    assert seen == [(0, 0.0, True), (1, None, True), (2, 0.5, True), (3, 0.75, True)]


def test_the_command_films_a_replay_and_writes_over_no_film(tmp_path: Path) -> None:
    session = write_drive(tmp_path / "drive.mcap", frames=45, geometry=CameraGeometry())
    command = ["replay", str(session), "--model", "simulated-lane", "--video", "drive.webm"]
    done = run_car(*command, cwd=tmp_path)
    assert done.returncode == 0, done.stderr
    assert "recorded driver" in done.stdout
    pictures = played(tmp_path / "drive.webm")
    assert len(pictures) == 45
    assert pictures[0].shape == (360, 780, 3)
    assert_refused(run_car(*command, cwd=tmp_path), "drive.webm", "exists already")
    plain = run_car(*command[:-2], cwd=tmp_path)
    assert plain.stdout.splitlines()[-1] in done.stdout


def test_a_replay_without_a_frame_leaves_no_film(tmp_path: Path) -> None:
    session = write_drive(tmp_path / "drive.mcap", frames=5, geometry=CameraGeometry())
    Edits.of([FrameRange(0, 100)]).save(session)
    done = run_car("replay", session, "--model", "simulated-lane", "--video", tmp_path / "a.webm", cwd=tmp_path)
    assert_refused(done, "no frame to play")
    assert not (tmp_path / "a.webm").exists()
    done = run_car("replay", session, "--model", "simulated-lane", "--video", tmp_path / "a.mp4", cwd=tmp_path)
    assert_refused(done, "Call it a.webm or a.gif")


def test_a_line_follower_can_be_filmed_too(tmp_path: Path) -> None:
    session = write_drive(tmp_path / "drive.mcap", frames=5, geometry=CameraGeometry())
    done = run_car("replay", session, "--model", "line-follower", "--video", "a.webm", cwd=tmp_path)
    assert done.returncode == 0, done.stderr
    assert len(played(tmp_path / "a.webm")) == 5
