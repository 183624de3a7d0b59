"""The exam is shared out to processes: whatever ends one of them ends it all, in words."""

from __future__ import annotations

import hashlib
from collections.abc import Sequence
from dataclasses import replace
from functools import partial

import pytest

from car.config.sections import CarConfig
from car.errors import TrainingError
from car.kinds.camera import CameraSection
from models.contract import ModelCard
from simulator.scenario import Scenario
from simulator.track import make_track
from tests.training.exam.test_score import EXPERT
from training.cores import work_on_all
from training.exam.command import exam_of_card, levels_named
from training.exam.drive import Candidate, Drive
from training.exam.paper import EXAM_VERSION, LEVELS, TASKS_PER_LEVEL, UNSEEN_TRACKS_FROM, Task, exam_tasks
from training.exam.run import Answer, Result, sit, sit_exam
from training.exam.view import Figures, in_words, league_table

TASKS = [Task("home", number, Scenario("oval", max_speed_m_s=0.8)) for number in range(3)]


def test_the_answers_come_in_the_order_of_the_tasks_from_several_processes() -> None:
    told: list[float] = []
    config = CarConfig(camera=CameraSection(width=32, height=24))
    tasks = [Task("home", number, Scenario(track, max_speed_m_s=0.8)) for number, track in enumerate(("oval", "home"))]
    (result,) = sit_exam([Candidate("expert", None)], tasks, config, partial(work_on_all, cores=2), told.append)
    assert [answer.task for answer in result.answers] == tasks
    for answer in result.answers:
        assert answer.drive.way_m == pytest.approx(make_track(answer.task.scenario.track).length_m, abs=0.1)
        assert answer.points == 100.0
    assert told == [0.5, 1.0]


def test_progress_is_shared_among_the_drives_of_a_task() -> None:
    told: list[float] = []
    config = CarConfig(camera=CameraSection(width=32, height=24))
    drives = sit(TASKS[0], told.append, candidates=[Candidate("expert", None)], config=config)
    assert len(drives) == 2
    assert told == sorted(told)
    assert told[-1] <= 1.0


PAPER_SHA256 = {1: "1d47d14af9dc18a0f40b62a71889bf6505d3bd82848d3f7e5fccaaf25e6344ce"}


def test_whoever_changes_the_paper_changes_its_version() -> None:
    words = "\n".join(str(task) for level in LEVELS for task in exam_tasks(level))
    assert hashlib.sha256(words.encode()).hexdigest() == PAPER_SHA256[EXAM_VERSION]


def test_each_track_is_asked_once_and_nothing_learns_from_the_random_ones() -> None:
    for level in LEVELS:
        tracks = [task.scenario.track for task in exam_tasks(level)]
        assert len(set(tracks)) == len(tracks) == TASKS_PER_LEVEL
        assert min(int(track[7:]) for track in tracks if track.startswith("random-")) >= UNSEEN_TRACKS_FROM


def test_each_level_asks_what_it_promises() -> None:
    hall, race = (exam_tasks(level) for level in ("hall", "race"))
    assert {task.scenario.style for task in hall} == {"robocars", "tape", "road", "line", "walls"}
    assert {task.light for task in hall} == {"even", "lamp", "dusk", "glare", "shadow"}
    assert {task.stranger for task in hall} == {"none", "cones", "legs", "crossing line", "worn tape"}
    assert {task.scenario.vehicle.command_delay_s for task in hall} == {0.0, 0.03, 0.06, 0.1}
    assert {task.scenario.max_speed_m_s for task in race} == {2.5}
    assert any(task.is_displaced for task in hall)


@pytest.mark.parametrize("stranger", ["cones", "legs"])
def test_what_stands_beside_the_lane_leaves_it_free(stranger: str) -> None:
    asked = [task for level in LEVELS for task in exam_tasks(level) if task.stranger == stranger]
    assert asked
    for task in asked:
        track = make_track(task.scenario.track)
        assert len(task.scenario.obstacles) >= 3
        for thing in task.scenario.obstacles:
            away_m = min(((track.points_m - (thing.x_m, thing.y_m)) ** 2).sum(axis=1)) ** 0.5
            assert away_m - thing.radius_m > track.half_width_m + 0.05


def result(*drives: Drive, levels: Sequence[str] = LEVELS) -> Result:
    tasks = [Task(level, 1, TASKS[0].scenario) for level in LEVELS if level in levels]
    answers = tuple(Answer(task, driven, EXPERT) for task in tasks for driven in drives)
    return Result(Candidate("pilot", None), answers)


def test_figures_and_words_say_how_it_drove() -> None:
    poor = replace(EXPERT, departures=2, collisions=1, recovery_s=float("inf"), way_m=10.0)
    figures = Figures.of(result(EXPERT, poor, levels=["home"]).answers)
    assert (figures.drives, figures.clean) == (2, 1)
    assert figures.departures_per_km == pytest.approx(2 / 0.03)
    words = in_words(Answer(TASKS[0], poor, EXPERT))
    assert "2 departures, 1 with a collision, never back in the middle" in words


def test_the_league_has_the_best_first() -> None:
    good, bad = result(EXPERT), result(replace(EXPERT, departures=3))
    lines = league_table([replace(bad, candidate=Candidate("bad", None)), good]).splitlines()
    assert len(lines) == 4
    assert lines[2].startswith("| pilot | **100.0 (100.0–100.0)** |")
    assert lines[3].startswith("| bad | **12.5")


def test_a_card_keeps_what_repeats_the_exam_and_a_part_of_it_is_no_score() -> None:
    exam = exam_of_card(result(EXPERT), CarConfig(), "car exam pilot")
    assert (exam["version"], exam["score"], exam["race_low"], exam["tasks"]) == (1, 100.0, 100.0, 3)
    assert "numpy" in str(exam["software"])
    assert "160x120" in str(exam["camera"])
    card = ModelCard(name="pilot", height=120, width=160, exam=exam)
    assert ModelCard.from_json(card.to_json()) == card
    assert "score" not in exam_of_card(result(EXPERT, levels=["home"]), CarConfig(), "")


def test_a_level_that_is_not_there_is_answered_with_those_that_are() -> None:
    assert levels_named([]) == LEVELS
    assert levels_named(["race", "home"]) == ("home", "race")
    with pytest.raises(TrainingError, match=r"no level moon\. Choose home, hall or race\."):
        levels_named(["moon"])
