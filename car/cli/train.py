"""From sessions to pilots: training, evaluation, and the whole road at once."""

from __future__ import annotations

import sys
from pathlib import Path
from typing import Annotated

import typer

from car.cli.app import app, fail
from car.cli.options import CarOption, ModelArgument, SessionsArgument, find_car, session_files


@app.command()
def train(
    sessions: SessionsArgument = None,
    car: CarOption = None,
    out: Annotated[
        Path | None, typer.Option("--out", "-o", metavar="FILE", help="Default: models/pilot.tflite.")
    ] = None,
    epochs: Annotated[
        int | None, typer.Option("--epochs", min=1, help="At most this many passes over the data.")
    ] = None,
    seed: Annotated[int, typer.Option("--seed", min=0, help="The same seed and data give the same split.")] = 0,
) -> None:
    """Train a pilot on recorded sessions and export it with its model card."""
    import training.command

    folder = find_car(car)
    out = out or folder.models_dir / "pilot.tflite"
    command = " ".join(["car", *sys.argv[1:]])
    training.command.train_and_show(session_files(sessions, folder), out, epochs=epochs, seed=seed, command=command)


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
    from car.pilots.find import find_model
    from car.runs.simulation import Scene

    folder = find_car(car)
    path = find_model(model, folder.path)
    if sessions or not track:
        training.command.evaluate_and_show(path, session_files(sessions, folder))
    scenes = [Scene(name, seed) for name in track or ()]
    if scenes and not training.command.examine_and_show(path, folder.config, scenes, laps, save=save):
        fail("The pilot did not drive every lap within the lane.")


@app.command()
def demo(
    out: Annotated[Path, typer.Option("--out", "-o", metavar="DIR", help="Where the results go.")] = Path("demo"),
) -> None:
    """Record, train, and drive on a track the pilot has not seen: the whole road in a few minutes."""
    import training.demo

    training.demo.run(out)
