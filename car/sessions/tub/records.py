"""Reads the records of a Donkey Car tub of version 2, whatever state its files are in; one of version 1 see ``tub_v1``.

A tub is a folder: ``manifest.json`` (five lines of JSON), ``catalog_N.catalog`` (one JSON object per record and line)
and ``images/``. Catalogs that the manifest does not list are read all the same: it is only brought up to date when a
drive ends well.
"""

from __future__ import annotations

import json
import math
import re
from collections import Counter
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from enum import StrEnum
from pathlib import Path
from typing import Any, TypeGuard

from car.gate import Mode
from hardware.drivetrain import Command

MANIFEST = "manifest.json"
IMAGES = "images"
_CATALOG_NAME = re.compile(r"catalog_(\d+)\.catalog")
_APPLE_DOUBLE = "._"  # What macOS leaves beside every file on a disk that is not its own.
_MODES = {"user": Mode.MANUAL, "local_angle": Mode.ASSIST, "local": Mode.AUTO}
_LATEST_MS = 253_402_300_800_000  # The year 10000.
_MAX_LINE_BYTES = 1_000_000
_OUR_KEYS = {"_index", "_session_id", "_timestamp_ms", "user/angle", "user/throttle", "user/mode"}
_PILOT_KEYS = {"pilot/angle", "pilot/throttle"}


class Defect(StrEnum):
    """What can be wrong with a tub, in the words of the report."""

    NO_MANIFEST = "manifest.json missing"
    BROKEN_MANIFEST = "manifest.json broken"
    NO_META = "meta.json missing or broken"
    MISSING_CATALOG = "listed catalogs missing"
    UNLISTED_CATALOG = "catalogs not listed in manifest.json (imported all the same)"
    NUL_BYTES = "catalog lines with NUL bytes"
    BROKEN_LINE = "catalog lines that are no record"
    GAP_FILLER = "empty records that only fill a gap"
    NO_COMMAND = "records without a finite angle and throttle"
    OUT_OF_RANGE = "commands beyond full lock or full throttle (clamped, as Donkey's actuators do)"
    UNKNOWN_MODE = "records of an unknown mode (taken as manual)"
    NO_PILOT = "records of a pilot's drive without its command (left out)"
    DUPLICATE = "records whose image a later record has overwritten"
    NO_TIME = "records without a time"
    TIME_BACK = "places where the time goes back (closed up)"
    MISSING_IMAGE = "images missing"
    EMPTY_IMAGE = "images of zero bytes"
    BROKEN_IMAGE = "images that are no whole JPEG"
    WRONG_SIZE = "images of another size than the rest"
    ORPHAN_IMAGE = "images without a record"
    APPLE_DOUBLE = "._ files (ignored)"


class Tally:
    """How often each defect was met, and where first."""

    def __init__(self) -> None:
        self.counts: Counter[Defect] = Counter()
        self.first: dict[Defect, str] = {}

    def add(self, defect: Defect, where: str) -> None:
        """Count one more."""
        self.counts[defect] += 1
        self.first.setdefault(defect, where)


@dataclass(slots=True)
class TubRecord:
    """A record that can be imported: ``line`` names it in reports; ``deleted`` that Donkey's user left it out."""

    line: str
    index: int | None
    time_ms: int | None
    image: str
    mode: Mode
    driver: Command
    pilot: Command | None
    deleted: bool = False


@dataclass(slots=True)
class Tub:
    """The records of a tub in the order they were written, every image they name, and what else its files say.

    ``lines`` is how many records there are, good or not; ``unused_keys`` are those that a session has no place for;
    ``images_dir`` is the folder of the images.
    """

    records: list[TubRecord]
    lines: int
    named_images: set[str]
    metadata: Mapping[str, str]
    unused_keys: set[str]
    images_dir: Path


@dataclass(slots=True)
class _Manifest:
    catalogs: list[str] = field(default_factory=list)
    deleted: set[int] = field(default_factory=set)
    metadata: dict[str, str] = field(default_factory=dict)
    image_key: str = "cam/image_array"


def is_tub(folder: Path) -> bool:
    """Tell whether ``folder`` looks like a tub of version 2."""
    return folder.is_dir() and ((folder / MANIFEST).is_file() or bool(_catalog_names(folder)))


def read_tub(folder: Path, tally: Tally) -> Tub:
    """Read everything but the images; raises OSError when the disk refuses."""
    manifest = _read_manifest(folder, tally)
    reader = RecordReader(manifest.image_key, tally)
    rows = {name: _read_catalog(reader, folder / name) for name in _catalog_names(folder)}
    for name in sorted(rows.keys() - set(manifest.catalogs)):
        tally.add(Defect.UNLISTED_CATALOG, name)
    # Donkey's list of deleted records counts the lines of the catalogs it knows, broken ones too.
    position = 0
    for name in manifest.catalogs:
        if name not in rows:
            tally.add(Defect.MISSING_CATALOG, name)
        for row in rows.get(name, ()):
            if row is not None:
                row.deleted = position in manifest.deleted
            position += 1
    records = [row for lines in rows.values() for row in lines if row is not None]
    return Tub(records, reader.lines, reader.named_images, manifest.metadata, reader.unused_keys, folder / IMAGES)


def without_overwritten(records: list[TubRecord], tally: Tally) -> list[TubRecord]:
    """Return ``records`` without those whose image file a later one names too: it shows what the later one saw."""
    last = {record.image: place for place, record in enumerate(records)}
    for place, record in enumerate(records):
        if last[record.image] != place:
            tally.add(Defect.DUPLICATE, record.line)
    return [records[place] for place in sorted(last.values())]


def _read_catalog(reader: RecordReader, path: Path) -> list[TubRecord | None]:
    """Return a record for each line of a catalog, None for one that cannot be used."""
    with path.open("rb") as file:
        return [reader.read(line, f"{path.name}:{number}") for number, line in enumerate(file, start=1)]


class RecordReader:
    """Reads records, one JSON object each, and counts what is wrong with them."""

    def __init__(self, image_key: str, tally: Tally) -> None:
        self.lines = 0
        self.named_images: set[str] = set()
        self.unused_keys: set[str] = set()
        self._image_key = image_key
        self._tally = tally

    def read(
        self, raw: bytes, where: str, complete: Callable[[dict[str, Any]], dict[str, Any]] = lambda content: content
    ) -> TubRecord | None:
        """Return the record in ``raw``, None when it cannot be used; ``complete`` makes it one of version 2."""
        if b"\0" in raw:
            self._tally.add(Defect.NUL_BYTES, where)
            raw = raw.replace(b"\0", b"")
        if not raw.strip():
            return None
        content = parsed(raw) if len(raw) <= _MAX_LINE_BYTES else None
        content = complete(content) if isinstance(content, dict) else content
        if isinstance(content, dict) and content.get("__empty__"):
            self._tally.add(Defect.GAP_FILLER, where)
            return None
        if not isinstance(content, dict) or not isinstance(content.get(self._image_key), str):
            self._tally.add(Defect.BROKEN_LINE, where)
            return None
        self.lines += 1
        self.named_images.add(content[self._image_key])
        self.unused_keys |= content.keys() - _OUR_KEYS - _PILOT_KEYS - {self._image_key}
        return self._record(content, where)

    def _record(self, content: dict[str, Any], where: str) -> TubRecord | None:
        driver = self._command(content, "user", where)
        if driver is None:
            self._tally.add(Defect.NO_COMMAND, where)
            return None
        if (mode := _MODES.get(str(content.get("user/mode", "user")))) is None:
            self._tally.add(Defect.UNKNOWN_MODE, where)
        time_ms, index = content.get("_timestamp_ms"), content.get("_index")
        return TubRecord(
            line=where,
            index=index if type(index) is int else None,
            time_ms=int(time_ms) if is_finite(time_ms) and 0 < time_ms < _LATEST_MS else None,
            image=content[self._image_key],
            mode=mode or Mode.MANUAL,
            driver=driver,
            pilot=self._command(content, "pilot", where),
        )

    def _command(self, content: dict[str, Any], who: str, where: str) -> Command | None:
        steering, throttle = content.get(f"{who}/angle"), content.get(f"{who}/throttle")
        if not (is_finite(steering) and is_finite(throttle)):
            return None
        command = Command(float(steering), float(throttle))
        if command.is_valid():
            return command
        self._tally.add(Defect.OUT_OF_RANGE, where)
        return Command(_clamped(command.steering), _clamped(command.throttle))


def _read_manifest(folder: Path, tally: Tally) -> _Manifest:
    manifest = _Manifest()
    try:
        lines = (folder / MANIFEST).read_bytes().splitlines()
    except FileNotFoundError:
        tally.add(Defect.NO_MANIFEST, MANIFEST)
        return manifest
    inputs, types, metadata, _, catalogs = ([parsed(line) for line in lines] + [None] * 5)[:5]
    if isinstance(inputs, list) and isinstance(types, list) and "image_array" in types[: len(inputs)]:
        manifest.image_key = str(inputs[types.index("image_array")])
    if isinstance(metadata, dict):
        manifest.metadata = {str(key): str(value) for key, value in metadata.items()}
    if isinstance(catalogs, dict) and isinstance(catalogs.get("paths"), list):
        manifest.catalogs = [str(path) for path in catalogs["paths"]]
        deleted = catalogs.get("deleted_indexes")
        manifest.deleted = {item for item in deleted if type(item) is int} if isinstance(deleted, list) else set()
    else:
        tally.add(Defect.BROKEN_MANIFEST, MANIFEST)
    return manifest


def _catalog_names(folder: Path) -> list[str]:
    names = [match for path in folder.iterdir() if (match := _CATALOG_NAME.fullmatch(path.name))]
    return [match[0] for match in sorted(names, key=lambda match: int(match[1]))]


def is_apple_double(name: str) -> bool:
    """Tell whether a file is one of those that macOS leaves beside others."""
    return name.startswith(_APPLE_DOUBLE)


def parsed(raw: bytes) -> Any:
    """Return the JSON in ``raw``, None when it is none."""
    try:
        return json.loads(raw)
    except (ValueError, RecursionError):
        return None


def is_finite(value: Any) -> TypeGuard[int | float]:
    """Tell whether ``value`` is a finite number."""
    if type(value) not in (int, float):
        return False
    try:
        return math.isfinite(value)
    except OverflowError:  # An integer beyond what a float holds.
        return False


def _clamped(value: float) -> float:
    return max(-1.0, min(1.0, value))
