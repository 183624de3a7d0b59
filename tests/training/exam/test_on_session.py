"""Driving inside a recorded session: who drives as was driven stays on its path, who does not is put back on it."""

from __future__ import annotations

import itertools
import math
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from car.config.sections import CarConfig
from car.errors import UnusableSession
from car.kinds.camera import CameraSection
from car.kinds.pilot import Pilot, PilotAnswer
from car.runs.simulation import Goal, run_simulation
from car.sessions.edits import Edits, FrameRange
from car.sessions.reader import Session
from hardware.camera import CameraGeometry, Frame
from hardware.drivetrain import Command, Pose
from simulator.scenario import Scenario
from tests.training.drives import write_drive, write_rows
from training.exam.driven_path import DrivenPath, Piece, Response, fit_response, load_driven_path
from training.exam.odometry import Motion, Registration, estimate_poses
from training.exam.on_session import FURTHEST_ASIDE_M, Outcome, exam_on_session, score
from training.exam.on_session_view import load_and_say

SMALL = CameraSection(width=80, height=60)


class Steering(Pilot):
    """Steers by a rule that it is given."""

    name = "rule"

    def __init__(self, rule: Callable[[Frame], float]) -> None:
        self._rule = rule

    def drive(self, frame: Frame) -> PilotAnswer:
        return PilotAnswer(Command(self._rule(frame), 0.2))

    def close(self) -> None: ...


@pytest.fixture(scope="module")
def lap(tmp_path_factory: pytest.TempPathFactory) -> Path:
    path = tmp_path_factory.mktemp("sessions") / "lap.mcap"
    run_simulation(CarConfig(camera=SMALL), Scenario("oval"), Goal(seconds=14.0), record=path)
    return path


@pytest.fixture(scope="module")
def path(lap: Path) -> DrivenPath:
    return load_driven_path(lap)


def as_driven(path: DrivenPath, gain: float = 1.0, bias: float = 0.0) -> Pilot:
    """Return a pilot that gives what was driven at the time of each frame, or some of it, or more to one side."""
    (stretch,) = path.stretches
    # What is asked for at a frame has come to the wheels by the next one.
    later_s = 1.0 / SMALL.rate_hz

    def rule(frame: Frame) -> float:
        return gain * float(np.interp(frame.captured_ns / 1e9 + later_s, stretch.times_s, stretch.steering)) + bias

    return Steering(rule)


@pytest.fixture(scope="module")
def prompt(path: DrivenPath) -> DrivenPath:
    """The path of a car whose steering is there at once: what was driven, its lag counted, counts no lag again."""
    return replace(path, response=replace(path.response, lag_s=0.0))


def test_who_steers_as_was_driven_stays_on_the_path(prompt: DrivenPath) -> None:
    outcome = exam_on_session(as_driven(prompt), prompt)
    assert outcome.interventions == 0
    assert outcome.offset_m < 0.001
    assert outcome.score > 99.0
    assert outcome.way_m == pytest.approx(prompt.stretches[0].way_m[-1], rel=0.02)


def test_who_goes_straight_on_in_a_bend_is_put_back(path: DrivenPath) -> None:
    outcome = exam_on_session(Steering(lambda _: 0.0), path)
    assert outcome.interventions >= 3
    assert outcome.metres_per_intervention < 3.0
    assert outcome.score < 60.0
    assert outcome.low <= outcome.score <= outcome.high
    assert max(abs(moment.displacement.lateral_m) for moment in outcome.moments) <= FURTHEST_ASIDE_M


def test_steering_to_the_right_leads_to_the_right_of_the_path(path: DrivenPath) -> None:
    outcome = exam_on_session(as_driven(path, bias=0.1), path)
    first = outcome.moments[: len(outcome.moments) // 10]
    assert first[-1].displacement.lateral_m > 0.005
    assert first[-1].displacement.heading_rad < -0.005


def test_the_pilot_sees_itself_leave_the_path(path: DrivenPath) -> None:
    seen: list[float] = []

    def rule(frame: Frame) -> float:
        left, right = frame.image[30:, :40].mean(), frame.image[30:, 40:].mean()
        seen.append(float(right - left))
        return 0.15

    exam_on_session(Steering(rule), path)
    recorded = [float(image[30:, 40:].mean() - image[30:, :40].mean()) for image in path.stretches[0].images]
    assert np.std(np.array(seen[:20]) - recorded[:20]) > 0.3


@pytest.mark.parametrize("answer", [math.nan, math.inf, 7.0])
def test_an_answer_that_is_no_command_ends_nothing(path: DrivenPath, answer: float) -> None:
    assert exam_on_session(Steering(lambda _: answer), path).score < 60.0


def test_a_pilot_forgets_the_drive_before_and_whatever_was_before_an_intervention(path: DrivenPath) -> None:
    class Forgetful(Steering):
        resets = 0

        def reset(self) -> None:
            self.resets += 1

    pilot = Forgetful(lambda _: 1.0)
    outcome = exam_on_session(pilot, path)
    assert outcome.interventions > 2
    assert pilot.resets == len(path.stretches) + outcome.interventions


def test_a_jump_of_the_path_does_not_hold_the_drive_for_ever(path: DrivenPath) -> None:
    (stretch,) = path.stretches
    poses = list(stretch.poses)
    poses[20] = Pose(poses[20].x_m, poses[20].y_m, poses[20].heading_rad + math.pi)
    way_m = stretch.way_m + np.where(np.arange(len(poses)) >= 30, 3.0, 0.0)
    jumping = replace(path, stretches=(replace(stretch, poses=tuple(poses), way_m=way_m),))
    assert isinstance(exam_on_session(Steering(lambda _: 1.0), jumping), Outcome)


def test_progress_grows_to_the_end(path: DrivenPath) -> None:
    told: list[float] = []
    exam_on_session(as_driven(path), path, told.append)
    assert told == sorted(told)
    assert told[-1] == pytest.approx(1.0, abs=0.05)


def test_the_score_falls_with_interventions_and_with_the_distance() -> None:
    assert score(100.0, 0, 0.0) == 100.0
    assert score(100.0, 50, 0.0) == pytest.approx(50.0)
    assert score(100.0, 0, 100.0 * FURTHEST_ASIDE_M) == pytest.approx(50.0)
    assert score(100.0, 400, 0.0) < score(100.0, 200, 0.0)


def test_the_response_is_that_of_the_car_that_drove(path: DrivenPath) -> None:
    # 25 degrees at a wheelbase of 17 cm, less the sharper bends of a bicycle model about the middle of the car.
    assert path.response.curvature_per_m == pytest.approx(2.6, abs=0.2)


def test_the_response_of_other_steering_is_found_with_its_lag() -> None:
    times_s = np.arange(200) / 20.0
    applied = np.sin(times_s * 2.0)
    known = Response(curvature_per_m=1.4, lag_s=0.2)
    poses, steering = [Pose(0.0, 0.0, 0.0)], 0.0
    for wanted in applied[:-1]:
        following = known.follow(steering, float(wanted), 0.05)
        motion = Motion(0.05, -0.05 * known.curvature_per_m * 0.5 * (steering + following))
        poses.append(motion.displacement.after(poses[-1]))
        steering = following
    piece = Piece(np.empty((200, 1, 1, 3), np.uint8), tuple(poses), times_s, applied)
    found = fit_response([piece])
    assert found.lag_s == known.lag_s
    assert found.curvature_per_m == pytest.approx(1.4, rel=0.1)


def test_a_drive_straight_on_tells_no_response() -> None:
    poses = tuple(Pose(0.05 * index, 0.0, 0.0) for index in range(50))
    piece = Piece(np.empty((50, 1, 1, 3), np.uint8), poses, np.arange(50) / 20.0, np.zeros(50))
    assert fit_response([piece]) == Response()


def test_the_frames_tell_the_way_and_the_turns(lap: Path, path: DrivenPath) -> None:
    (stretch,) = path.stretches
    moving = slice(60, 180)
    commands = [Command(0.0, 0.2)] * 120
    found = estimate_poses(stretch.images[moving], stretch.times_s[moving], commands, path.camera)
    true = stretch.poses[moving]
    turned_rad = np.unwrap([pose.heading_rad for pose in true])
    way_m = sum(math.dist((one.x_m, one.y_m), (two.x_m, two.y_m)) for one, two in itertools.pairwise(found))
    assert way_m == pytest.approx(stretch.way_m[moving][-1] - stretch.way_m[moving][0], rel=0.25)
    assert np.unwrap([pose.heading_rad for pose in found])[-1] == pytest.approx(
        turned_rad[-1] - turned_rad[0], abs=0.15
    )


def test_without_anything_to_see_the_motion_is_the_expected_one() -> None:
    registration = Registration(CameraGeometry())
    grey = registration.pyramid(np.full((120, 160, 3), 90, np.uint8))
    motion = registration.motion(grey, grey, Motion(0.04, 0.01), duration_s=0.05)
    assert (motion.way_m, motion.turned_rad) == pytest.approx((0.04, 0.01))


def test_a_gap_ends_a_stretch(lap: Path, tmp_path: Path) -> None:
    cut = tmp_path / "cut.mcap"
    cut.write_bytes(lap.read_bytes())
    Edits.of([FrameRange(200, 220)]).save(cut)
    found = load_driven_path(cut)
    assert len(found.stretches) == 2
    assert exam_on_session(Steering(lambda _: 0.0), found).interventions >= 2


def test_a_car_that_stands_has_no_path(tmp_path: Path) -> None:
    standing = write_drive(tmp_path / "standing.mcap", frames=40, throttle=0.0)
    with pytest.raises(UnusableSession, match="goes nowhere"):
        load_driven_path(standing)


def test_a_session_without_poses_is_worked_out_and_says_so(
    lap: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    with Session.open(lap) as session:
        rows = [(driven.frame.decode(), replace(driven.record, pose=None)) for driven in session.driven_frames()]
    found = load_and_say(write_rows(tmp_path / "real.mcap", rows[30:130], SMALL.geometry), CameraGeometry())
    assert not found.is_measured
    assert "worked out from its frames" in capsys.readouterr().out
