"""What a car offers of its sessions to a laptop that keeps copies: pieces with digests, while it goes on recording.

A piece is short, so that a car reads little at once, a connection that breaks off loses little, and a byte that was
changed on its way costs one piece. The version names one state of one file: pieces of two are never put together.
"""

from __future__ import annotations

import base64
import hashlib
import os
from dataclasses import dataclass
from pathlib import Path
from typing import BinaryIO

from car.errors import NoSuchSession, SessionError
from car.files import reason
from car.sessions.edits import Edits
from car.sessions.library import SessionLibrary

PIECE_BYTES = 1024 * 1024
HEAD_BYTES = 64 * 1024


@dataclass(frozen=True, slots=True)
class Original:
    """A session that a car offers.

    >>> [original] = originals(SessionLibrary(path.parent))
    >>> original.name, original.bytes == path.stat().st_size, original.head == head_of(path)
    ('first', True, True)

    ``version`` changes with the file; ``head`` is the SHA-256 of its first ``HEAD_BYTES``, by which a copy of it is
    known; ``left_out`` has the first and last number of the frames that each cut leaves out. Both are empty while the
    session is being recorded. ``problem`` says why it cannot be copied, empty if it can.
    """

    name: str
    bytes: int
    version: str
    head: str = ""
    recording: bool = False
    left_out: tuple[tuple[int, int], ...] = ()
    problem: str = ""

    @property
    def pieces(self) -> int:
        """How many pieces it has."""
        return -(-self.bytes // PIECE_BYTES)


def originals(library: SessionLibrary) -> list[Original]:
    """Return all sessions of ``library``, by name."""
    found = []
    for name in library.names():
        try:
            found.append(_original(library, name))
        except NoSuchSession:
            continue  # Thrown away meanwhile.
    return found


def read_piece(path: Path, number: int, version: str) -> bytes:
    """Return a piece of the session in ``path``, counted from 0.

    Raises SessionError when the file has another ``version`` by now or cannot be read, NoSuchSession when it is gone,
    or has no such piece.
    """
    try:
        with path.open("rb", buffering=0) as file:
            if _version(os.fstat(file.fileno())) != version:
                raise SessionError(f"{path.stem} has changed on the car. Pull it again.")
            file.seek(number * PIECE_BYTES)
            piece = _read(file, PIECE_BYTES)
    except FileNotFoundError:
        raise NoSuchSession(f"{path.stem} is not there any more. Reload the list of sessions.") from None
    except (OSError, OverflowError) as error:
        why = reason(error) if isinstance(error, OSError) else str(error)
        raise SessionError(f"{path.stem} cannot be read ({why}). Run `car doctor` on the car.") from error
    if not piece:
        raise NoSuchSession(f"{path.stem} has no piece {number}. Reload the list of sessions.")
    return piece


def content_digest(piece: bytes) -> str:
    """Return what the header ``Content-Digest`` (RFC 9530) says of ``piece``."""
    return f"sha-256=:{base64.b64encode(hashlib.sha256(piece).digest()).decode()}:"


def head_of(path: Path) -> str:
    """Return the digest of the first bytes of ``path``; raises OSError."""
    with path.open("rb") as file:
        return hashlib.sha256(file.read(HEAD_BYTES)).hexdigest()


def _original(library: SessionLibrary, name: str) -> Original:
    path = library.path(name)
    try:
        status = path.stat()
        if library.is_recorded(path):
            return Original(name, status.st_size, _version(status), recording=True)
        cuts = tuple((cut.first, cut.last) for cut in Edits.load(path).cuts)
        return Original(name, status.st_size, _version(status), head_of(path), left_out=cuts)
    except FileNotFoundError:
        raise NoSuchSession(name) from None
    except SessionError as error:
        return Original(name, status.st_size, _version(status), problem=str(error))
    except OSError as error:
        return Original(name, 0, "", problem=f"{name} cannot be read ({reason(error)}). Run `car doctor` on the car.")


def _version(status: os.stat_result) -> str:
    return f"{status.st_mtime_ns:x}-{status.st_size:x}-{status.st_ino:x}"


def _read(file: BinaryIO, size: int) -> bytes:
    """Return up to ``size`` bytes, fewer at the end of the file alone."""
    content = bytearray()
    while len(content) < size and (read := file.read(size - len(content))):
        content += read
    return bytes(content)
