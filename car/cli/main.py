"""Runs the command line; an error that the program knows becomes one line."""

from __future__ import annotations

import sys
from typing import Never

import typer

# Each adds its commands; their order here is the order of ``car --help``.
from car.cli import (  # noqa: F401
    drive,
    exam,
    fleet,
    laps,
    models,
    network,
    remote,
    sessions,
    simulate,
    tracks,
    train,
    tune,
)
from car.cli.app import app, wants_traceback


def main() -> Never:
    """Run the command line; an error that the program knows becomes one line and exit code 1."""
    from car.errors import KNOWN_ERRORS
    from car.terminal.interrupts import interrupts
    from car.terminal.shortages import shortage_in_words

    try:
        app()
    except (*KNOWN_ERRORS, OSError, MemoryError, ImportError, RuntimeError) as error:
        sentence = str(error) if isinstance(error, KNOWN_ERRORS) else shortage_in_words(error)
        if sentence is None or wants_traceback or interrupts.seen:
            raise
        typer.secho(f"car: {sentence}", err=True, fg="red")
        sys.exit(1)
    sys.exit(0)
