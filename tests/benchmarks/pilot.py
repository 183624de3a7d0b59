"""What the pilot's call costs on top of the network's own invoke."""

from __future__ import annotations

import time
from pathlib import Path

import numpy as np

from car.config.sections import CarConfig
from car.kinds.pilot import SHIPPED_PILOT
from car.pilots.find import find_model
from car.pilots.loading import open_pilot
from hardware.clock import NS_PER_MS
from tests.benchmarks.figures import Figure, show
from tests.benchmarks.loop import endless_frames

CALLS = 3000
WARM_UP_CALLS = 100


def measure() -> None:
    """Print the pilot's call, the bare invoke inside the same call, and how they compare."""
    pilot, _ = open_pilot(find_model(SHIPPED_PILOT, Path()), CarConfig().camera.geometry)
    frames = endless_frames(60.0)
    calls, invokes = [], []
    for _ in range(CALLS + WARM_UP_CALLS):
        frame = next(frames)
        started_ns = time.perf_counter_ns()
        output = pilot.drive(frame)
        calls.append(time.perf_counter_ns() - started_ns)
        invokes.append(output.inference_ns)
    call, invoke = np.array(calls[WARM_UP_CALLS:]), np.array(invokes[WARM_UP_CALLS:])
    show(
        f"Pilot, {SHIPPED_PILOT}, {CALLS} calls",
        [
            Figure("pilot call", _spread(call), "2.33 ms (5.3.0)"),
            Figure("the bare invoke in it", _spread(invoke), "0.60 ms (5.3.0)"),
            Figure("call / invoke, medians", f"{np.median(call) / np.median(invoke):.2f}", "3.9 (5.3.0)"),
        ],
    )


def _spread(times_ns: np.ndarray[tuple[int], np.dtype[np.int64]]) -> str:
    p50, p99 = np.percentile(times_ns, (50, 99)) / NS_PER_MS
    return f"p50 {p50:.3f} · p99 {p99:.3f} ms"
