"""What is done to the processes of a driving car from outside, with real signals."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import threading
import time
from dataclasses import dataclass
from pathlib import Path

CAR = (sys.executable, "-P", "-c", "from car.entry import main; main()")
"""The ``car`` command, wherever its script may be."""
JUMPED_FOR_S = 0.5
HELD_FOR_S = 2.0
OVERLOAD_S = 4.0
TIMELINE = "wheels.timeline"


@dataclass(frozen=True, slots=True)
class Processes:
    """The processes of a car that drives, by number, and the ``folder`` it was made in."""

    drive: int
    controls: int
    desk: int
    guard: int
    folder: Path

    @property
    def wheels(self) -> Path:
        """The file to which every command is appended."""
        return self.folder / TIMELINE

    @property
    def jumped(self) -> Path:
        """While this file exists, the wall clock that the processes see is an hour ahead."""
        return self.folder / "jumped"


def kill_drive(processes: Processes) -> None:
    """Kill the drive process."""
    os.kill(processes.drive, signal.SIGKILL)


def kill_drive_that_holds_on(processes: Processes) -> None:
    """Kill the drive process, while nobody can have the wheels for some seconds: as if it took so long to die."""
    if sys.platform == "linux":
        import fcntl

        wheels = os.open(processes.wheels, os.O_RDONLY)
        fcntl.flock(wheels, fcntl.LOCK_EX)
        threading.Timer(HELD_FOR_S, os.close, (wheels,)).start()
    kill_drive(processes)


def freeze_drive(processes: Processes) -> None:
    """Stop the drive process as a debugger does."""
    os.kill(processes.drive, signal.SIGSTOP)


def end_drive(processes: Processes) -> None:
    """Ask the drive process to end, as a service manager does."""
    os.kill(processes.drive, signal.SIGTERM)


def kill_controls(processes: Processes) -> None:
    """Kill what carries a stop, the pages included."""
    os.kill(processes.controls, signal.SIGKILL)


def freeze_controls(processes: Processes) -> None:
    """Stop what carries a stop as a debugger does, its sockets open."""
    os.kill(processes.controls, signal.SIGSTOP)


def kill_desk(processes: Processes) -> None:
    """Kill the desk, and the recorder with it."""
    os.kill(processes.desk, signal.SIGKILL)


def freeze_desk(processes: Processes) -> None:
    """Stop the desk as a debugger does."""
    os.kill(processes.desk, signal.SIGSTOP)


def kill_guard(processes: Processes) -> None:
    """Kill the guard."""
    os.kill(processes.guard, signal.SIGKILL)


def freeze_guard(processes: Processes) -> None:
    """Stop the guard as a debugger does."""
    os.kill(processes.guard, signal.SIGSTOP)


def start_hogs(seconds: float) -> list[subprocess.Popen[bytes]]:
    """Start what keeps every core busy, twice over and at ordinary priority, and ends by itself after so long."""
    code = f"import time\nend = time.monotonic() + {seconds}\nwhile time.monotonic() < end: pass"
    command = [sys.executable, "-I", "-c", code]
    return [subprocess.Popen(command, start_new_session=True) for _ in range(2 * (os.cpu_count() or 1))]  # noqa: S603


def overload_machine(_processes: Processes) -> None:
    """Keep every core busy for a few seconds."""
    for hog in start_hogs(OVERLOAD_S):
        # Somebody has to take note of its end, and the trial goes on meanwhile.
        threading.Thread(target=hog.wait, daemon=True).start()


def kill_all(processes: Processes) -> None:
    """Kill them all, the guard first, and run what a service manager then runs."""
    for process in (processes.guard, processes.drive, processes.controls, processes.desk):
        os.kill(process, signal.SIGKILL)
    subprocess.run([*CAR, "neutral", "--car", str(processes.folder)], check=False)  # noqa: S603


def fill_disk(processes: Processes) -> None:
    """Let the recording grow no more: each write fails as it does on a full disk."""
    if sys.platform == "linux":
        import resource

        size = max((path.stat().st_size for path in (processes.folder / "sessions").iterdir()), default=0)
        resource.prlimit(processes.desk, resource.RLIMIT_FSIZE, (size, size))


def jump_wall_clock(processes: Processes) -> None:
    """Set the wall clock that all processes see forward by an hour, and back again."""
    processes.jumped.touch()
    time.sleep(JUMPED_FOR_S)
    processes.jumped.unlink()
