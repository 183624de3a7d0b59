"""What the page costs the drive loop, and how soon the car does what a person at the page does."""

from __future__ import annotations

import contextlib
import random
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path
from tempfile import TemporaryDirectory

import numpy as np
from numpy.typing import NDArray

from car.config.folder import CarFolder
from car.pairing.store import AccessStore
from hardware.clock import NS_PER_MS, SystemClock
from hardware.drivetrain import NEUTRAL
from hardware.drivetrains.timeline import read_timeline
from tests.benchmarks.audience import SESSION, VIEWERS
from tests.benchmarks.figures import Figure, show, spread
from tests.benchmarks.loop import drive_for
from tests.system.browser import Browser
from tests.system.car_process import DrivingCar, wait_for

RATE_HZ = 60
TURN_S = 12.0
TURNS = 3
PRESSES = 100
SESSION_BYTES = 50_000_000


def measure() -> None:
    """Print the drive loop's latency with and without an audience, by turns; then how soon a stick is felt."""
    frames: list[int] = []
    turns = [(_latencies(None), _latencies(frames)) for _ in range(TURNS)]
    alone, watched = (np.concatenate(times) for times in zip(*turns, strict=True))
    p99_ms = [float(np.percentile(times, 99)) / NS_PER_MS for times in (alone, watched)]
    with TemporaryDirectory() as folder:
        presses = _presses(Path(folder))
    p50, p95 = np.percentile(presses, (50, 95))
    show(
        f"The page, at {RATE_HZ} frames/s",
        [
            Figure("capture to drivetrain, recording, nobody at the page", spread(alone)),
            Figure(f"… {VIEWERS} viewers, recording and a download", spread(watched)),
            Figure("  p99 grows by", f"{p99_ms[1] - p99_ms[0]:+.3f} ms"),
            Figure("  frames that each viewer got meanwhile", f"{sum(frames) / VIEWERS / TURNS / TURN_S:.1f} /s"),
            Figure("stick moved at the socket → drivetrain", f"p50 {p50:.1f} · p95 {p95:.1f} ms · n {len(presses)}"),
        ],
    )


def _latencies(frames: list[int] | None) -> NDArray[np.int64]:
    """Return the latencies of one turn in ns; with an audience if there are ``frames`` to be counted."""

    @contextlib.contextmanager
    def meanwhile(folder: CarFolder) -> Iterator[None]:
        if frames is None:
            yield
            return
        with audience(folder, frames):
            yield

    return drive_for(TURN_S, RATE_HZ, record=True, meanwhile=meanwhile).latency


@contextlib.contextmanager
def audience(folder: CarFolder, frames: list[int]) -> Iterator[None]:
    """Have people sit at the page of the car in ``folder``; ``frames`` gets how many they were shown in the end."""
    store = AccessStore(folder.path, SystemClock())
    wait_for(lambda: store.running_server() is not None, "the page")
    server = store.running_server()
    assert server is not None
    filler = random.Random(0).randbytes(SESSION_BYTES)  # noqa: S311 - not a secret
    (folder.sessions_dir / f"{SESSION}.mcap").write_bytes(filler)
    command = [sys.executable, "-m", "tests.benchmarks.audience", str(server.port)]
    with subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True) as audience:
        assert audience.stdin is not None
        assert audience.stdout is not None
        assert audience.stdout.readline() == "there\n"
        yield
        audience.stdin.close()
        frames.append(int(audience.stdout.read()))


def _presses(folder: Path) -> list[float]:
    """Return the milliseconds from each move of the stick at the socket to the first command that has felt it."""
    wheels = folder / "wheels.timeline"
    (folder / "mycar").mkdir()
    (folder / "mycar" / "car.toml").write_text(
        f'[camera]\nrate_hz = {RATE_HZ}\n[drivetrain]\ntimeline = "../{wheels.name}"\n', encoding="utf-8"
    )
    chance, clock, times_ms = random.Random(0), SystemClock(), []  # noqa: S311 - not a secret
    with DrivingCar(folder, "--no-record", headless=False) as car, Browser(car.port) as browser:
        browser.arm()
        for _ in range(PRESSES):
            browser.stick = (0.0, 0.0)
            wait_for(lambda: read_timeline(wheels)[-1].command == NEUTRAL, "the wheels to be straight")
            time.sleep(0.1 + chance.random() / RATE_HZ)
            pressed_ns = clock.now_ns()
            browser.stick = (1.0, 0.0)
            browser.sample_now()
            wait_for(lambda: read_timeline(wheels)[-1].command.steering > 0, "the wheels to turn")
            felt = (at for at in read_timeline(wheels) if at.time_ns > pressed_ns and at.command.steering > 0)
            times_ms.append((next(felt).time_ns - pressed_ns) / NS_PER_MS)
    return times_ms
