"""Exports a session as a Donkey Car tub (version 2), for whoever trains or looks at it with Donkey's tools.

Every frame with a control cycle becomes a record, its JPEG byte for byte. What a tub cannot say is lost: the gate, the
stage times, motion and laps. Frames that are left out, or that nobody drove on, are there too, but marked as deleted.
"""

from __future__ import annotations

import contextlib
import json
import shutil
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from car.drive_record import DriveRecord
from car.errors import RecordingError, TubError
from car.files import reason
from car.gate import Mode
from car.sessions.edits import Edits
from car.sessions.format import EncodedFrame
from car.sessions.labels import label_of
from car.sessions.reader import Session
from car.sessions.tub.records import IMAGES, MANIFEST
from hardware.clock import NS_PER_MS
from hardware.drivetrain import Command

RECORDS_PER_CATALOG = 1000
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
    """What came of an export: ``deleted`` ones among the ``records`` are marked as such."""

    session: Path
    tub: Path
    records: int
    deleted: int

    def __str__(self) -> str:
        deleted = f", {self.deleted} of them marked as deleted" if self.deleted else ""
        return f"{self.session.name}: {self.records} records exported to {self.tub}{deleted}"


def export_tub(session_path: Path, tub_dir: Path) -> TubExport:
    """Write the session at ``session_path`` to the folder ``tub_dir``, which must not exist yet.

    Raises SessionError when it cannot be read or its list of edits is broken, TubError when nothing in it can be
    exported, RecordingError when the tub cannot be written; then there is no tub.
    """
    if tub_dir.exists():
        raise RecordingError(f"{tub_dir} exists already. Delete it, or choose another folder.")
    # Half an export must not pass for a tub, so it gets its name when it is whole.
    unfinished = tub_dir.with_name(f".{tub_dir.name}.tmp")
    shutil.rmtree(unfinished, ignore_errors=True)
    try:
        (unfinished / IMAGES).mkdir(parents=True)
        with Session.open(session_path) as session:
            writer = _TubWriter(unfinished, session)
            writer.write(Edits.load(session_path))
        if not writer.count:
            raise TubError(f"There is no frame with a command in {session_path}. Choose another session.")
        unfinished.rename(tub_dir)
    except OSError as error:
        if isinstance(error, RecordingError):
            raise
        raise RecordingError(f"{tub_dir} cannot be written ({reason(error)}). Free some space on the disk.") from error
    finally:
        shutil.rmtree(unfinished, ignore_errors=True)
    return TubExport(session_path, tub_dir, writer.count, len(writer.deleted))


class _TubWriter:
    """Writes the files of a tub; ``count`` records, of which those at the positions ``deleted`` are marked as such."""

    def __init__(self, folder: Path, session: Session) -> None:
        self.deleted: list[int] = []
        self.count = 0
        self._folder = folder
        self._session = session
        self._wall_ms = _wall_clock(session)
        self._started = datetime.fromtimestamp(self._wall_ms(next(iter(session.times_ns), 0)) / 1000, UTC)
        self._session_id = f"{self._started:%y-%m-%d}_0"
        self._catalogs: list[str] = []
        self._lines: list[bytes] = []

    def write(self, edits: Edits) -> None:
        """Write every frame that has a command."""
        for frame, record in _frames(self._session):
            if edits.excludes(frame.number) or label_of(record) is None:
                self.deleted.append(self.count)
            self._add(frame, record)
        self._end_catalog()
        self._write_manifest()

    def _add(self, frame: EncodedFrame, record: DriveRecord) -> None:
        name = f"{self.count}_cam_image_array_.jpg"
        (self._folder / IMAGES / name).write_bytes(frame.jpeg)
        content = {
            "_index": self.count,
            "_session_id": self._session_id,
            "_timestamp_ms": self._wall_ms(frame.captured_ns),
            "cam/image_array": name,
            "user/mode": _MODES[record.mode],
            **_command("user", record.driver or record.applied),
            **_command("pilot", record.pilot),
        }
        self._lines.append(f"{json.dumps(content, sort_keys=True)}\n".encode())
        self.count += 1
        if len(self._lines) == RECORDS_PER_CATALOG:
            self._end_catalog()

    def _end_catalog(self) -> None:
        if not self._lines:
            return
        name = f"catalog_{len(self._catalogs)}.catalog"
        (self._folder / name).write_bytes(b"".join(self._lines))
        manifest = {
            "created_at": self._started.timestamp(),
            "line_lengths": [len(line) for line in self._lines],
            "path": name,
            "start_index": self.count - len(self._lines),
        }
        (self._folder / f"{name}_manifest").write_text(f"{json.dumps(manifest)}\n")
        self._catalogs.append(name)
        self._lines = []

    def _write_manifest(self) -> None:
        info = self._session.info
        sessions = {"all_full_ids": [self._session_id], "last_id": 0, "last_full_id": self._session_id}
        content: list[Any] = [
            list(INPUTS),
            list(INPUTS.values()),
            {**info.extra, "session": info.name, "car": info.car},
            {"created_at": self._started.timestamp(), "sessions": sessions},
            {
                "paths": self._catalogs,
                "current_index": self.count,
                "max_len": RECORDS_PER_CATALOG,
                "deleted_indexes": self.deleted,
            },
        ]
        (self._folder / MANIFEST).write_text("".join(f"{json.dumps(line)}\n" for line in content))


def _frames(session: Session) -> Iterator[tuple[EncodedFrame, DriveRecord]]:
    for index in range(session.frame_count):
        record = session.record_at(index)
        if record is not None and (record.driver or record.applied).is_valid():
            yield session.frame_at(index), record


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
