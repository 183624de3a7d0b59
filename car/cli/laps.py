"""Lap times: the marker of the start line."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from car.cli.app import app, fail


@app.command("lap-marker")
def lap_marker(
    out: Annotated[Path, typer.Argument(metavar="FILE", help="The .svg file to make.")] = Path("lap-marker.svg"),
    number: Annotated[int, typer.Option("--number", min=0, max=49, help="Which of the 50 markers.")] = 0,
) -> None:
    """Make the page, A4, with the marker that a camera tells the start line by; print it at 100 %."""
    from car.laps.marker import write_marker

    try:
        write_marker(number, out)
    except OSError as error:
        fail(f"{out} cannot be written ({error.strerror or error}). Choose another folder, or free some space.")
    typer.echo(f'Made {out}. Print it at 100 %, and set under [lap] in car.toml: marker = "aruco", number = {number}')
