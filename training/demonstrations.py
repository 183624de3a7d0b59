"""Sessions in which the simulator's expert shows how to drive, in as many random worlds as there is time for."""

from __future__ import annotations

import math
import tempfile
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import partial
from pathlib import Path

from car.config.sections import CarConfig
from car.errors import RecordingError
from car.files import publish_new, reason
from car.pilots.loading import open_pilot
from car.runs.instructor import Instructor, Rescuer
from car.runs.simulation import Goal, Simulation, run_simulation
from car.sessions.format import SUFFIX
from simulator.scenario import Scenario
from training.cores import work_on_all
from training.worlds import learning_worlds

DRIVE_S = 20.0
"""How long one drive is: many worlds teach more than long drives in few."""


@dataclass(frozen=True, slots=True)
class Drive:
    """One drive to record: where, to which file and, where it is not the expert's own, by which model.

    >>> drive = Drive(CarConfig(), Scenario("random-7"), folder / "random-7.mcap")
    >>> drive.seconds
    20.0
    """

    config: CarConfig
    scenario: Scenario
    path: Path
    model: Path | None = None
    instructor: Instructor | None = None
    seconds: float = DRIVE_S


def drives_for(minutes: float, drive_s: float = DRIVE_S) -> int:
    """Return how many drives of ``drive_s`` make up ``minutes``, at least one."""
    return max(1, math.ceil(minutes * 60 / drive_s - 1e-6))


def record_demonstrations(
    config: CarConfig,
    folder: Path,
    minutes: float,
    seed: int,
    progress: Callable[[float], None] = lambda _: None,
) -> tuple[list[Path], int]:
    """Let the expert drive for ``minutes`` of simulated time in random worlds, and record sessions into ``folder``.

    Return all of them, and how many were there already and are as they were: the same seed gives the same drives.
    Raises RecordingError when they cannot be written.
    """
    paths = [folder / f"expert-{seed}-{number:03}{SUFFIX}" for number in range(drives_for(minutes))]
    worlds = learning_worlds(len(paths), seed)
    drives = [Drive(config, scenario, path) for scenario, path in zip(worlds, paths, strict=True) if not path.exists()]
    record_drives(drives, folder, progress)
    return paths, len(paths) - len(drives)


def record_drives(
    drives: Sequence[Drive], folder: Path, progress: Callable[[float], None] = lambda _: None
) -> list[Simulation]:
    """Record ``drives`` on all cores into ``folder``, each session when it is whole; raises RecordingError.

    A Ctrl-C or a full disk ends them all, and leaves those that are whole.
    """
    try:
        folder.mkdir(parents=True, exist_ok=True)
        with tempfile.TemporaryDirectory(dir=folder, prefix=".recording-", ignore_cleanup_errors=True) as unfinished:
            return work_on_all(partial(_record, Path(unfinished)), drives, progress)
    except OSError as error:
        if isinstance(error, RecordingError):
            raise
        raise RecordingError(
            f"Nothing can be recorded in {folder} ({reason(error)}). Choose another folder."
        ) from error


def _record(unfinished: Path, drive: Drive, progress: Callable[[float], None]) -> Simulation:
    temporary = unfinished / drive.path.name
    temporary.unlink(missing_ok=True)  # Of a process that was killed: this one begins the drive again.
    run = partial(
        run_simulation, drive.config, drive.scenario, Goal(seconds=drive.seconds), record=temporary, progress=progress
    )
    if drive.model is None:
        simulation = run()
    else:
        with open_pilot(drive.model, drive.config.camera.geometry)[0] as pilot:
            simulation = run(pilot=pilot, instructor=drive.instructor, attendant=Rescuer())
    publish_new(temporary, drive.path)
    return simulation
