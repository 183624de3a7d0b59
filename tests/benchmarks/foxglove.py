"""What Foxglove costs the drive loop: turns with a client that watches every topic beside turns without."""

from __future__ import annotations

import contextlib
import socket
import subprocess
import sys
from collections.abc import Iterator

import numpy as np
from numpy.typing import NDArray

from car.config.folder import CarFolder
from car.config.sections import FoxgloveSection
from hardware.clock import NS_PER_MS
from tests.benchmarks.figures import Figure, show, spread
from tests.benchmarks.loop import drive_for

RATE_HZ = 60
TURN_S = 12.0
TURNS = 3
PORTS = range(28_865, 28_965)


def measure() -> None:
    """Print the drive loop's latency without and with a client, by turns."""
    frames: list[int] = []
    turns = [(_latencies(None), _latencies(frames)) for _ in range(TURNS)]
    alone, watched = (np.concatenate(times) for times in zip(*turns, strict=True))
    p99_ms = [float(np.percentile(times, 99)) / NS_PER_MS for times in (alone, watched)]
    show(
        f"Foxglove, at {RATE_HZ} frames/s",
        [
            Figure("capture to drivetrain, recording, no live stream", spread(alone)),
            Figure("… a client of the live stream reads every topic", spread(watched)),
            Figure("  p99 grows by", f"{p99_ms[1] - p99_ms[0]:+.3f} ms (allowed: +0.100)"),
            Figure("  frames that the client got meanwhile", f"{sum(frames) / TURNS / TURN_S:.1f} /s"),
        ],
    )


def _latencies(frames: list[int] | None) -> NDArray[np.int64]:
    """Return the latencies of one turn in ns; with a client if there are ``frames`` to be counted."""
    port = _free_port()

    @contextlib.contextmanager
    def meanwhile(folder: CarFolder) -> Iterator[None]:
        if frames is None:
            yield
            return
        command = [sys.executable, "-m", "tests.foxglove_client", str(port)]
        with subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True) as client:
            assert client.stdin is not None
            assert client.stdout is not None
            yield
            client.stdin.close()
            said = client.stdout.read().split()
            frames.append(int(said[-1]))

    foxglove = FoxgloveSection(enabled=frames is not None, port=port)
    return drive_for(TURN_S, RATE_HZ, record=True, meanwhile=meanwhile, foxglove=foxglove).latency


def _free_port() -> int:
    for port in PORTS:
        with socket.socket() as trial:
            if trial.connect_ex(("127.0.0.1", port)):
                return port
    raise RuntimeError(f"No port from {PORTS[0]} on is free. End what listens there.")
