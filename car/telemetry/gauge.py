"""Reading something that may hang, again and again, so that nobody who wants to know it waits."""

from __future__ import annotations

import contextlib
import threading
from collections.abc import Callable, Iterator
from typing import TypeVar

from hardware.clock import NS_PER_S, Clock

PERIOD_S = 1.0
STALE_NS = 3 * NS_PER_S
"""What was read longer ago is told no more."""
END_TIMEOUT_S = 0.2

T = TypeVar("T")


@contextlib.contextmanager
def gauge(
    name: str, read: Callable[[], T | None], clock: Clock, close: Callable[[], None] = lambda: None
) -> Iterator[Callable[[], T | None]]:
    """Call ``read`` once a second in a thread of its own for the ``with`` block; yield what tells its newest answer.

    >>> with gauge("answer", lambda: 42, clock) as newest:
    ...     while newest() is None:
    ...         pass
    ...     newest()
    42

    That is None before the first, where ``read`` has answered None or raised an exception, and once it has begun for
    the last time more than 3 s ago: one that hangs holds up nobody, and is left behind at the end. ``close`` is called
    last, in the same thread; it raises nothing.
    """
    found: list[tuple[int, T | None]] = [(clock.now_ns(), None)]
    ended = threading.Event()

    def run() -> None:
        while True:
            began_ns = clock.now_ns()
            answer = None
            # A stranger's device may raise anything.
            with contextlib.suppress(Exception):
                answer = read()
            found[0] = began_ns, answer
            if ended.wait(PERIOD_S):
                close()
                return

    def newest() -> T | None:
        began_ns, answer = found[0]
        return answer if clock.now_ns() - began_ns <= STALE_NS else None

    thread = threading.Thread(target=run, name=f"gauge {name}", daemon=True)
    thread.start()
    try:
        yield newest
    finally:
        ended.set()
        thread.join(END_TIMEOUT_S)
