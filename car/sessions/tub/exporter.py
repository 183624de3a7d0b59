"""Exports a session as a Donkey Car tub (version 2), for whoever trains or looks at it with Donkey's tools.

Every frame with a control cycle becomes a record, its JPEG byte for byte. What a tub cannot say is lost: the gate, the
stage times, motion and laps. Frames that are left out, or that nobody drove on, are there too, but marked as deleted.
"""

from __future__ import annotations

import contextlib
import glob
import json
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from car.drive_record import DriveRecord
from car.errors import RecordingError, SessionBusy, TubError
from car.files import new_folder, reason
from car.gate import Mode
from car.sessions.edits import Edits
from car.sessions.labels import label_of
from car.sessions.reader import Session
from car.sessions.tub.known import ORIGIN
from car.sessions.tub.names import free_name, plain_name
from car.sessions.tub.records import IMAGES, MANIFEST
from car.sessions.writer import is_recorded
from hardware.clock import NS_PER_MS
from hardware.drivetrain import Command

RECORDS_PER_CATALOG = 1000
LONGEST_PAUSE_MS = 3_600_000
"""A tub's times tell one drive from the next by more than this."""
INPUTS = {
    "cam/image_array": "image_array",
    "user/angle": "float",
    "user/throttle": "float",
    "user/mode": "str",
    "pilot/angle": "float",
    "pilot/throttle": "float",
}
_MODES = {Mode.MANUAL: "user", Mode.ASSIST: "local_angle", Mode.AUTO: "local", Mode.CALIBRATION: "user"}


@dataclass(frozen=True, slots=True)
class TubExport:
    """What came of an export: ``deleted`` ones among the ``records`` are marked as such.

    ``is_new`` is false when the same tub was there already and nothing was written.
    """

    session: Path
    tub: Path
    records: int
    deleted: int
    is_new: bool = True

    def __str__(self) -> str:
        if not self.is_new:
            return f"{self.session.name}: exported already to {self.tub}"
        deleted = f", {self.deleted} of them marked as deleted" if self.deleted else ""
        return f"{self.session.name}: {self.records} records exported to {self.tub}{deleted}"


def export_tub(session_path: Path, tub_dir: Path) -> TubExport:
    """Write the session at ``session_path`` to the folder ``tub_dir``, which must not exist yet.

    >>> tub = export_tub(path, folder / "tub")
    >>> tub.records
    60

    Raises SessionBusy while it is being recorded, SessionError when it cannot be read or its list of edits is broken,
    TubError when nothing in it can be exported, RecordingError when the tub cannot be written; then there is no tub.
    """
    if tub_dir.exists():
        raise RecordingError(f"{tub_dir} exists already. Delete it, or choose another folder.")
    with _open(session_path) as (session, contents):
        return _write(session, contents, tub_dir)


def export_into(session_path: Path, folder: Path) -> TubExport:
    """Write the session at ``session_path`` to a tub in ``folder`` that is called like it, and raise as ``export_tub``.

    Where that name is taken, the tub gets a number; where that very tub is there already, nothing is written.
    """
    with _open(session_path) as (session, contents):
        exported = [tub for tub in _called(folder, session_path.stem) if contents.are_in(tub)]
        if exported:
            return TubExport(session_path, exported[0], contents.count, len(contents.deleted), is_new=False)
        name = free_name(session_path.stem, lambda name: (folder / name).exists())
        return _write(session, contents, folder / name)


@contextlib.contextmanager
def _open(session_path: Path) -> Iterator[tuple[Session, _Contents]]:
    with Session.open(session_path) as session:
        if is_recorded(session_path):
            raise SessionBusy(f"{session_path.stem} is being recorded. Stop the recording first.")
        contents = _Contents(session, Edits.load(session_path))
        if not contents.count:
            raise TubError(f"There is no frame with a command in {session_path}. Choose another session.")
        yield session, contents


def _called(folder: Path, name: str) -> list[Path]:
    """Return the folders in ``folder`` that an export of ``name`` may have made."""
    plain = plain_name(name)
    return [folder / plain, *sorted(folder.glob(f"{glob.escape(plain)}_*"))]


def _write(session: Session, contents: _Contents, tub_dir: Path) -> TubExport:
    try:
        with new_folder(tub_dir) as unfinished:
            (unfinished / IMAGES).mkdir()
            for number, index in enumerate(contents.frames):
                (unfinished / IMAGES / _image_name(number)).write_bytes(session.frame_at(index).jpeg)
            for name, content in contents.files().items():
                (unfinished / name).write_bytes(content)
    except OSError as error:
        if isinstance(error, RecordingError):
            raise
        raise RecordingError(f"{tub_dir} cannot be written ({reason(error)}). Free some space on the disk.") from error
    return TubExport(session.path, tub_dir, contents.count, len(contents.deleted))


class _Contents:
    """What will be in a tub: a record for each of the ``frames``, which are indices in the session.

    ``count`` are there, of which those at the positions ``deleted`` are marked as such; positions are indexes here.
    """

    def __init__(self, session: Session, edits: Edits) -> None:
        self.frames: list[int] = []
        self.deleted: list[int] = []
        self._info = session.info
        self._wall_ms = _wall_clock(session)
        self._started = datetime.fromtimestamp(self._wall_ms(next(iter(session.times_ns), 0)) / 1000, UTC)
        self._lines: list[bytes] = []
        self._drives = 0
        self._last_ms: int | None = None
        for index, record in _records(session):
            if edits.excludes(session.numbers[index]) or label_of(record) is None:
                self.deleted.append(self.count)
            self._add(record, self._wall_ms(session.times_ns[index]))
            self.frames.append(index)

    @property
    def count(self) -> int:
        return len(self.frames)

    def files(self) -> dict[str, bytes]:
        """Return the name and content of each file that is no image."""
        files: dict[str, bytes] = {}
        for first in range(0, self.count, RECORDS_PER_CATALOG):
            lines = self._lines[first : first + RECORDS_PER_CATALOG]
            name = f"catalog_{first // RECORDS_PER_CATALOG}.catalog"
            files[name] = b"".join(lines)
            files[f"{name}_manifest"] = self._catalog_manifest(name, first, lines)
        paths = [name for name in files if name.endswith(".catalog")]
        return {**files, MANIFEST: self._manifest(paths)}

    def are_in(self, tub: Path) -> bool:
        """Tell whether a tub has exactly this, and all its images."""
        try:
            return all((tub / name).read_bytes() == content for name, content in self.files().items()) and {
                path.name for path in (tub / IMAGES).iterdir()
            }.issuperset(_image_name(number) for number in range(self.count))
        except OSError:
            return False

    def _add(self, record: DriveRecord, time_ms: int) -> None:
        if self._last_ms is None or time_ms - self._last_ms > LONGEST_PAUSE_MS:
            self._drives += 1
        self._last_ms = time_ms
        content = {
            "_index": self.count,
            "_session_id": self._drive_id(self._drives - 1),
            "_timestamp_ms": time_ms,
            "cam/image_array": _image_name(self.count),
            "user/mode": _MODES[record.mode],
            **_command("user", record.driver or record.applied),
            **_command("pilot", record.pilot),
        }
        self._lines.append(f"{json.dumps(content, sort_keys=True)}\n".encode())

    def _drive_id(self, number: int) -> str:
        return f"{self._started:%y-%m-%d}_{number}"

    def _catalog_manifest(self, name: str, first: int, lines: list[bytes]) -> bytes:
        manifest = {
            "created_at": self._started.timestamp(),
            "line_lengths": [len(line) for line in lines],
            "path": name,
            "start_index": first,
        }
        return f"{json.dumps(manifest)}\n".encode()

    def _manifest(self, paths: list[str]) -> bytes:
        ids = [self._drive_id(number) for number in range(self._drives)]
        extra = {key: text for key, text in self._info.extra.items() if key != ORIGIN}
        content: list[Any] = [
            list(INPUTS),
            list(INPUTS.values()),
            {**extra, "session": self._info.name, "car": self._info.car},
            {
                "created_at": self._started.timestamp(),
                "sessions": {"all_full_ids": ids, "last_id": self._drives - 1, "last_full_id": ids[-1]},
            },
            {
                "paths": paths,
                "current_index": self.count,
                "max_len": RECORDS_PER_CATALOG,
                "deleted_indexes": self.deleted,
            },
        ]
        return "".join(f"{json.dumps(line)}\n" for line in content).encode()


def _image_name(number: int) -> str:
    return f"{number}_cam_image_array_.jpg"


def _records(session: Session) -> Iterator[tuple[int, DriveRecord]]:
    for index in range(session.frame_count):
        record = session.record_at(index)
        if record is not None and (record.driver or record.applied).is_valid():
            yield index, record


def _command(who: str, command: Command | None) -> dict[str, float]:
    if command is None or not command.is_valid():
        return {}
    return {f"{who}/angle": command.steering, f"{who}/throttle": command.throttle}


def _wall_clock(session: Session) -> Callable[[int], int]:
    """Return what turns a capture time into milliseconds of wall time, as far as the session knows that."""
    first_ns, start_ms = next(iter(session.times_ns), 0), 0
    with contextlib.suppress(ValueError):
        start_ms = round(datetime.fromisoformat(session.info.started).timestamp() * 1000)
    if session.info.source == "tub" or not start_ms:
        # A tub's times have been its frames' times ever since it was imported.
        return lambda captured_ns: captured_ns // NS_PER_MS
    return lambda captured_ns: start_ms + (captured_ns - first_ns) // NS_PER_MS
