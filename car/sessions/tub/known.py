"""Which records of a tub are in the car's sessions from an earlier import."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from pathlib import Path

from car.errors import SessionError
from car.sessions.format import SUFFIX, EncodedFrame, SessionInfo
from car.sessions.reader import Session, open_source, read_info
from hardware.drivetrain import Command

ORIGIN = "tub_folder"
"""What a session's ``extra`` calls the folder that its tub was imported from."""


class KnownRecords:
    """The records of one tub that earlier imports have brought in, recognised by number, image and command."""

    def __init__(self, sessions: list[Session]) -> None:
        self._sessions = [
            (session, {number: index for index, number in enumerate(session.numbers)}) for session in sessions
        ]

    def __bool__(self) -> bool:
        return bool(self._sessions)

    def session_with(self, frame: EncodedFrame, driver: Command) -> str:
        """Return the name of the session that has this record, empty if none has."""
        return next((s.path.stem for s, indexes in self._sessions if _has(s, indexes, frame, driver)), "")


@contextmanager
def known_records(sessions_dir: Path, origin: Path) -> Iterator[KnownRecords]:
    """Open the sessions in ``sessions_dir`` that were imported from the tub's folder ``origin``.

    That alone says little, for another tub may be called the same, or lie where this one lay: records are compared.
    """
    with ExitStack() as opened:
        sessions = []
        for path in sorted(sessions_dir.glob(f"[!.]*{SUFFIX}")):
            try:
                if _came_from(_info(path), origin):
                    sessions.append(opened.enter_context(Session.open(path)))
            except SessionError:
                continue  # What cannot be read has nothing that is known.
        yield KnownRecords(sessions)


def _has(session: Session, indexes: dict[int, int], frame: EncodedFrame, driver: Command) -> bool:
    index = indexes.get(frame.number)
    if index is None or session.frame_at(index).jpeg != frame.jpeg:
        return False
    record = session.record_at(index)
    return record is not None and record.driver == driver


def _info(path: Path) -> SessionInfo | None:
    source = open_source(path)
    try:
        return read_info(source)
    finally:
        source.close()


def _came_from(info: SessionInfo | None, origin: Path) -> bool:
    return info is not None and info.source == "tub" and info.extra.get(ORIGIN) == str(origin)
