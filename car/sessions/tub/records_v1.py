"""Reads the records of a Donkey Car tub of version 1, whatever state its files are in.

Such a tub is one flat folder: ``meta.json``, ``record_N.json`` and ``N_cam-image_array_.jpg`` for each record, and
``exclude.json``, the numbers of those that were left out.
"""

from __future__ import annotations

import os
import re
from datetime import UTC, datetime
from functools import partial
from pathlib import Path
from typing import Any

from car.sessions.tub.keys import Keys
from car.sessions.tub.records import Defect, RecordReader, Tally, Tub, is_finite, parsed

META = "meta.json"
EXCLUDED = "exclude.json"
MAX_START_S = 1e11
_RECORD_NAME = re.compile(r"record_(\d{1,18})\.json")
_META_KEYS = {"inputs", "types", "start"}


def is_tub_v1(folder: Path) -> bool:
    """Tell whether ``folder`` looks like a tub of version 1."""
    if not folder.is_dir():
        return False
    with os.scandir(folder) as entries:
        return any(_RECORD_NAME.fullmatch(entry.name) for entry in entries)


def read_tub_v1(folder: Path, tally: Tally) -> Tub:
    """Read everything but the images; raises OSError when the disk refuses."""
    meta = _read_json(folder / META)
    if not isinstance(meta, dict):
        tally.add(Defect.NO_META, META)
        meta = {}
    start_s = meta.get("start")
    start_ms = round(start_s * 1000) if is_finite(start_s) and 0 < start_s < MAX_START_S else 0
    excluded = _read_json(folder / EXCLUDED)
    left_out = {item for item in excluded if type(item) is int} if isinstance(excluded, list) else set()
    reader = RecordReader(Keys.listed(meta.get("inputs"), meta.get("types")), tally)
    records = []
    for number, path in _record_files(folder):
        record = reader.read(path.read_bytes(), path.name, partial(_as_v2, number, start_ms))
        if record is not None:
            records.append(record)
    metadata = {str(key): str(value) for key, value in meta.items() if key not in _META_KEYS}
    return reader.tub(records, left_out, metadata, folder)


def _record_files(folder: Path) -> list[tuple[int, Path]]:
    """Return the number and the file of each record, in their order."""
    matches = (_RECORD_NAME.fullmatch(path.name) for path in folder.iterdir())
    return sorted((int(match[1]), folder / match[0]) for match in matches if match)


def _as_v2(number: int, start_ms: int, content: dict[str, Any]) -> dict[str, Any]:
    """Return a record with the index and the time that it would have in a tub of version 2.

    Its own ``timestamp`` is the time in the drive loop; its ``milliseconds`` count from the start of the tub until it
    was written.
    """
    elapsed_ms, stamp = content.pop("milliseconds", None), content.pop("timestamp", None)
    # Not zero, which would be no time.
    written_ms = start_ms + max(1, round(elapsed_ms)) if is_finite(elapsed_ms) else None
    time_ms = _stamp_ms(stamp) or written_ms
    return {**content, "_index": number, **({} if time_ms is None else {"_timestamp_ms": time_ms})}


def _stamp_ms(stamp: Any) -> int | None:
    """Return a ``timestamp`` in milliseconds: Donkey Car writes the date and time of UTC, others seconds since 1970."""
    if isinstance(stamp, str):
        try:
            moment = datetime.fromisoformat(stamp)
            return round((moment if moment.tzinfo else moment.replace(tzinfo=UTC)).timestamp() * 1000)
        except (ValueError, OverflowError):
            return None
    return round(stamp * 1000) if is_finite(stamp) and 0 < stamp < MAX_START_S else None


def _read_json(path: Path) -> Any:
    try:
        return parsed(path.read_bytes())
    except FileNotFoundError:
        return None
