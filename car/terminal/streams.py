"""Where the program prints to, whatever that is."""

from __future__ import annotations

import io
import os
import sys


def make_output_safe() -> None:
    """See to it that nothing printed can end the program: a closed stream, a character its encoding does not have."""
    for name in ("stdout", "stderr"):
        stream = getattr(sys, name)
        if stream is None:
            setattr(sys, name, open(os.devnull, "w", encoding="utf-8"))  # noqa: PTH123, SIM115 - for the whole run
        elif isinstance(stream, io.TextIOWrapper):
            stream.reconfigure(errors="replace")
