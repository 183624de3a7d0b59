"""A car whose pages a real browser opens, with what reached its wheels read from outside."""

from __future__ import annotations

import re
import signal
import socket
import subprocess
import threading
from collections.abc import Callable
from pathlib import Path
from uuid import uuid4

import psutil

from hardware.clock import NS_PER_MS
from hardware.drivetrain import NEUTRAL
from hardware.drivetrains.timeline import Applied, read_timeline
from tests.system.car_process import CAR, PATIENCE_S, wait_for

CAR_TOML = """\
[camera]
rate_hz = {rate_hz}

[drivetrain]
timeline = "{wheels}"

[recording]
enabled = false
min_free_mb = 0

[web]
port = {port}
"""

MEMORY = Path("/dev/shm")  # noqa: S108 - a name that nobody else can guess
"""Where the wheels' timeline is kept: a busy disk must not hold up a drive loop that on a real car writes to none."""


class ServedCar:
    """``car drive`` in ``folder``, with ``arguments``; a context manager that leaves no process behind.

    ``settings`` are more lines of its ``car.toml``.
    """

    def __init__(self, folder: Path, *arguments: str, rate_hz: float = 30.0, settings: str = "") -> None:
        self.folder = folder / "mycar"
        memory = MEMORY if MEMORY.is_dir() else folder
        self._wheels = memory / f"wheels-{uuid4().hex}.timeline"
        for name in ("sessions", "models"):
            (self.folder / name).mkdir(parents=True, exist_ok=True)
        (self.folder / "car.toml").write_text(
            CAR_TOML.format(port=_free_port(), rate_hz=rate_hz, wheels=self._wheels) + settings, encoding="utf-8"
        )
        self._said = ""
        self.process = subprocess.Popen(
            [str(CAR), "drive", "--car", str(self.folder), *arguments],
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            stdin=subprocess.DEVNULL,
            text=True,
        )
        self._reading = threading.Thread(target=self._read, daemon=True)
        self._reading.start()

    def __enter__(self) -> ServedCar:
        wait_for(lambda: self._address() is not None or self.process.poll() is not None, "the page's address")
        assert self.process.poll() is None, self._said
        return self

    def __exit__(self, *_: object) -> None:
        ended_early = self.process.poll() is not None
        self.process.send_signal(signal.SIGTERM)
        try:
            self.process.wait(PATIENCE_S)
        except subprocess.TimeoutExpired:
            for process in psutil.Process(self.process.pid).children(recursive=True):
                process.kill()
            self.process.kill()
            raise
        finally:
            self._reading.join(PATIENCE_S)
            self._wheels.unlink(missing_ok=True)
        assert not ended_early, f"the car ended ({self.process.returncode}) in the middle of it: {self._said}"

    @property
    def url(self) -> str:
        """The address that the car has printed, without the slash at its end."""
        return self._address() or ""

    @property
    def port(self) -> int:
        """The port of its pages."""
        return int(self.url.rpartition(":")[2])

    @property
    def sessions(self) -> list[Path]:
        """The files of its sessions."""
        return sorted((self.folder / "sessions").glob("*.mcap"))

    @property
    def wheels(self) -> list[Applied]:
        """All that the wheels were told."""
        return read_timeline(self._wheels)

    def wait_for_wheels(self, condition: Callable[[Applied], bool], what: str) -> Applied:
        """Wait until what the wheels are told meets ``condition``; return that."""
        wait_for(lambda: condition(self.wheels[-1]), what)
        return self.wheels[-1]

    def wait_for_neutral(self) -> None:
        """Wait until the wheels are told to stand still."""
        self.wait_for_wheels(lambda applied: applied.command == NEUTRAL, "neutral")

    def ms_to_neutral(self, since_ns: int) -> float:
        """Wait for neutral; return how long after ``since_ns`` the throttle was last pressed, 0 if not at all."""
        self.wait_for_wheels(lambda applied: applied.command.throttle == 0.0, "no throttle")
        pressed = [applied.time_ns for applied in self.wheels if applied.command.throttle != 0.0]
        return max(0.0, (max(pressed, default=0) - since_ns) / NS_PER_MS)

    def _address(self) -> str | None:
        found = re.search(r"https?://[\d.]+:\d+", self._said)
        return found and found.group()

    def _read(self) -> None:
        assert self.process.stdout is not None
        with self.process.stdout as output:
            for line in output:
                self._said += line


def _free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port: int = probe.getsockname()[1]
    return port
