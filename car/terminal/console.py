"""The terminal that everything is printed to."""

import sys

from rich.console import Console


def open_console(width: int | None = None) -> Console:
    """Return a console that prints what it is given: a car, a session or a folder may have brackets in its name."""
    return Console(width=width, markup=False, emoji=False)


console = open_console(None if sys.stdout.isatty() else 120)
