"""A training that is started from a page: ``car train`` in a process of its own, watched by what it prints.

It gives way to whatever else there is to do, so that a car that drives meanwhile does not notice. It ends with the
process that started it, however that ended: the pipe to it breaks.
"""

from __future__ import annotations

import contextlib
import importlib.util
import os
import re
import shlex
import shutil
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import Literal

from car.errors import MissingPackage, TrainingError
from car.pilots.find import MODEL_SUFFIX
from car.terminal.interrupts import INTERRUPTED
from models.errors import ModelError
from models.loader import read_card

NICENESS = 15
MAX_REPORT_CHARS = 20_000
STOP_TIMEOUT_S = 5.0
"""Less than a desk has to end in; the training itself gives up sooner."""
UNFINISHED = (".export-{pid}-*", ".checkpoints/.part-{pid}-*")
"""The folders in which the process of a training has what is not whole (``training.pipeline``)."""
CHECKPOINTS = ".checkpoints"
CHECKPOINT = "*-{pid}.fit"
"""That from which a training would go on (``training.checkpoints``): it stays, but not where it was stopped."""
PROGRESS = re.compile(r": (\d+%, about \d+ s left|\d+ s so far)")
"""What is printed now and then is how far it is; the rest is the report (``car.terminal.progress``)."""

DRIVE_IT = "Drive with it: "
"""How the line begins with which a training says what it has made (``car.cli.train``)."""

State = Literal["none", "running", "done", "stopped", "failed"]


@dataclass(frozen=True, slots=True)
class TrainingStatus:
    """How a training stands.

    >>> TrainingStatus("running", "training: 40%, about 12 s left").model
    ''

    ``progress`` is the latest line of it, ``report`` all that was printed besides; ``model`` is the name
    of the model that came of it, empty until then; ``from_takeovers`` says what it learns from.
    """

    state: State = "none"
    progress: str = ""
    report: str = ""
    model: str = ""
    seconds: float = 0.0
    from_takeovers: bool = False


class Trainer:
    """Trains pilots of one car, one at a time; may be used from any thread.

    >>> trainer = Trainer(folder, folder / "models")
    >>> trainer.status().state
    'none'
    """

    def __init__(self, car_dir: Path, models_dir: Path) -> None:
        self._car_dir = car_dir.resolve()
        self._models_dir = models_dir
        self._lock = threading.Lock()
        self._process: subprocess.Popen[str] | None = None
        self._status = TrainingStatus()
        self._started_s = 0.0
        self._stopping = False

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
            arguments = [
                "train",
                *(str(path.resolve()) for path in sessions),
                "--car",
                str(self._car_dir),
            ]
            arguments += ["--from-takeovers"] if from_takeovers else []
            before = self._models()
            self._process = self._spawn(arguments)
            self._started_s, self._stopping = time.monotonic(), False
            self._status = TrainingStatus("running", "starting", from_takeovers=from_takeovers)
            made = partial(self._made, before, shlex.join(["car", *arguments]))
            threading.Thread(target=self._listen, args=(self._process, made), name="training", daemon=True).start()
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

    def _spawn(self, arguments: Sequence[str]) -> subprocess.Popen[str]:
        process = subprocess.Popen(  # noqa: S603
            # -P: a folder "car" where the user stands must not be taken for this package.
            [sys.executable, "-P", "-m", "car.entry", *arguments],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
            encoding="utf-8",
            errors="replace",
            cwd=self._car_dir,
            env=os.environ | {"COLUMNS": "90", "PYTHONUTF8": "1"},
        )
        if hasattr(os, "setpriority"):
            with contextlib.suppress(OSError):
                os.setpriority(os.PRIO_PROCESS, process.pid, NICENESS)
        return process

    def _listen(self, process: subprocess.Popen[str], made: Callable[[str], str]) -> None:
        """Take note of what the training prints, and of how it ends."""
        progress, report = "starting", ""
        # It also closes the pipes.
        with process:
            for line in process.stdout or ():
                if PROGRESS.search(line):
                    progress = line.strip()
                else:
                    report = (report + line)[-MAX_REPORT_CHARS:]
                self._tell("running", progress, report)
        code, model = process.returncode, made(report)
        state: State = "done" if model else "stopped" if self._stopping or code == INTERRUPTED else "failed"
        self._clear_up(process.pid, was_stopped=state == "stopped")
        self._tell(state, "", report.strip() or f"It ended with {code}.", model)

    def _clear_up(self, pid: int, *, was_stopped: bool) -> None:
        """Remove what a training that was killed has left, and where it was stopped that from which it would go on."""
        for pattern in UNFINISHED:
            for unfinished in self._models_dir.glob(pattern.format(pid=pid)):
                shutil.rmtree(unfinished, ignore_errors=True)
        if was_stopped:
            checkpoints = self._models_dir / CHECKPOINTS
            for checkpoint in checkpoints.glob(CHECKPOINT.format(pid=pid)):
                checkpoint.unlink(missing_ok=True)
            with contextlib.suppress(OSError):  # Others have theirs in it, or there is none.
                checkpoints.rmdir()

    def _tell(self, state: State, progress: str, report: str, model: str = "") -> None:
        seconds = round(time.monotonic() - self._started_s, 1)
        with self._lock:
            self._status = TrainingStatus(state, progress, report, model, seconds, self._status.from_takeovers)

    def _made(self, before: set[str], command: str, report: str) -> str:
        """Return the name of the model that came of ``command``: others are uploaded and renamed meanwhile.

        Its name is in ``report``, which says how to drive with it: an older model of the same command is not it.
        """
        drive_it = next((line for line in reversed(report.splitlines()) if line.startswith(DRIVE_IT)), "")
        name = Path(drive_it.rpartition(" ")[2].strip("'")).stem
        if name in self._models() - before:
            with contextlib.suppress(ModelError, OSError, ValueError, TypeError):
                card = read_card(self._models_dir / f"{name}{MODEL_SUFFIX}")
                if card and card.command == command:
                    return name
        return ""

    def _models(self) -> set[str]:
        return {path.stem for path in self._models_dir.glob(f"*{MODEL_SUFFIX}")}
