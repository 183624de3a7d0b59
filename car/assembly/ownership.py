"""One program at a time has a car: a lock in the car's folder, and one for each of its outputs.

Two programs would each have a gate and a stop of their own, and write to the same wheels in turn. A lock is the file
system's own: it goes with the program that holds it, however that ends. ``car neutral`` and the guard need none, since
whoever stops a car may always do so.
"""

from __future__ import annotations

import contextlib
import json
import os
import re
import tempfile
from collections.abc import Iterator, Sequence
from pathlib import Path

from car import files
from car.errors import CarInUse
from hardware.neutral import Output

FOLDER_LOCK = ".in-use"
LOCK_FOLDERS = ("/run/lock", tempfile.gettempdir())
"""The first that is there: every user's programs must look for a board's locks in one place."""


@contextlib.contextmanager
def owning(folder: Path, outputs: Sequence[Output], what: str) -> Iterator[None]:
    """Own the car in ``folder`` and its ``outputs`` until the ``with`` block ends; ``what`` says what for.

    >>> with owning(folder, [], "car drive"), owning(folder, [], "car calibrate"):
    ...     pass
    Traceback (most recent call last):
    car.errors.CarInUse: The car in ... is in use already, by `car drive`, process .... End that first.

    Raises CarInUse, which names the program that has it.
    """
    with contextlib.ExitStack() as stack:
        stack.enter_context(_owning(folder / FOLDER_LOCK, f"The car in {folder.resolve()}", what))
        for path, words in _locks_of(outputs).items():
            stack.enter_context(_owning(path, words, what))
        yield


def _locks_of(outputs: Sequence[Output]) -> dict[Path, str]:
    """Return the lock file of each output, and what it is of in words; a board on a bus has one, and each GPIO."""
    folder = next((path for path in map(Path, LOCK_FOLDERS) if path.is_dir()), Path(tempfile.gettempdir()))
    names: dict[str, str] = {}
    for output in outputs:
        for gpio in [*output.get("gpios", ()), *([output["gpio"]] if "gpio" in output else ())]:
            names[f"gpio-{gpio}"] = f"GPIO{gpio}"
        if "bus" in output:
            bus, address = output["bus"], output.get("address", 0)
            names[f"i2c-{bus}-{address:#04x}"] = f"The board at {address:#04x} on I²C bus {bus}"
        if "path" in output:
            path = os.path.realpath(output["path"])
            names[f"file-{re.sub(r'[^A-Za-z0-9.-]+', '_', path)[-150:]}"] = path
    return {folder / f"pocketpilot-{name}.lock": words for name, words in names.items()}


@contextlib.contextmanager
def _owning(path: Path, words: str, what: str) -> Iterator[None]:
    try:
        descriptor = _open(path)
    except OSError as error:
        raise CarInUse(
            f"{words} cannot be claimed: {path} cannot be opened ({files.reason(error)}). Check who may use it."
        ) from error
    try:
        if not files.lock(descriptor):
            raise CarInUse(f"{words} is in use already, by {_owner(path)}. End that first.")
        _sign(descriptor, what)
        yield
    finally:
        os.close(descriptor)


def _open(path: Path) -> int:
    """Open a lock file, another user's too, which can be read alone; a lock takes no more."""
    with contextlib.suppress(FileNotFoundError):
        try:
            return os.open(path, os.O_RDWR)
        except PermissionError:
            return os.open(path, os.O_RDONLY)
    return os.open(path, os.O_RDWR | os.O_CREAT, 0o644)


def _sign(descriptor: int, what: str) -> None:
    """Write into the lock file who has it; one of another user's stays as it is."""
    with contextlib.suppress(OSError):
        os.truncate(descriptor, 0)
        os.pwrite(descriptor, json.dumps({"process": os.getpid(), "what": what}).encode(), 0)


def _owner(path: Path) -> str:
    """Return who has signed a lock file, in words."""
    try:
        content = json.loads(path.read_text(encoding="utf-8"))
        return f"`{content['what']}`, process {int(content['process'])}"
    except (OSError, ValueError, KeyError, TypeError):
        return "another program"
