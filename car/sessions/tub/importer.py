"""Imports Donkey Car tubs (versions 1 and 2) as sessions, with a report of all that is wrong with them."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterator
from dataclasses import replace
from datetime import UTC, datetime
from pathlib import Path

from car import files
from car.drive_record import DriveRecord
from car.errors import RecordingError, SessionError, TubError
from car.gate import GateState, Mode
from car.sessions.edits import Edits
from car.sessions.format import SessionEvent, SessionInfo
from car.sessions.tub.images import TubImage, TubImages
from car.sessions.tub.known import ORIGIN, KnownRecords
from car.sessions.tub.placing import PlacedRecord, period_ns, placed
from car.sessions.tub.records import Defect, Tally, TubRecord, is_tub, read_tub, without_overwritten
from car.sessions.tub.records_v1 import is_tub_v1, read_tub_v1
from car.sessions.tub.report import DEFECT_EVENT, UNUSED_EVENT, TubReport, listed, nothing_in
from car.sessions.writer import SessionWriter, is_recorded
from hardware.camera import CameraGeometry
from hardware.clock import NS_PER_MS, NS_PER_S, VirtualClock
from hardware.drivetrain import Command

Progress = Callable[[float], None]
"""Called with how much is done, 0 … 1."""

NAME_IT = "Name the folder that holds a tub's manifest.json or meta.json."

_SIZE_SAMPLES = 25
_SEARCH_DEPTH = 4


def find_tubs(path: Path, unreadable: Callable[[Path, OSError], None] | None = None) -> list[Path]:
    """Return ``path`` itself if it is a tub, else the tubs in it and its folders.

    Raises TubError if none is there. Folders that the disk refuses to list are told to ``unreadable``.
    """
    if not path.is_dir():
        raise TubError(f"There is no folder {path}. {NAME_IT}")
    found = list(_tubs_in(path, _SEARCH_DEPTH, unreadable))
    if path in found:
        return [path]
    if not found:
        raise TubError(f"There is no Donkey Car tub in {path}. {NAME_IT}")
    return sorted(found)


def import_tub(
    tub_dir: Path,
    out_path: Path,
    *,
    camera: CameraGeometry | None = None,
    car: str = "",
    negate_throttle: bool = False,
    origin: str = "",
    known: KnownRecords | None = None,
    progress: Progress | None = None,
) -> TubReport:
    """Import the tub in ``tub_dir`` as the session ``out_path`` and report every defect.

    >>> from car.sessions.tub.exporter import export_tub
    >>> report = import_tub(export_tub(path, folder / "tub").tub, folder / "second.mcap")
    >>> report.imported
    60

    Each good record keeps its JPEG byte for byte, its commands and its time; frames are numbered as in the tub. The
    records that were deleted in Donkey Car are imported and left out by the session's edits. ``camera`` says how the
    camera was mounted; its frame size is taken from the images. ``negate_throttle`` is for a car whose throttle was the
    wrong way round. ``origin`` is noted as the folder that the tub came from; what is ``known`` from earlier imports
    is passed over, and when nothing else is left there will be no session.

    Raises TubError when there is no tub or nothing to import, RecordingError when the session cannot be written.
    """
    if not _is_any_tub(tub_dir):
        raise TubError(f"{tub_dir} is not a Donkey Car tub. {NAME_IT}")
    if out_path.exists():
        raise RecordingError(f"{out_path} exists already. Delete it, or give the session another name.")
    try:
        run = _Import(tub_dir, negate_throttle=negate_throttle)
        info = SessionInfo(out_path.stem, car, camera or CameraGeometry(), source="tub", extra={ORIGIN: origin})
        return run.run(out_path, info, known or KnownRecords([]), progress)
    except (SessionError, RecordingError):
        raise
    except OSError as error:
        raise TubError(f"{tub_dir} cannot be read ({files.reason(error)}). Copy it to another disk.") from error


def unfinished_path(out_path: Path) -> Path:
    """Return where an import is written until it is whole: half of one must not pass for a session."""
    return out_path.with_name(f".{out_path.name}.tmp")


class _Import:
    def __init__(self, tub_dir: Path, *, negate_throttle: bool) -> None:
        self._tally = Tally()
        self._tub_dir = tub_dir
        self._tub = (read_tub if is_tub(tub_dir) else read_tub_v1)(tub_dir, self._tally)
        self._images = TubImages(self._tub.images_dir, self._tally)
        for record in self._tub.records:
            record.image = self._images.file_of(record.image)
            if negate_throttle:
                record.driver = _negated(record.driver)
                record.pilot = None if record.pilot is None else _negated(record.pilot)
        self._rows = placed(without_overwritten(self._tub.records, self._tally), self._tally)
        self._known: Counter[str] = Counter()
        self._left_out: list[int] = []
        self._imported: list[DriveRecord] = []

    def run(self, out_path: Path, info: SessionInfo, known: KnownRecords, progress: Progress | None) -> TubReport:
        shape = self._common_shape()
        if known:
            self._rows = [row for row in self._rows if not self._is_known(row, known)]
        if shape is not None and self._rows:
            self._publish(out_path, self._described(info, shape), shape, progress)
        elif shape is None:
            for row in self._rows:
                self._read(row, self._tally)
        if not self._imported and not self._known:
            raise TubError(nothing_in(self._tub_dir, self._tub, self._tally))
        named = {self._images.file_of(name) for name in self._tub.named_images}
        for name in self._images.without(named):
            self._tally.add(Defect.ORPHAN_IMAGE, name)
        return self._report(out_path)

    def _publish(self, out_path: Path, info: SessionInfo, shape: tuple[int, int], progress: Progress | None) -> None:
        temporary = unfinished_path(out_path)
        if is_recorded(temporary):
            raise RecordingError(f"{out_path.stem} is being imported already. Wait until that is done.")
        temporary.unlink(missing_ok=True)
        clock = VirtualClock(self._rows[0].captured_ns)
        # Chunks end by the recording's own time; an import that is cut off can be done again, so nothing is synced.
        session = SessionWriter(temporary, info, clock, sync=lambda _: None)
        try:
            with session:
                for done, row in enumerate(self._rows, start=1):
                    self._import(row, session, clock, shape)
                    if progress is not None:
                        progress(done / len(self._rows))
                for kind, text in self._notes():
                    session.add_event(SessionEvent(clock.now_ns(), kind, text))
            if self._imported:
                Edits.of_numbers(self._left_out).save(out_path)
                files.publish(temporary, out_path)
        finally:
            temporary.unlink(missing_ok=True)

    def _import(self, row: PlacedRecord, session: SessionWriter, clock: VirtualClock, shape: tuple[int, int]) -> None:
        image = self._read(row, self._tally)
        if image is None:
            return
        if image.shape != shape:
            self._tally.add(Defect.WRONG_SIZE, row.record.image)
            return
        clock.sleep_until_ns(row.captured_ns)
        session.add_frame(image.frame)
        record = self._drive_record(row)
        session.add_record(record)
        self._imported.append(record)

    def _notes(self) -> Iterator[tuple[str, str]]:
        """Yield the kind and the text of what whoever trains on the session ought to know of its tub."""
        for defect, count in self._tally.counts.items():
            yield DEFECT_EVENT, f"{count} {defect}, first {self._tally.first[defect]}"
        if self._tub.unused_keys:
            yield UNUSED_EVENT, listed(self._tub.unused_keys)

    def _read(self, row: PlacedRecord, tally: Tally | None = None) -> TubImage | None:
        return self._images.read(row.record.image, row.number, row.captured_ns, tally)

    def _is_known(self, row: PlacedRecord, known: KnownRecords) -> bool:
        image = self._read(row)
        name = "" if image is None else known.session_with(image.frame, row.record.driver)
        if name:
            self._known[name] += 1
        return bool(name)

    def _drive_record(self, row: PlacedRecord) -> DriveRecord:
        record = row.record
        applied, is_certain = _applied(record)
        if not is_certain:
            self._tally.add(Defect.NO_PILOT, record.line)
        if record.deleted or not is_certain:
            self._left_out.append(row.number)
        return DriveRecord(
            row.number, row.captured_ns, record.mode, GateState.ARMED, None, record.driver, record.pilot, applied
        )

    def _common_shape(self) -> tuple[int, int] | None:
        """Return the height and width that most images have, judged by some from all over the tub."""
        sample = self._rows[:: max(1, len(self._rows) // _SIZE_SAMPLES)]
        shapes = Counter(image.shape for row in sample if (image := self._read(row)) is not None)
        if shapes:
            return shapes.most_common(1)[0][0]
        return next((image.shape for row in self._rows if (image := self._read(row)) is not None), None)

    def _described(self, info: SessionInfo, shape: tuple[int, int]) -> SessionInfo:
        height, width = shape
        extra = {"tub": self._tub_dir.name, **self._tub.metadata, **info.extra}
        is_dated = any(row.record.time_ms is not None for row in self._rows)
        started = datetime.fromtimestamp(self._rows[0].captured_ns // NS_PER_MS / 1000, UTC)
        return replace(
            info,
            camera=replace(info.camera, width=width, height=height),
            rate_hz=round(NS_PER_S / period_ns([row.record for row in self._rows]), 1),
            started=started.isoformat() if is_dated else "",
            extra={key: text for key, text in extra.items() if text or key != ORIGIN},
        )

    def _report(self, out_path: Path) -> TubReport:
        times_ns = [record.captured_ns for record in self._imported]
        throttles = [record.applied.throttle for record in self._imported if record.applied.throttle]
        return TubReport(
            tub=self._tub_dir,
            path=out_path,
            records=self._tub.lines,
            imported=len(self._imported),
            left_out=len(self._left_out),
            duration_s=(times_ns[-1] - times_ns[0]) / NS_PER_S if times_ns else 0.0,
            defects=dict(self._tally.counts),
            first=self._tally.first,
            unused_keys=tuple(sorted(self._tub.unused_keys)),
            known=dict(self._known),
            moving=len(throttles),
            backwards=sum(throttle < 0 for throttle in throttles),
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


def _negated(command: Command) -> Command:
    return Command(command.steering, -command.throttle)


def _is_any_tub(folder: Path) -> bool:
    return is_tub(folder) or is_tub_v1(folder)


def _tubs_in(path: Path, depth: int, unreadable: Callable[[Path, OSError], None] | None) -> Iterator[Path]:
    try:
        if _is_any_tub(path):
            yield path
        folders = [entry for entry in path.iterdir() if entry.is_dir() and not entry.is_symlink()]
    except OSError as error:
        if unreadable is not None:
            unreadable(path, error)
        return
    for folder in folders if depth else ():
        yield from _tubs_in(folder, depth - 1, unreadable)
