"""``car tracks``: what a simulated car can drive on."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from car.cli.app import app

tracks_app = typer.Typer(help="Simulated tracks: list, show, export.", no_args_is_help=True)
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
