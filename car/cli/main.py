"""Runs the command line; an error that the program knows becomes one line."""

from __future__ import annotations

import errno
import sys
from typing import Never

import typer

# Each adds its commands; their order here is the order of ``car --help``.
from car.cli import drive, models, network, sessions, simulate, train  # noqa: F401
from car.cli.app import app, wants_traceback

SHORTAGES = {
    errno.EMFILE: "Too few files may be open at once. Allow more: ulimit -n 1024",
    errno.ENFILE: "The machine has too many files open. Close other programs.",
    errno.ENOMEM: "There is too little memory, or too little is allowed. Close other programs, or raise ulimit -v.",
    errno.EAGAIN: "The machine allows no more processes. Close other programs, or raise ulimit -u.",
}
"""What a machine may run out of anywhere, and what to do about it."""


def main() -> Never:
    """Run the command line; an error that the program knows becomes one line and exit code 1."""
    from car.errors import KNOWN_ERRORS
    from car.terminal.interrupts import interrupts

    try:
        app()
    except (*KNOWN_ERRORS, OSError, MemoryError, ImportError) as error:
        sentence = str(error) if isinstance(error, KNOWN_ERRORS) else _shortage(error)
        if sentence is None or wants_traceback or interrupts.seen:
            raise
        typer.secho(f"car: {sentence}", err=True, fg="red")
        sys.exit(1)
    sys.exit(0)


def _shortage(error: Exception) -> str | None:
    """Return in words what the machine has run out of, None where it is another error."""
    if isinstance(error, MemoryError) or "failed to map segment" in str(error):
        return SHORTAGES[errno.ENOMEM]
    return SHORTAGES.get(error.errno or 0) if isinstance(error, OSError) else None
