"""Displaced views show the way back: the corrected steering has the right sign and the right size."""

from __future__ import annotations

import math
from pathlib import Path

import numpy as np
import pytest

from car.config.sections import CarConfig
from car.kinds.camera import CameraSection
from car.runs.simulation import Goal, run_simulation
from hardware.drivetrain import Pose
from simulator.reprojection import Displacement
from simulator.scenario import Scenario
from training.dataset import load_recording
from training.displaced import LOOK_AHEAD_M, corrected_steering, displaced_views
from training.exam.driven_path import Response

RESPONSE = Response(curvature_per_m=2.5, lag_s=0.0)
STEERING = pytest.mark.parametrize("steering", [-0.6, -0.1, 0.0, 0.3])


@STEERING
def test_on_the_path_the_steering_stays_what_it_was(steering: float) -> None:
    assert corrected_steering(steering, Displacement(), RESPONSE) == pytest.approx(steering)


def test_it_steers_against_the_displacement() -> None:
    assert corrected_steering(0.0, Displacement(lateral_m=0.1), RESPONSE) < -0.05
    assert corrected_steering(0.0, Displacement(lateral_m=-0.1), RESPONSE) > 0.05
    # Counter-clockwise is to the left, and to the right is positive.
    assert corrected_steering(0.0, Displacement(heading_rad=0.1), RESPONSE) > 0.05
    assert corrected_steering(0.0, Displacement(heading_rad=-0.1), RESPONSE) < -0.05


def test_the_size_is_that_of_the_arc_back() -> None:
    arc = 2.0 * 0.1 / (LOOK_AHEAD_M**2 + 0.1**2)
    assert corrected_steering(0.0, Displacement(lateral_m=0.1), RESPONSE) == pytest.approx(-arc / 2.5)


@STEERING
@pytest.mark.parametrize("displacement", [Displacement(0.0, 0.1, 0.05), Displacement(0.05, -0.08, 0.1)])
def test_who_drives_by_it_meets_the_path(steering: float, displacement: Displacement) -> None:
    def driven(start: Pose, steering: float) -> list[Pose]:
        poses = [start]
        for _ in range(200):
            turned_rad = -steering * RESPONSE.curvature_per_m * 0.005
            poses.append(Displacement(0.005, -0.5 * 0.005 * turned_rad, turned_rad).after(poses[-1]))
        return poses

    path = driven(Pose(0.0, 0.0, 0.0), steering)
    corrected = corrected_steering(steering, displacement, RESPONSE)
    back = driven(displacement.after(path[0]), corrected)
    goal = path[round(LOOK_AHEAD_M / 0.005)]
    assert min(math.dist((pose.x_m, pose.y_m), (goal.x_m, goal.y_m)) for pose in back) < 0.01


def test_it_never_steers_further_than_the_wheels_go() -> None:
    assert corrected_steering(1.0, Displacement(lateral_m=-0.3, heading_rad=0.5), Response(1.0)) == 1.0


def test_a_share_of_the_frames_is_displaced_and_labelled_by_how(tmp_path: Path) -> None:
    session = tmp_path / "lap.mcap"
    small = CameraSection(width=80, height=60)
    run_simulation(CarConfig(camera=small), Scenario("oval"), Goal(seconds=3.0), record=session)
    recording = load_recording(session)
    frames = np.arange(20, 80)
    images, labels = displaced_views(recording, frames, share=0.5, seed=1)
    assert images.shape == (30, 60, 80, 3)
    assert labels.shape == (30, 2)
    again, _ = displaced_views(recording, frames, share=0.5, seed=1)
    assert np.array_equal(images, again)
    assert np.ptp(labels[:, 0]) > 3 * np.ptp(recording.labels[frames, 0])
    assert set(labels[:, 1]) <= set(recording.labels[frames, 1])
