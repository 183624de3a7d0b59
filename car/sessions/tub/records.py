"""Reads the records of a Donkey Car tub of version 2, whatever state its files are in; ``records_v1`` does version 1.

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
from car.sessions.tub.keys import MODE, Keys
from hardware.drivetrain import Command

MANIFEST = "manifest.json"
IMAGES = "images"
_CATALOG_NAME = re.compile(r"catalog_(\d+)\.catalog")
_MODES = {"user": Mode.MANUAL, "local_angle": Mode.ASSIST, "local": Mode.AUTO}
_LATEST_MS = 4_102_444_800_000  # The year 2100.
_MAX_LINE_BYTES = 1_000_000
_OUR_KEYS = {"_index", "_session_id", "_timestamp_ms"}


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
    ERASED_NOTHING = "erased indexes that no record has (nothing is left out for them)"
    OUT_OF_RANGE = "commands beyond full lock or full throttle (clamped, as Donkey's actuators do)"
    UNKNOWN_MODE = "records of an unknown mode (taken as manual)"
    NO_PILOT = "records of a pilot's drive without its command (left out)"
    DUPLICATE = "records whose image a later record has overwritten"
    NO_TIME = "records without a time"
    TIME_BACK = "places where the time goes back (closed up)"
    TIME_AHEAD = "places where the clock jumps ahead (closed up)"
    MISSING_IMAGE = "images missing"
    EMPTY_IMAGE = "images of zero bytes"
    BROKEN_IMAGE = "images that are no whole JPEG"
    PNG_IMAGE = "images that are PNG (made JPEG)"
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
    """A record that can be imported.

    ``line`` names it in reports; ``drive`` is the drive it belongs to, empty where the tub does not say; ``deleted``
    that Donkey's user left it out.
    """

    line: str
    index: int | None
    time_ms: int | None
    image: str
    mode: Mode
    driver: Command
    pilot: Command | None
    drive: str = ""
    deleted: bool = False


@dataclass(slots=True)
class Tub:
    """The records of a tub in the order they were written, every image they name, and what else its files say.

    ``lines`` is how many records there are, good or not; ``unused_keys`` are those that a session has no place for;
    ``keys`` are all there are; ``images_dir`` is the folder of the images.
    """

    records: list[TubRecord]
    lines: int
    named_images: set[str]
    metadata: Mapping[str, str]
    unused_keys: set[str]
    keys: set[str]
    images_dir: Path


@dataclass(slots=True)
class _Manifest:
    catalogs: list[str] = field(default_factory=list)
    deleted: set[int] = field(default_factory=set)
    metadata: dict[str, str] = field(default_factory=dict)
    keys: Keys = field(default_factory=Keys)


def is_tub(folder: Path) -> bool:
    """Tell whether ``folder`` looks like a tub of version 2."""
    return folder.is_dir() and ((folder / MANIFEST).is_file() or bool(_catalog_names(folder)))


def read_tub(folder: Path, tally: Tally) -> Tub:
    """Read everything but the images; raises OSError when the disk refuses."""
    manifest = _read_manifest(folder, tally)
    reader = RecordReader(manifest.keys, tally)
    rows = {name: _read_catalog(reader, folder / name) for name in _catalog_names(folder)}
    for name in sorted(rows.keys() - set(manifest.catalogs)):
        tally.add(Defect.UNLISTED_CATALOG, name)
    for name in manifest.catalogs:
        if name not in rows:
            tally.add(Defect.MISSING_CATALOG, name)
    records = [record for lines in rows.values() for record in lines]
    return reader.tub(records, manifest.deleted, manifest.metadata, folder / IMAGES)


def without_overwritten(records: list[TubRecord], tally: Tally) -> list[TubRecord]:
    """Return ``records`` without those whose image file a later one names too: it shows what the later one saw."""
    last = {record.image: place for place, record in enumerate(records)}
    for place, record in enumerate(records):
        if last[record.image] != place:
            tally.add(Defect.DUPLICATE, record.line)
    return [records[place] for place in sorted(last.values())]


def _read_catalog(reader: RecordReader, path: Path) -> list[TubRecord]:
    """Return the records in a catalog that can be used."""
    with path.open("rb") as file:
        lines = (reader.read(line, f"{path.name}:{number}") for number, line in enumerate(file, start=1))
        return [record for record in lines if record is not None]


class RecordReader:
    """Reads records, one JSON object each, and counts what is wrong with them."""

    def __init__(self, keys: Keys, tally: Tally) -> None:
        self._keys = keys
        self._tally = tally
        self._lines = 0
        self._named_images: set[str] = set()
        self._seen_keys: set[str] = set()
        self._indexes: set[int] = set()

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
        if isinstance(content, dict) and type(index := content.get("_index")) is int:
            self._indexes.add(index)
        if isinstance(content, dict) and content.get("__empty__"):
            self._tally.add(Defect.GAP_FILLER, where)
            return None
        if not isinstance(content, dict) or not isinstance(content.get(self._keys.image), str):
            self._tally.add(Defect.BROKEN_LINE, where)
            return None
        if not self._keys.are_complete:
            self._keys = self._keys.completed(content)
        self._lines += 1
        self._named_images.add(content[self._keys.image])
        self._seen_keys |= content.keys()
        return self._record(content, where)

    def tub(self, records: list[TubRecord], erased: set[int], metadata: Mapping[str, str], images_dir: Path) -> Tub:
        """Return the tub of the ``records`` that were read, of which those with the indexes ``erased`` are deleted."""
        # Donkey's own reader takes what its writers store, an index, for the place of a line. They agree only in a
        # tub without a hole that begins at 0, and the index is what was meant.
        for record in records:
            record.deleted = record.index in erased
        for index in sorted(erased - self._indexes):
            self._tally.add(Defect.ERASED_NOTHING, str(index))
        unused = self._seen_keys - self._keys.used() - _OUR_KEYS
        return Tub(records, self._lines, self._named_images, metadata, unused, self._seen_keys, images_dir)

    def _record(self, content: dict[str, Any], where: str) -> TubRecord | None:
        keys = self._keys
        driver = self._command(content, keys.steering, keys.throttle, where)
        if driver is None:
            self._tally.add(Defect.NO_COMMAND, where)
            return None
        if (mode := _MODES.get(str(content.get(MODE, "user")))) is None:
            self._tally.add(Defect.UNKNOWN_MODE, where)
        time_ms, index = content.get("_timestamp_ms"), content.get("_index")
        return TubRecord(
            line=where,
            index=index if type(index) is int else None,
            time_ms=int(time_ms) if is_finite(time_ms) and 0 < time_ms < _LATEST_MS else None,
            image=content[keys.image],
            mode=mode or Mode.MANUAL,
            driver=driver,
            pilot=self._command(content, keys.pilot_steering, keys.pilot_throttle, where),
            drive=str(content.get("_session_id", "")),
        )

    def _command(self, content: dict[str, Any], steering_key: str, throttle_key: str, where: str) -> Command | None:
        steering, throttle = content.get(steering_key), content.get(throttle_key)
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
    manifest.keys = Keys.listed(inputs, types)
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
