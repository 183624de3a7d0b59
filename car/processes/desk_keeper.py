"""Keeping a desk: the drive process starts it, starts another one when it dies, and ends it in order."""

from __future__ import annotations

import contextlib
import multiprocessing
import os
import signal
import threading
import time
from collections.abc import Callable, Iterator
from dataclasses import replace
from multiprocessing import resource_tracker
from multiprocessing.context import SpawnProcess

from car.drive_loop import Driver
from car.gate import Event, Fault
from car.kinds.pilot import Pilot
from car.link.desk_link import DeskLink
from car.link.driver_slot import SlotDriver
from car.processes.desk import DESK_NICENESS, DeskJob, run_desk

START_TIMEOUT_S = 5.0
START_POLL_S = 0.01
END_TIMEOUT_S = 10.0
SETTLE_S = 0.2
"""How long the drive loop has to hear what the dead desk said last."""
MAX_PAUSE_S = 30.0
LONG_LIFE_S = 60.0
"""A desk that lived for so long did not die of its start."""


class DeskKeeper(threading.Thread):
    """Runs the desk process from ``start`` to ``close``; when it dies before its time another takes its place.

    ``deaths`` counts how often that was. ``driver`` is the drive loop's side of the slot into which the desk writes,
    ``pilot`` the one that drives, whose name the desk is told.
    """

    def __init__(self, link: DeskLink, job: DeskJob, driver: SlotDriver, pilot: Pilot) -> None:
        super().__init__(name="desk keeper", daemon=True)
        self._link = link
        self._job = job
        self._driver = driver
        self._pilot = pilot
        self._closing = threading.Event()
        self._process = self._start_process()
        self.deaths = 0

    @property
    def pid(self) -> int:
        """The number of the desk process."""
        return self._process.pid or 0

    def wait_until_ready(self, should_end: Callable[[], bool]) -> None:
        """Let the desk finish its start, unless ``should_end``."""
        wait_until_ready(self._link, self._process, should_end)

    def run(self) -> None:
        """Keep the desk until closed; one that dies again and again gets more and more time in between."""
        pause_s = SETTLE_S
        while True:
            started_s = time.monotonic()
            self._process.join()
            if self._closing.is_set():
                return
            self.deaths += 1
            pause_s = SETTLE_S if time.monotonic() - started_s > LONG_LIFE_S else min(2 * pause_s, MAX_PAUSE_S)
            if self._closing.wait(pause_s):
                return
            self._driver.put_in_order()
            # Where there is no memory for another process now, there may be later.
            with contextlib.suppress(OSError):
                self._process = self._start_process()

    def close(self) -> None:
        """Let the desk write what is left, and end it if it cannot."""
        self._closing.set()
        self._link.finished.value = True
        self.join(END_TIMEOUT_S)
        if self.is_alive():
            self._process.kill()
            self.join()

    def _start_process(self) -> SpawnProcess:
        return _start(self._link, run_desk, replace(self._job, pilot=self._pilot.name))


class DeskReport:
    """Tells the gate when the desk has died: what the driver sees and says went through it."""

    def __init__(self, driver: Driver, keeper: DeskKeeper) -> None:
        self._driver = driver
        self._keeper = keeper
        self._deaths = 0

    def events(self, now_ns: int) -> Iterator[Event]:
        """Yield the driver's events, and a fault after them for each desk that has died."""
        yield from self._driver.events(now_ns)
        deaths, self._deaths = self._deaths, self._keeper.deaths
        if self._deaths > deaths:
            yield Fault()


@contextlib.contextmanager
def keeping_desk(link: DeskLink, job: DeskJob, driver: SlotDriver, pilot: Pilot) -> Iterator[DeskKeeper]:
    """Have a desk for as long as the context lasts."""
    keeper = DeskKeeper(link, job, driver, pilot)
    keeper.start()
    try:
        yield keeper
    finally:
        keeper.close()


@contextlib.contextmanager
def desk_process(link: DeskLink, run: Callable[..., None], *arguments: object) -> Iterator[SpawnProcess]:
    """Run a desk, by ``run(link, *arguments)``, for as long as the context lasts; nothing takes its place if it dies.

    At the end it may write what is left, and is ended if it cannot.
    """
    process = _start(link, run, *arguments)
    try:
        yield process
    finally:
        link.finished.value = True
        process.join(END_TIMEOUT_S)
        if process.is_alive():
            process.kill()
            process.join()


def wait_until_ready(link: DeskLink, desk: SpawnProcess, should_end: Callable[[], bool]) -> None:
    """Let the desk finish its start, which would take the processor from the first frames; not for ever, though."""
    deadline_s = time.monotonic() + START_TIMEOUT_S
    while not (link.ready.value or should_end()) and desk.exitcode is None and time.monotonic() < deadline_s:
        time.sleep(START_POLL_S)


def _start(link: DeskLink, run: Callable[..., None], *arguments: object) -> SpawnProcess:
    process = multiprocessing.get_context("spawn").Process(target=run, args=(link, *arguments), name="desk")
    with deaf_children():
        process.start()
    if hasattr(os, "setpriority") and process.pid is not None:
        # From its first import on: another desk is started while the car drives.
        with contextlib.suppress(OSError):
            os.setpriority(os.PRIO_PROCESS, process.pid, DESK_NICENESS)
    return process


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
