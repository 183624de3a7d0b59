"""The recorded Donkey Car tubs of an arena, which are not part of this repository."""

from __future__ import annotations

import os
import tarfile
from pathlib import Path

ARENA_ARCHIVE = "arena_mit_dev.tar.gz"


def arena_archive() -> Path:
    """Return where the archive is, or ought to be: in the folder that POCKETPILOT_DATA names."""
    beside = Path(__file__).parents[2] / "shared" / "data"
    return Path(os.environ.get("POCKETPILOT_DATA", beside)) / ARENA_ARCHIVE


def unpack_arena(archive: Path, folder: Path) -> Path:
    """Unpack the archive into ``folder`` and return the folder of its tubs."""
    with tarfile.open(archive) as tar:
        if hasattr(tarfile, "data_filter"):  # Raspberry Pi OS's Python 3.11.2 does not have it yet.
            tar.extraction_filter = tarfile.data_filter
        tar.extractall(folder)  # noqa: S202 - our own archive
    return folder / "arena_mit_dev" / "tubs"
