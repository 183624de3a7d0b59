"""A training that is started from a page: ``car train`` in a process of its own, watched by what it prints.

It gives way to whatever else there is to do, so that a car that drives meanwhile does not notice. It ends with the
process that started it, however that ended: the pipe to it breaks.
"""

from __future__ import annotations

import _thread
import contextlib
import importlib.util
import os
import re
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Literal

from car.config.folder import CarFolder
from car.errors import MissingPackage, TrainingError
from car.pilots.find import MODEL_SUFFIX

NICENESS = 15
MAX_REPORT_CHARS = 20_000
STOP_TIMEOUT_S = 10.0
INTERRUPTED = 130
PROGRESS = re.compile(r": (\d+%, about \d+ s left|\d+ s so far)")
"""What is printed now and then is how far it is; the rest is the report (``car.terminal.progress``)."""

State = Literal["none", "running", "done", "stopped", "failed"]


@dataclass(frozen=True, slots=True)
class TrainingStatus:
    """How a training stands: ``progress`` is the latest line of it, ``report`` all that was printed besides.

    ``model`` is the name of the model that came of it, empty until then.
    """

    state: State = "none"
    progress: str = ""
    report: str = ""
    model: str = ""
    seconds: float = 0.0


class Trainer:
    """Trains pilots of one car, one at a time; may be used from any thread.

    >>> trainer = Trainer(CarFolder(folder, CarConfig()))
    >>> trainer.status().state
    'none'
    """

    def __init__(self, folder: CarFolder) -> None:
        self._folder = folder
        self._lock = threading.Lock()
        self._process: subprocess.Popen[str] | None = None
        self._status = TrainingStatus()
        self._started_s = 0.0
        self._stopping = False
        self._models_before: set[str] = set()

    def status(self) -> TrainingStatus:
        """Return how the latest training stands."""
        with self._lock:
            return self._status

    def start(self, sessions: Sequence[Path], *, from_takeovers: bool = False) -> TrainingStatus:
        """Begin to train on ``sessions``.

        Raises TrainingError while another training goes on or when nothing was chosen, MissingPackage where Keras or
        TensorFlow is not installed.
        """
        if not sessions:
            raise TrainingError("Nothing is chosen to learn from. Choose a session.")
        missing = [name for name in ("keras", "tensorflow") if importlib.util.find_spec(name) is None]
        if missing:
            raise MissingPackage(
                f"A laptop trains: {' and '.join(missing)} cannot be found here. Copy the sessions to one, or install "
                '"pocketpilot[train]".'
            )
        with self._lock:
            if self._status.state == "running":
                raise TrainingError("A training goes on already. Wait for it, or stop it.")
            self._models_before = self._models()
            self._process = self._spawn(sessions, from_takeovers=from_takeovers)
            self._started_s, self._stopping = time.monotonic(), False
            self._status = TrainingStatus("running", "starting")
            threading.Thread(target=self._listen, args=(self._process,), name="training", daemon=True).start()
            return self._status

    def stop(self) -> TrainingStatus:
        """End the training as Ctrl-C would, at once if it does not hear; nothing is left of it."""
        with self._lock:
            process, self._stopping = self._process, True
        if process is not None and process.poll() is None:
            if process.stdin is not None:
                with contextlib.suppress(OSError):
                    process.stdin.close()
            with contextlib.suppress(subprocess.TimeoutExpired):
                process.wait(STOP_TIMEOUT_S)
            if process.poll() is None:
                process.kill()
                process.wait()
        return self.status()

    def _spawn(self, sessions: Sequence[Path], *, from_takeovers: bool) -> subprocess.Popen[str]:
        # -P: a folder "car" where the user stands must not be taken for this package.
        command = [
            sys.executable,
            "-P",
            "-m",
            "car.pilots.trainer",
            "train",
            *(str(path.resolve()) for path in sessions),
        ]
        command += ["--car", str(self._folder.path.resolve()), *(["--from-takeovers"] if from_takeovers else [])]
        process = subprocess.Popen(  # noqa: S603
            command,
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
            encoding="utf-8",
            errors="replace",
            cwd=self._folder.path,
            env=os.environ | {"COLUMNS": "90", "PYTHONUTF8": "1"},
        )
        if hasattr(os, "setpriority"):
            with contextlib.suppress(OSError):
                os.setpriority(os.PRIO_PROCESS, process.pid, NICENESS)
        return process

    def _listen(self, process: subprocess.Popen[str]) -> None:
        """Take note of what the training prints, and of how it ends."""
        progress, report = "starting", ""
        # It also closes the pipes.
        with process:
            for line in process.stdout or ():
                if PROGRESS.search(line):
                    progress = line.strip()
                else:
                    report = (report + line)[-MAX_REPORT_CHARS:]
                with self._lock:
                    self._status = TrainingStatus("running", progress, report, "", self._seconds())
        code = process.returncode
        with self._lock:
            model = next(iter(sorted(self._models() - self._models_before)), "")
            state: State = "done" if model else "stopped" if self._stopping or code == INTERRUPTED else "failed"
            self._status = TrainingStatus(state, "", report.strip() or f"It ended with {code}.", model, self._seconds())

    def _seconds(self) -> float:
        return round(time.monotonic() - self._started_s, 1)

    def _models(self) -> set[str]:
        return {path.stem for path in self._folder.models_dir.glob(f"*{MODEL_SUFFIX}")}


def _interrupt_when_left() -> None:
    """Wait until whoever started this process closes the pipe or is gone, then do as Ctrl-C does."""
    # Not sys.stdin's own read: Python cannot end while a thread waits in that.
    while os.read(0, 1):
        pass
    # A signal would wait for ever: a desk's children have this one blocked.
    _thread.interrupt_main(signal.SIGINT)


def _run_command() -> None:
    from car.entry import main

    threading.Thread(target=_interrupt_when_left, name="pipe", daemon=True).start()
    main()


if __name__ == "__main__":
    _run_command()
