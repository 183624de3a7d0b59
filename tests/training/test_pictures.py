"""Pictures of a drive show where it went and what it saw."""

from pathlib import Path

import cv2
import numpy as np
import pytest
from PIL import Image

from car.assembly.devices import make_world
from car.config.sections import CarConfig
from car.errors import RecordingError
from car.runs.simulation import Goal, Simulation, run_simulation
from hardware.clock import VirtualClock
from hardware.drivetrain import Command
from simulator.floor import Floor
from simulator.scenario import Scenario
from training.pictures import (
    SNAPSHOT_HZ,
    STEERING_COLOUR,
    Snapshots,
    draw_command,
    save_contact_sheet,
    save_trajectory,
)

CONFIG = CarConfig()
SECONDS = 4.0
PATH_COLOUR = (230, 40, 40)


@pytest.fixture(scope="module")
def drive() -> tuple[Simulation, Snapshots]:
    snapshots = Snapshots(CONFIG.camera.rate_hz)
    return run_simulation(CONFIG, Scenario("oval"), Goal(seconds=SECONDS), observer=snapshots), snapshots


@pytest.fixture(scope="module")
def floor() -> Floor:
    return make_world(CONFIG, VirtualClock(), Scenario("oval")).floor


def test_ten_frames_a_second_are_kept(drive: tuple[Simulation, Snapshots]) -> None:
    assert len(drive[1].kept) == pytest.approx(SECONDS * SNAPSHOT_HZ, abs=1)


def test_the_trajectory_is_drawn_where_the_car_was(
    tmp_path: Path, drive: tuple[Simulation, Snapshots], floor: Floor
) -> None:
    save_trajectory(tmp_path / "t.png", floor, drive[0].trajectory)
    picture = np.asarray(Image.open(tmp_path / "t.png").convert("RGB"))
    end = drive[0].trajectory[-1]
    column, row = (floor.to_pixels(np.array([[end.x_m, end.y_m]]))[0] * picture.shape[0] / floor.image.shape[0]).round()
    near = picture[int(row) - 3 : int(row) + 4, int(column) - 3 : int(column) + 4].reshape(-1, 3)
    assert np.abs(near.astype(int) - PATH_COLOUR).sum(axis=1).min() < 60


def test_a_steering_line_leans_to_the_side_it_steers_to() -> None:
    black = np.zeros((120, 160, 3), np.uint8)
    for steering, side in ((0.8, 1), (-0.8, -1)):
        picture = draw_command(black, Command(steering, 0.2))
        columns = np.nonzero((picture == STEERING_COLOUR).all(axis=2))[1]
        assert np.sign(columns.mean() - picture.shape[1] / 2) == side


def test_the_sheet_holds_frames(tmp_path: Path, drive: tuple[Simulation, Snapshots]) -> None:
    save_contact_sheet(tmp_path / "s.png", drive[1])
    sheet = cv2.imread(str(tmp_path / "s.png"))
    assert sheet is not None
    assert sheet.shape[1] >= 4 * 160


def test_a_picture_that_cannot_be_written_says_so(
    tmp_path: Path, drive: tuple[Simulation, Snapshots], floor: Floor
) -> None:
    with pytest.raises(RecordingError, match="cannot be written"):
        save_trajectory(tmp_path / "no" / "t.png", floor, drive[0].trajectory)
