"""What a session is called that comes from a folder, and a folder that comes from a session: by one rule everywhere."""

from __future__ import annotations

import re
from collections.abc import Callable
from pathlib import Path

from car.sessions.format import SUFFIX
from car.sessions.tub.importer import unfinished_path
from car.sessions.writer import is_recorded

MAX_NAME = 64
DEFAULT_NAME = "tub"


def plain_name(name: str) -> str:
    """Return ``name`` as every system, the pages and the command line take it: letters, digits, ``_``, ``-`` and ``.``.

    It begins and ends with neither ``.`` nor ``_``; where nothing is left it is ``DEFAULT_NAME``.
    """
    return re.sub(r"[^\w.-]+", "_", name, flags=re.ASCII)[:MAX_NAME].strip("._") or DEFAULT_NAME


def free_name(name: str, is_taken: Callable[[str], bool]) -> str:
    """Return ``name`` made plain; with a number, ``name_2`` and so on, where it is taken."""
    plain = plain_name(name)
    numbered = (plain, *(f"{plain}_{number}" for number in range(2, 10_000)))
    return next(name for name in numbered if not is_taken(name))


def free_session(sessions_dir: Path, name: str) -> Path:
    """Return the path of a new session called ``name``, or nearly so; others may be importing at the same time."""

    def is_taken(stem: str) -> bool:
        path = sessions_dir / f"{stem}{SUFFIX}"
        return path.exists() or is_recorded(unfinished_path(path))

    return sessions_dir / f"{free_name(name, is_taken)}{SUFFIX}"
