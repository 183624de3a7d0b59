"""Sitting the exam: whoever takes a task has the expert and every candidate drive it."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from functools import partial

from car.config.sections import CarConfig
from simulator.randomisation import Level
from training.cores import Engine, ProgressCallback, ignore_result
from training.exam.drive import Candidate, Drive, drive_as_expert, drive_beside
from training.exam.paper import Task
from training.exam.score import Score, exam_score, level_score, points_of


@dataclass(frozen=True, slots=True)
class Answer:
    """A task, how a candidate drove it, how the expert did, and the points for it.

    >>> from training.exam.paper import exam_tasks
    >>> (task,) = exam_tasks("home", 1)
    >>> drive = Drive(way_m=20.0, time_s=25.0, laps=1, departures=0, collisions=0, cross_track_m=0.03,
    ...               cross_track_95_m=0.08, jerk_per_s=1.2, recovery_s=None, trip="")
    >>> Answer(task, drive, expert=drive).points
    100.0
    """

    task: Task
    drive: Drive
    expert: Drive

    @property
    def points(self) -> float:
        """What the drive is worth, 0 … 100."""
        return points_of(self.drive, self.expert)

    @property
    def is_clean(self) -> bool:
        """Whether the whole way was driven without a departure."""
        # The last frame before the end may be a few centimetres short of it.
        return not self.drive.departures and not self.drive.trip and self.drive.way_m > self.expert.way_m - 0.1


@dataclass(frozen=True, slots=True)
class Result:
    """How a candidate did in the exam: an answer to each task, in the tasks' order."""

    candidate: Candidate
    answers: tuple[Answer, ...]

    @property
    def levels(self) -> dict[Level, tuple[Answer, ...]]:
        """The answers of each level."""
        levels: dict[Level, tuple[Answer, ...]] = {}
        for answer in self.answers:
            levels[answer.task.level] = (*levels.get(answer.task.level, ()), answer)
        return levels

    @property
    def scores(self) -> dict[Level, Score]:
        """The score of each level."""
        return {level: level_score([answer.points for answer in answers]) for level, answers in self.levels.items()}

    @property
    def score(self) -> Score:
        """The score of the whole."""
        return exam_score({level: [answer.points for answer in answers] for level, answers in self.levels.items()})

    def worst(self, count: int = 3) -> list[Answer]:
        """Return the answers with the fewest points, the worst first."""
        return sorted(self.answers, key=lambda answer: answer.points)[:count]


def sit_exam(
    candidates: Sequence[Candidate],
    tasks: Sequence[Task],
    config: CarConfig,
    engine: Engine[Task, tuple[Drive, ...]],
    progress: ProgressCallback = lambda _: None,
) -> list[Result]:
    """Let every candidate drive every task on the car of ``config``; return their results in the same order.

    Raises ModelError when a pilot does not fit the car's camera, and what the engine raises.
    """
    drives = engine(partial(sit, candidates=tuple(candidates), config=config), tasks, progress, ignore_result)
    return [
        Result(
            candidate,
            tuple(Answer(task, driven[number], driven[0]) for task, driven in zip(tasks, drives, strict=True)),
        )
        for number, candidate in enumerate(candidates, start=1)
    ]


def sit(
    task: Task, progress: ProgressCallback, candidates: Sequence[Candidate], config: CarConfig
) -> tuple[Drive, ...]:
    """Return the expert's drive of ``task``, and each candidate's; ``progress`` is told how much is done, 0 … 1."""

    def share(number: int) -> ProgressCallback:
        return lambda done: progress((number + done) / (len(candidates) + 1))

    expert = drive_as_expert(task, config, progress=share(0))
    return (
        expert,
        *(
            drive_beside(expert, task, candidate, config, progress=share(number))
            for number, candidate in enumerate(candidates, start=1)
        ),
    )
