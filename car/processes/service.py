"""What the controls and the desk are made of: services, each with a line in a table."""

from __future__ import annotations

import contextlib
import multiprocessing
import signal
import sys
import threading
from collections.abc import Callable, Iterator, Sequence
from contextlib import AbstractContextManager
from dataclasses import dataclass
from typing import Generic, TypeVar

from car.link.car_link import CarLink
from car.terminal.streams import make_output_safe

Context = TypeVar("Context")
LOOK_PERIOD_S = 0.02
SWITCH_INTERVAL_S = 0.001
"""How long a busy thread keeps the others waiting: a fifth of Python's own."""


@dataclass(frozen=True, slots=True)
class Service(Generic[Context]):
    """One thing that a process does: ``open`` starts it, and what that returns ends it."""

    name: str
    open: Callable[[Context], AbstractContextManager[object]]


@contextlib.contextmanager
def serving(services: Sequence[Service[Context]], context: Context) -> Iterator[None]:
    """Start every service of a table in its order, and end them in the opposite one."""
    with contextlib.ExitStack() as stack:
        for service in services:
            stack.enter_context(service.open(context))
        yield


@contextlib.contextmanager
def thread(
    name: str, run: Callable[[], None], end: Callable[[], None], timeout_s: float | None = None
) -> Iterator[None]:
    """Run a thread until the ``with`` block ends; ``end`` tells it to come to its end."""
    runner = threading.Thread(target=run, name=name, daemon=True)
    runner.start()
    try:
        yield
    finally:
        end()
        runner.join(timeout_s)


def become_child(name: str) -> threading.Event:
    """Make this process one that serves a drive process; return what SIGTERM sets."""
    make_output_safe()
    _call_myself(name)
    sys.setswitchinterval(SWITCH_INTERVAL_S)
    ended = threading.Event()
    # The drive process alone answers Ctrl-C; its children end once the car stands and the last cycle is written.
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    if hasattr(signal, "SIGTTOU"):
        # Putting the terminal in order must not stop the process, should the job have gone into the background.
        signal.signal(signal.SIGTTOU, signal.SIG_IGN)
    signal.signal(signal.SIGTERM, lambda _signal, _frame: ended.set())
    return ended


def is_over(link: CarLink) -> bool:
    """Tell whether the drive process has finished, or is gone."""
    parent = multiprocessing.parent_process()
    return link.finished.value or (parent is not None and not parent.is_alive())


def wait_for_the_end(link: CarLink, ended: threading.Event) -> None:
    """Wait until SIGTERM comes or the drive process has finished."""
    while not ended.wait(LOOK_PERIOD_S) and not is_over(link):
        pass
    ended.set()


def _call_myself(name: str) -> None:
    """Give this process a name that ``ps`` and ``top`` show, where the system has a place for it."""
    with contextlib.suppress(OSError), open("/proc/self/comm", "w", encoding="ascii") as file:  # noqa: PTH123
        file.write(name)
