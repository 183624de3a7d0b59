"""What the car costs before and while it drives: start-up and memory, each in processes of its own."""

from __future__ import annotations

import re
import subprocess
import time
from pathlib import Path
from tempfile import TemporaryDirectory

import numpy as np
import psutil

from car.sessions.reader import Session
from hardware.clock import NS_PER_S, SystemClock
from hardware.drivetrains.timeline import read_timeline
from tests.benchmarks.figures import Figure, show
from tests.system.car_process import CAR, DrivingCar

RUNS = 5
SOME_DRIVING_BYTES = 300_000


def measure() -> None:
    """Print the time of ``car --help``, the start to the first cycle, and the memory of the drive process."""
    helps_s, neutrals_s = ([_seconds(argument) for _ in range(RUNS)] for argument in ("--help", "neutral"))
    starts_s, memories_mb, bytes_per_frame, neutrals_ms = zip(*(_drive() for _ in range(RUNS)), strict=True)
    show(
        f"Footprint, medians of {RUNS}",
        [
            Figure("car --help", f"{np.median(helps_s):.2f} s"),
            Figure("car neutral", f"{np.median(neutrals_s):.3f} s"),
            Figure("start to first loop", f"{np.median(starts_s):.2f} s", "0.55-0.64 s, without a page"),
            Figure("resident memory, drive process", f"{np.median(memories_mb):.0f} MB", "137 MB"),
            Figure("Ctrl-C to neutral", f"{np.median(neutrals_ms):.0f} ms, worst {max(neutrals_ms):.0f} ms"),
            Figure("recorder, bytes per frame", f"{np.median(bytes_per_frame):.0f}", "4630 (5.3.0)"),
        ],
    )


def _seconds(argument: str) -> float:
    with TemporaryDirectory() as folder:
        (Path(folder) / "car.toml").touch()
        started_s = time.perf_counter()
        subprocess.run([str(CAR), argument], cwd=folder, check=True, capture_output=True)
        return time.perf_counter() - started_s


def _drive() -> tuple[float, float, float, float]:
    """Drive the simulated car for a while and end it by Ctrl-C.

    Returns the start to the first cycle in s, the memory in MB, bytes per frame, and the signal to neutral in ms.
    """
    clock = SystemClock()
    with TemporaryDirectory() as folder:
        timeline = Path(folder) / "wheels.timeline"
        (Path(folder) / "mycar").mkdir()
        (Path(folder) / "mycar" / "car.toml").write_text(
            '[drivetrain]\ntimeline = "../wheels.timeline"\n', encoding="utf-8"
        )
        started_ns = clock.now_ns()
        with DrivingCar(Path(folder)) as car:
            car.wait_until_recorded(SOME_DRIVING_BYTES)
            memory_mb = psutil.Process(car.process.pid).memory_info().rss / 1e6
            _, output = car.end()
            neutral = re.search(r"neutral (\d+) ms later", output)
            assert neutral, output
            with Session.open(car.session) as session:
                bytes_per_frame = car.session.stat().st_size / session.frame_count
        # The second command is the first cycle's; the one before it is the neutral that every drive begins with.
        first_s = (read_timeline(timeline)[1].time_ns - started_ns) / NS_PER_S
        return first_s, memory_mb, bytes_per_frame, float(neutral[1])
