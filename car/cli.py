"""The command line: ``car``.

What a command needs is imported when it runs, so that ``car --help`` answers at once and driving never loads what only
training needs.
"""

from __future__ import annotations

import sys
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Never

import typer

if TYPE_CHECKING:
    from car.folder import CarFolder

app = typer.Typer(
    name="car",
    help="A $200 car that drives itself: record, train, drive, and all of it in a simulator.",
    no_args_is_help=True,
    pretty_exceptions_enable=False,
    context_settings={"help_option_names": ["-h", "--help"]},
)
sessions_app = typer.Typer(help="Recorded drives: list, show, import, repair.", no_args_is_help=True)
app.add_typer(sessions_app, name="sessions")

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
    from car.errors import KNOWN_ERRORS

    try:
        app()
    except KNOWN_ERRORS as error:
        if _debug:
            raise
        typer.secho(f"car: {error}", err=True, fg="red")
        sys.exit(1)
    except KeyboardInterrupt:
        sys.exit(130)
    sys.exit(0)


@app.command()
def init(folder: Annotated[Path, typer.Argument(help="The folder to make, named for the car.")]) -> None:
    """Make a car: a folder with car.toml, sessions/ and models/."""
    from car.folder import init_car

    init_car(folder)
    typer.echo(f"Made {folder}/car.toml. Drive it with: car drive --headless --car {folder}")
