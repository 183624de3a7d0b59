"""The command line: ``car``.

What a command needs is imported when it runs, so that ``car --help`` answers at once and driving never loads what only
training needs.
"""

from __future__ import annotations

import sys
from collections.abc import Iterable
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Never

import typer

if TYPE_CHECKING:
    from car.config.folder import CarFolder
    from car.pilots.base import Pilot
    from car.sessions.tub.batch import Result
    from hardware.camera import CameraGeometry

app = typer.Typer(
    name="car",
    help="A $200 car that drives itself: record, train, drive, and all of it in a simulator.",
    no_args_is_help=True,
    add_completion=False,
    pretty_exceptions_enable=False,
    context_settings={"help_option_names": ["-h", "--help"]},
)
sessions_app = typer.Typer(help="Recorded drives: list, show, import, export, repair.", no_args_is_help=True)
models_app = typer.Typer(help="Pilot models: list, show.", no_args_is_help=True)
app.add_typer(sessions_app, name="sessions")
app.add_typer(models_app, name="models")

CarOption = Annotated[Path | None, typer.Option("--car", metavar="DIR", help="The car's folder.")]
ModelOption = Annotated[str | None, typer.Option("--model", "-m", help="A .tflite file or a pilot's name.")]
LapsOption = Annotated[int | None, typer.Option("--laps", min=1, help="End after so many laps.")]
SessionArgument = Annotated[Path, typer.Argument(metavar="SESSION", help="A session's .mcap file.")]
SessionsArgument = Annotated[
    list[Path] | None, typer.Argument(metavar="[SESSION]...", help="Sessions or folders of them; default: the car's.")
]
TrackOption = Annotated[str | None, typer.Option("--track", help="A track's name, or random-N.")]


@app.callback()
def options(
    debug: Annotated[bool, typer.Option("--debug", help="Show the traceback of an error.")] = False,
) -> None:
    """Take what holds for every command."""
    if debug:
        _debug.append(True)


_debug: list[bool] = []


def main() -> Never:
    """Run the command line; an error that the program knows becomes one line and exit code 1."""
    from car.entry import interrupts
    from car.errors import KNOWN_ERRORS

    try:
        app()
    except KNOWN_ERRORS as error:
        if _debug or interrupts.seen:
            raise
        typer.secho(f"car: {error}", err=True, fg="red")
        sys.exit(1)
    sys.exit(0)


@app.command()
def init(folder: Annotated[Path, typer.Argument(help="The folder to make, named for the car.")]) -> None:
    """Make a car: a folder with car.toml, sessions/ and models/."""
    import shlex

    from car.config.folder import init_car

    init_car(folder)
    typer.echo(f"Made {folder}/car.toml. Drive it with: car drive --headless --car {shlex.quote(str(folder))}")


@app.command()
def drive(
    car: CarOption = None,
    model: ModelOption = None,
    laps: LapsOption = None,
    headless: Annotated[bool, typer.Option("--headless", help="Drive at once, with nobody at the controls.")] = False,
    record: Annotated[bool | None, typer.Option("--record/--no-record", help="Default: as car.toml says.")] = None,
    tls: Annotated[bool, typer.Option("--tls", help="HTTPS, by a certificate of the car's own.")] = False,
) -> None:
    """Drive the car from a page in the browser, or let a pilot drive it at once; Ctrl-C ends in neutral."""
    from car.processes.drive import DriveOptions
    from car.processes.drive import drive as run_drive
    from car.runs.view import show_drive

    folder = _find_car(car)
    if tls:
        folder = folder.with_tls()
    _repair_unclosed(folder)
    records = folder.config.recording.enabled if record is None else record
    with _open_pilot(model, folder, folder.config.camera.geometry) as pilot:
        summary = run_drive(DriveOptions(folder, pilot, headless, laps, records))
    show_drive(summary)
    raise typer.Exit(summary.exit_code)


@app.command()
def pair(
    car: CarOption = None,
    forget: Annotated[bool, typer.Option("--forget", help="Let no browser in that was paired before.")] = False,
) -> None:
    """Let a phone or another machine drive the car: prints an address that works once."""
    from car.pairing.command import pair as run_pair
    from car.pairing.store import AccessStore
    from hardware.clock import SystemClock

    folder = _find_car(car)
    if forget:
        AccessStore(folder.path, SystemClock()).forget_all()
        typer.echo("No browser is paired any more, and the network does not reach the car.")
        return
    for line in run_pair(folder):
        typer.echo(line)


@app.command()
def find(
    seconds: Annotated[float, typer.Option("--seconds", min=0.5, max=60, help="How long to listen.")] = 3.0,
) -> None:
    """Find the cars in this network that a browser has been paired with."""
    from car.pairing.announcement import find_cars

    try:
        cars = find_cars(seconds)
    except OSError as error:
        _fail(f"There is no network to look in ({error.strerror}). Connect to the car's.")
    for car in cars:
        typer.echo(f"{car.name}  {car.url}")
    if not cars:
        _fail("No car answers. Run `car drive` and `car pair` on the car, and be in its network.")


@app.command()
def doctor(
    car: CarOption = None,
    as_json: Annotated[bool, typer.Option("--json", help="Print the report as JSON.")] = False,
) -> None:
    """Examine the car and its machine, and say what mends what is wrong; exit code 1 if something has to be mended."""
    from car.config.folder import locate_car
    from car.doctor.examination import examine
    from car.doctor.report import Level
    from car.doctor.view import examining, show_report

    path, is_default = locate_car(car)
    if is_default:
        _say_default(path)
    with examining(quiet=as_json) as progress:
        report = examine(path, progress=progress)
    if as_json:
        typer.echo(report.to_json())
    else:
        show_report(report)
    raise typer.Exit(1 if report.level is Level.ERROR else 0)


@app.command()
def calibrate(car: CarOption = None) -> None:
    """Find the car's pulses with its wheels off the ground: centre, ends, neutral, and where it begins to move."""
    from car.processes.calibrate import calibrate as run_calibration

    folder = _find_car(car)
    if not sys.stdout.isatty():
        _fail("There is no terminal with keys to calibrate by. Run it in one, or use the page that car drive serves.")
    outcome, exit_code = run_calibration(folder)
    typer.echo(outcome)
    raise typer.Exit(exit_code)


@app.command(context_settings={"allow_extra_args": True, "ignore_unknown_options": True})
def neutral(context: typer.Context) -> None:
    """Put every output of the car to neutral, from outside a running drive too."""
    from car.neutral import main as run_neutral

    raise typer.Exit(run_neutral(context.args))


@app.command()
def simulate(
    car: CarOption = None,
    model: ModelOption = None,
    expert: Annotated[bool, typer.Option("--expert", help="The simulator's expert drives instead of a model.")] = False,
    track: TrackOption = None,
    laps: LapsOption = None,
    minutes: Annotated[float | None, typer.Option("--minutes", min=0.01, help="End after so much time.")] = None,
    seed: Annotated[int | None, typer.Option("--seed", min=0, help="Light, floor and camera vary with it.")] = None,
    disturb: Annotated[bool, typer.Option("--disturb", help="Push the car about, to record how it recovers.")] = False,
    record: Annotated[Path | None, typer.Option("--record", metavar="FILE", help="Record to this session.")] = None,
    fault: Annotated[
        str | None, typer.Option("--fault", metavar="NAME|all|list", help="Break something, and see the car stop.")
    ] = None,
    clock: Annotated[
        str, typer.Option("--clock", metavar="virtual|real|both", help="Where to break it: real has real processes.")
    ] = "both",
) -> None:
    """Drive in the simulator in lock-step, many times faster than real time; or break the car and see it stop."""
    from car.runs.simulation import Goal, Scene, run_simulation
    from car.runs.view import progress_bar, show_simulation

    if fault is not None:
        if expert or track or laps or minutes or seed is not None or disturb or record:
            _fail("A fault takes --car, --model and --clock alone. Leave out the others.")
        _break_car(fault, clock, car, model)
        return
    folder = _find_car(car)
    if expert and model:
        _fail("Either a model drives or the expert. Leave out --model or --expert.")
    goal = Goal(laps=laps, seconds=minutes * 60 if minutes else None) if laps or minutes else Goal(laps=3)
    scene = Scene(track or folder.config.simulator.track, _or(seed, folder.config.simulator.seed), disturb=disturb)
    pilot = None if expert else _open_pilot(model, folder, folder.config.camera.geometry)
    with progress_bar(f"driving on {scene.track}") as progress:
        simulation = run_simulation(folder.config, scene, goal, pilot=pilot, record=record, progress=progress)
    show_simulation(simulation, scene)
    if simulation.trip:
        _fail(f"The gate tripped: {simulation.trip}.")


@app.command()
def replay(session: SessionArgument, car: CarOption = None, model: ModelOption = None) -> None:
    """Run the drive loop over a recorded session and say how the pilot differs from what was recorded."""
    from car.runs.replay import replay as run_replay
    from car.runs.view import progress_bar, show_replay
    from car.sessions.reader import Session

    folder = _find_car(car)
    with (
        Session.open(session) as recording,
        _open_pilot(model, folder, recording.info.camera) as pilot,
        progress_bar("replaying") as progress,
    ):
        result = run_replay(recording, pilot, folder.config.gate.limits, progress)
    show_replay(result)


@app.command()
def train(
    sessions: SessionsArgument = None,
    car: CarOption = None,
    out: Annotated[
        Path | None, typer.Option("--out", "-o", metavar="FILE", help="Default: models/pilot.tflite.")
    ] = None,
    epochs: Annotated[int | None, typer.Option("--epochs", min=1, help="At most so many passes over the data.")] = None,
    seed: Annotated[int, typer.Option("--seed", min=0, help="The same seed and data give the same split.")] = 0,
) -> None:
    """Train a pilot on recorded sessions and export it with its model card."""
    import training.command

    folder = _find_car(car)
    out = out or folder.models_dir / "pilot.tflite"
    command = " ".join(["car", *sys.argv[1:]])
    training.command.train_and_show(_session_files(sessions, folder), out, epochs=epochs, seed=seed, command=command)


@app.command()
def evaluate(
    model: Annotated[str, typer.Argument(help="A .tflite file or a pilot's name.")],
    sessions: SessionsArgument = None,
    car: CarOption = None,
    track: Annotated[list[str] | None, typer.Option("--track", help="Drive this track in the simulator too.")] = None,
    laps: Annotated[int, typer.Option("--laps", min=1, help="So many laps of each track.")] = 3,
    seed: Annotated[int, typer.Option("--seed", min=0, help="Light, floor and camera vary with it.")] = 0,
    save: Annotated[bool, typer.Option("--save", help="Write how it drove to the model's card.")] = False,
) -> None:
    """Compare a pilot with recorded driving, beside two baselines that do not look; and see how it drives."""
    import training.command
    from car.assembly.devices import find_model
    from car.runs.simulation import Scene

    folder = _find_car(car)
    path = find_model(model, folder.path)
    if sessions or not track:
        training.command.evaluate_and_show(path, _session_files(sessions, folder))
    scenes = [Scene(name, seed) for name in track or ()]
    if scenes and not training.command.examine_and_show(path, folder.config, scenes, laps, save=save):
        _fail("The pilot did not drive every lap within the lane.")


@app.command()
def demo(
    out: Annotated[Path, typer.Option("--out", "-o", metavar="DIR", help="Where the results go.")] = Path("demo"),
) -> None:
    """Record, train, and drive on a track the pilot has not seen: the whole road in a few minutes."""
    import training.demo

    training.demo.run(out)


@sessions_app.command("list")
def list_sessions(car: CarOption = None) -> None:
    """List the car's sessions: length, frames, size and what is wrong with them."""
    from car.runs.view import show_session_list

    folder = _find_car(car)
    show_session_list(_mcap_files(folder.sessions_dir))


@sessions_app.command("show")
def show_session(session: SessionArgument) -> None:
    """Show where a session comes from, what is in it and what happened."""
    from car.runs.view import show_session as show
    from car.sessions.reader import Session

    with Session.open(session) as recording:
        show(recording)


@sessions_app.command("import")
def import_tubs(
    tubs: Annotated[list[Path], typer.Argument(metavar="TUB...", help="Donkey Car tubs, or folders of them.")],
    car: CarOption = None,
    negate: Annotated[bool, typer.Option("--negate-throttle", help="Forwards was negative on that car.")] = False,
) -> None:
    """Import what is new of Donkey Car tubs (v1 and v2) into the car's sessions, and report every defect."""
    from car.runs.view import progress_bar
    from car.sessions.tub.batch import import_tubs as import_all

    folder = _find_car(car)
    name = folder.config.car.name
    _show_results(import_all(tubs, folder.sessions_dir, car=name, negate_throttle=negate, watch=progress_bar))


@sessions_app.command("export")
def export_sessions(
    sessions: SessionsArgument = None,
    car: CarOption = None,
    out: Annotated[Path, typer.Option("--out", "-o", metavar="DIR", help="A tub for each goes here.")] = Path("tubs"),
) -> None:
    """Export sessions as Donkey Car tubs (v2), those that are not there yet."""
    from car.sessions.tub.batch import export_sessions as export

    _show_results(export(_session_files(sessions, _find_car(car)), out))


@sessions_app.command("repair")
def repair_sessions(
    sessions: SessionsArgument = None,
    car: CarOption = None,
) -> None:
    """Make sessions that were cut off open in every tool again."""
    from car.sessions.repair import Outcome, repair

    reports = [repair(path) for path in _session_files(sessions, _find_car(car))]
    for report in reports:
        typer.echo(report)
    if any(report.outcome in {Outcome.UNREADABLE, Outcome.FAILED} for report in reports):
        raise typer.Exit(1)


@models_app.command("list")
def list_models(car: CarOption = None) -> None:
    """List the car's models and the pilots that ship."""
    from car.assembly.devices import model_files
    from car.runs.view import show_model_list

    show_model_list(model_files(_find_car(car).path))


@models_app.command("show")
def show_model(
    model: Annotated[str, typer.Argument(help="A .tflite file or a pilot's name.")], car: CarOption = None
) -> None:
    """Show a model's card: what it learned from and what it was measured to do."""
    from car.assembly.devices import find_model
    from models.contract import ModelError
    from models.loader import read_card

    path = find_model(model, _find_car(car).path)
    card = read_card(path)
    if card is None:
        raise ModelError(f"{path} has no model card. Train it with `car train` to get one.")
    typer.echo(card.to_json())


def _break_car(name: str, clock: str, car: Path | None, model: str | None) -> None:
    from car.assembly.devices import find_model
    from car.faults.menu import MENU
    from car.faults.trials import clocks_named, faults_named, try_fault
    from car.runs.view import progress_bar, show_faults, show_trials

    if name == "list":
        show_faults(MENU)
        return
    clocks = clocks_named(clock)
    faults = faults_named(name, clocks)
    folder = _find_car(car)
    path = find_model(model or folder.config.pilot.model, folder.path)
    trials = []
    with progress_bar("breaking the car") as progress:
        for number, fault in enumerate(faults):
            progress(number / len(faults))
            trials.append(try_fault(fault, clocks, folder.config, path))
    show_trials(trials)
    if not all(trial.held for trial in trials):
        _fail("A promise was not held. Do not drive this car.")


def _find_car(chosen: Path | None) -> CarFolder:
    from car.config.folder import find_car

    folder, is_default = find_car(chosen)
    if is_default:
        _say_default(folder.path)
    return folder


def _say_default(path: Path) -> None:
    typer.secho(f"No car given: using the simulated car in {path}/.", err=True, dim=True)


def _open_pilot(name: str | None, folder: CarFolder, camera: CameraGeometry) -> Pilot:
    """Open the pilot that ``name`` means, by default the car's own, and say what its user ought to know."""
    from car.assembly.devices import find_model, open_pilot

    pilot, warnings = open_pilot(find_model(name or folder.config.pilot.model, folder.path), camera)
    for warning in warnings:
        typer.secho(f"car: {warning}", err=True, fg="yellow")
    return pilot


def _repair_unclosed(folder: CarFolder) -> None:
    from car.sessions.repair import repair_unclosed

    for report in repair_unclosed(folder.sessions_dir):
        typer.echo(report)


def _show_results(results: Iterable[Result]) -> None:
    """Print what became of each of many; exit code 1 if any of them failed."""
    failed = False
    for result in results:
        failed |= result.failed
        typer.secho(
            f"car: {result}" if result.failed else result, err=result.failed, fg="red" if result.failed else None
        )
    if failed:
        raise typer.Exit(1)


def _mcap_files(directory: Path) -> list[Path]:
    return sorted(directory.glob("*.mcap"))


def _session_files(chosen: list[Path] | None, folder: CarFolder) -> list[Path]:
    """Return the files meant by names of sessions and of folders of sessions; by default the car's own."""
    from car.errors import SessionError

    paths = chosen or [folder.sessions_dir]
    files = [file for path in paths for file in (_mcap_files(path) if path.is_dir() else [path])]
    if not files:
        raise SessionError(f"There are no sessions in {paths[0]}. Record one with `car drive`, or import a tub.")
    return files


def _or(value: int | None, default: int) -> int:
    return default if value is None else value


def _fail(message: str) -> Never:
    typer.secho(f"car: {message}", err=True, fg="red")
    raise typer.Exit(1)
