"""The terminal that everything is printed to."""

import sys

from rich.console import Console

console = Console(width=None if sys.stdout.isatty() else 120)
