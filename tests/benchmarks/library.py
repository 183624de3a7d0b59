"""Benchmark: looking around in a long session through the page's server, and what activating a pilot costs the loop."""

from __future__ import annotations

import hashlib
import random
import threading
import time
from collections.abc import Callable
from pathlib import Path
from tempfile import TemporaryDirectory

import numpy as np
from numpy.typing import NDArray

from car.config.sections import CarConfig
from car.drive_record import DriveRecord
from car.gate import GateState, Mode
from car.kinds.pilot import SHIPPED_PILOT
from car.pilots.find import find_model
from car.pilots.loading import load_pilot
from car.sessions import EncodedFrame, SessionInfo, SessionWriter, encode
from hardware.camera import CameraGeometry
from hardware.clock import NS_PER_MS, NS_PER_S, VirtualClock
from hardware.drivetrain import Command
from tests.benchmarks.figures import Figure, show, spread
from tests.car.web.serving import Served, serving
from tests.frames import make_frame

FRAMES = 20_000
RATE_HZ = 30.0
GEOMETRY = CameraGeometry(160, 120)
LOOKS = 1000
ACTIVATIONS = 30
TICK_S = 0.0005


def measure() -> None:
    """Print how long the sessions page waits, and how long a pilot that is loaded holds up another thread."""
    with TemporaryDirectory() as folder, serving(Path(folder) / "mycar") as served:
        _write_long_session(served.folder.sessions_dir / "long.mcap")
        rng = random.Random(0)  # noqa: S311
        first = [
            Figure("the list, read for the first time", _once(served, "sessions")),
            Figure("opening it: details, for the first time", _once(served, "sessions/long")),
            Figure("its timeline, for the first time", _once(served, "sessions/long/timeline")),
        ]
        later = [
            Figure("the list again", _often(lambda: _get(served, "sessions"), 50)),
            Figure("details again", _often(lambda: _get(served, "sessions/long"), 50)),
            Figure("a thumbnail", _often(lambda: _get(served, "sessions/long/thumbnail.jpg"), 50)),
            Figure("commands of 500 frames", _often(lambda: _get(served, "sessions/long/records?count=500"), 50)),
            Figure(
                "any frame",
                _often(lambda: _get(served, f"sessions/long/frames/{rng.randrange(FRAMES)}.jpg"), LOOKS),
            ),
        ]
        show(f"A session of {FRAMES} frames, over HTTP", [*first, *later])
    show(
        "Activating a pilot",
        [Figure("longest wait of another thread while one is loaded", spread(_activation_stalls()))],
    )


def _write_long_session(path: Path) -> None:
    jpegs = [encode(make_frame(number, GEOMETRY)).jpeg for number in range(50)]
    clock = VirtualClock(NS_PER_S)
    info = SessionInfo(path.stem, camera=GEOMETRY, rate_hz=RATE_HZ)
    with SessionWriter(path, info, clock, sync=lambda _: None, min_free_bytes=0) as writer:
        for number in range(FRAMES):
            time_ns = NS_PER_S + round(number * NS_PER_S / RATE_HZ)
            clock.sleep_until_ns(time_ns)
            command = Command(float(np.sin(number / 30)), 0.2)
            writer.add_frame(EncodedFrame(number, time_ns, jpegs[number % len(jpegs)]))
            writer.add_record(
                DriveRecord(number, time_ns, Mode.AUTO, GateState.ARMED, None, Command(0, 0), command, command)
            )


def _get(served: Served, path: str) -> None:
    served.client.get(path).raise_for_status()


def _once(served: Served, path: str) -> str:
    started_ns = time.perf_counter_ns()
    _get(served, path)
    return f"{(time.perf_counter_ns() - started_ns) / NS_PER_MS:.0f} ms"


def _often(act: Callable[[], None], count: int) -> str:
    times_ns = []
    for _ in range(count):
        started_ns = time.perf_counter_ns()
        act()
        times_ns.append(time.perf_counter_ns() - started_ns)
    return spread(np.array(times_ns))


def _activation_stalls() -> NDArray[np.int64]:
    """Return, for each of ``ACTIVATIONS`` loads, the longest that a thread had to wait that wants to run."""
    path = find_model(SHIPPED_PILOT, Path())
    sha256 = hashlib.sha256(path.read_bytes()).hexdigest()
    camera = CarConfig().camera.geometry
    load_pilot(camera, path, sha256)
    stalls_ns = []
    for _ in range(ACTIVATIONS):
        loading = threading.Thread(target=load_pilot, args=(camera, path, sha256))
        longest_ns, last_ns = 0, time.perf_counter_ns()
        loading.start()
        while loading.is_alive():
            time.sleep(TICK_S)
            now_ns = time.perf_counter_ns()
            longest_ns, last_ns = max(longest_ns, now_ns - last_ns), now_ns
        loading.join()
        stalls_ns.append(longest_ns)
    return np.array(stalls_ns)
