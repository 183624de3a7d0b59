"""Putting a car's outputs to neutral from outside the process that drives it.

The guard, and ``ExecStopPost`` after everything else is dead, have little time and must not depend on what has just
failed. So this module imports next to nothing, and takes plain data: a list of outputs, each a mapping that says how it
is written.

=============  =================  ============================================
``"kind"``     other keys         what is written
=============  =================  ============================================
``"timeline"`` ``"path"``         a neutral command at the end of the file
=============  =================  ============================================
"""

from __future__ import annotations

import os
import struct
import time
from collections.abc import Callable, Mapping, Sequence

Output = Mapping[str, str]

TIMELINE_ENTRY = struct.Struct("<qddq")
"""Time in ns, steering, throttle, and the process that wrote it."""


def write_neutral(outputs: Sequence[Output]) -> list[str]:
    """Put every output to neutral, whatever becomes of the others; return a sentence for each that failed."""
    problems = []
    for output in outputs:
        try:
            _WRITERS[output["kind"]](output)
        except (OSError, KeyError, ValueError) as error:
            problems.append(f"The output {dict(output)} could not be put to neutral ({error!r}). Cut its power.")
    return problems


def append_to_timeline(path: str, steering: float, throttle: float) -> None:
    """Append a command to a timeline file, in one write, so that several processes may do it at a time."""
    clock_id = getattr(time, "CLOCK_BOOTTIME", None)
    now_ns = time.monotonic_ns() if clock_id is None else time.clock_gettime_ns(clock_id)
    descriptor = os.open(path, os.O_WRONLY | os.O_APPEND | os.O_CREAT, 0o644)
    try:
        os.write(descriptor, TIMELINE_ENTRY.pack(now_ns, steering, throttle, os.getpid()))
    finally:
        os.close(descriptor)


def _write_timeline(output: Output) -> None:
    append_to_timeline(output["path"], 0.0, 0.0)


_WRITERS: dict[str, Callable[[Output], None]] = {"timeline": _write_timeline}
