"""Sessions from a car: what is not here yet comes in pieces, each checked, and goes on where it was interrupted."""

from __future__ import annotations

import contextlib
import glob
import hashlib
import json
import os
import re
import shutil
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from itertools import count
from pathlib import Path
from typing import BinaryIO

from pydantic import TypeAdapter, ValidationError

from car.errors import RecordingError, Refusal, RemoteError, SessionError
from car.files import alone, publish_new, reason
from car.pairing.printable import printable
from car.remote.client import CarClient
from car.sessions.edits import Edits, FrameRange
from car.sessions.format import SUFFIX
from car.sessions.originals import PIECE_BYTES, Original, content_digest, head_of
from car.sessions.trash import FOLDER as TRASH

LOCK = ".pull.lock"
PART = ".part"
RESERVE_BYTES = 100_000_000
"""What a pull leaves free on the laptop's disk."""
TRIES = 3
"""How often a piece is asked for that arrives damaged."""
NAME = re.compile(r"""[^\s./\\:*?"<>|\x00-\x1f\x7f][^/\\:*?"<>|\x00-\x1f\x7f]{0,199}""")
"""Names that are one file's on every system; what a car says may not lead out of the folder."""
MAX_NAME_BYTES = 200
MAX_BYTES = 2**53
VERSION = re.compile(r"[0-9a-f-]{1,64}")
PASSING = {404, 409, 413}
"""What a car answers where one session cannot be had, and the next one may."""
_ORIGINALS = TypeAdapter(list[Original])


@dataclass(slots=True)
class Pull:
    """Fetches the sessions of the car behind ``client`` that are not yet in ``folder``.

    ``run`` raises RemoteError when the car is lost, RecordingError when the disk refuses; what has arrived by then
    stays, and the next one goes on from there. Where it works ``both_ways``, what was left out of a copy here is left
    out on the car too, if nothing is yet. Afterwards, ``taken`` names the sessions that came, ``notes`` says what is to
    be known of others, ``missed`` why some did not come, each in a sentence; ``present`` counts those that were here
    before, and ``received_bytes`` what came over the network.
    """

    client: CarClient
    folder: Path
    both_ways: bool = False
    taken: list[str] = field(default_factory=list)
    notes: list[str] = field(default_factory=list)
    missed: list[str] = field(default_factory=list)
    present: int = 0
    received_bytes: int = 0
    _total: int = 1
    _done: int = 0

    def run(self, progress: Callable[[float], None] = lambda _: None) -> None:
        """Fetch what is new; ``progress`` hears how much of it is there, 0 … 1."""
        with _alone_in(self.folder):
            wanted = list(self._wanted(self._originals()))
            self._total = sum(original.bytes for original in wanted) or 1
            for original in wanted:
                start = self._done
                with self._passing_over(original.name, "did not come"):
                    # Only now: on some systems two names of a car's are one here.
                    self._fetch(original, self._target(original), progress)
                self._done = start + original.bytes

    def _originals(self) -> list[Original]:
        try:
            listed = _ORIGINALS.validate_json(self.client.get("originals").content)
        except ValidationError as error:
            raise RemoteError(
                f"{self.client.place} answers with something else than a list of sessions. "
                "Install the same version of Pocketpilot on both."
            ) from error
        return listed

    def _wanted(self, listed: list[Original]) -> Iterator[Original]:
        """Yield what is to be fetched."""
        for original in listed:
            name = original.name
            if not _is_name(name) or not VERSION.fullmatch(original.version or "0"):
                self.missed.append(f"{name!a} cannot be a file's name here. Rename the session on the car.")
            elif original.recording:
                self.notes.append(f"{name} is being recorded. Pull it when that has ended.")
            elif original.problem:
                self.missed.append(f"{name} did not come: {printable(original.problem)}")
            elif not 0 <= original.bytes < MAX_BYTES:
                self.missed.append(f"{name} did not come: its size is that of no session. Look at it on the car.")
            elif self._is_in_trash(original):
                self.notes.append(f"{name} is in the trash here, and stays there.")
            else:
                target = self._target(original)
                if target.exists():
                    self.present += 1
                    self._remove_left(name)
                    self._compare(original, target)
                else:
                    yield original

    def _is_in_trash(self, original: Original) -> bool:
        """Tell whether a copy was thrown away, under its own name or the number that it got here."""
        copies = (self.folder / TRASH).glob(f"*/{glob.escape(original.name)}*{SUFFIX}")
        return any(_is_copy(path, original) for path in copies)

    def _target(self, original: Original) -> Path:
        """Return the copy of a session that is here, or the first free name for one."""
        plain = self.folder / f"{original.name}{SUFFIX}"
        numbered = (plain if number == 1 else plain.with_stem(f"{plain.stem}-{number}") for number in count(1))
        return next(path for path in numbered if not path.exists() or _is_copy(path, original))

    def _compare(self, original: Original, target: Path) -> None:
        """Take over what was left out on the car since, unless something else was left out here."""
        try:
            here, there = Edits.load(target), _edits(original)
            if target.stat().st_size != original.bytes:
                self.notes.append(f"{original.name} is here in another state than on the car, and stays as it is.")
            elif there.ranges and not here.ranges:
                there.save(target)
                self.notes.append(f"{original.name} is cut as on the car now.")
            elif there.ranges and there != here:
                self.notes.append(f"{original.name} is cut otherwise here than on the car; both stay as they are.")
            elif here.ranges and not there.ranges and self.both_ways:
                self._send_cuts(original, here)
        except SessionError as error:
            self.missed.append(str(error))

    def _send_cuts(self, original: Original, edits: Edits) -> None:
        cuts = json.dumps({"left_out": [(cut.first, cut.last) for cut in edits.cuts]})
        with self._passing_over(original.name, "is not cut on the car"):
            self.client.post("originals", original.name, "cuts", body=cuts.encode())
            self.notes.append(f"{original.name} is cut on the car as it is here now.")

    @contextlib.contextmanager
    def _passing_over(self, name: str, what: str) -> Iterator[None]:
        """Take note of an error of the block that is this session's alone."""
        try:
            yield
        except Refusal as error:
            if error.status not in PASSING:
                raise
            self.missed.append(f"{name} {what}: {error}")
        except SessionError as error:
            self.missed.append(str(error))

    def _fetch(self, original: Original, target: Path, progress: Callable[[float], None]) -> None:
        """Fetch a session into a file beside, and give it its name when all of it is there."""
        edits = _edits(original)
        part = self.folder / f"{_part_of(original.name)}{original.version}{PART}"
        try:
            if part.exists() and part.stat().st_nlink > 1:
                part.unlink()  # A crash came between its name and the removal of this one: it is that session.
            with part.open("a+b") as file:
                self._check_room(original, os.fstat(file.fileno()).st_size)
                have = self._verified(original, file)
                # The last piece is shorter, and a file that is cut to more than it has grows.
                kept = file.truncate(min(have * PIECE_BYTES, original.bytes))
                self._tell(progress, kept)
                for number in range(have, original.pieces):
                    piece = self._piece(original, number)
                    file.write(piece)
                    file.flush()
                    self.received_bytes += len(piece)
                    self._tell(progress, len(piece))
                size = os.fstat(file.fileno()).st_size
            if size != original.bytes:
                part.unlink()
                raise SessionError(f"{original.name} is not of the size that the car said. Pull it again.")
            if target.exists():
                raise FileExistsError
            # First what is left out of it: a session without that would be learned from as a whole.
            edits.save(target)
            publish_new(part, target)
        except RemoteError:
            raise
        except FileExistsError:
            raise SessionError(f"{target.name} has appeared here meanwhile. Pull it again.") from None
        except OSError as error:
            raise RecordingError(
                f"{target} cannot be written ({reason(error)}). Free some space on this disk, and pull again: it goes "
                "on from here."
            ) from error
        self.taken.append(target.stem)
        self._remove_left(original.name)

    def _check_room(self, original: Original, have: int) -> None:
        free = shutil.disk_usage(self.folder).free
        if original.bytes - have > free - RESERVE_BYTES:
            raise RecordingError(
                f"{original.name} has {original.bytes / 1e6:.0f} MB, and this disk {free / 1e6:.0f} MB free. "
                "Free some space, and pull again."
            )

    def _verified(self, original: Original, file: BinaryIO) -> int:
        """Return how many whole pieces of an earlier try are as the car has them; a crash may have left others."""
        file.seek(0)
        for number in range(original.pieces):
            piece = file.read(PIECE_BYTES)
            is_whole = len(piece) == min(PIECE_BYTES, original.bytes - number * PIECE_BYTES)
            if not is_whole or hashlib.sha256(piece).hexdigest() != self._digest(original, number):
                return number
        return original.pieces

    def _digest(self, original: Original, number: int) -> str:
        answer = self.client.get("originals", original.name, str(number), "digest", version=original.version)
        try:
            return str(answer.json()["sha256"])
        except (ValueError, KeyError, TypeError, RecursionError) as error:
            raise RemoteError(f"{self.client.place} names no digest. Is it a Pocketpilot car?") from error

    def _piece(self, original: Original, number: int) -> bytes:
        for _ in range(TRIES):
            answer = self.client.get("originals", original.name, str(number), version=original.version)
            is_whole = len(answer.content) == min(PIECE_BYTES, original.bytes - number * PIECE_BYTES)
            if is_whole and answer.headers.get("Content-Digest") == content_digest(answer.content):
                return answer.content
        raise RemoteError(
            f"{original.name} arrived damaged {TRIES} times. Look for what changes it between {self.client.place} and "
            "this laptop, and pull again."
        )

    def _tell(self, progress: Callable[[float], None], more: int) -> None:
        self._done += more
        progress(min(self._done / self._total, 1.0))

    def _remove_left(self, name: str) -> None:
        """Remove what was fetched of a session that is here, or of earlier states of it."""
        for path in self.folder.glob(f"{_part_of(name)}*{PART}"):
            with contextlib.suppress(OSError):
                path.unlink()


@contextlib.contextmanager
def _alone_in(folder: Path) -> Iterator[None]:
    """Keep other pulls out of ``folder`` during the block; raises RemoteError where one is in it, RecordingError."""
    with contextlib.ExitStack() as held:
        try:
            folder.mkdir(parents=True, exist_ok=True)
            is_ours = held.enter_context(alone(folder / LOCK))
        except OSError as error:
            raise RecordingError(f"{folder} cannot be written ({reason(error)}). Check its permissions.") from error
        if not is_ours:
            raise RemoteError(f"Another `car pull` is filling {folder}. Wait until it has ended.")
        yield


def _is_name(name: str) -> bool:
    """Tell whether a file may have a session's name here; some letters would move the cursor of a terminal."""
    return NAME.fullmatch(name) is not None and name.isprintable() and len(name.encode()) <= MAX_NAME_BYTES


def _part_of(name: str) -> str:
    """Return how the files begin into which a session is fetched; its own name may be as long as a file's may be."""
    return f".{hashlib.sha256(name.encode()).hexdigest()[:16]}."


def _is_copy(path: Path, original: Original) -> bool:
    """Tell whether ``path`` begins as the session does."""
    try:
        return path.is_file() and head_of(path) == original.head
    except OSError:
        return False


def _edits(original: Original) -> Edits:
    try:
        return Edits.of(FrameRange(first, last) for first, last in original.left_out)
    except ValueError as error:
        raise SessionError(f"What is cut out of {original.name} makes no sense: {error}") from error
