"""Where the ``car`` command starts."""

from __future__ import annotations

import signal
import sys
from collections.abc import Callable
from typing import Never

from car.terminal.interrupts import interrupts
from car.terminal.shortages import shortage_in_words
from car.terminal.streams import make_output_safe

INTERRUPTED = 130
"""What a program that Ctrl-C has ended exits with."""


def main() -> Never:
    """Run ``car neutral`` with next to no imports, because it may be all that is left; anything else as usual."""
    try:
        signal.signal(signal.SIGINT, interrupts)
        make_output_safe()
        if sys.argv[1:2] == ["neutral"]:
            from car.neutral import main as neutral

            sys.exit(neutral(sys.argv[2:]))
        _command_line()()
    except BaseException:
        # A Ctrl-C is one, whatever the import or library that it fell into has turned it into.
        if interrupts.seen:
            sys.exit(INTERRUPTED)
        raise


def _command_line() -> Callable[[], Never]:
    """Import the command line, which answers for whatever comes later; exit where the machine is short of something."""
    try:
        from car.cli.main import main as command_line
    except (OSError, MemoryError, ImportError, RuntimeError) as error:
        sentence = shortage_in_words(error)
        if sentence is None:
            raise
        sys.exit(f"car: {sentence}")
    return command_line
