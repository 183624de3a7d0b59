"""Where the ``car`` command starts."""

from __future__ import annotations

import _thread
import os
import signal
import sys
import threading
import time
from collections.abc import Callable
from typing import Never

from car.terminal.interrupts import INTERRUPTED, interrupts
from car.terminal.shortages import shortage_in_words
from car.terminal.streams import make_output_safe

GIVE_UP_S = 3.0


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


def _end_when_left() -> None:
    """Wait until whoever started this process closes its standard input or is gone; then do as Ctrl-C does."""
    # Not sys.stdin's own read: Python cannot end while a thread waits in that.
    while os.read(0, 1):
        pass
    # A signal would wait for ever: a desk's children have this one blocked.
    _thread.interrupt_main(signal.SIGINT)
    # It does not reach what waits for another process, nor a callback that takes it for an error of its own.
    time.sleep(GIVE_UP_S)
    os._exit(INTERRUPTED)


if __name__ == "__main__":
    # So a page runs a command (``car.pilots.trainer``); a person's terminal has the command itself.
    interrupts.insist = True  # What a page stops leaves nothing.
    threading.Thread(target=_end_when_left, name="pipe", daemon=True).start()
    main()
