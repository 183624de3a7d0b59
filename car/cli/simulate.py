"""Without a car: simulated drives, faults on purpose, replays."""

from __future__ import annotations

import contextlib
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from car.cli.app import app, fail
from car.cli.options import CarOption, LapsOption, ModelOption, SessionArgument, TrackOption, find_car, open_pilot

if TYPE_CHECKING:
    from collections.abc import Iterator

    from car.config.folder import CarFolder
    from car.config.sections import CarConfig
    from car.runs.film import Film
    from car.sessions.reader import Session
    from simulator.scenario import Scenario


@app.command()
def simulate(
    car: CarOption = None,
    model: ModelOption = None,
    expert: Annotated[bool, typer.Option("--expert", help="The simulator's expert drives instead of a model.")] = False,
    track: TrackOption = None,
    laps: LapsOption = None,
    minutes: Annotated[float | None, typer.Option("--minutes", min=0.01, help="End after this many minutes.")] = None,
    seed: Annotated[int | None, typer.Option("--seed", min=0, help="Light, floor and camera vary with it.")] = None,
    disturb: Annotated[bool, typer.Option("--disturb", help="Push the car about, to record how it recovers.")] = False,
    record: Annotated[Path | None, typer.Option("--record", metavar="FILE", help="Record to this session.")] = None,
    video: Annotated[
        Path | None, typer.Option("--video", metavar="FILE", help="Film it: a .webm, or a .gif where Pillow is.")
    ] = None,
    fault: Annotated[
        str | None, typer.Option("--fault", metavar="NAME|all|list", help="Break something, and see the car stop.")
    ] = None,
    clock: Annotated[
        str,
        typer.Option(
            "--clock", metavar="virtual|real|both", help="Where to break it: in lock-step, in real processes, or both."
        ),
    ] = "both",
    serve: Annotated[
        bool, typer.Option("--serve-donkey", help="Let gym-donkeycar and Donkey Car drive in this simulator.")
    ] = False,
    port: Annotated[
        int | None, typer.Option("--port", min=1, max=65535, help="For --serve-donkey; default: 9091.")
    ] = None,
    lock_step: Annotated[
        bool, typer.Option("--lock-step", help="For --serve-donkey: a step for each command, as fast as they come.")
    ] = False,
) -> None:
    """Drive in the simulator in lock-step, many times faster than real time; or break the car and see it stop."""
    from car.runs.simulation import Goal, run_simulation
    from car.runs.view import show_simulation
    from car.terminal.progress import progress_bar
    from simulator.scenario import Scenario

    if serve:
        if (
            expert
            or model
            or laps
            or minutes
            or seed is not None
            or disturb
            or record
            or video
            or fault
            or clock != "both"
        ):
            fail("--serve-donkey goes with --car, --track, --port and --lock-step only. Leave out the others.")
        _serve_donkey(car, port, track, lock_step=lock_step)
        return
    if port is not None or lock_step:
        fail("--port and --lock-step are for --serve-donkey. Leave them out, or add it.")
    if fault is not None:
        if expert or track or laps or minutes or seed is not None or disturb or record or video:
            fail("--fault goes with --car, --model and --clock only. Leave out the others.")
        _break_car(fault, clock, car, model)
        return
    folder = find_car(car)
    if expert and model:
        fail("Either a model or the expert drives. Leave out --model or --expert.")
    goal = Goal(laps=laps, seconds=minutes * 60 if minutes else None) if laps or minutes else Goal(laps=3)
    own = folder.config.simulator
    scenario = Scenario(track or own.track, _or(seed, own.seed), disturb=disturb)
    pilot = None if expert else open_pilot(model, folder, folder.config.camera.geometry)
    with _filming(video, folder.config, scenario) as film, progress_bar(f"driving on {scenario.track}") as progress:
        simulation = run_simulation(
            folder.config,
            scenario,
            goal,
            pilot=pilot,
            record=record,
            observer=film,
            looks_ahead=True,
            progress=progress,
        )
    show_simulation(simulation, scenario)
    if simulation.trip:
        fail(f"The gate tripped: {simulation.trip}.")


@app.command()
def replay(
    session: SessionArgument,
    car: CarOption = None,
    model: ModelOption = None,
    video: Annotated[
        Path | None,
        typer.Option("--video", metavar="FILE", help="Film it, and what the pilot looked at: a .webm, or a .gif."),
    ] = None,
) -> None:
    """Run the drive loop over a recorded session and say how the pilot differs from what was recorded."""
    from car.runs.replay import replay as run_replay
    from car.runs.view import show_replay
    from car.sessions.reader import Session
    from car.terminal.progress import progress_bar

    folder = find_car(car)
    with (
        Session.open(session) as recording,
        open_pilot(model, folder, recording.info.camera) as pilot,
        _filming_replay(video, model, folder, recording) as film,
        progress_bar("replaying") as progress,
    ):
        result = run_replay(recording, pilot, folder.config.gate.limits, progress, film)
    show_replay(result)
    if film is not None:
        typer.echo(f"{video}: {film.pictures} pictures")


@contextlib.contextmanager
def _filming_replay(path: Path | None, model: str | None, folder: CarFolder, session: Session) -> Iterator[Film | None]:
    """Yield the film at ``path`` of a replay; None in its place where there is no path."""
    from car.pilots.choosing import choose_pilot, open_chosen
    from car.pilots.occlusion import steering_of
    from car.runs.film import Film
    from car.runs.replay_picture import ReplayPictures

    if path is None:
        yield None
        return
    # One of its own: to be shown parts of a frame is no part of a drive.
    with (
        open_chosen(choose_pilot(model, folder.config.pilot, folder.path), session.info.camera, folder.path) as pilot,
        Film(path, ReplayPictures(steering_of(pilot)), session.info.rate_hz) as film,
    ):
        yield film


def _filming(
    path: Path | None, config: CarConfig, scenario: Scenario
) -> contextlib.AbstractContextManager[Film | None]:
    """Return the film at ``path`` of a drive in ``scenario``; None in its place where there is no path."""
    from car.runs import film
    from car.runs.film_picture import FilmPictures

    if path is None:
        return contextlib.nullcontext()
    return film.Film(path, FilmPictures(scenario.open_track()), config.camera.rate_hz)


def _serve_donkey(car: Path | None, port: int | None, track: str | None, *, lock_step: bool) -> None:
    from car.runs.donkey import DONKEY_PORT, serve_donkey

    camera = find_car(car).config.camera.unturned.geometry
    serve_donkey(camera, DONKEY_PORT if port is None else port, track, lock_step=lock_step)


def _break_car(name: str, clock: str, car: Path | None, model: str | None) -> None:
    from car.faults.menu import MENU
    from car.faults.trials import clocks_named, faults_named, try_fault
    from car.faults.view import show_faults, show_trials
    from car.pilots.choosing import choose_pilot
    from car.terminal.progress import progress_bar

    if name == "list":
        show_faults(MENU)
        return
    clocks = clocks_named(clock)
    faults = faults_named(name, clocks)
    folder = find_car(car)
    config = folder.config.model_copy(update={"pilot": choose_pilot(model, folder.config.pilot, folder.path)})
    trials = []
    with progress_bar("breaking the car") as progress:
        for number, fault in enumerate(faults):
            progress(number / len(faults))
            trials.append(try_fault(fault, clocks, config))
    show_trials(trials)
    if not all(trial.held for trial in trials):
        fail("A promise was not held. Do not drive this car.")


def _or(value: int | None, default: int) -> int:
    return default if value is None else value
