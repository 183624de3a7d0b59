"""Unpacks an archive that a stranger may have made: a tub's files alone, into one folder alone, and not too much.

A tub's file with a name that leads elsewhere ends it; links, devices and files that no tub has are passed over,
whatever they are called. What is counted is what really comes out, whatever the archive says of itself: a small file
that unpacks to a full disk ends in time.
"""

from __future__ import annotations

import gzip
import os
import re
import stat
import tarfile
import zipfile
from collections.abc import Iterator
from pathlib import Path, PurePosixPath
from typing import IO

from car.errors import TubError

MAX_FILES = 100_000
MAX_FILE_BYTES = 64_000_000
MAX_DEPTH = 8
MAX_NAME_BYTES = 200
PIECE_BYTES = 1 << 18

DAMAGED = "The archive is damaged, or packed in an unusual way. Pack it again."

_GZIP, _ZIP = b"\x1f\x8b", b"PK"
_WANTED = re.compile(
    r"manifest\.json|meta\.json|exclude\.json|record_\d+\.json|.+\.catalog|.+\.jpe?g|.+\.png", re.IGNORECASE
)
_DRIVE = re.compile(r"[A-Za-z]:[/\\]")
_NOT_ON_WINDOWS = re.compile(r'[<>:"|?*\x01-\x1f]')
Member = tuple[str, IO[bytes]]


def unpack(archive: Path, folder: Path, max_bytes: int) -> None:
    """Unpack the tubs in ``archive``, a .zip or a .tar.gz, into ``folder``, which must be empty.

    Raises TubError when it is neither, is damaged, has a name that leads out of the folder, or unpacks to more than
    ``max_bytes`` or ``MAX_FILES``; what was unpacked until then is left there.
    """
    with archive.open("rb") as file:
        magic = file.read(2)
    members = {_GZIP: _tar_members, _ZIP: _zip_members}.get(magic)
    if members is None:
        raise TubError("The file is neither a .zip nor a .tar.gz. Pack the tub's folder into one of those.")
    budget = _Budget(max_bytes)
    try:
        for name, stream in members(archive, budget):
            _write(stream, _target(folder, name), budget)
    except gzip.BadGzipFile as error:
        raise TubError(DAMAGED) from error
    except (TubError, OSError):
        raise
    except Exception as error:  # Of damaged archives, the standard library raises just about anything.
        raise TubError(DAMAGED) from error


class _Budget:
    """What may still be unpacked."""

    def __init__(self, max_bytes: int) -> None:
        self._bytes = self._max_bytes = max_bytes
        self._files = MAX_FILES

    def spend_file(self) -> None:
        """Take note of one more member; raises TubError when that is one too many."""
        self._files -= 1
        if self._files < 0:
            raise TubError(f"The archive has more than {MAX_FILES} files. Pack fewer tubs into one.")

    def spend(self, count: int) -> None:
        """Take note of ``count`` more bytes; raises TubError when those are too many."""
        self._bytes -= count
        if self._bytes < 0:
            raise TubError(
                f"The archive unpacks to more than {self._max_bytes // 1_000_000} MB. Pack fewer tubs into one."
            )


def _zip_members(archive: Path, budget: _Budget) -> Iterator[Member]:
    with zipfile.ZipFile(archive) as zipped:
        for info in zipped.infolist():
            budget.spend_file()
            mode = info.external_attr >> 16
            if info.is_dir() or (mode and not stat.S_ISREG(mode) and stat.S_IFMT(mode)):
                continue
            with zipped.open(info) as stream:
                yield info.filename, stream


def _tar_members(archive: Path, budget: _Budget) -> Iterator[Member]:
    # As a stream: otherwise it goes back a byte now and then, and unpacks from the start again.
    with gzip.open(archive) as stream_of_all, tarfile.open(fileobj=stream_of_all, mode="r|") as tar:
        for member in tar:
            budget.spend_file()
            # Also what is passed over has to be unpacked to find the next one.
            budget.spend(0 if member.isfile() and _is_wanted(member.name) else member.size)
            stream = tar.extractfile(member) if member.isfile() else None
            if stream is not None:
                yield member.name, stream


def _is_wanted(name: str) -> bool:
    path = PurePosixPath(name.replace("\\", "/"))
    return _WANTED.fullmatch(path.name) is not None and not path.name.startswith("._") and "__MACOSX" not in path.parts


def _target(folder: Path, name: str) -> Path | None:
    """Return where a member goes, None for one that no tub has; raises TubError for a name that leads elsewhere."""
    if not _is_wanted(name):
        return None
    parts = [part for part in name.replace("\\", "/").split("/") if part not in {"", "."}]
    is_odd = ".." in parts or name.startswith(("/", "\\")) or _DRIVE.match(name) or "\0" in name
    if is_odd or len(parts) > MAX_DEPTH or len(name.encode(errors="replace")) > MAX_NAME_BYTES:
        raise TubError(f"The archive has a file with an odd name, {name[:80]!r}. Pack the tub's folder itself.")
    # Elsewhere folders may be called "12:30 lap"; on Windows a colon leads to a disk, or into a file.
    return folder.joinpath(*(_NOT_ON_WINDOWS.sub("_", part) for part in parts) if os.name == "nt" else parts)


def _write(stream: IO[bytes], target: Path | None, budget: _Budget) -> None:
    if target is None:
        return
    target.parent.mkdir(parents=True, exist_ok=True)
    size = 0
    try:
        with target.open("xb") as file:
            while piece := stream.read(PIECE_BYTES):
                size += len(piece)
                budget.spend(len(piece))
                if size > MAX_FILE_BYTES:
                    raise TubError(
                        f"{target.name} in the archive is larger than any image. Pack the tub's folder itself."
                    )
                file.write(piece)
    except FileExistsError as error:
        raise TubError(f"The archive has two files {target.name}. Pack the tub's folder itself.") from error
