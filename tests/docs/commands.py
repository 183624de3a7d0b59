"""The commands in the shell blocks of the pages, held against the program that they are for."""

from __future__ import annotations

import re
import shlex
from collections.abc import Iterator
from pathlib import Path
from typing import Any, NamedTuple

import typer.main

import car.cli.main  # noqa: F401 - it gives the program its commands
from car.cli.app import app

PROGRAM = typer.main.get_command(app)
SHELL_BLOCK = re.compile(r"^ *```(?:sh|bash)?\n(.*?)^ *```", re.DOTALL | re.MULTILINE)
CAR = re.compile(r"\s*(?:\w+=\S+ |sudo )*(?:\S*/)?car(?: (.*))?$")
MAKE = re.compile(r"^make ([a-z]+)")
NEEDS_A_CAR = {"calibrate"}
"""The commands that do nothing without real wheels; ``drive`` and ``neutral`` have simulated ones too."""


class Shown(NamedTuple):
    """A line of a shell block that begins with ``car``, and the page that it is on."""

    page: Path
    arguments: tuple[str, ...]

    @property
    def words(self) -> str:
        """The line as one types it."""
        return shlex.join(["car", *self.arguments])


def shell_lines(page: Path) -> Iterator[str]:
    """Yield each line of a page's shell blocks, without its comment."""
    for block in SHELL_BLOCK.findall(page.read_text(encoding="utf-8")):
        for line in block.replace("\\\n", " ").splitlines():
            yield line.partition(" #")[0].strip()


def car_commands(page: Path) -> Iterator[Shown]:
    """Yield each ``car`` command of a page; the parts of a line that ``&&`` joins are commands of their own."""
    for line in shell_lines(page):
        for part in line.split("&&"):
            if (found := CAR.match(part)) is not None:
                yield Shown(page, tuple(shlex.split(found[1] or "")))


def refusal(arguments: tuple[str, ...]) -> str:
    """Return why the program would not take these arguments, empty if it would. Nothing is run."""
    command: Any = PROGRAM
    rest = list(arguments)
    while hasattr(command, "commands"):
        if not rest or rest == ["--help"] or rest == ["--version"]:
            return ""
        if rest[0] not in command.commands:
            return f"there is no command {rest[0]}"
        command = command.commands[rest.pop(0)]
    try:
        command.make_context(command.name, rest).close()
    except Exception as error:  # noqa: BLE001 - the parser's errors have no base that is public
        return str(getattr(error, "message", error)) or type(error).__name__
    return ""
