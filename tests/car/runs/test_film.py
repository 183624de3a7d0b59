"""A film of a simulated drive can be played, shows where the car went, and leaves nothing half done in the way."""

from __future__ import annotations

import shutil
from dataclasses import replace
from pathlib import Path

import cv2
import numpy as np
import pytest
from PIL import Image as PillowImage

from car.config.sections import CarConfig
from car.errors import RecordingError
from car.runs.film import SUFFIXES, Film
from car.runs.film_picture import CAR, HEIGHT_PX, STEERING, WAY, FilmPictures
from car.runs.simulation import Goal, run_simulation
from hardware.camera import Image
from hardware.drivetrain import Command
from simulator.scenario import Scenario
from simulator.track import make_track
from tests.frames import make_frame, make_record
from tests.system.car_process import assert_refused, run_car

TRACK = make_track("oval")
SCENARIO = Scenario("oval")
RECORD = replace(make_record(make_frame(0)), pose=TRACK.pose_at(0.0))
BLACK = np.zeros((120, 160, 3), np.uint8)


def pixels(picture: Image, colour: tuple[int, int, int]) -> int:
    return int((np.abs(picture.astype(int) - colour).sum(axis=2) < 12).sum())


def played(path: Path) -> list[Image]:
    """Return the pictures of a WebM as a player shows them."""
    film = cv2.VideoCapture(str(path))
    pictures = []
    while (answer := film.read())[0]:
        pictures.append(np.asarray(cv2.cvtColor(answer[1], cv2.COLOR_BGR2RGB), np.uint8))
    film.release()
    return pictures


def test_a_webm_lasts_as_long_as_the_drive_and_shows_the_car_go_on(tmp_path: Path) -> None:
    path = tmp_path / "drive.webm"
    with Film(path, FilmPictures(TRACK), rate_hz=30.0) as film:
        run_simulation(CarConfig(), SCENARIO, Goal(seconds=2.0), observer=film)
    pictures = played(path)
    assert len(pictures) == film.pictures
    rate_hz = cv2.VideoCapture(str(path)).get(cv2.CAP_PROP_FPS)
    assert len(pictures) / rate_hz == pytest.approx(2.0, abs=0.15)
    assert np.abs(pictures[-1][:, -300:].astype(int) - pictures[0][:, -300:]).max() > 100


def test_a_gif_has_each_picture_and_runs_as_fast_as_the_drive(tmp_path: Path) -> None:
    path = tmp_path / "drive.GIF"
    with Film(path, FilmPictures(TRACK), rate_hz=20.0, seconds=1.5) as film:
        run_simulation(CarConfig(), SCENARIO, Goal(seconds=2.0), observer=film)
    with PillowImage.open(path) as gif:
        assert (getattr(gif, "n_frames", 1), gif.info["duration"], gif.info["loop"]) == (film.pictures, 100, 0)
        assert film.pictures == 15
        gif.seek(14)
        assert pixels(np.asarray(gif.convert("RGB")), CAR) > 50


def test_the_way_stays_on_the_map_and_a_car_that_was_carried_leaves_none() -> None:
    pictures = FilmPictures(TRACK)
    drawn = [
        pixels(pictures.draw(replace(RECORD, pose=TRACK.pose_at(place_m)), BLACK), WAY)
        for place_m in (0.0, 0.5, 1.0, 1.4, 6.0)
    ]
    assert drawn[1] < drawn[2] < drawn[3]
    assert drawn[4] - drawn[3] < drawn[3] - drawn[2] + 40
    assert pixels(pictures.draw(replace(RECORD, pose=None), BLACK), CAR) == 0


def test_the_bar_of_the_steering_goes_to_the_side_it_steers_to() -> None:
    pictures = FilmPictures(TRACK)
    middles = [
        np.nonzero((pictures.draw(replace(RECORD, applied=Command(steering, 0.0)), BLACK) == STEERING).all(axis=2))[1]
        for steering in (-0.8, 0.8)
    ]
    assert middles[0].mean() + 40 < middles[1].mean()


@pytest.mark.parametrize("shape", [(120, 160), (66, 200), (480, 640), (400, 90), (100, 1000)])
@pytest.mark.parametrize("name", ["oval", "boot"])
def test_a_camera_of_any_shape_makes_pictures_that_can_be_encoded(shape: tuple[int, int], name: str) -> None:
    height, width, _ = FilmPictures(make_track(name)).draw(RECORD, np.zeros((*shape, 3), np.uint8)).shape
    assert height == HEIGHT_PX
    assert width % 2 == 0
    assert width <= 940


@pytest.mark.parametrize("suffix", SUFFIXES)
def test_a_drive_that_is_interrupted_leaves_a_film_that_can_be_played(tmp_path: Path, suffix: str) -> None:
    path = tmp_path / f"drive{suffix}"

    def interrupted() -> None:
        with Film(path, FilmPictures(TRACK), rate_hz=10.0) as film:
            for _ in range(3):
                film(RECORD, make_frame(0))
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        interrupted()
    if suffix == ".gif":
        with PillowImage.open(path) as gif:
            assert getattr(gif, "n_frames", 1) == 3
    else:
        assert len(played(path)) == 3


@pytest.mark.parametrize("suffix", SUFFIXES)
def test_a_full_disk_is_said_and_leaves_nothing(tmp_path: Path, suffix: str, monkeypatch: pytest.MonkeyPatch) -> None:
    path = tmp_path / f"drive{suffix}"
    full = shutil.disk_usage(tmp_path)._replace(free=1000)

    def filled() -> None:
        with Film(path, FilmPictures(TRACK), rate_hz=10.0) as film:
            film(RECORD, make_frame(0))
            monkeypatch.setattr(shutil, "disk_usage", lambda _: full)
            for _ in range(60):
                film(RECORD, make_frame(0))

    with pytest.raises(RecordingError, match="No space left"):
        filled()
    assert list(tmp_path.iterdir()) == []


def test_what_cannot_become_a_film_is_refused_before_the_drive_and_left_alone(tmp_path: Path) -> None:
    there = tmp_path / "there.webm"
    there.write_text("mine", encoding="utf-8")
    for path, words in (
        (there, "exists already"),
        (tmp_path / "drive.mp4", "Call it drive.webm or drive.gif"),
        (tmp_path / "nowhere" / "drive.webm", "cannot be written"),
    ):
        with pytest.raises(RecordingError, match=words):
            Film(path, FilmPictures(TRACK), rate_hz=20.0)
    assert list(tmp_path.iterdir()) == [there]
    assert there.read_text(encoding="utf-8") == "mine"


def test_a_drive_without_a_frame_leaves_no_film(tmp_path: Path) -> None:
    with Film(tmp_path / "drive.webm", FilmPictures(TRACK), rate_hz=20.0) as film:
        film(RECORD, None)
    assert list(tmp_path.iterdir()) == []


def test_the_command_films_what_is_driven_and_writes_over_no_film(tmp_path: Path) -> None:
    command = ["simulate", "--expert", "--minutes", "0.01", "--video", "drive.webm"]
    assert run_car(*command, cwd=tmp_path).returncode == 0
    assert len(played(tmp_path / "drive.webm")) > 5
    assert_refused(run_car(*command, cwd=tmp_path), "drive.webm", "exists already")
