"""A car driving in processes of its own, as a user starts it."""

from __future__ import annotations

import contextlib
import os
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Sequence
from pathlib import Path

import psutil

from car.pairing.store import AccessStore
from hardware.clock import SystemClock

CAR = Path(sys.executable).with_name("car")
PATIENCE_S = 60.0


def run_car(*arguments: str | Path, cwd: Path) -> subprocess.CompletedProcess[str]:
    """Run ``car`` to its end and return what it printed."""
    return run_to_end([str(CAR), *map(str, arguments)], cwd=cwd)


def run_to_end(command: list[str], cwd: Path) -> subprocess.CompletedProcess[str]:
    """Run a command to its end and return what it printed."""
    return subprocess.run(command, cwd=cwd, capture_output=True, text=True, timeout=PATIENCE_S * 5, check=False)


def assert_refused(done: subprocess.CompletedProcess[str], *words: str) -> None:
    """Check that ``car`` refused in one line that has all of ``words``, with exit code 1 and no traceback."""
    lines = [line for line in done.stderr.splitlines() if line.startswith("car: ")]
    assert done.returncode == 1, done
    assert len(lines) == 1, done.stderr
    assert "Traceback" not in done.stdout + done.stderr
    for word in words:
        assert word in lines[0]


def wait_for(condition: Callable[[], bool], what: str) -> None:
    """Wait until ``condition`` holds; fails the test when it does not in a minute, naming ``what``."""
    deadline_s = time.monotonic() + PATIENCE_S
    while not condition():
        assert time.monotonic() < deadline_s, f"waited in vain for {what}"
        time.sleep(0.02)


class DrivingCar:
    """``car drive`` in ``folder``, headless unless told otherwise; a context manager that leaves no process behind.

    ``prefix`` makes of its command one that runs elsewhere, in place of its own process.
    """

    def __init__(
        self,
        folder: Path,
        *arguments: str,
        in_own_group: bool = False,
        headless: bool = True,
        prefix: Sequence[str] = (),
    ) -> None:
        self.path = folder / "mycar"
        self.sessions = self.path / "sessions"
        self.process = subprocess.Popen(
            [*prefix, str(CAR), "drive", *(["--headless"] if headless else []), *arguments],
            cwd=folder,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
            process_group=0 if in_own_group else None,
        )

    def __enter__(self) -> DrivingCar:
        return self

    def __exit__(self, *_: object) -> None:
        for process in self._family():
            process.kill()
        self.process.communicate()

    @property
    def session(self) -> Path:
        """The file of the session being recorded."""
        return next(self.sessions.glob("*.mcap"))

    @property
    def port(self) -> int:
        """The port of the car's page, once it is there."""
        store = AccessStore(self.path, SystemClock())
        wait_for(lambda: store.running_server() is not None, "the page")
        address = store.running_server()
        assert address is not None
        return address.port

    @property
    def desk(self) -> psutil.Process:
        """The desk process."""
        return self._named("car-desk")

    @property
    def controls(self) -> psutil.Process:
        """The controls process."""
        return self._named("car-controls")

    @property
    def guard(self) -> psutil.Process:
        """The guard process."""
        return self._child("car.processes.guard")

    def wait_until_recorded(self, size_bytes: int) -> None:
        """Wait until the session has at least ``size_bytes``."""
        wait_for(lambda: any(path.stat().st_size >= size_bytes for path in self.sessions.glob("*.mcap")), "a recording")

    def end(self, number: int = signal.SIGINT) -> tuple[int, str]:
        """Send a signal; return the exit code and what was printed."""
        self.process.send_signal(number)
        output, errors = self.process.communicate(timeout=PATIENCE_S)
        return self.process.returncode, output + errors

    def _named(self, name: str) -> psutil.Process:
        """Return the process of that name, once it is there."""
        found: list[psutil.Process] = []

        def is_there() -> bool:
            found[:] = [child for child in self._family()[1:] if child.name() == name]
            return bool(found)

        wait_for(is_there, name)
        return found[0]

    def _child(self, word: str) -> psutil.Process:
        return next(child for child in self._family()[1:] if word in " ".join(child.cmdline()))

    def _family(self) -> list[psutil.Process]:
        if self.process.poll() is not None:
            return []
        parent = psutil.Process(self.process.pid)
        return [parent, *parent.children(recursive=True)]


class TerminalCar:
    """``car drive --headless``, or another command, in a terminal of its own; ``press`` types into it."""

    def __init__(self, folder: Path, *arguments: str, command: list[str] | None = None) -> None:
        self._terminal, inside = os.openpty()
        self.process = subprocess.Popen(
            ["setsid", "--ctty", *(command or [str(CAR), "drive", "--headless"]), *arguments],
            cwd=folder,
            stdin=inside,
            stdout=inside,
            stderr=inside,
        )
        os.close(inside)
        self._screen = bytearray()
        self._reading = threading.Thread(target=self._read, daemon=True)
        self._reading.start()

    def __enter__(self) -> TerminalCar:
        return self

    def __exit__(self, *_: object) -> None:
        self.process.kill()
        self.process.wait()
        self._reading.join()
        os.close(self._terminal)

    def press(self, keys: bytes) -> None:
        """Type ``keys``."""
        os.write(self._terminal, keys)

    def screen(self) -> str:
        """Return all that was written to the terminal since the screen was wiped."""
        return self._screen.decode(errors="replace")

    def wipe_screen(self) -> None:
        """Forget what was written so far."""
        self._screen.clear()

    def _read(self) -> None:
        # A terminal whose output nobody takes would in the end hold up whoever writes to it.
        with contextlib.suppress(OSError):
            while content := os.read(self._terminal, 65_536):
                self._screen += content
