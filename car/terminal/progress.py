"""How much is done, and how long it still takes: a bar in a terminal, a line now and then elsewhere."""

from __future__ import annotations

import contextlib
import threading
from collections.abc import Callable, Iterator

from rich.progress import BarColumn, Progress, TaskProgressColumn, TextColumn, TimeRemainingColumn

from car.terminal.console import console
from hardware.clock import NS_PER_S, Clock, SystemClock

LINE_EVERY_S = 8.0
"""A log that says nothing for 10 s looks like a program that hangs; a busy machine is late by a second or two."""


@contextlib.contextmanager
def progress_bar(what: str) -> Iterator[Callable[[float], None]]:
    """Show how much of ``what`` is done and how long is left; yields the function to be told, 0 … 1."""
    if not console.is_terminal:
        with progress_lines(what, every_s=LINE_EVERY_S) as lines:
            yield lambda done: lines.tell(what, done)
        return
    columns = (TextColumn("{task.description}", markup=False), BarColumn(), TaskProgressColumn(), TimeRemainingColumn())
    with Progress(*columns, console=console, transient=True) as bar:
        task = bar.add_task(what, total=1.0)
        yield lambda done: bar.update(task, completed=done)


class ProgressLine:
    """How far a work is, in words: ``driving on oval: 40 %, about 12 s left``."""

    def __init__(self, what: str, clock: Clock) -> None:
        self._clock = clock
        self._what = ""
        self.tell(what)

    def tell(self, what: str, done: float | None = None, left_s: float | None = None, note: str = "") -> None:
        """Take note of what is being done, how much of it is done, 0 … 1, and how long is left, where that is known."""
        if what != self._what:
            self._started_ns = self._clock.now_ns()
        self._what, self._done, self._left_s, self._note = what, done, left_s, note

    def __str__(self) -> str:
        """Return the line; the time left is what it took so far, continued, where nobody has told it."""
        elapsed_s = (self._clock.now_ns() - self._started_ns) / NS_PER_S
        if not self._done:
            return f"{self._what}: {elapsed_s:.0f} s so far"
        left_s = elapsed_s / self._done * (1 - self._done) if self._left_s is None else self._left_s
        note = f" ({self._note})" if self._note else ""
        return f"{self._what}: {self._done:.0%}, about {left_s:.0f} s left{note}"


def _print_line(line: str) -> None:
    console.print(line.lstrip(), highlight=False, soft_wrap=True)


@contextlib.contextmanager
def progress_lines(
    what: str, *, every_s: float = LINE_EVERY_S, say: Callable[[str], None] = _print_line, clock: Clock | None = None
) -> Iterator[ProgressLine]:
    """Say every ``every_s`` how far ``what`` is, until the ``with`` block ends; yields what is to be told.

    A line comes on time however seldom the work reports: an import or an export can take a while too.
    """
    line, ended = ProgressLine(what, clock or SystemClock()), threading.Event()

    def run() -> None:
        while not ended.wait(every_s):
            say(str(line))

    thread = threading.Thread(target=run, name="progress", daemon=True)
    thread.start()
    try:
        yield line
    finally:
        ended.set()
        thread.join()
