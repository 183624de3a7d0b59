"""What a pilot learns from takeovers; run by hand, it takes minutes: ``python -m tests.benchmarks takeovers``.

A pilot learns from a driver's undisturbed laps of two tracks. Then it drives there, pushed about, with somebody beside
it, who takes over when it is about to leave the lane; it learns from that, and drives again, three times. In between it
is counted, from other starts than those that were learned from, how often it is taken over from. The same is done
without the takeovers, with as much more of the driver's own laps, so that more driving alone is not what helped.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from functools import partial
from pathlib import Path
from tempfile import TemporaryDirectory

from car.config.sections import CarConfig
from car.gate import Gate
from car.pilots.loading import open_pilot
from car.runs.simulation import Goal, run_simulation
from car.runs.takeovers import WatchfulDriver
from simulator.scenario import Scenario, Start
from simulator.track import make_track
from simulator.world import World
from tests.benchmarks.figures import Figure, show
from training.cores import work_on_all
from training.fit import TrainSettings
from training.pipeline import train

CONFIG = CarConfig()
OTHER_START = Start(progress_m=6.0, lateral_m=0.1)
TRACKS = (Scenario("random-7", seed=11), Scenario("hairpin", seed=6))
PUSHED = tuple(replace(track, disturb=True) for track in TRACKS)
LESSON_S = 90.0
ROUNDS = 3
DRIVE_S = 150.0
"""Two of them a round, one a track: five minutes."""
TRIAL_S = 120.0
SETTINGS = TrainSettings(epochs=16)


def measure() -> None:
    """Print takeovers per 10 laps before and after each round, on the tracks that were learned on."""
    with TemporaryDirectory() as folder:
        place = Path(folder)
        first = _record_by_hand(place, "lesson", LESSON_S)
        start = _trained(first, place / "start.tflite", from_takeovers=False)
        rows = [Figure("imitation of 3 minutes by hand", _tried(start))]
        sessions, pilot = list(first), start
        for number in range(1, ROUNDS + 1):
            sessions += _record_with(pilot, place, f"round-{number}")
            pilot = _trained(sessions, place / f"round-{number}.tflite", from_takeovers=True)
            rows.append(Figure(f"after {number} x 5 minutes with takeovers", _tried(pilot)))
        more = first + _record_by_hand(place, "more", ROUNDS * DRIVE_S)
        rows.append(Figure("15 minutes more by hand instead", _tried(_trained(more, place / "more.tflite"))))
        show("Takeovers per 10 laps", rows)


def _record_by_hand(place: Path, name: str, seconds: float) -> list[Path]:
    paths = [place / f"{name}-{track.track}.mcap" for track in TRACKS]
    for track, path in zip(TRACKS, paths, strict=True):
        run_simulation(CONFIG, track, Goal(seconds=seconds), record=path)
    return paths


def _record_with(model: Path, place: Path, name: str) -> list[Path]:
    paths = [place / f"{name}-{track.track}.mcap" for track in TRACKS]
    for track, path in zip(PUSHED, paths, strict=True):
        with open_pilot(model, CONFIG.camera.geometry)[0] as pilot:
            run_simulation(CONFIG, track, Goal(seconds=DRIVE_S), pilot=pilot, driver=WatchfulDriver, record=path)
    return paths


def _trained(sessions: list[Path], out: Path, *, from_takeovers: bool = False) -> Path:
    train(sessions, out, SETTINGS, from_takeovers=from_takeovers)
    return out


def _tried(model: Path) -> str:
    """Return how often the pilot is taken over from, and the laps that this is counted over."""
    counted = work_on_all(partial(_count, model), PUSHED)
    takeovers, laps = (sum(part) for part in zip(*counted, strict=True))
    return f"{10 * takeovers / laps:.1f} ({takeovers:.0f} in {laps:.1f} laps)"


def _count(model: Path, track: Scenario, progress: Callable[[float], None]) -> tuple[float, float]:
    """Return the takeovers, and the laps that were driven."""
    drivers: list[WatchfulDriver] = []

    def sit_down(world: World, gate: Gate) -> WatchfulDriver:
        drivers.append(WatchfulDriver(world, gate))
        return drivers[-1]

    with open_pilot(model, CONFIG.camera.geometry)[0] as pilot:
        goal, elsewhere = Goal(seconds=TRIAL_S), replace(track, start=OTHER_START)
        driven = run_simulation(CONFIG, elsewhere, goal, pilot=pilot, driver=sit_down, progress=progress)
    return drivers[0].takeovers, driven.lap_count.progress_m / make_track(track.track).length_m
