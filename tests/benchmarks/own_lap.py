"""How well driving inside a recorded session tells a good pilot from a bad one; run by hand, it takes minutes.

``python -m tests.benchmarks own_lap``. Pilots of very different quality drive inside two recorded laps, and on the real
thing, the simulator, where their departures are counted. Of three ways to rank them by the recording alone, the score
in it and the two usual ones, MAE and R² of their steering, the best is the one whose order is most like the true one.
"""

from __future__ import annotations

import math
from collections import deque
from collections.abc import Callable, Iterator
from dataclasses import dataclass, replace
from pathlib import Path
from tempfile import TemporaryDirectory

import numpy as np
from numpy.typing import NDArray

from car.config.sections import CarConfig
from car.kinds.pilot import SHIPPED_PILOT, Pilot, PilotAnswer
from car.pilots.find import find_model
from car.pilots.loading import open_pilot
from car.runs.simulation import Goal, run_simulation
from hardware.camera import CameraGeometry, Frame
from hardware.clock import NS_PER_S, VirtualClock
from hardware.drivetrain import Command
from simulator.expert import Expert
from simulator.renderer import draw_scene
from simulator.reprojection import FURTHER_BACK_M, Displacement, Reprojection, Source
from simulator.scenario import Scenario
from simulator.track import make_track
from tests.benchmarks.figures import Figure, console, show
from training.dataset import Recording, load_recording
from training.evaluation.offline import score
from training.exam.driven_path import DrivenPath, load_driven_path
from training.exam.on_session import exam_on_session
from training.fit import TrainSettings
from training.pipeline import train

RECORDED = (Scenario("random-7", seed=11), Scenario("hairpin", seed=6))
RECORDED_S = 20.0
REAL = (*RECORDED, Scenario("bean", seed=2))
REAL_S = 20.0
LESSONS = (
    Scenario("oval", seed=1, disturb=True),
    Scenario("random-1", seed=5, disturb=True),
    Scenario("chicane", seed=3),
)
RECIPES = (("1 lesson, 2 epochs", 1, 2), ("3 lessons, 6 epochs", 3, 6))
LESSON_S = 20.0

LOOKS = (("oval", 0), ("bean", 2), ("chicane", 3), ("hairpin", 6), ("random-1", 5), ("random-7", 11))
ASIDE_M = (-0.15, 0.0, 0.15)
TURNED_DEG = (-10.0, 0.0, 10.0)


@dataclass(frozen=True, slots=True)
class Judged:
    """A pilot by the recording alone, and by its departures per 100 m of the real thing."""

    name: str
    score: float
    mae: float
    r2: float
    departures: float


class Altered(Pilot):
    """A pilot whose steering is changed on its way to the wheels."""

    def __init__(self, name: str, pilot: Pilot, change: Callable[[float], float]) -> None:
        self.name = name
        self._pilot, self._change = pilot, change

    def drive(self, frame: Frame) -> PilotAnswer:
        """Return the pilot's answer, changed."""
        command = self._pilot.drive(frame).command
        return PilotAnswer(Command(min(max(self._change(command.steering), -1.0), 1.0), command.throttle))

    def close(self) -> None:
        """The pilot may be another one's too."""


def measure() -> None:
    """Print how near reprojected views are to the truth, and the three rank correlations."""
    show("Reprojected views, ±0.15 m and ±10°", list(_errors()))
    judged = []
    with TemporaryDirectory() as folder:
        for pilot in _judged(Path(folder)):
            judged.append(pilot)
            console.print(
                f"{pilot.name:22} departures per 100 m {pilot.departures:6.1f}, score {pilot.score:5.1f}, "
                f"MAE {pilot.mae:.3f}, R² {pilot.r2:6.2f}"
            )
    departures = [pilot.departures for pilot in judged]
    ranked = {
        "score": [-pilot.score for pilot in judged],
        "MAE": [pilot.mae for pilot in judged],
        "R²": [-pilot.r2 for pilot in judged],
    }
    show(
        f"Rank correlation of {len(judged)} pilots' departures",
        [Figure(f"with the {name}", f"{rank_correlation(values, departures):.3f}") for name, values in ranked.items()],
    )


def rank_correlation(one: list[float], other: list[float]) -> float:
    """Return Spearman's rank correlation; equal values share their mean rank."""
    return float(np.corrcoef(_ranks(one), _ranks(other))[0, 1])


def _ranks(values: list[float]) -> NDArray[np.float64]:
    array = np.array(values)
    below = (array[None, :] < array[:, None]).sum(axis=1)
    return np.asarray(below + 0.5 * (array[None, :] == array[:, None]).sum(axis=1), np.float64)


def _errors() -> Iterator[Figure]:
    everything = []
    for geometry in (CameraGeometry(), CameraGeometry(fov_deg=160.0, lens="fisheye")):
        for track, seed in LOOKS:
            errors = _errors_of(track, seed, geometry)
            everything += errors
            yield Figure(
                f"grey levels, {geometry.lens}, {track}, look {seed}", f"{np.mean(errors):.1f}, worst {max(errors):.1f}"
            )
    yield Figure("grey levels, all of these", f"{np.mean(everything):.1f}")


def _errors_of(name: str, seed: int, geometry: CameraGeometry) -> list[float]:
    track = make_track(name)
    _, renderer = draw_scene(track, geometry, seed)
    reprojection = Reprojection(geometry)
    errors = []
    for number, progress_m in enumerate(np.linspace(1.0, track.length_m, 10)):
        places = [track.pose_at(float(progress_m) - back_m) for back_m in (0.0, *FURTHER_BACK_M)]
        taken = [renderer.render(place, number + 7 * at) for at, place in enumerate(places)]
        for aside_m in ASIDE_M:
            for turned_deg in TURNED_DEG:
                stands = Displacement(0.02, aside_m, math.radians(turned_deg)).after(places[0])
                sources = [
                    Source(image, Displacement.between(place, stands))
                    for image, place in zip(taken, places, strict=True)
                ]
                truth = renderer.render(stands, 500 + number).astype(np.float64)
                errors.append(float(np.abs(reprojection.view(sources) - truth).mean()))
    return errors


def _judged(folder: Path) -> Iterator[Judged]:
    recorded = [_record(scenario, folder / f"recorded-{scenario.track}.mcap", RECORDED_S) for scenario in RECORDED]
    paths = [load_driven_path(path) for path in recorded]
    recordings = [load_recording(path) for path in recorded]
    for pilot in _pilots(folder):
        yield _judge(pilot, paths, recordings)


def _judge(pilot: Pilot, paths: list[DrivenPath], recordings: list[Recording]) -> Judged:
    answers, driven = [], []
    for recording in recordings:
        answers += [
            pilot.drive(Frame(image, 0, number)).command.steering for number, image in enumerate(recording.images)
        ]
        driven += recording.labels[:, 0].tolist()
    figures = score(np.array(answers), np.array(driven))
    scores = [exam_on_session(pilot, path).score for path in paths]
    departures = [_departures_per_100_m(pilot, scenario) for scenario in REAL]
    return Judged(pilot.name, float(np.mean(scores)), figures.mae, figures.r2, float(np.mean(departures)))


def _departures_per_100_m(pilot: Pilot, scenario: Scenario) -> float:
    """Let the pilot steer in the simulator; the expert has the throttle, so that all go at the speed of the recording.

    After a departure the car is put back in the middle of the lane.
    """
    clock = VirtualClock(NS_PER_S)
    world = scenario.world(clock)
    expert = Expert(world.track, world.vehicle)
    departures = 0
    while clock.now_ns() < (1.0 + REAL_S) * NS_PER_S:
        steering = pilot.drive(world.camera.next_frame(timeout_ms=1000)).command.steering
        world.drivetrain.apply(Command(steering, expert.command(world.state).throttle))
        if world.lap_count().departures > departures:
            departures = world.lap_count().departures
            world.place(world.track.project(world.pose).progress_m, speed_m_s=world.state.speed_m_s)
    return 100.0 * departures / world.motion().distance_m


def _record(scenario: Scenario, path: Path, seconds: float) -> Path:
    run_simulation(CarConfig(), scenario, Goal(seconds=seconds), record=path)
    return path


def _pilots(folder: Path) -> Iterator[Pilot]:
    """Yield pilots from very good to hopeless, among them ones that err little in each frame and drive badly."""
    shipped, _ = open_pilot(find_model(SHIPPED_PILOT, folder), CameraGeometry())
    rng = np.random.default_rng(3)
    changes: dict[str, Callable[[float], float]] = {
        "shipped": lambda steering: steering,
        "gain 0.3": lambda steering: 0.3 * steering,
        "gain 0.6": lambda steering: 0.6 * steering,
        "gain 1.5": lambda steering: 1.5 * steering,
        "gain 2.5": lambda steering: 2.5 * steering,
        "bias 0.1": lambda steering: steering + 0.1,
        "bias -0.25": lambda steering: steering - 0.25,
        "bias 0.4": lambda steering: steering + 0.4,
        "noise 0.3": lambda steering: steering + float(rng.normal(0.0, 0.3)),
        "noise 0.8": lambda steering: steering + float(rng.normal(0.0, 0.8)),
        "late by 4 frames": _late(4),
        "late by 8 frames": _late(8),
        "late by 15 frames": _late(15),
        "straight on": lambda _: 0.0,
        "mirrored": lambda steering: -steering,
    }
    yield from (Altered(name, shipped, change) for name, change in changes.items())
    lessons = [_record(scenario, folder / f"lesson-{scenario.track}.mcap", LESSON_S) for scenario in LESSONS]
    for name, count, epochs in RECIPES:
        out = folder / f"{name.replace(' ', '-')}.tflite"
        train(lessons[:count], out, replace(TrainSettings(), epochs=epochs))
        yield Altered(name, open_pilot(out, CameraGeometry())[0], lambda steering: steering)


def _late(frames: int) -> Callable[[float], float]:
    waiting: deque[float] = deque([0.0] * frames)

    def change(steering: float) -> float:
        waiting.append(steering)
        return waiting.popleft()

    return change
