"""One drive of the exam: a candidate in a scenario, put back in the middle of the lane wherever it leaves it."""

from __future__ import annotations

import math
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from car.config.sections import CarConfig
from car.drive_loop import Observer
from car.kinds.pilot import Pilot, PilotSection
from car.pilots.choosing import open_chosen
from car.runs.simulation import Goal, run_simulation
from training.cores import ProgressCallback
from training.exam.attendant import Attendant
from training.exam.paper import Task

LONGEST_DRIVE_S = 30.0
"""A task is a lap, or as far as the expert gets in this time."""
PATIENCE = 2.0
"""A candidate may take this many times as long as the expert."""

# The expert does not look at frames, so those that are drawn for it may be tiny.
_EXPERTS_FRAMES = {"width": 32, "height": 24}


@dataclass(frozen=True, slots=True)
class Candidate:
    """Who sits the exam: a pilot as ``[pilot]`` of ``car.toml`` names it, or the simulator's expert.

    >>> Candidate("expert", section=None).is_expert
    True

    It can be sent to another process, which opens the pilot for itself. ``car_dir`` is the car's folder.
    """

    name: str
    section: PilotSection | None
    car_dir: Path = Path()

    @property
    def is_expert(self) -> bool:
        """Whether it is the expert, which drives by the world's truth."""
        return self.section is None


@dataclass(frozen=True, slots=True)
class Drive:
    """How a candidate drove a task.

    >>> drive = Drive(way_m=20.0, time_s=25.0, laps=1, departures=1, collisions=0, cross_track_m=0.03,
    ...               cross_track_95_m=0.08, jerk_per_s=1.2, recovery_s=None, trip="")
    >>> drive.departures_per_km
    50.0

    ``way_m`` is the way along the track in ``time_s`` of simulated time. ``departures`` counts how often it left the
    lane or touched something and was put back, ``collisions`` those in which it touched something. ``cross_track_m`` is
    the mean distance from the middle of the lane, ``cross_track_95_m`` what it stays below for 95 % of the time.
    ``jerk_per_s`` is the root mean square of how fast the steering that reached the wheels changed. ``recovery_s`` is
    when a car that started displaced was back near the middle for good, infinite when never, None when it started
    there. ``trip`` is the gate's reason when it ended the drive, else empty.
    """

    way_m: float
    time_s: float
    laps: int
    departures: int
    collisions: int
    cross_track_m: float
    cross_track_95_m: float
    jerk_per_s: float
    recovery_s: float | None
    trip: str

    @property
    def departures_per_km(self) -> float:
        """Departures by the way driven; a car that got nowhere is taken to have come a metre far."""
        return 1000.0 * self.departures / max(self.way_m, 1.0)


def drive(task: Task, candidate: Candidate, config: CarConfig, observer: Observer | None = None) -> Drive:
    """Let ``candidate`` drive ``task`` on the car of ``config``, and return how it went.

    The expert drives first: a task is a lap, or as far as the expert gets in ``LONGEST_DRIVE_S``. The drive is over
    after that way, when ``PATIENCE`` times the expert's time has passed, or when the attendant ends it. The gate keeps
    the scenario's speed: whatever throttle a pilot asks for, no more reaches the wheels than holds it on a straight.
    Raises ModelError when the pilot cannot be opened or does not fit the car's camera.
    """
    expert = drive_as_expert(task, config)
    return expert if candidate.is_expert else drive_beside(expert, task, candidate, config, observer)


def drive_as_expert(task: Task, config: CarConfig, progress: ProgressCallback = lambda _: None) -> Drive:
    """Return how the expert drives ``task``; ``progress`` is told how much is done, 0 … 1."""
    camera = config.camera.model_copy(update=_EXPERTS_FRAMES)
    return _drive(task, config.model_copy(update={"camera": camera}), None, math.inf, LONGEST_DRIVE_S, None, progress)


def drive_beside(
    expert: Drive,
    task: Task,
    candidate: Candidate,
    config: CarConfig,
    observer: Observer | None = None,
    progress: ProgressCallback = lambda _: None,
) -> Drive:
    """Return how ``candidate``, who is not the expert, drives ``task``; the expert's drive is known."""
    if candidate.section is None:
        return expert
    # Opened anew for each drive: what a pilot remembers must not depend on which tasks the same process did before.
    with open_chosen(candidate.section, config.camera.geometry, candidate.car_dir) as pilot:
        return _drive(task, config, pilot, expert.way_m, PATIENCE * expert.time_s, observer, progress)


def _drive(
    task: Task,
    config: CarConfig,
    pilot: Pilot | None,
    way_m: float,
    limit_s: float,
    observer: Observer | None,
    progress: ProgressCallback,
) -> Drive:
    attendant = Attendant(task.scenario.start.progress_m, way_m)
    goal = Goal(laps=1, seconds=limit_s)
    run = run_simulation(
        config, task.scenario, goal, pilot=pilot, observer=observer, attendant=attendant, progress=progress
    )
    offsets_m = np.abs(attendant.laterals_m)
    return Drive(
        way_m=max(0.0, run.lap_count.progress_m),
        time_s=run.simulated_s,
        laps=run.lap_count.laps,
        departures=attendant.departures,
        collisions=attendant.collisions,
        cross_track_m=float(offsets_m.mean()),
        cross_track_95_m=float(np.percentile(offsets_m, 95)),
        jerk_per_s=attendant.jerk_per_s,
        recovery_s=attendant.recovery_s if task.is_displaced else None,
        trip=run.trip or "",
    )
