"""Sitting the exam on all cores: each process takes a task, and has the expert and every candidate drive it."""

from __future__ import annotations

import contextlib
import multiprocessing
import os
import signal
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import FIRST_COMPLETED, ProcessPoolExecutor, wait
from concurrent.futures.process import BrokenProcessPool
from dataclasses import dataclass
from functools import partial

import cv2

from car.config.sections import CarConfig
from car.errors import MissingPackage, TrainingError
from simulator.randomisation import Level
from training.exam.drive import Candidate, Drive, drive_as_expert, drive_beside
from training.exam.paper import Task
from training.exam.score import Score, exam_score, level_score, points_of

Sit = Callable[[Task], tuple[Drive, ...]]
"""What an engine runs for each task: returns the expert's drive, and each candidate's."""

Engine = Callable[[Sit, Sequence[Task]], Iterator[tuple[int, tuple[Drive, ...]]]]
"""Runs a function for each task, and yields each task's place and its drives as they are done, in any order."""


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
    engine: Engine,
    progress: Callable[[float], None] = lambda _: None,
) -> list[Result]:
    """Let every candidate drive every task on the car of ``config``; return their results in the same order.

    Raises ModelError when a pilot does not fit the car's camera, and what the engine raises.
    """
    drives: dict[int, tuple[Drive, ...]] = {}
    for place, driven in engine(partial(sit, candidates=tuple(candidates), config=config), tasks):
        drives[place] = driven
        progress(len(drives) / len(tasks))
    return [
        Result(
            candidate,
            tuple(Answer(task, drives[place][number], drives[place][0]) for place, task in enumerate(tasks)),
        )
        for number, candidate in enumerate(candidates, start=1)
    ]


def sit(task: Task, candidates: Sequence[Candidate], config: CarConfig) -> tuple[Drive, ...]:
    """Return the expert's drive of ``task``, and each candidate's."""
    expert = drive_as_expert(task, config)
    return (expert, *(drive_beside(expert, task, candidate, config) for candidate in candidates))


def on_this_core(sit: Sit, tasks: Sequence[Task]) -> Iterator[tuple[int, tuple[Drive, ...]]]:
    """Drive one task after the other in this process."""
    for place, task in enumerate(tasks):
        yield place, sit(task)


def on_all_cores(
    sit: Sit, tasks: Sequence[Task], workers: int | None = None
) -> Iterator[tuple[int, tuple[Drive, ...]]]:
    """Share the tasks out to a process for each core; raises TrainingError when one of them dies.

    Whatever ends this early, Ctrl-C too, ends them all.
    """
    count = min(workers or available_cores(), len(tasks))
    pool = ProcessPoolExecutor(count, multiprocessing.get_context("spawn"), _start_worker)
    try:
        places = {pool.submit(sit, task): place for place, task in enumerate(tasks)}
        waiting = set(places)
        while waiting:
            done, waiting = wait(waiting, return_when=FIRST_COMPLETED)
            for future in done:
                yield places[future], future.result()
    except BrokenProcessPool as error:
        raise TrainingError(
            "A process that drove a part of the exam has died, as happens when memory runs out. "
            "Close other programs, or use fewer processes with --workers 1."
        ) from error
    finally:
        _end(pool)


def on_ray(sit: Sit, tasks: Sequence[Task]) -> Iterator[tuple[int, tuple[Drive, ...]]]:
    """Share the tasks out to a Ray cluster, or to this machine's cores if there is none.

    Every machine needs this version of Pocketpilot and the models at the same paths. Raises MissingPackage without Ray.
    """
    try:
        import ray
    except ImportError:
        raise MissingPackage(
            "--cluster needs Ray, which is not installed. Get it with: pip install 'pocketpilot[cluster]'"
        ) from None
    ray.init(ignore_reinit_error=True, log_to_driver=False)
    try:
        remote = ray.remote(num_cpus=1, max_retries=0)(sit)
        places = {remote.remote(task): place for place, task in enumerate(tasks)}
        waiting = list(places)
        while waiting:
            (done, *_), waiting = ray.wait(waiting, num_returns=1)
            yield places[done], ray.get(done)
    except ray.exceptions.WorkerCrashedError as error:
        raise TrainingError(
            "A Ray worker that drove a part of the exam has died. Look at the cluster's logs, or leave out --cluster."
        ) from error
    finally:
        ray.shutdown()


def available_cores() -> int:
    """Return how many cores this process may use."""
    return len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1


def _start_worker() -> None:
    # A Ctrl-C reaches every process of the terminal; the one that shared out the work ends the others.
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    cv2.setNumThreads(1)


def _end(pool: ProcessPoolExecutor) -> None:
    """End the pool's processes without waiting for the drives that they are in."""
    processes = list((pool._processes or {}).values())
    pool.shutdown(wait=False, cancel_futures=True)
    for process in processes:
        with contextlib.suppress(OSError):
            process.terminate()
    for process in processes:
        process.join()
