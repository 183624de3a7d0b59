"""Keeping a process: it is started, another one takes its place when it dies, and at the end it closes in order."""

from __future__ import annotations

import contextlib
import multiprocessing
import os
import signal
import sys
import threading
import time
from collections.abc import Callable, Iterator
from multiprocessing import resource_tracker
from multiprocessing.context import SpawnProcess
from typing import Self

from car.link.car_link import CarLink
from car.processes.priority import stand_in_line
from car.terminal.shortages import shortage_in_words

END_TIMEOUT_S = 10.0
SETTLE_S = 0.2
"""How long the drive loop has to hear what the dead process said last."""
MAX_PAUSE_S = 30.0
LONG_LIFE_S = 60.0
"""A process that lived for so long did not die of its start."""

Start = Callable[[], SpawnProcess]


class ProcessKeeper(threading.Thread):
    """Runs the process that ``start`` starts, from ``start()`` to ``close()``; as a context manager, for its block.

    When it dies before its time, ``tidy`` is called and another takes its place. ``deaths`` counts how often that was.
    ``finish`` tells the process that its time has come, and ``end_timeout_s`` is how long it may take then; one that
    has not started yet, as ``has_started`` tells, is ended at once. ``is_over`` tells whether its time has come
    already, because another keeper's ``finish`` was meant for both.
    """

    def __init__(
        self,
        name: str,
        start: Start,
        *,
        finish: Callable[[], None],
        tidy: Callable[[], None] = lambda: None,
        has_started: Callable[[], bool] = lambda: True,
        is_over: Callable[[], bool] = lambda: False,
        end_timeout_s: float = END_TIMEOUT_S,
    ) -> None:
        super().__init__(name=f"{name} keeper", daemon=True)
        self._what = name
        self._start_process = start
        self._finish = finish
        self._tidy = tidy
        self._has_started = has_started
        self._is_over = is_over
        self._end_timeout_s = end_timeout_s
        self._closing = threading.Event()
        self._process = start()
        self.deaths = 0

    def __enter__(self) -> Self:
        self.start()
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    @property
    def pid(self) -> int:
        """The number of the process that runs now."""
        return self._process.pid or 0

    def run(self) -> None:
        """Keep the process until closed; one that dies again and again gets more and more time in between."""
        pause_s = SETTLE_S
        while True:
            started_s = time.monotonic()
            self._process.join()
            if self._closing.is_set() or self._is_over():
                return
            self.deaths += 1
            pause_s = SETTLE_S if time.monotonic() - started_s > LONG_LIFE_S else min(2 * pause_s, MAX_PAUSE_S)
            if self._closing.wait(pause_s):
                return
            self._tidy()
            # Where there is no memory for another process now, there may be later.
            with contextlib.suppress(OSError):
                self._process = self._start_process()

    def close(self) -> None:
        """Let the process close what it has open, and end it if it cannot."""
        self._closing.set()
        self._finish()
        if not self._has_started():
            # It has nothing to close, and may be long in coming to see that it need not start.
            self._process.kill()
        self.join(self._end_timeout_s)
        if self.is_alive():
            _kill(self._what, self._process, self._end_timeout_s)
            self.join()


@contextlib.contextmanager
def running(name: str, link: CarLink, start: Start) -> Iterator[SpawnProcess]:
    """Run a process until the ``with`` block ends; nothing takes its place if it dies."""
    process = start()
    try:
        yield process
    finally:
        link.finished.value = True
        process.join(END_TIMEOUT_S)
        if process.is_alive():
            _kill(name, process, END_TIMEOUT_S)
            process.join()


def _kill(name: str, process: SpawnProcess, after_s: float) -> None:
    sys.stderr.write(f"car: The {name} did not close in {after_s:.0f} s, and was killed.\n")
    process.kill()


def start_process(name: str, run: Callable[..., None], *arguments: object, niceness: int = 0) -> SpawnProcess:
    """Start ``run(*arguments)`` in a process of its own, which no signal of the terminal reaches.

    Its imports take their turn, whatever priority this thread has: they would silence another car's controls.
    """
    process = multiprocessing.get_context("spawn").Process(target=_run, args=(name, run, *arguments), name=name)
    with deaf_children():
        process.start()
    if process.pid is not None:
        stand_in_line(process.pid)
    if niceness and hasattr(os, "setpriority") and process.pid is not None:
        # From its first import on: another one is started while the car drives.
        with contextlib.suppress(OSError):
            os.setpriority(os.PRIO_PROCESS, process.pid, niceness)
    return process


def _run(name: str, run: Callable[..., None], *arguments: object) -> None:
    """Be the process; say in a sentence what the machine has run out of."""
    try:
        run(*arguments)
    except (OSError, MemoryError, ImportError, RuntimeError) as error:
        sentence = shortage_in_words(error)
        if sentence is None:
            raise
        sys.stderr.write(f"car: The {name} ended. {sentence}\n")
        sys.exit(1)


@contextlib.contextmanager
def deaf_children() -> Iterator[None]:
    """Start children that Ctrl-C and a closed terminal do not reach: this process answers those for all.

    Blocked signals stay blocked in a child, from its first instruction on; here they are delivered a moment later.
    """
    if not hasattr(signal, "pthread_sigmask"):
        yield
        return
    # A file struct.py where the user stands must not be taken for Python's own.
    os.environ["PYTHONSAFEPATH"] = "1"
    # Starting it later, on its own, multiprocessing would unblock them again.
    resource_tracker.ensure_running()
    before = signal.pthread_sigmask(signal.SIG_BLOCK, {signal.SIGINT, signal.SIGHUP})
    try:
        yield
    finally:
        signal.pthread_sigmask(signal.SIG_SETMASK, before)
