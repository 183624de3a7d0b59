"""The disk that sessions are recorded to."""

from __future__ import annotations

import os
import shutil
import tempfile
import time
from collections.abc import Iterator
from pathlib import Path

from car.doctor.patient import Patient
from car.kinds.verdict import Verdict, error, ok, warning

BLOCK_BYTES = 8 << 20
SLOW_MB_S = 5.0
"""Below this the recorder would drop frames while anything else writes; a card of class A1 does 10 MB/s."""
SCARCE_FACTOR = 2


def disk_space(patient: Patient) -> Iterator[Verdict]:
    """How much can still be recorded."""
    free_mb = shutil.disk_usage(_existing(patient.folder)).free / 1e6
    needed_mb = patient.config.recording.min_free_mb
    text = f"{free_mb / 1000:.1f} GB are free"
    advice = "Delete sessions that you do not need; `car sessions list` shows their sizes."
    if free_mb < needed_mb:
        yield warning(f"{text}: nothing is recorded below {needed_mb / 1000:.1f} GB, and the car drives on.", advice)
    elif free_mb < needed_mb * SCARCE_FACTOR:
        yield warning(f"{text}, and recording stops at {needed_mb / 1000:.1f} GB.", advice)
    else:
        yield ok(f"{text}.")


def disk_speed(patient: Patient) -> Iterator[Verdict]:
    """How fast the disk takes what is recorded, fsync included."""
    block = os.urandom(BLOCK_BYTES)
    folder = _existing(patient.folder)
    try:
        with tempfile.NamedTemporaryFile(dir=folder, prefix=".doctor-") as file:
            started_ns = time.perf_counter_ns()
            file.write(block)
            file.flush()
            os.fsync(file.fileno())
            speed_mb_s = BLOCK_BYTES / 1e6 / ((time.perf_counter_ns() - started_ns) / 1e9)
    except OSError as problem:
        yield error(f"Nothing can be written to {folder} ({problem.strerror}).", f"ls -ld {folder}")
        return
    if speed_mb_s < SLOW_MB_S:
        yield warning(
            f"The disk writes {speed_mb_s:.1f} MB/s, which is slow.", "Use a card of class A1 or A2, or an SSD on USB."
        )
    else:
        yield ok(f"The disk writes {speed_mb_s:.0f} MB/s.")


def _existing(folder: Path) -> Path:
    """Return ``folder``, or the one above it in which it would be made."""
    return next(path for path in (folder, *folder.resolve().parents) if path.is_dir())
