"""From where an interrupted training goes on: the whole state of its fit, after its latest epochs, in one file.

Nothing random is kept but counters: what is drawn in a step depends on the seed and on the step's number alone. So a
training that goes on ends with the weights, to the bit, that it would have had on this machine without an interruption.
"""

from __future__ import annotations

import contextlib
import hashlib
import json
import os
import time
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from io import BytesIO
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from car.files import publish, reason, remove_left, work_folder
from car.software import software_versions
from training.dataset import CACHE_VERSION, Dataset
from training.split import Split

FOLDER = ".checkpoints"
SUFFIX = ".fit"
MAX_COST = 0.02
"""Of a training's time, this share at most goes into its checkpoints: where writing is slow, epochs are passed over."""
MOST = 3
"""So many trainings, at most, can be gone on with; of more, those that were interrupted first are forgotten."""
_PART = ".part-"
_HASH_BYTES = hashlib.sha256().digest_size

Arrays = list[NDArray[Any]]
SayCallback = Callable[[str], None]


def ignore_sentence(_: str) -> None:
    """Show nothing."""


@dataclass(frozen=True, slots=True, eq=False)
class FitState:
    """A fit after as many epochs as it has ``losses``, those of the validation.

    ``best`` are the weights of the best of them; ``variables`` and ``optimizer`` are the values of all variables of the
    network, the counters of its random layers included, and of the optimizer, as Keras lists them.

    >>> state = FitState([0.2, 0.1], best=[np.zeros(3)], variables=[np.zeros(3)], optimizer=[np.array(80)])
    >>> FitState.from_bytes(state.to_bytes()).losses
    [0.2, 0.1]
    """

    losses: list[float]
    best: Arrays
    variables: Arrays
    optimizer: Arrays

    def to_bytes(self) -> bytes:
        """Return the state as the content of a file."""
        parts = {"best": self.best, "variables": self.variables, "optimizer": self.optimizer}
        named: dict[str, Any] = {"losses": np.array(self.losses)}
        for name, arrays in parts.items():
            named |= {f"{name}-{index}": array for index, array in enumerate(arrays)}
        buffer = BytesIO()
        np.savez(buffer, **named)
        content = buffer.getvalue()
        return hashlib.sha256(content).digest() + content

    @classmethod
    def from_bytes(cls, content: bytes) -> FitState:
        """Return what ``to_bytes`` was called on; raises ValueError when the content is not whole."""
        told, content = content[:_HASH_BYTES], content[_HASH_BYTES:]
        if hashlib.sha256(content).digest() != told:
            raise ValueError("its content is not what was written")
        with np.load(BytesIO(content), allow_pickle=False) as file:
            best, variables, optimizer = (
                [file[f"{part}-{index}"] for index in range(sum(name.startswith(f"{part}-") for name in file.files))]
                for part in ("best", "variables", "optimizer")
            )
            return cls(file["losses"].tolist(), best, variables, optimizer)


def fit_key(dataset: Dataset, split: Split, settings: dict[str, Any], start: Sequence[NDArray[Any]] = ()) -> str:
    """Return what tells apart the fits that come to something else.

    It is made of what is learned from and judged by, of the ``settings``, of the weights that it begins with, where
    those are not drawn, of the versions of all software, and of this package's own source.
    """
    told = {
        "settings": settings,
        "size": [dataset.height, dataset.width],
        "frames": CACHE_VERSION,
        "software": software_versions("keras", "tensorflow"),
    }
    digest = hashlib.sha256(json.dumps(told, sort_keys=True).encode())
    for source in sorted(Path(__file__).parent.rglob("*.py")):
        digest.update(source.read_bytes())
    for recording, train, validation in zip(dataset.recordings, split.train, split.validation, strict=True):
        digest.update(recording.sha256.encode())
        for array in (recording.captured_ns, recording.labels, train, validation):
            digest.update(f"{len(array)} ".encode() + array.tobytes())
    for weights in start:
        digest.update(f"{weights.shape} ".encode() + weights.tobytes())
    return digest.hexdigest()[:32]


class Checkpoints:
    """The checkpoints in a ``folder``, which is made when there is one to keep and goes with the last.

    >>> checkpoints = Checkpoints(folder / "models" / FOLDER)
    >>> checkpoints.find("5a5e25b6") is None
    True
    >>> checkpoints.keep(FitState([0.2], best=[], variables=[], optimizer=[]))
    >>> Checkpoints(folder / "models" / FOLDER).find("5a5e25b6").losses
    [0.2]
    >>> checkpoints.forget()

    Where the folder is None, nothing is kept. ``say`` is told what somebody who waits for the training ought to know.
    With ``restart`` nothing is found, and what there was is removed. Nothing that goes wrong with a checkpoint ends a
    training. Two trainings of the same, at once, have a file each.
    """

    def __init__(self, folder: Path | None, say: SayCallback = ignore_sentence, *, restart: bool = False) -> None:
        self._folder, self._say, self._restart = folder, say, restart
        self._key = ""
        self._found: list[Path] = []
        self._saved_s = -float("inf")
        self._cost_s = 0.0
        self._failed = False

    def find(self, key: str) -> FitState | None:
        """Return the furthest state that was kept of the fit with that key, and keep what comes under it."""
        if self._folder is None:
            return None
        self._key, self._found = key, _by_age(self._folder.glob(f"{key}-*{SUFFIX}"))
        if self._restart:
            self.forget()
        states = [state for path in self._found if (state := self._read(path)) is not None]
        return max(states, key=lambda state: len(state.losses), default=None)

    def keep(self, state: FitState) -> None:
        """Write the state, in one step, unless that would make the training slow; a full disk is said once."""
        started_s = time.monotonic()
        if self._folder is None or started_s - self._saved_s < self._cost_s / MAX_COST:
            return
        try:
            self._write(self._folder, state)
        except OSError as error:
            if not self._failed:
                self._say(
                    f"No checkpoint can be kept in {self._folder} ({reason(error)}): the training goes on, but if it "
                    "is interrupted it starts anew. Make room on that disk."
                )
            self._failed = True
        self._saved_s = time.monotonic()
        self._cost_s = self._saved_s - started_s

    def forget(self) -> None:
        """Remove what was kept of the fit: nobody will go on with it."""
        if self._folder is None:
            return
        _remove([*self._found, self._folder / self._name])
        self._found = []
        with contextlib.suppress(OSError):  # Others have theirs in it, or there is none.
            remove_left(self._folder, _PART)
            self._folder.rmdir()

    @property
    def _name(self) -> str:
        return f"{self._key}-{os.getpid()}{SUFFIX}"

    def _write(self, folder: Path, state: FitState) -> None:
        folder.mkdir(parents=True, exist_ok=True)
        with work_folder(folder, _PART) as unfinished:
            part = unfinished / self._name
            part.write_bytes(state.to_bytes())
            publish(part, folder / self._name)
        _remove(path for path in self._found if path.name != self._name)
        _remove(_by_age(folder.glob(f"*{SUFFIX}"))[:-MOST])

    def _read(self, path: Path) -> FitState | None:
        try:
            return FitState.from_bytes(path.read_bytes())
        except (OSError, ValueError) as error:
            why = reason(error) if isinstance(error, OSError) else error
            self._say(f"{path} is passed over ({why}). It was the checkpoint of an interrupted training.")
            return None


def _by_age(paths: Iterable[Path]) -> list[Path]:
    """Return the files, the oldest first; one that another training removes meanwhile counts as old."""

    def time_ns(path: Path) -> int:
        try:
            return path.stat().st_mtime_ns
        except OSError:
            return 0

    return sorted(paths, key=time_ns)


def _remove(paths: Iterable[Path]) -> None:
    for path in paths:
        with contextlib.suppress(OSError):
            path.unlink()
