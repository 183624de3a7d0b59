"""Where the program prints to, whatever that is."""

from __future__ import annotations

import contextlib
import io
import os
import select
import sys


def make_output_safe() -> None:
    """See to it that nothing printed can end the program: a closed stream, a character its encoding does not have."""
    for name in ("stdout", "stderr"):
        stream = getattr(sys, name)
        if stream is None:
            setattr(sys, name, open(os.devnull, "w", encoding="utf-8"))  # noqa: PTH123, SIM115 - for the whole run
        elif isinstance(stream, io.TextIOWrapper):
            stream.reconfigure(errors="replace")


def say_if_heard(sentence: str) -> None:
    """Print a sentence to the standard error, unless nobody can take it at the moment: it never waits."""
    # A terminal that Ctrl-S has halted would halt its writer too. Windows cannot tell, and prints nothing.
    with contextlib.suppress(OSError, ValueError, AttributeError):
        descriptor = sys.stderr.fileno()
        if select.select([], [descriptor], [], 0)[1]:
            os.write(descriptor, f"{sentence}\n".encode(errors="replace"))
