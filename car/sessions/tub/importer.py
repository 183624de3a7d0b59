"""Imports Donkey Car tubs (versions 1 and 2) as sessions, with a report of all that is wrong with them."""

from __future__ import annotations

import os
import statistics
from collections import Counter
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from itertools import pairwise
from pathlib import Path

from car import files
from car.drive_record import DriveRecord
from car.errors import RecordingError, SessionError, TubError
from car.gate import GateState, Mode
from car.sessions.edits import Edits
from car.sessions.format import EncodedFrame, SessionInfo
from car.sessions.tub.records import (
    Defect,
    Tally,
    TubRecord,
    is_apple_double,
    is_tub,
    read_tub,
    without_overwritten,
)
from car.sessions.tub.records_v1 import RECORD_SUFFIX, is_tub_v1, read_tub_v1
from car.sessions.writer import SessionWriter
from hardware.camera import CameraGeometry
from hardware.clock import NS_PER_MS, NS_PER_S, VirtualClock
from hardware.drivetrain import Command

Progress = Callable[[float], None]
"""Called with how much is done, 0 … 1."""

NAME_IT = "Name the folder that holds a tub's manifest.json or meta.json."

_DONKEY_PERIOD_NS = NS_PER_S // 20
_SIZE_SAMPLES = 25
_MAX_IMAGE_BYTES = 32_000_000
_MAX_INDEX_STEP = 1_000_000
_SEARCH_DEPTH = 4


@dataclass(frozen=True, slots=True)
class TubReport:
    """What was in a tub and what became of it.

    ``records`` counts the catalogs' records, ``imported`` those that are in the session now, of which ``left_out`` are
    in its list of edits; ``defects`` maps each kind that was met to its count, ``first`` to the first place it was met;
    ``unused_keys`` are the records' keys that a session has no place for.
    """

    tub: Path
    path: Path
    records: int
    imported: int
    left_out: int
    duration_s: float
    defects: Mapping[Defect, int]
    first: Mapping[Defect, str]
    unused_keys: tuple[str, ...]

    def __str__(self) -> str:
        left_out = f", {self.left_out} of them left out" if self.left_out else ""
        lines = [f"{self.tub.name}: {self.imported} of {self.records} records imported{left_out}"]
        lines += [f"  {count:6} {defect}, first {self.first[defect]}" for defect, count in self.defects.items()]
        return "\n".join(lines)


@dataclass(frozen=True, slots=True)
class _Row:
    """A record with its place in the session."""

    record: TubRecord
    number: int
    captured_ns: int


def find_tubs(path: Path) -> list[Path]:
    """Return ``path`` itself if it is a tub, else the tubs in it and its folders; raises TubError if none is there."""
    if _is_any_tub(path):
        return [path]
    if not path.is_dir():
        raise TubError(f"There is no folder {path}. {NAME_IT}")
    found = [folder for folder in _folders(path, _SEARCH_DEPTH) if _is_any_tub(folder)]
    if not found:
        raise TubError(f"There is no Donkey Car tub in {path}. {NAME_IT}")
    return sorted(found)


def import_tub(
    tub_dir: Path,
    out_path: Path,
    *,
    camera: CameraGeometry | None = None,
    car: str = "",
    progress: Progress | None = None,
) -> TubReport:
    """Import the tub in ``tub_dir`` as the session ``out_path`` and report every defect.

    Each good record keeps its JPEG byte for byte, its commands and its time; frames are numbered as in the tub. The
    records that were deleted in Donkey Car are imported and left out by the session's edits. ``camera`` says how the
    camera was mounted; its frame size is taken from the images.

    Raises TubError when there is no tub or nothing to import, RecordingError when the session cannot be written.
    """
    if not _is_any_tub(tub_dir):
        raise TubError(f"{tub_dir} is not a Donkey Car tub. {NAME_IT}")
    if out_path.exists():
        raise RecordingError(f"{out_path} exists already. Delete it, or give the session another name.")
    try:
        return _Import(tub_dir, camera or CameraGeometry(), car).run(out_path, progress)
    except (SessionError, RecordingError):
        raise
    except OSError as error:
        raise TubError(f"{tub_dir} cannot be read ({files.reason(error)}). Copy it to another disk.") from error


class _Import:
    def __init__(self, tub_dir: Path, camera: CameraGeometry, car: str) -> None:
        self._tally = Tally()
        self._tub_dir = tub_dir
        self._tub = (read_tub if is_tub(tub_dir) else read_tub_v1)(tub_dir, self._tally)
        self._image_bytes = _list_images(self._tub.images_dir, self._tally)
        records = without_overwritten(self._tub.records, self._tally)
        self._rows = _placed(records, self._tally)
        self._camera = camera
        self._car = car
        self._left_out: list[int] = []
        self._imported: list[int] = []

    def run(self, out_path: Path, progress: Progress | None) -> TubReport:
        size = self._common_size()
        if size is None:
            raise TubError(self._nothing())
        info = self._info(out_path.stem, size)
        # Half an import must not pass for a session, so it gets its name when it is whole.
        temporary = out_path.with_name(f".{out_path.name}.tmp")
        temporary.unlink(missing_ok=True)
        try:
            self._write(temporary, info, size, progress)
            if not self._imported:
                raise TubError(self._nothing())
            Edits.of_numbers(self._left_out).save(out_path)
            files.publish(temporary, out_path)
        finally:
            temporary.unlink(missing_ok=True)
        for name in sorted(self._image_bytes.keys() - self._tub.named_images):
            self._tally.add(Defect.ORPHAN_IMAGE, name)
        return self._report(out_path)

    def _write(self, path: Path, info: SessionInfo, size: tuple[int, int], progress: Progress | None) -> None:
        clock = VirtualClock(self._rows[0].captured_ns)
        # Chunks end by the recording's own time; an import that is cut off can be done again, so nothing is synced.
        with SessionWriter(path, info, clock, sync=lambda _: None) as session:
            for done, row in enumerate(self._rows, start=1):
                frame = self._checked_frame(row, size)
                if frame is not None:
                    clock.sleep_until_ns(row.captured_ns)
                    session.add_frame(frame)
                    session.add_record(self._drive_record(row))
                    self._imported.append(row.captured_ns)
                if progress is not None:
                    progress(done / len(self._rows))

    def _checked_frame(self, row: _Row, size: tuple[int, int]) -> EncodedFrame | None:
        defect: Defect
        image_bytes = self._image_bytes.get(row.record.image)
        if image_bytes is None:
            defect = Defect.MISSING_IMAGE
        elif image_bytes == 0:
            defect = Defect.EMPTY_IMAGE
        else:
            frame = self._read_frame(row)
            shape = _shape(frame)
            if shape == size:
                return frame
            defect = Defect.BROKEN_IMAGE if shape is None else Defect.WRONG_SIZE
        self._tally.add(defect, row.record.image)
        return None

    def _read_frame(self, row: _Row) -> EncodedFrame | None:
        if not 0 < self._image_bytes.get(row.record.image, 0) <= _MAX_IMAGE_BYTES:
            return None
        # The name is one that the folder itself has listed, so it cannot lead out of it.
        return EncodedFrame(row.number, row.captured_ns, (self._tub.images_dir / row.record.image).read_bytes())

    def _drive_record(self, row: _Row) -> DriveRecord:
        record = row.record
        applied, known = _applied(record)
        if not known:
            self._tally.add(Defect.NO_PILOT, record.line)
        if record.deleted or not known:
            self._left_out.append(row.number)
        return DriveRecord(
            row.number, row.captured_ns, record.mode, GateState.ARMED, None, record.driver, record.pilot, applied
        )

    def _common_size(self) -> tuple[int, int] | None:
        """Return the height and width that most images have, judged by some from all over the tub."""
        shapes: Counter[tuple[int, int]] = Counter()
        present = [row for row in self._rows if self._image_bytes.get(row.record.image)]
        for row in present[:: max(1, len(present) // _SIZE_SAMPLES)]:
            shape = _shape(self._read_frame(row))
            if shape is not None:
                shapes[shape] += 1
        return shapes.most_common(1)[0][0] if shapes else None

    def _info(self, name: str, size: tuple[int, int]) -> SessionInfo:
        height, width = size
        first_ms = next((row.record.time_ms for row in self._rows if row.record.time_ms is not None), None)
        return SessionInfo(
            name=name,
            car=self._car,
            camera=replace(self._camera, width=width, height=height),
            rate_hz=round(NS_PER_S / _period_ns([row.record for row in self._rows]), 1),
            started="" if first_ms is None else datetime.fromtimestamp(first_ms / 1000, UTC).isoformat(),
            source="tub",
            extra={"tub": self._tub_dir.name, **self._tub.metadata},
        )

    def _nothing(self) -> str:
        found = ", ".join(f"{count} {defect}" for defect, count in self._tally.counts.items())
        why = f": {found}" if found else ""
        return f"Nothing in {self._tub_dir} can be imported ({self._tub.lines} records{why}). Record it again."

    def _report(self, out_path: Path) -> TubReport:
        duration_s = (self._imported[-1] - self._imported[0]) / NS_PER_S
        return TubReport(
            tub=self._tub_dir,
            path=out_path,
            records=self._tub.lines,
            imported=len(self._imported),
            left_out=len(self._left_out),
            duration_s=duration_s,
            defects=dict(self._tally.counts),
            first=self._tally.first,
            unused_keys=tuple(sorted(self._tub.unused_keys)),
        )


def _applied(record: TubRecord) -> tuple[Command, bool]:
    """Return what drove the car, as the mode implies, and whether that is known for sure."""
    if record.mode is Mode.MANUAL:
        return record.driver, True
    if record.pilot is None:
        return record.driver, False
    if record.mode is Mode.ASSIST:
        return Command(record.pilot.steering, record.driver.throttle), True
    return record.pilot, True


def _placed(records: list[TubRecord], tally: Tally) -> list[_Row]:
    """Give each record a number, the tub's own where those rise, and a time later than the one before."""
    period_ns = _period_ns(records)
    rows: list[_Row] = []
    number, captured_ns, shift_ns, last_ms = -1, 0, 0, 0
    for record in records:
        follows = record.index is not None and number < record.index <= number + _MAX_INDEX_STEP
        number = record.index if follows and record.index is not None else number + 1
        next_ns = captured_ns + period_ns
        if record.time_ms is None:
            tally.add(Defect.NO_TIME, record.line)
        else:
            if record.time_ms < last_ms:
                # The clock was set back. The order of the records is that of the drive, so the step is closed up.
                tally.add(Defect.TIME_BACK, record.line)
                shift_ns = next_ns - record.time_ms * NS_PER_MS
            last_ms = record.time_ms
            next_ns = max(captured_ns + 1, record.time_ms * NS_PER_MS + shift_ns)
        captured_ns = next_ns
        rows.append(_Row(record, number, captured_ns))
    return rows


def _period_ns(records: list[TubRecord]) -> int:
    times_ms = [record.time_ms for record in records if record.time_ms is not None]
    steps_ms = [later - earlier for earlier, later in pairwise(times_ms) if later > earlier]
    return round(statistics.median(steps_ms) * NS_PER_MS) if steps_ms else _DONKEY_PERIOD_NS


def _shape(frame: EncodedFrame | None) -> tuple[int, int] | None:
    """Return the image's height and width; None if it is no whole JPEG."""
    try:
        return None if frame is None else frame.decode().image.shape[:2]
    except SessionError:
        return None


def _is_any_tub(folder: Path) -> bool:
    return is_tub(folder) or is_tub_v1(folder)


def _list_images(folder: Path, tally: Tally) -> dict[str, int]:
    """Return the name and size in bytes of each image; none where there is no such folder."""
    images: dict[str, int] = {}
    if folder.is_dir():
        with os.scandir(folder) as entries:
            for entry in entries:
                if is_apple_double(entry.name):
                    tally.add(Defect.APPLE_DOUBLE, entry.name)
                elif entry.is_file() and not entry.name.endswith(RECORD_SUFFIX):
                    images[entry.name] = entry.stat().st_size
    return images


def _folders(path: Path, depth: int) -> Iterator[Path]:
    if depth:
        for entry in sorted(path.iterdir()):
            if entry.is_dir() and not entry.is_symlink():
                yield entry
                yield from _folders(entry, depth - 1)
