"""Real-time priority for what stops the car, where the system grants it.

A machine that is busy with other things lets a program wait now and then, on two cores with a dozen jobs for 0.2 s and
more; and a drive process that does not answer for so long is one that the guard ends. Linux grants the priority to root
and to a service with ``LimitRTPRIO``. Where it does not, the car drives all the same.
"""

from __future__ import annotations

import contextlib
import os
import sys
from collections.abc import Iterator
from pathlib import Path

from hardware.realtime import CONTROLS_PRIORITY, LOOP_PRIORITY


@contextlib.contextmanager
def ahead_of_all() -> Iterator[None]:
    """Let this thread, and every thread that it starts, go before all ordinary programs; the guard too.

    Only Linux has it. All threads of a process that share Python's lock should have it, or none: one that waits in line
    with the lock in its hand would make the others wait with it.
    """
    with _at_priority(LOOP_PRIORITY):
        yield


def go_behind_the_loop() -> None:
    """Let every thread of this process go before all ordinary programs, and after the loop; for the controls.

    They take it once they have started: a second's imports before everybody else would silence another car's.
    """
    if sys.platform != "linux":
        return
    for thread in Path("/proc/self/task").iterdir():
        # One that has ended meanwhile needs none.
        with contextlib.suppress(PermissionError, ProcessLookupError):
            os.sched_setscheduler(int(thread.name), os.SCHED_RR, os.sched_param(CONTROLS_PRIORITY))


def stand_in_line(process: int) -> None:
    """Let a process that has just been started wait its turn among the ordinary ones, whoever started it."""
    if sys.platform == "linux":
        with contextlib.suppress(PermissionError, ProcessLookupError):
            os.sched_setscheduler(process, os.SCHED_OTHER, os.sched_param(0))


@contextlib.contextmanager
def _at_priority(priority: int) -> Iterator[None]:
    if sys.platform != "linux":
        yield
        return
    before = os.sched_getscheduler(0), os.sched_getparam(0)
    with contextlib.suppress(PermissionError):
        os.sched_setscheduler(0, os.SCHED_RR, os.sched_param(priority))
    try:
        yield
    finally:
        with contextlib.suppress(PermissionError):
            os.sched_setscheduler(0, *before)
