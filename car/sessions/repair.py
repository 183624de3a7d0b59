"""Makes whole files of what a power cut left, so that every tool opens them.

Our own reader needs no repair; Foxglove, Rerun and others look for a summary at the end of the file first.
"""

from __future__ import annotations

import os
import shutil
from dataclasses import dataclass
from enum import StrEnum
from pathlib import Path
from typing import Any

from car import files
from car.errors import SessionError
from car.sessions.format import SUFFIX
from car.sessions.reader import Damage, Session, open_source
from car.sessions.scan import Scanner, Source, ends_with_summary
from car.sessions.writer import is_recorded, start_mcap

KEPT_SUFFIX = ".damaged"
NO_DAMAGE = Damage()


class RepairResult(StrEnum):
    """What became of a session."""

    HEALTHY = "healthy"
    REPAIRED = "repaired"
    LIVE = "still being recorded"
    UNREADABLE = "unreadable"
    FAILED = "not repaired"


@dataclass(frozen=True, slots=True)
class RepairReport:
    """What ``repair`` found and did.

    ``frames`` can be read now as they could before; ``kept`` is where the damaged original is, if something in it was
    passed over; ``reason`` says why a session could not be repaired.
    """

    path: Path
    result: RepairResult
    damage: Damage = NO_DAMAGE
    frames: int = 0
    kept: Path | None = None
    reason: str = ""

    def __str__(self) -> str:
        if self.reason:
            return f"{self.path.name}: {self.result}. {self.reason}"
        holes = f", {self.damage.holes} holes passed over" if self.damage.holes else ""
        kept = f"; the damaged file is kept as {self.kept.name}" if self.kept else ""
        frames = "" if self.result is RepairResult.LIVE else f", {self.frames} frames"
        return f"{self.path.name}: {self.result}{frames}{holes}{kept}."


def repair(path: Path) -> RepairReport:
    """Write the session at ``path`` anew if it was not closed or is damaged; never raises for what it finds there.

    >>> _ = path.write_bytes(path.read_bytes()[:-1000])   # as a power cut leaves it
    >>> print(repair(path))
    first.mcap: repaired, 60 frames.

    What can be read from it stays the same, message by message. One that is healthy, or still being recorded, is left
    as it is. Where something had to be passed over, the original is kept beside it.
    """
    try:
        open_source(path).close()
        with files.locking(path) as ours:
            return _repair_ours(path) if ours else RepairReport(path, RepairResult.LIVE)
    except SessionError as error:
        if is_recorded(path):
            return RepairReport(path, RepairResult.LIVE)  # It has only just begun, and nothing is written yet.
        return RepairReport(path, RepairResult.UNREADABLE, reason=str(error))
    except OSError as error:
        return RepairReport(
            path, RepairResult.FAILED, reason=f"The disk says: {files.reason(error)}. Free some space on it."
        )


def repair_unclosed(folder: Path) -> list[RepairReport]:
    """Repair the sessions in ``folder`` that were not closed, and report on those alone; quick when there is none."""
    return [repair(path) for path in sorted(folder.glob(f"*{SUFFIX}")) if not _is_closed(path)]


def _is_closed(path: Path) -> bool:
    try:
        source = open_source(path)
    except SessionError:
        return False
    closed = ends_with_summary(source)
    source.close()
    return closed


def _repair_ours(path: Path) -> RepairReport:
    # By its own lock, Session.open would take it for one that is being recorded.
    with Session(path, open_source(path)) as session:
        damage, frames = session.damage, session.frame_count
        if not damage:
            return RepairReport(path, RepairResult.HEALTHY, frames=frames)
        kept = None
        with files.replacing(path) as file:
            source = open_source(path)
            writer: Any = start_mcap(file, session.info)
            _copy_messages(source, writer)
            writer.finish()
            if damage.holes or damage.info_lost or session.foreign_messages:
                kept = _keep(path)
            # Windows replaces no file that is open.
            source.close()
            session.close()
    return RepairReport(path, RepairResult.REPAIRED, damage, frames, kept)


def _copy_messages(source: Source, writer: Any) -> None:
    scanner = Scanner(source)
    for chunk in scanner.chunks():
        for message in scanner.messages_in(chunk):
            writer.add_message(
                message.topic.channel_id, message.log_ns, message.payload, message.publish_ns, message.number
            )
        writer.flush()  # Chunk for chunk, so that the next damage costs no more than this one did.


def _keep(path: Path) -> Path:
    """Give the original a second name that no repair has used yet."""
    attempt = 1
    while True:
        kept = path.with_name(f"{path.name}{KEPT_SUFFIX}{'' if attempt == 1 else f'-{attempt}'}")
        try:
            os.link(path, kept)
        except FileExistsError:
            attempt += 1
        except OSError:  # FAT and its like know no second names.
            shutil.copyfile(path, kept)
            return kept
        else:
            return kept
