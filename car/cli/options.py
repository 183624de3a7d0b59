"""Options that several commands take, and what they mean."""

from __future__ import annotations

import shlex
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

if TYPE_CHECKING:
    from car.config.folder import CarFolder
    from car.kinds.pilot import Pilot
    from hardware.camera import CameraGeometry

CarOption = Annotated[Path | None, typer.Option("--car", metavar="DIR", help="The car's folder.")]
ModelOption = Annotated[str | None, typer.Option("--model", "-m", help="A .tflite file, or a pilot's name.")]
LapsOption = Annotated[int | None, typer.Option("--laps", min=1, help="End after this many laps.")]
SessionArgument = Annotated[Path, typer.Argument(metavar="SESSION", help="A session's .mcap file.")]
SessionsArgument = Annotated[
    list[Path] | None, typer.Argument(metavar="[SESSION]...", help="Sessions or folders of them; default: the car's.")
]
TrackOption = Annotated[str | None, typer.Option("--track", help="A track's name, random-N, or a .json file.")]
ModelArgument = Annotated[str, typer.Argument(help="A .tflite file or a pilot's name.")]

WorkersOption = Annotated[
    int | None, typer.Option("--workers", min=1, help="Use this many processes; default: one for each core.")
]
ClusterOption = Annotated[
    str | None, typer.Option("--cluster", metavar="ADDRESS", help="Share the work out on this Ray cluster, host:port.")
]
BOTH_ENGINES = "Ray decides how many processes there are. Leave out --workers or --cluster."


def find_car(chosen: Path | None) -> CarFolder:
    """Open the chosen car, or the one that stands here; say which when it is the simulated one."""
    from car.config.folder import find_car as find

    folder, is_default = find(chosen)
    if is_default:
        say_default(folder.path)
    return folder


def drive_command(model: str, car: Path | None) -> str:
    """Return what to type to drive with ``model``, where ``car`` was named or not."""
    here = [] if car is None else ["--car", str(car)]
    return shlex.join(["car", "drive", *here, "--model", model])


def say_default(path: Path) -> None:
    """Say that nobody has named a car."""
    typer.secho(f"No car given: using the simulated car in {path}/.", err=True, dim=True)


def open_pilot(name: str | None, folder: CarFolder, camera: CameraGeometry) -> Pilot:
    """Open the pilot that ``name`` means, by default the car's own, and say what its user ought to know."""
    from car.pilots.choosing import choose_pilot, open_chosen

    pilot = open_chosen(choose_pilot(name, folder.config.pilot, folder.path), camera, folder.path)
    for warning in pilot.warnings:
        typer.secho(f"car: {warning}", err=True, fg="yellow")
    return pilot


def model_file(name: str, folder: CarFolder) -> Path | None:
    """Return the model that ``name`` means, None for a pilot of another kind; raises ModelError where it is neither."""
    from car.kinds.pilot import TFLITE
    from car.pilots.choosing import choose_pilot
    from car.pilots.find import find_model

    section = choose_pilot(name, folder.config.pilot, folder.path)
    return find_model(name, folder.path) if section.kind == TFLITE else None


def mcap_files(directory: Path) -> list[Path]:
    """Return the sessions in a folder."""
    return sorted(directory.glob("*.mcap"))


def session_files(chosen: list[Path] | None, folder: CarFolder) -> list[Path]:
    """Return the files meant by names of sessions and of folders of sessions; by default the car's own."""
    from car.errors import SessionError

    paths = chosen or [folder.sessions_dir]
    files = [file for path in paths for file in (mcap_files(path) if path.is_dir() else [path])]
    if not files:
        raise SessionError(f"There are no sessions in {paths[0]}. Record one with `car drive`, or import a tub.")
    return files
