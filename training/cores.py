"""The same work on many things, on all cores of the machine."""

from __future__ import annotations

import ctypes
import multiprocessing
import os
import signal
import threading
from collections.abc import Callable, Sequence
from concurrent.futures import ProcessPoolExecutor, as_completed
from concurrent.futures.process import BrokenProcessPool
from typing import TypeVar

import cv2

from car.errors import TrainingError

Job = TypeVar("Job")
Result = TypeVar("Result")
ProgressCallback = Callable[[float], None]
Work = Callable[[Job, ProgressCallback], Result]
"""What is done to one thing; it says now and then how much of it is done, 0 … 1, and may be ended there."""
DoneCallback = Callable[[Result], None]
Engine = Callable[[Work[Job, Result], Sequence[Job], ProgressCallback, DoneCallback[Result]], list[Result]]
"""Does the work on each of the jobs and returns the results, in the jobs' order.

It says how much of all is done, 0 … 1, and hands over each result as soon as it is there.
"""
MOST_DEATHS = 2
"""So many times in a row killed work is begun again; once more, and it is the work that kills its processes."""

ONE_CORE = {"TF_NUM_INTRAOP_THREADS": "1", "OMP_NUM_THREADS": "1"}
"""What keeps TensorFlow to one core where every core has a process of its own."""

_is_stopped = ctypes.c_bool(False)
"""In a process of the pool, shared with its parent. No lock: a killed process would hold it for ever."""


class _Stopped(Exception):
    """Nobody waits for this work any more."""


def ignore_result(_: object) -> None:
    """Wait until all of them are there."""


def work_on_all(
    work: Work[Job, Result],
    jobs: Sequence[Job],
    progress: ProgressCallback = lambda _: None,
    done: DoneCallback[Result] = ignore_result,
    *,
    cores: int | None = None,
) -> list[Result]:
    """Return what ``work`` makes of each of ``jobs``, in their order, done in as many processes as there are cores.

    ``work`` is a function of a module, and jobs and results are what can be pickled. ``done`` is given each result as
    soon as it is there. What one of them raises is raised here, and like a Ctrl-C ends the others at once. When a
    process is killed, what was not done is begun again; raises TrainingError when that happens too often.
    """
    cores = min(cores or usable_cores(), len(jobs))
    results: dict[int, Result] = {}

    def keep(number: int, result: Result) -> None:
        results[number] = result
        done(result)

    def keep_and_tell(number: int, result: Result) -> None:
        keep(number, result)
        progress(len(results) / len(jobs))

    if cores <= 1:
        for number, job in enumerate(jobs):
            keep(number, work(job, _share_of(progress, number, len(jobs))))
    deaths = 0
    while len(results) < len(jobs):
        before = len(results)
        left = {number: job for number, job in enumerate(jobs) if number not in results}
        try:
            _work_in_pool(work, left, keep_and_tell, cores)
        except BrokenProcessPool as error:
            deaths = 1 if len(results) > before else deaths + 1
            if deaths > MOST_DEATHS:
                raise TrainingError(
                    "A process that worked on this was ended, and so were those that began it again, perhaps for want "
                    "of memory. Close other programs, and start again."
                ) from error
    return [results[number] for number in range(len(jobs))]


def _work_in_pool(
    work: Work[Job, Result], jobs: dict[int, Job], keep: Callable[[int, Result], None], cores: int
) -> None:
    """Work on the jobs, by their numbers; raises BrokenProcessPool when a process was killed."""
    context = multiprocessing.get_context("spawn")
    is_stopped = context.RawValue(ctypes.c_bool, False)
    with ProcessPoolExecutor(cores, context, _start, (is_stopped,)) as pool:
        try:
            futures = {pool.submit(_run, work, job): number for number, job in jobs.items()}
            for future in as_completed(futures):
                keep(futures[future], future.result())
        finally:
            is_stopped.value = True
            pool.shutdown(wait=False, cancel_futures=True)


def _share_of(progress: ProgressCallback, number: int, count: int) -> ProgressCallback:
    return lambda done: progress((number + done) / count)


def usable_cores() -> int:
    """Return how many cores this process may use."""
    if hasattr(os, "sched_getaffinity"):
        return len(os.sched_getaffinity(0))
    return os.cpu_count() or 1


def _start(is_stopped: ctypes.c_bool) -> None:
    """Prepare a process for its work: Ctrl-C is its parent's to hear, and without a parent there is no work."""
    # What is shared reaches a pool's process in no other way than when it starts.
    global _is_stopped
    _is_stopped = is_stopped
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    os.environ.update(ONE_CORE)
    cv2.setNumThreads(1)
    threading.Thread(target=_end_with_parent, name="parent", daemon=True).start()


def _end_with_parent() -> None:
    parent = multiprocessing.parent_process()
    if parent is not None:
        parent.join()
        os._exit(1)


def _run(work: Work[Job, Result], job: Job) -> Result:
    return work(job, _check_stop)


def _check_stop(_: float) -> None:
    if _is_stopped.value:
        raise _Stopped
