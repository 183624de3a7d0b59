"""Ctrl-C, remembered."""

from __future__ import annotations

from types import FrameType
from typing import Never

INTERRUPTED = 130
"""What a program that Ctrl-C has ended exits with."""


class Interrupts:
    """Remembers a Ctrl-C: raised inside a destructor or a library's callback, KeyboardInterrupt is lost."""

    seen = False

    def __call__(self, _number: int, _frame: FrameType | None) -> Never:
        """Handle the signal as Python does."""
        self.seen = True
        raise KeyboardInterrupt


interrupts = Interrupts()
