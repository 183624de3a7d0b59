"""Work shared out to a Ray cluster, whole jobs to its workers; a worker that dies or freezes is done without.

Ray Core is all it takes, not Ray Tune: jobs need nothing of each other, and what is searched is a list.
"""

from __future__ import annotations

import contextlib
import logging
import math
import os
import signal
import socket
import time
from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass, field
from functools import partial
from pathlib import Path
from typing import Any

import cv2

from car.errors import KNOWN_ERRORS, MissingPackage, TrainingError
from training.cores import (
    MOST_DEATHS,
    ONE_CORE,
    DoneCallback,
    Engine,
    Job,
    ProgressCallback,
    Result,
    Work,
    ignore_result,
    work_on_all,
)

SILENT_S = 300.0
"""A worker that says nothing for so long is frozen: an epoch, an export or a drive says something far more often."""
IDLE_S = 600.0
"""So long nobody may say anything at all: the cluster has no free CPU, or its workers do not get to work."""
GONE_S = 20.0
"""So long a cluster may be out of reach. Ray itself would wait for a minute and then end this process."""
_LOOK_EVERY_S = 2.0
_SPEAK_EVERY_S = 1.0
_KNOCK_S = 5.0
_AUTO = "auto"
_ENVIRONMENT = {
    "RAY_USAGE_STATS_ENABLED": "0",
    "RAY_ACCEL_ENV_VAR_OVERRIDE_ON_ZERO": "0",  # As coming versions do: else each worker warns of the change.
}


def choose_engine(cluster: str | None, workers: int | None = None) -> Engine[Job, Result]:
    """Return what works on the Ray cluster at that address, or without one on this machine's cores or so many."""
    return partial(work_on_all, cores=workers) if cluster is None else partial(on_ray, address=cluster)


def on_ray(
    work: Work[Job, Result],
    jobs: Sequence[Job],
    progress: ProgressCallback = lambda _: None,
    done: DoneCallback[Result] = ignore_result,
    *,
    address: str,
    silent_s: float = SILENT_S,
) -> list[Result]:
    """Do as ``training.cores.work_on_all`` on the Ray cluster whose head is at ``address``, ``host:port`` or ``auto``.

    This machine has to be one of the cluster's. Each needs this version of Pocketpilot, and what jobs name at the same
    paths. A job whose worker dies, or says nothing for ``silent_s``, is begun again on another. Raises what the work
    raises, where it is one of ``KNOWN_ERRORS``; MissingPackage without Ray; TrainingError for anything else, and when
    no cluster answers or it does no more.
    """
    ray = _connect(address)
    try:
        return _Cluster(ray, silent_s).run(work, jobs, progress, done)
    except ray.exceptions.RayTaskError as error:
        if isinstance(error.cause, KNOWN_ERRORS):
            raise error.cause from None
        raise TrainingError(
            f"A worker of the Ray cluster failed ({_first_line(error.cause)}). Give every machine this version of "
            "Pocketpilot and its packages, or leave out --cluster."
        ) from error
    except ray.exceptions.LocalRayletDiedError as error:
        raise _gone("this machine's part of it ended") from error
    except ray.exceptions.RayError as error:
        raise TrainingError(
            f"The work on the Ray cluster failed ({_first_line(error)}). Look at the cluster's logs, or leave out "
            "--cluster."
        ) from error
    finally:
        ray.shutdown()


def _connect(address: str) -> Any:
    """Return the ``ray`` module, connected."""
    os.environ.update({name: value for name, value in _ENVIRONMENT.items() if name not in os.environ})
    try:
        import ray
    except ImportError:
        raise MissingPackage(
            "--cluster needs Ray, which is not installed. Get it with: pip install 'pocketpilot[cluster]'"
        ) from None
    if address != _AUTO:
        # Ray would try for two minutes.
        try:
            _knock(address)
        except OSError as error:
            raise TrainingError(
                f"No Ray cluster answers at {address} ({error.strerror or error}). Start its head with "
                "`ray start --head`, or leave out --cluster."
            ) from error
    try:
        ray.init(address, log_to_driver=False, configure_logging=False, logging_level=logging.ERROR)
    # Ray ends the program where it finds no cluster behind an open port.
    except (OSError, RuntimeError, ValueError, ray.exceptions.RayError, SystemExit) as error:
        raise TrainingError(
            f"The Ray cluster at {address} cannot be used from here ({_first_line(error)}). Run this on one of its "
            "machines with the cluster's versions of Ray and Python, or leave out --cluster."
        ) from error
    return ray


def _knock(address: str) -> None:
    host, _, port = address.rpartition(":")
    if not host or not port.isdecimal() or int(port) >= 2**16:
        raise TrainingError(f"{address} is no address of a Ray cluster. Give its head's as host:port.")
    socket.create_connection((host.strip("[]"), int(port)), _KNOCK_S).close()


def _gone(why: str) -> TrainingError:
    return TrainingError(
        f"The Ray cluster is gone ({why}). Start it and give the same command again, or leave out --cluster."
    )


def _first_line(error: BaseException) -> str:
    return (str(error).strip() or type(error).__name__).splitlines()[0].rstrip(".")


@dataclass(frozen=True, slots=True)
class _Word:
    """What a worker said last: the ``count``-th time, on which node and as which process, and how much was done."""

    count: int
    node: str
    process: int
    done: float


class _Words:
    """An actor that hears what all workers say: who works on a job is nobody else's to ask."""

    def __init__(self) -> None:
        self._words: dict[int, _Word] = {}

    def hear(self, number: int, node: str, process: int, done: float) -> None:
        """Take note of a worker's word on job ``number``."""
        count = self._words[number].count + 1 if number in self._words else 1
        self._words[number] = _Word(count, node, process, done)

    def latest(self) -> dict[int, _Word]:
        """Return the latest word on each job."""
        return self._words


def _work_and_speak(work: Work[Job, Result], job: Job, number: int, words: Any) -> Result:
    """Do the work in a worker, which says now and then that it is alive."""
    import ray

    os.environ.update(ONE_CORE)
    cv2.setNumThreads(1)
    say = partial(words.hear.remote, number, ray.get_runtime_context().get_node_id(), os.getpid())
    say(0.0)
    said_s = time.monotonic()

    def progress(done: float) -> None:
        nonlocal said_s
        if time.monotonic() - said_s >= _SPEAK_EVERY_S:
            say(done)
            said_s = time.monotonic()

    return work(job, progress)


def _kill(process: int) -> None:
    """Kill a worker of this node, unless its number is another's meanwhile."""
    title = Path(f"/proc/{process}/cmdline")
    if not title.exists() or title.read_bytes().startswith(b"ray::"):
        os.kill(process, getattr(signal, "SIGKILL", signal.SIGTERM))


@dataclass(slots=True)
class _Watch:
    """When each job was heard of last, and anything at all, on this machine's clock."""

    silent_s: float
    words: dict[int, tuple[_Word, float]] = field(default_factory=dict)
    heard_s: float = field(default_factory=time.monotonic)
    reached_s: float = field(default_factory=time.monotonic)

    def hear(self, words: Mapping[int, _Word]) -> None:
        """Take note of what is new."""
        for number, word in words.items():
            if number not in self.words or self.words[number][0].count != word.count:
                self.heard_s = time.monotonic()
                self.words[number] = word, self.heard_s

    def silent(self, waiting: Collection[int]) -> list[_Word]:
        """Return the last words on those of the ``waiting`` jobs that are silent for too long; each is told once."""
        since_s = time.monotonic() - self.silent_s
        silent = [number for number in waiting if number in self.words and self.words[number][1] < since_s]
        words = [self.words[number][0] for number in silent]
        self.words |= {number: (word, math.inf) for number, word in zip(silent, words, strict=True)}
        return words


class _Cluster:
    """A cluster that this process is connected to, and how its workers are watched."""

    def __init__(self, ray: Any, silent_s: float) -> None:
        self._ray, self._watch = ray, _Watch(silent_s)
        self._address = ray.get_runtime_context().gcs_address
        listener = ray.remote(num_cpus=0, max_restarts=-1, max_task_retries=-1)(_Words)
        self._words = listener.options(scheduling_strategy=self._at(ray.get_runtime_context().get_node_id())).remote()

    def run(
        self, work: Work[Job, Result], jobs: Sequence[Job], progress: ProgressCallback, done: DoneCallback[Result]
    ) -> list[Result]:
        """Return what becomes of the jobs; see ``on_ray``."""
        remote = self._ray.remote(num_cpus=1, max_retries=MOST_DEATHS)(_work_and_speak)
        waiting = {remote.remote(work, job, number, self._words): number for number, job in enumerate(jobs)}
        results: dict[int, Result] = {}
        while waiting:
            ready, _ = self._ray.wait(list(waiting), timeout=_LOOK_EVERY_S)
            for task in ready:
                result: Result = self._ray.get(task)
                results[waiting.pop(task)] = result
                self._watch.heard_s = time.monotonic()
                done(result)
            if not ready:
                self._look_after(waiting.values())
            begun = sum(word.done for number, (word, _) in self._watch.words.items() if number not in results)
            progress((len(results) + begun) / len(jobs))
        return [results[number] for number in range(len(jobs))]

    def _look_after(self, waiting: Collection[int]) -> None:
        """Hear what the workers say, kill those that say nothing, and raise TrainingError when the cluster is gone."""
        watch, now_s = self._watch, time.monotonic()
        try:
            _knock(self._address)
            watch.reached_s = time.monotonic()
        except OSError as error:
            if now_s - watch.reached_s > GONE_S:
                raise _gone(error.strerror or str(error)) from error
            return
        with contextlib.suppress(self._ray.exceptions.RayError):  # It is begun again, or too busy to answer now.
            watch.hear(self._ray.get(self._words.latest.remote(), timeout=_LOOK_EVERY_S))
        if now_s - watch.heard_s > IDLE_S:
            raise TrainingError(
                f"No worker of the Ray cluster has said anything for {IDLE_S:.0f} s. See with `ray status` "
                "whether it has a free CPU; then give the same command, or leave out --cluster."
            )
        for word in watch.silent(waiting):
            # Ray begins a job again whose worker was killed, but knows nothing of one that hangs.
            killing = self._ray.remote(num_cpus=0, max_retries=0)(_kill)
            killing.options(scheduling_strategy=self._at(word.node)).remote(word.process)

    def _at(self, node: str) -> Any:
        from ray.util.scheduling_strategies import NodeAffinitySchedulingStrategy

        return NodeAffinitySchedulingStrategy(node, soft=False)
