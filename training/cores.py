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

_is_stopped = ctypes.c_bool(False)
"""In a process of the pool, shared with its parent. No lock: a killed process would hold it for ever."""


class _Stopped(Exception):
    """Nobody waits for this work any more."""


def work_on_all(
    work: Work[Job, Result], jobs: Sequence[Job], progress: ProgressCallback = lambda _: None, cores: int | None = None
) -> list[Result]:
    """Return what ``work`` makes of each of ``jobs``, in their order, done in as many processes as there are cores.

    ``work`` is a function of a module, and jobs and results are what can be pickled. What one of them raises is raised
    here, and like a Ctrl-C ends the others at once. Raises TrainingError when a process dies.
    """
    cores = min(cores or usable_cores(), len(jobs))
    if cores <= 1:
        return [work(job, _share_of(progress, number, len(jobs))) for number, job in enumerate(jobs)]
    context = multiprocessing.get_context("spawn")
    is_stopped = context.RawValue(ctypes.c_bool, False)
    with ProcessPoolExecutor(cores, context, _start, (is_stopped,)) as pool:
        try:
            futures = [pool.submit(_run, work, job) for job in jobs]
            for done, future in enumerate(as_completed(futures), start=1):
                future.result()
                progress(done / len(jobs))
            return [future.result() for future in futures]
        except BrokenProcessPool as error:
            raise TrainingError(
                "A process that drove in the simulator was ended, perhaps for want of memory. Close other programs, "
                "and start again."
            ) from error
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
