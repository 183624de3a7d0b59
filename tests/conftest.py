"""Fixtures that more than one package's tests share."""

from __future__ import annotations

import os
import tarfile
from pathlib import Path

import pytest

ARENA_ARCHIVE = "arena_mit_dev.tar.gz"


@pytest.fixture(scope="session")
def arena_tubs(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Return the folder of the recorded Donkey Car tubs, which are not part of this repository."""
    beside = Path(__file__).parents[2] / "shared" / "data"
    archive = Path(os.environ.get("POCKETPILOT_DATA", beside)) / ARENA_ARCHIVE
    if not archive.is_file():
        pytest.skip(f"{ARENA_ARCHIVE} is not in {archive.parent}; set POCKETPILOT_DATA to the folder that has it")
    folder = tmp_path_factory.mktemp("arena")
    with tarfile.open(archive) as tar:
        if hasattr(tarfile, "data_filter"):  # Raspberry Pi OS's Python 3.11.2 does not have it yet.
            tar.extraction_filter = tarfile.data_filter
        tar.extractall(folder)  # noqa: S202 - our own archive
    return folder / "arena_mit_dev" / "tubs"
