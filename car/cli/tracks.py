"""``car tracks``: what a simulated car can drive on."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from car.cli.app import app

tracks_app = typer.Typer(help="Simulated tracks: list, show, export, import.", no_args_is_help=True)
app.add_typer(tracks_app, name="tracks")

TrackArgument = Annotated[str, typer.Argument(metavar="TRACK", help="A track's name, random-N, or a .json file.")]


@tracks_app.command("list")
def list_tracks() -> None:
    """List the tracks that have a name."""
    from car.runs.tracks import show_tracks

    show_tracks()


@tracks_app.command("show")
def show_track(
    track: TrackArgument,
    picture: Annotated[Path | None, typer.Option("--picture", metavar="FILE", help="Draw it to this .png.")] = None,
) -> None:
    """Show how long, wide and tight a track is, and what it looks like from above."""
    from car.runs.tracks import show_track as show

    show(track, picture)


@tracks_app.command("export")
def export_track(track: TrackArgument, file: Annotated[Path, typer.Argument(help="The .json file to make.")]) -> None:
    """Write a track to a file, to change it and to drive on it."""
    from car.runs.tracks import export_track as export

    export(track, file)


@tracks_app.command("import")
def import_drawing(
    drawing: Annotated[Path, typer.Argument(help="An .svg drawing with the centre line as one closed path.")],
    file: Annotated[Path, typer.Argument(help="The .json file to make.")],
    width_m: Annotated[float, typer.Option("--width-m", help="How wide the drawn line is in reality, in metres.")],
    path: Annotated[str | None, typer.Option("--path", metavar="ID", help="Which of several lines it is.")] = None,
    style: Annotated[str, typer.Option(help="robocars, tape, road, line or walls.")] = "robocars",
    half_width_m: Annotated[float, typer.Option(help="From the centre line to the lane's edge, in metres.")] = 0.4,
) -> None:
    """Make a track of a line that was drawn in a vector program."""
    from car.runs.tracks import import_drawing as read

    read(drawing, file, width_m, path, style, half_width_m)
