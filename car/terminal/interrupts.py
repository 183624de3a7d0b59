"""Ctrl-C, remembered."""

from __future__ import annotations

import contextlib
from collections.abc import Callable, Iterator
from types import FrameType

INTERRUPTED = 130
"""What a program that Ctrl-C has ended exits with."""


class Interrupts:
    """Remembers a Ctrl-C: raised inside a destructor or a library's callback, KeyboardInterrupt is lost.

    A work that can end by itself may be offered it first. ``insist`` says that nobody is.
    """

    seen = False
    insist = False
    _offer: Callable[[], bool] | None = None

    def __call__(self, _number: int, _frame: FrameType | None) -> None:
        """Handle the signal as Python does, unless somebody takes it."""
        if self._offer is not None and not self.insist and self._offer():
            return
        self.seen = True
        raise KeyboardInterrupt

    @contextlib.contextmanager
    def offered_to(self, take: Callable[[], bool]) -> Iterator[None]:
        """Ask ``take`` at each Ctrl-C of the block whether it takes it; where it does, nothing is raised.

        It is called between any two steps of the program, so it may do no more than take note.
        """
        self._offer = take
        try:
            yield
        finally:
            self._offer = None


interrupts = Interrupts()
