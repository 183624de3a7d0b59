"""The program that every command belongs to, and the options of them all."""

from __future__ import annotations

from typing import Annotated, Never

import typer

app = typer.Typer(
    name="car",
    help="A $200 car that drives itself: record, train, drive, and all of it in a simulator.",
    no_args_is_help=True,
    add_completion=False,
    pretty_exceptions_enable=False,
    context_settings={"help_option_names": ["-h", "--help"]},
)
wants_traceback: list[bool] = []


def _show_version(wanted: bool) -> None:
    if wanted:
        from importlib.metadata import version

        typer.echo(f"Pocketpilot {version('pocketpilot')}")
        raise typer.Exit


@app.callback()
def options(
    debug: Annotated[bool, typer.Option("--debug", help="Show the traceback of an error.")] = False,
    _version: Annotated[
        bool, typer.Option("--version", callback=_show_version, is_eager=True, help="Print the version.")
    ] = False,
) -> None:
    """Take what holds for every command."""
    if debug:
        wants_traceback.append(True)


def fail(message: str) -> Never:
    """End the program with one line that says what is wrong and what to do."""
    typer.secho(f"car: {message}", err=True, fg="red")
    raise typer.Exit(1)
