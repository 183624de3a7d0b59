"""The whole road in a few minutes: record in the simulator, train, and drive on a track the pilot has not seen."""

from __future__ import annotations

import shlex
import time
from pathlib import Path

from rich.text import Text

from car.assembly.devices import make_world
from car.config.folder import CarFolder, init_car, open_car
from car.config.sections import CarConfig
from car.drive_record import DriveRecord
from car.errors import RecordingError, TrainingError
from car.pilots.loading import open_pilot
from car.runs.film import Film
from car.runs.film_picture import FilmPictures
from car.runs.simulation import Goal, Simulation, run_simulation
from car.runs.view import show_simulation
from car.terminal.console import console
from car.terminal.progress import progress_bar
from hardware.camera import Frame
from hardware.clock import VirtualClock
from simulator.scenario import Scenario
from training.command import train_and_show
from training.fit import TrainSettings
from training.pictures import Snapshots, save_contact_sheet, save_trajectory

LESSONS = (
    Scenario("oval", seed=1, disturb=True),
    Scenario("bean", seed=2, disturb=True),
    Scenario("chicane", seed=3, disturb=True),
    Scenario("peanut", seed=4, disturb=True),
    Scenario("random-1", seed=5, disturb=True),
)
LESSON_S = 60.0
UNSEEN = Scenario("hairpin", seed=6)
UNSEEN_LAPS = 3
FILM_S = 15.0


def run(out: Path) -> None:
    """Run the demo in the folder ``out``, which must not be there yet.

    Raises RecordingError when it is, TrainingError when the new pilot leaves the lane or does not finish.
    """
    if out.exists():
        raise RecordingError(f"{out} exists already. Remove it, or give another folder with --out.")
    started_s = time.monotonic()
    init_car(out)
    folder = open_car(out)
    _say(1, f"Recording {len(LESSONS) * LESSON_S / 60:.0f} minutes of an expert's driving, pushed about on purpose ...")
    sessions = [_record(scenario, folder) for scenario in LESSONS]
    _say(2, "Training a pilot on them, the longest part: a minute or two ...")
    model = folder.models_dir / "demo.tflite"
    train_and_show(sessions, model, TrainSettings(), command="car demo")
    _say(3, f"Driving {UNSEEN_LAPS} laps with it on {UNSEEN.track}, a track it has not seen ...")
    simulation = _drive(model, folder.config, out)
    show_simulation(simulation, UNSEEN)
    _say(4, f"Done in {(time.monotonic() - started_s) / 60:.1f} minutes. In {out}/ are:")
    for path in sorted(out.rglob("*")):
        name = path.relative_to(out)
        if path.is_file() and not any(part.startswith(".") for part in name.parts):
            console.print(f"  {name}  ({path.stat().st_size / 1e6:.1f} MB)", highlight=False)
    _check(simulation)
    console.print(f"Drive with it: car drive --car {shlex.quote(str(out))} --model {model.stem}", highlight=False)


def _say(step: int, text: str) -> None:
    console.print(Text.assemble((f"{step}/4", "bold"), f" {text}"))


def _record(scenario: Scenario, folder: CarFolder) -> Path:
    path = folder.sessions_dir / f"expert-{scenario.track}.mcap"
    with progress_bar(f"  {scenario.track}") as progress:
        run_simulation(folder.config, scenario, Goal(seconds=LESSON_S), record=path, progress=progress)
    console.print(f"  {scenario.track}: {path.stat().st_size / 1e6:.1f} MB", highlight=False)
    return path


def _drive(model: Path, config: CarConfig, out: Path) -> Simulation:
    pilot, _ = open_pilot(model, config.camera.geometry)
    snapshots = Snapshots(config.camera.rate_hz)
    film = Film(out / "drive.gif", FilmPictures(UNSEEN.open_track()), config.camera.rate_hz, FILM_S)

    def watch(record: DriveRecord, frame: Frame | None) -> None:
        snapshots(record, frame)
        film(record, frame)

    with pilot, film, progress_bar(f"  {UNSEEN.track}") as progress:
        simulation = run_simulation(
            config, UNSEEN, Goal(laps=UNSEEN_LAPS), pilot=pilot, observer=watch, progress=progress
        )
    floor = make_world(config, VirtualClock(), UNSEEN).floor
    with progress_bar("  drawing the pictures"):
        save_trajectory(out / "trajectory.png", floor, simulation.trajectory)
        save_contact_sheet(out / "frames.png", snapshots)
    return simulation


def _check(simulation: Simulation) -> None:
    lap_count = simulation.lap_count
    if simulation.trip or lap_count.laps < UNSEEN_LAPS or lap_count.departures:
        why = simulation.trip or f"laps driven: {lap_count.laps}, lane departures: {lap_count.departures}"
        raise TrainingError(f"The new pilot did not pass ({why}). Look at trajectory.png, then record more lessons.")
