"""Sessions that were thrown away: kept beside the others for two weeks of the car's life, to be taken back.

A Raspberry Pi has no battery for its clock: the clock wakes up where it was switched off, or in 1970, and jumps when
the network tells it the time. So an age is no difference of two times. The trash notes each date on which the car was
used since a session came in, and counts them: a jump over two months is one more date, however far it goes. A day of
use shows at most two dates, the one that the clock wakes up with and the true one. A session goes after ``DATES_KEPT``
of them, twice two weeks: never before the car was used on two weeks' days, and never while it lies unused.
"""

from __future__ import annotations

import contextlib
import json
import shutil
from collections.abc import Callable
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from pathlib import Path

from car.errors import NoSuchSession, SessionBusy, SessionError
from car.files import reason, replacing, sync_folder
from car.sessions.edits import edits_path
from car.sessions.format import SUFFIX

FOLDER = ".trash"
DATES = "dates.json"
DAYS_KEPT = 14
DATES_KEPT = 2 * DAYS_KEPT


@dataclass(frozen=True, slots=True)
class TrashedSession:
    """A session in the trash: its name there and its size in bytes.

    ``deleted`` is when it was thrown away by the clock of that day, ``until`` the earliest day on which it may go, by
    today's clock (ISO 8601).
    """

    name: str
    bytes: int
    deleted: str
    until: str


class Trash:
    """The trash of the sessions in ``sessions_dir``: in it, a folder for each session and its list of edits.

    >>> trash = Trash(path.parent)
    >>> name = trash.put(path)
    >>> trash.restore(name)
    'first'

    What was there on more than ``DATES_KEPT`` dates goes for good by ``drop_old``, which somebody has to call, as they
    have to call ``note_date`` now and then; ``now`` is the wall's time, of which only the date is used.
    """

    def __init__(self, sessions_dir: Path, now: Callable[[], datetime] = lambda: datetime.now(UTC)) -> None:
        self._sessions_dir = sessions_dir
        self._folder = sessions_dir / FOLDER
        self._now = now

    def sessions(self) -> list[TrashedSession]:
        """Return what is in the trash, the latest first."""
        dates = self.note_date()
        found = [(self._deleted(entry), entry) for entry in self._entries()]
        return [
            TrashedSession(
                entry.name,
                sum(path.stat().st_size for path in entry.iterdir()),
                deleted.isoformat(timespec="seconds"),
                self._until(len(dates.get(entry.name, ()))).isoformat(timespec="seconds"),
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
        self.note_date(new=entry.name)
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
        """Delete for good what has been there on more than ``DATES_KEPT`` dates; return its names."""
        dates = self.note_date()
        return self._drop([entry for entry in self._entries() if len(dates.get(entry.name, ())) > DATES_KEPT])

    def empty(self) -> list[str]:
        """Delete for good all that is in the trash; return its names."""
        return self._drop(self._entries())

    def note_date(self, new: str = "") -> dict[str, list[str]]:
        """Take note of today's date; return the dates noted for each session in the trash, a ``new`` one's from now."""
        today = self._now().date().isoformat()
        before = self._read_dates()
        dates = {entry.name: before.get(entry.name, []) for entry in self._entries()}
        dates = {name: [] if name == new else seen for name, seen in dates.items()}
        dates = {name: seen if today in seen else [*seen, today] for name, seen in dates.items()}
        if dates != before:
            self._write_dates(dates)
        return dates

    def _read_dates(self) -> dict[str, list[str]]:
        try:
            content = json.loads((self._folder / DATES).read_bytes())
            return {str(name): [str(date) for date in dates] for name, dates in content.items()}
        except (OSError, ValueError, TypeError, AttributeError, RecursionError):
            return {}  # Then all of them count anew, which loses nothing.

    def _write_dates(self, dates: dict[str, list[str]]) -> None:
        if self._folder.is_dir():
            with contextlib.suppress(OSError), replacing(self._folder / DATES) as file:  # A full disk counts no dates.
                file.write(json.dumps(dates).encode())

    def _until(self, dates: int) -> datetime:
        return self._now() + timedelta(days=max(0, DATES_KEPT + 1 - dates) // 2)

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
