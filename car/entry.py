"""Where the ``car`` command starts."""

from __future__ import annotations

import io
import os
import signal
import sys
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


def make_output_safe() -> None:
    """See to it that nothing printed can end the program: a closed stream, a character its encoding does not have."""
    for name in ("stdout", "stderr"):
        stream = getattr(sys, name)
        if stream is None:
            setattr(sys, name, open(os.devnull, "w", encoding="utf-8"))  # noqa: PTH123, SIM115 - for the whole run
        elif isinstance(stream, io.TextIOWrapper):
            stream.reconfigure(errors="replace")


def main() -> Never:
    """Run ``car neutral`` with next to no imports, because it may be all that is left; anything else as usual."""
    try:
        signal.signal(signal.SIGINT, interrupts)
        make_output_safe()
        if sys.argv[1:2] == ["neutral"]:
            from car.neutral import main as neutral

            sys.exit(neutral(sys.argv[2:]))
        from car.cli import main as command_line

        command_line()
    except BaseException:
        # A Ctrl-C is one, whatever the import or library that it fell into has turned it into.
        if interrupts.seen:
            sys.exit(INTERRUPTED)
        raise
