"""From sessions to pilots: training, evaluation, and the whole road at once."""

from __future__ import annotations

import dataclasses
import os
import shlex
import sys
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, cast

import typer

from car.cli.app import app, fail
from car.cli.options import (
    CarOption,
    ModelArgument,
    SessionsArgument,
    drive_command,
    find_car,
    mcap_files,
    model_file,
    open_pilot,
    session_files,
)

if TYPE_CHECKING:
    from car.config.folder import CarFolder
    from training.command import Trained
    from training.dataset import LeftOut
    from training.fit import LossName, TrainSettings
    from training.networks.steering import NetworkName
    from training.variants import VariantChoice

PatienceOption = Annotated[
    int | None,
    typer.Option("--patience", min=1, help="Stop after so many passes without a better one; default: 8."),
]
DEFAULT_NAME = "pilot"
MIRROR = {"auto": None, "on": True, "off": False}


@app.command()
def train(
    sessions: SessionsArgument = None,
    car: CarOption = None,
    name: Annotated[
        str | None, typer.Option("--name", help="The model's name; by default pilot, pilot-2, pilot-3 and so on.")
    ] = None,
    out: Annotated[Path | None, typer.Option("--out", "-o", metavar="FILE", help="Write it to this file.")] = None,
    replace: Annotated[bool, typer.Option("--replace", help="Replace the model of that name, or that file.")] = False,
    epochs: Annotated[
        int | None, typer.Option("--epochs", min=1, help="At most this many passes over the data.")
    ] = None,
    patience: PatienceOption = None,
    seed: Annotated[int, typer.Option("--seed", min=0, help="The same seed and data give the same split.")] = 0,
    dagger: Annotated[
        int | None,
        typer.Option(
            "--dagger",
            min=1,
            metavar="N",
            help="Then N rounds in the simulator: the pilot drives, its expert corrects.",
        ),
    ] = None,
    minutes: Annotated[
        float | None, typer.Option("--minutes", min=0.01, help="For --dagger: simulated driving a round; default: 4.")
    ] = None,
    displaced_views: Annotated[
        float,
        typer.Option(
            "--displaced-views", min=0.0, max=1.0, metavar="SHARE", help="Show this share from beside the path too."
        ),
    ] = 0.0,
    network: Annotated[
        str,
        typer.Option(
            "--network",
            metavar="NAME",
            help="small, wide (for many tracks), mobile, recurrent (has a memory), pilotnet or donkey-linear.",
        ),
    ] = "small",
    loss: Annotated[
        str,
        typer.Option(
            "--loss",
            metavar="NAME",
            help="mse; huber, far-off labels pull no harder than near ones; or binned, steering in 21 bins.",
        ),
    ] = "mse",
    lead_ms: Annotated[
        str,
        typer.Option(
            "--lead-ms", metavar="N|auto", help="Learn what was driven so much later; auto: as late as the car."
        ),
    ] = "0",
    balance: Annotated[
        bool, typer.Option("--balance", help="Show frames of rare steering up to five times as often.")
    ] = False,
    mirror: Annotated[
        str,
        typer.Option(
            "--mirror", metavar="WHEN", help="Learn from mirrored frames too: on, off, or auto, by what suits them."
        ),
    ] = "auto",
    from_takeovers: Annotated[
        bool,
        typer.Option(
            "--from-takeovers", help="Learn from where a driver took over from a pilot; the car drives with it then."
        ),
    ] = False,
    begin_from: Annotated[
        str | None,
        typer.Option(
            "--from", metavar="MODEL", help="Begin with what this pilot of the same network and frame size has learned."
        ),
    ] = None,
    variant: Annotated[
        str,
        typer.Option(
            "--variant",
            metavar="NAME",
            help="Export it as float32, float16, dynamic or int8; auto: the smallest that loses at most 2 %.",
        ),
    ] = "float32",
    restart: Annotated[
        bool, typer.Option("--restart", help="Begin at the first epoch, where such a training was interrupted too.")
    ] = False,
) -> None:
    """Train a pilot on the recorded sessions in which somebody drove, and export it with its model card."""
    import training.command
    from car.pilots.find import find_model
    from training.course import Stop
    from training.fit import TrainSettings

    if minutes is not None and dagger is None:
        fail("--minutes is for --dagger. Leave it out, or add it.")
    if displaced_views and dagger is not None:
        fail("Rounds with an expert show the way back themselves. Leave out --displaced-views or --dagger.")
    if from_takeovers and dagger is not None:
        fail("In the rounds of --dagger it is the expert that takes over. Leave out --from-takeovers or --dagger.")
    if begin_from is not None and dagger is not None:
        fail("The first of the rounds of --dagger begins anew. Leave out --from or --dagger.")
    if restart and dagger is not None:
        fail("The rounds of --dagger always begin anew. Leave out --restart or --dagger.")
    if mirror not in MIRROR:
        fail(f"--mirror is one of {', '.join(MIRROR)}, not {mirror}.")
    lead = lead_in_ms(lead_ms)
    folder = find_car(car)
    place = _place(folder, name, out, replace=replace)
    start = find_model(begin_from, folder.path) if begin_from is not None else None
    camera = folder.config.camera.geometry
    files = session_files(sessions, folder)
    command = shlex.join(["car", *sys.argv[1:]])
    settings = TrainSettings(
        seed=seed,
        displaced_views=displaced_views,
        network=cast("NetworkName", network),
        mirror=MIRROR[mirror],
        loss=cast("LossName", loss),
        lead_ms=lead,
        balance=balance,
        variant=cast("VariantChoice", variant),
    )
    if epochs is not None:
        settings = dataclasses.replace(settings, epochs=epochs)
    if patience is not None:
        settings = dataclasses.replace(settings, patience=patience)
    if dagger is not None:
        trained = _train_in_rounds(files, place, folder, dagger, minutes, settings, command, replace=replace)
    else:
        trained = training.command.train_and_show(
            files,
            place,
            settings,
            command=command,
            replaces=replace,
            size=(camera.height, camera.width),
            from_takeovers=from_takeovers,
            start=start,
            restart=restart,
            stop=Stop(),
        )
    if from_takeovers and out is None:
        _activate(trained.model, folder)
    _say_how_to_drive(trained.model, place, folder, car)
    if any(session.is_damaged for session in trained.left_out):
        fail("Not every session can be read, and the model was trained on the others. Try `car sessions repair`.")


def _train_in_rounds(
    files: list[Path],
    place: Path,
    folder: CarFolder,
    rounds: int,
    minutes: float | None,
    settings: TrainSettings,
    command: str,
    *,
    replace: bool,
) -> Trained:
    import training.dagger_view
    from training.dagger import DaggerSettings

    dagger = DaggerSettings(rounds) if minutes is None else DaggerSettings(rounds, minutes)
    return training.dagger_view.train_in_rounds_and_show(
        files, place, folder.config, dagger, settings, command=command, replaces=replace
    )


@app.command()
def evaluate(
    model: ModelArgument,
    sessions: SessionsArgument = None,
    car: CarOption = None,
    track: Annotated[list[str] | None, typer.Option("--track", help="Drive this track in the simulator too.")] = None,
    laps: Annotated[int, typer.Option("--laps", min=1, help="This many laps of each track.")] = 3,
    seed: Annotated[int, typer.Option("--seed", min=0, help="Light, floor and camera vary with it.")] = 0,
    save: Annotated[bool, typer.Option("--save", help="Write how it drove to the model's card.")] = False,
) -> None:
    """Compare a pilot with recorded driving and with two baselines that do not look; see how it drives."""
    import training.command
    from simulator.scenario import Scenario

    folder = find_car(car)
    path = model_file(model, folder)
    if save and path is None:
        fail(f"{model} is no model, and has no card to write to. Leave out --save.")
    is_damaged = False
    if sessions or not track:
        left_out = _compare_with_driving(model, path, session_files(sessions, folder), folder)
        is_damaged = any(session.is_damaged for session in left_out)
    if track:
        scenarios = [Scenario(name, seed) for name in track]
        with open_pilot(model, folder, folder.config.camera.geometry) as pilot:
            card = path if save else None
            passed = training.command.drive_and_show(pilot, folder.config, scenarios, laps, save_to=card)
        if not passed:
            fail("The pilot did not drive every lap within the lane.")
    if is_damaged:
        fail("Not every session can be read, and the model was judged by the others. Try `car sessions repair`.")


def _compare_with_driving(name: str, path: Path | None, sessions: list[Path], folder: CarFolder) -> tuple[LeftOut, ...]:
    import training.command

    if path is not None:
        return training.command.evaluate_and_show(path, sessions)
    camera = folder.config.camera.geometry
    with open_pilot(name, folder, camera) as pilot:
        return training.command.evaluate_pilot_and_show(pilot, (camera.height, camera.width), sessions)


@app.command()
def compare(
    models: Annotated[list[str], typer.Argument(metavar="MODEL...", help=".tflite files or pilots' names.")],
    car: CarOption = None,
    on: Annotated[
        list[Path] | None,
        typer.Option("--on", metavar="SESSION", help="Compare on this session, or folder of them; default: the car's."),
    ] = None,
    html: Annotated[
        Path | None,
        typer.Option("--html", metavar="FILE", help="Write it as a page with plots and worst frames."),
    ] = None,
) -> None:
    """Set models side by side: what is on their cards, and how far each is from the driver on the same frames."""
    from car.pilots.compare import show_cards
    from car.pilots.find import find_model
    from training.comparison.command import compare_and_show

    folder = find_car(car)
    paths = list(dict.fromkeys(find_model(model, folder.path) for model in models))
    show_cards(paths)
    if not on and not mcap_files(folder.sessions_dir):
        if html is not None:
            fail("There is no page without sessions to compare on. Record a drive, or name one with --on.")
        typer.echo("This car has no session to compare on. Record a drive, or name one with --on.")
        return
    left_out = compare_and_show(paths, session_files(on, folder), html)
    if any(session.is_damaged for session in left_out):
        fail("Not every session can be read, and the models were compared on the others. Try `car sessions repair`.")


@app.command()
def demo(
    out: Annotated[Path, typer.Option("--out", "-o", metavar="DIR", help="Where the results go.")] = Path("demo"),
) -> None:
    """Record, train, and drive on a track the pilot has not seen: the whole road in a few minutes."""
    import training.demo

    training.demo.run(out)


def lead_in_ms(text: str) -> int | None:
    """Return the milliseconds that ``--lead-ms`` means, None for ``auto``."""
    if text == "auto":
        return None
    try:
        return int(text)
    except ValueError:
        fail(f"--lead-ms is a number of milliseconds, or auto, not {text}.")


def _place(folder: CarFolder, name: str | None, out: Path | None, *, replace: bool) -> Path:
    """Return the file that a new model is to become; without a name of its own, one that is there is no mistake."""
    from car.pilots.library import ModelLibrary

    if name is not None and out is not None:
        fail("A model goes to one place. Leave out --name or --out.")
    if out is not None:
        if out.is_dir():
            fail(f"{out} is a folder. Name a file in it: --out {out / 'pilot.tflite'}")
        if os.path.lexists(out) and not replace:
            fail(f"There is {out} already. Give another file with --out, or replace it with --replace.")
        return out
    library = ModelLibrary(folder.path, folder.config.camera.geometry)
    return library.target(name or DEFAULT_NAME, replace=replace or name is None)


def _activate(model: Path, folder: CarFolder) -> None:
    """Let the car drive with ``model`` from its next start on, and say how it would drive as before."""
    from car.config.change import change_config
    from car.kinds.pilot import TFLITE
    from car.pilots.library import setting_of
    from models.loader import read_card

    before, camera, card = folder.config.pilot, folder.config.camera, read_card(model)
    if card is not None and (card.width, card.height) != (camera.width, camera.height):
        typer.echo(
            f"The sessions' frames are {card.width}x{card.height}, and this car's camera gives "
            f"{camera.width}x{camera.height}: it goes on driving as before. Train on its own drives."
        )
        return
    if before.kind != TFLITE:
        typer.echo(
            f'This car drives by a {before.kind} pilot, and goes on so. Set [pilot] kind = "{TFLITE}" to change that.'
        )
        return
    change_config(folder.config_path, {"pilot": {"model": setting_of(model, folder.path)}})
    typer.echo(
        f'The car drives with {model.stem} from its next start on. Before it was [pilot] model = "{before.model}".'
    )


def _say_how_to_drive(model: Path, wanted: Path, folder: CarFolder, car: Path | None) -> None:
    from car.pilots.library import setting_of

    name = setting_of(model, folder.path)
    if model != wanted:
        typer.echo(f"{wanted} was there already and is as it was; this model is {model.stem}.")
    typer.echo(f"Drive with it: {drive_command(name, car)}")
