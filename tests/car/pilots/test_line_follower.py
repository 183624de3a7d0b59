"""The line follower steers back to the middle of a lane, whatever its lines look like; straight ahead never steers."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from car.config.sections import CarConfig
from car.kinds.pilot import PilotSection, check_pilot
from car.pilots.choosing import choose_pilot, open_chosen
from car.pilots.lane_picture import FOUND
from car.pilots.line_follower import LineFollower
from car.pilots.straight_ahead import StraightAhead
from car.runs.simulation import Goal, run_simulation
from hardware.camera import CameraGeometry, Frame
from models.errors import ModelError
from simulator.appearance import LIGHTS, varied
from simulator.renderer import draw_scene
from simulator.scenario import Scenario
from simulator.track import Style, make_track

CAMERA = CameraGeometry()


@pytest.mark.parametrize("style", ["robocars", "tape", "line", "road"])
def test_it_steers_back_to_the_middle(style: Style) -> None:
    track = make_track("oval", style)
    _, renderer = draw_scene(track, CAMERA)
    ahead = round(1.2 / track.step_m)
    bends = np.array([abs(np.roll(track.curvature_per_m, -index)[:ahead]).max() for index in range(0, 300, 5)])
    straight_m = 5 * int(bends.argmin()) * track.step_m

    def steering(lateral_m: float) -> float:
        image = renderer.render(track.pose_at(straight_m, lateral_m))
        return LineFollower(CAMERA).drive(Frame(image, 0, 0)).command.steering

    right_of_it, in_it, left_of_it = (steering(lateral_m) for lateral_m in (0.12, 0.0, -0.12))
    assert right_of_it < in_it - 0.1
    assert left_of_it > in_it + 0.1
    assert right_of_it < 0.0 < left_of_it


def test_it_follows_a_bend() -> None:
    track = make_track("oval")
    _, renderer = draw_scene(track, CAMERA)
    sharpest = int(track.curvature_per_m.argmax())  # positive: to the left
    image = renderer.render(track.pose_at(sharpest * track.step_m - 0.3))
    assert LineFollower(CAMERA).drive(Frame(image, 0, 0)).command.steering < -0.2


def test_it_stays_in_its_lane_at_dusk() -> None:
    look = replace(varied("tape", 510), light=LIGHTS["dusk"])
    scenario = Scenario("random-510", seed=510, style="tape", appearance=look, max_speed_m_s=0.8)
    run = run_simulation(CarConfig(), scenario, Goal(seconds=10.0), pilot=LineFollower(CAMERA))
    assert run.lap_count.departures == 0
    assert run.lap_count.progress_m > 6.0


@pytest.mark.parametrize("camera", [CAMERA, CameraGeometry(width=97, height=48, fov_deg=60.0)], ids=["160", "97"])
def test_they_keep_a_pilots_promises(camera: CameraGeometry) -> None:
    check_pilot(LineFollower(camera), camera)
    check_pilot(StraightAhead(), camera)


@pytest.mark.parametrize("style", ["tape", "line"])
def test_its_picture_shows_the_lines_that_it_found_where_they_are(style: Style) -> None:
    track = make_track("oval", style)
    _, renderer = draw_scene(track, CAMERA)
    image = renderer.render(track.pose_at(2.0))
    before = image.copy()
    picture = LineFollower(CAMERA).picture(Frame(image, 0, 0))
    assert picture.shape == (3 * CAMERA.height, 3 * CAMERA.width, 3)
    assert np.array_equal(image, before)
    line = image.astype(int).sum(axis=2)[np.nonzero((picture[1::3, 1::3] == FOUND).all(axis=2))]
    floor = np.median(image[70:].astype(int).sum(axis=2))
    assert len(line) > 10
    assert (np.median(line) > floor + 100) if style == "tape" else (np.median(line) < floor - 100)


def test_looking_does_not_change_how_it_drives() -> None:
    track = make_track("oval")
    _, renderer = draw_scene(track, CAMERA)
    frames = [Frame(renderer.render(track.pose_at(2.0 + 0.05 * number)), 0, number) for number in range(4)]
    drives, looks = LineFollower(CAMERA), LineFollower(CAMERA)
    for frame in frames[:3]:
        drives.drive(frame)
        looks.picture(frame)
    assert looks.drive(frames[3]) == drives.drive(frames[3])


def test_put_down_elsewhere_it_does_not_steer_for_the_lane_it_saw_before() -> None:
    track = make_track("oval")
    _, renderer = draw_scene(track, CAMERA)
    sharpest = int(track.curvature_per_m.argmax())
    follower, dark = LineFollower(CAMERA), Frame(np.zeros((CAMERA.height, CAMERA.width, 3), np.uint8), 0, 0)
    follower.drive(Frame(renderer.render(track.pose_at(sharpest * track.step_m - 0.3)), 0, 0))
    assert follower.drive(dark).command.steering < -0.2
    follower.reset()
    assert follower.drive(dark).command.steering == pytest.approx(0.0, abs=0.01)


def test_a_camera_that_sees_no_floor_is_refused() -> None:
    with pytest.raises(ModelError, match="does not see the floor"):
        LineFollower(CameraGeometry(pitch_deg=-60.0))


@pytest.mark.parametrize("name", ["line-follower", "straight-ahead"])
def test_they_are_found_by_their_names_where_a_model_would_be(name: str, tmp_path: Path) -> None:
    section = choose_pilot(name, PilotSection(), tmp_path)
    assert section.kind == name
    with open_chosen(section, CAMERA, tmp_path) as pilot:
        assert pilot.name == name
