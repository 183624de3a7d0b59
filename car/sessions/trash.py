"""Sessions that were thrown away: kept beside the others for two weeks, to be taken back."""

from __future__ import annotations

import shutil
from collections.abc import Callable
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from pathlib import Path

from car.errors import NoSuchSession, SessionBusy, SessionError
from car.files import reason, sync_folder
from car.sessions.edits import edits_path
from car.sessions.format import SUFFIX

FOLDER = ".trash"
KEPT = timedelta(days=14)


@dataclass(frozen=True, slots=True)
class TrashedSession:
    """A session in the trash: its name there, its size, and when it was thrown away and will be gone (ISO 8601)."""

    name: str
    bytes: int
    deleted: str
    until: str


class Trash:
    """The trash of the sessions in ``sessions_dir``: in it, a folder for each session and its list of edits.

    What is older than ``KEPT`` goes for good by ``drop_old``, which somebody has to call; ``now`` is the wall's time.
    """

    def __init__(self, sessions_dir: Path, now: Callable[[], datetime] = lambda: datetime.now(UTC)) -> None:
        self._sessions_dir = sessions_dir
        self._folder = sessions_dir / FOLDER
        self._now = now

    def sessions(self) -> list[TrashedSession]:
        """Return what is in the trash, the latest first."""
        found = [(self._deleted(entry), entry) for entry in self._entries()]
        return [
            TrashedSession(
                entry.name,
                sum(path.stat().st_size for path in entry.iterdir()),
                deleted.isoformat(timespec="seconds"),
                (deleted + KEPT).isoformat(timespec="seconds"),
            )
            for deleted, entry in sorted(found, reverse=True)
        ]

    def put(self, path: Path) -> str:
        """Move the session at ``path`` and its edits to the trash; return its name there. Raises SessionError."""
        try:
            entry = self._new_entry(path.stem)
            path.rename(entry / path.name)
            edits = edits_path(path)
            if edits.exists():
                edits.rename(entry / edits.name)
            sync_folder(path.parent)
        except OSError as error:
            raise SessionError(
                f"{path.stem} cannot be moved to the trash ({reason(error)}). Check the disk."
            ) from error
        return entry.name

    def restore(self, name: str) -> str:
        """Move the session ``name`` back and return its name.

        Raises NoSuchSession when it is not in the trash, SessionBusy when its name is taken, SessionError otherwise.
        """
        entry = next((entry for entry in self._entries() if entry.name == name), None)
        session = next(entry.glob(f"*{SUFFIX}"), None) if entry is not None else None
        if entry is None or session is None:
            raise NoSuchSession(f"There is no {name!r} in the trash. Reload the list.")
        target = self._sessions_dir / session.name
        if target.exists():
            raise SessionBusy(f"There is another session {session.stem}. Delete that one first.")
        try:
            if edits_path(session).exists():
                edits_path(session).rename(edits_path(target))
            session.rename(target)
            shutil.rmtree(entry)
            sync_folder(self._sessions_dir)
        except OSError as error:
            raise SessionError(f"{name} cannot be taken back ({reason(error)}). Check the disk.") from error
        return target.stem

    def drop_old(self) -> list[str]:
        """Delete for good what was thrown away longer ago than ``KEPT``; return its names."""
        return self._drop([entry for entry in self._entries() if self._now() - self._deleted(entry) > KEPT])

    def empty(self) -> list[str]:
        """Delete for good all that is in the trash; return its names."""
        return self._drop(self._entries())

    def _entries(self) -> list[Path]:
        return sorted(path for path in self._folder.glob("*") if path.is_dir() and not path.is_symlink())

    def _deleted(self, entry: Path) -> datetime:
        # A folder is changed when something is put into it, and never again.
        return datetime.fromtimestamp(entry.stat().st_mtime, UTC)

    def _new_entry(self, stem: str) -> Path:
        self._folder.mkdir(exist_ok=True)
        for name in (stem, *(f"{stem}~{number}" for number in range(2, 1000))):
            entry = self._folder / name
            if not entry.exists():
                entry.mkdir()
                return entry
        raise SessionError(f"{stem} is in the trash a thousand times. Empty the trash.")

    def _drop(self, entries: list[Path]) -> list[str]:
        for entry in entries:
            try:
                shutil.rmtree(entry)
            except OSError as error:
                raise SessionError(f"{entry.name} cannot be deleted ({reason(error)}). Check the disk.") from error
        return [entry.name for entry in entries]
