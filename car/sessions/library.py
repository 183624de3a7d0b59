"""The sessions of a car, by name: listed, looked into, cut, thrown away and taken back."""

from __future__ import annotations

import contextlib
import re
import threading
from collections import OrderedDict
from collections.abc import Callable
from dataclasses import dataclass, replace
from pathlib import Path

from car.errors import NoSuchSession, SessionBusy, SessionError
from car.sessions.edits import Edits, FrameRange, change_edits
from car.sessions.format import SUFFIX, EncodedFrame
from car.sessions.index import Balance, Happening, SessionIndex
from car.sessions.overview import middle_frame, overview
from car.sessions.reader import Damage
from car.sessions.trash import Trash
from car.sessions.writer import is_recorded

OPEN_SESSIONS = 8
"""How many sessions stay open for whoever looks at them, the latest ones."""
NOT_CLOSED = "not closed: run `car sessions repair`"
NO_DAMAGE = Damage()


@dataclass(frozen=True, slots=True)
class SessionRow:
    """A session in a list.

    ``damage`` says in words what is wrong with its file, as far as that is known without reading all of it;
    ``left_out_frames`` counts the numbers that its edits name; ``laps`` is None where nothing counts them.
    """

    name: str
    bytes: int
    frames: int = 0
    seconds: float = 0.0
    laps: int | None = None
    started: str = ""
    source: str = ""
    recording: bool = False
    damage: str = ""
    left_out_frames: int = 0


@dataclass(frozen=True, slots=True)
class SessionDetails:
    """A session in detail.

    Frames are spoken of by their index in the file: ``ranges`` are the first and last of each run that is left out.
    ``cuts`` is how many cuts can be undone; ``histogram`` and ``balance`` are of what is left (see ``Steering``).
    """

    name: str
    bytes: int
    frames: int
    seconds: float
    laps: int | None
    started: str
    source: str
    recording: bool
    damage: str
    left_out_frames: int
    car: str
    pilot: str
    width: int
    height: int
    rate_hz: float
    ranges: list[tuple[int, int]]
    cuts: int
    histogram: list[int]
    balance: Balance
    events: list[Happening]


@dataclass(frozen=True, slots=True)
class Deletion:
    """What a session is called in the trash, and what was dropped there for good, because it was old."""

    trashed: str
    dropped: list[str]


_NO_TEXT = re.compile("[\ud800-\udfff]")
"""What Python makes of bytes in a file's name that are no UTF-8."""
_State = tuple[int, int]
"""When a file was last written, and its size: the same means that nothing has changed."""


class SessionLibrary:
    """The sessions in ``folder``, for any thread; ``recorded`` names the one that is being recorded here, if any is.

    >>> library = SessionLibrary(path.parent)
    >>> [(row.name, row.frames) for row in library.rows()]
    [('first', 60)]
    >>> library.cut("first", first=0, last=9).excludes(5)
    True

    A name is that of a file in the folder, without its suffix; nothing else can be reached by one. Every method that
    takes one raises NoSuchSession when there is no such session, and SessionError when it cannot be read.
    """

    def __init__(self, folder: Path, recorded: Callable[[], str] = lambda: "") -> None:
        self.folder = folder
        self.trash = Trash(folder)
        self._recorded = recorded
        self._turn = threading.Lock()
        self._rows: dict[str, tuple[_State, SessionRow]] = {}
        self._indexes: OrderedDict[str, tuple[_State, SessionIndex]] = OrderedDict()

    def rows(self) -> list[SessionRow]:
        """Return all sessions, the latest first; what has not changed since the last call is not read again."""
        self.trash.note_date()
        names = self.names()
        rows = []
        for name in names:
            with contextlib.suppress(NoSuchSession):  # Thrown away meanwhile.
                rows.append(self.row(name))
        self._rows = {name: kept for name, kept in self._rows.items() if name in names}
        return sorted(rows, key=lambda row: (row.started, row.name), reverse=True)

    def names(self) -> list[str]:
        """Return the names of all sessions, in their order; what is no text in UTF-8 no page can name."""
        stems = (path.stem for path in self.folder.glob(f"*{SUFFIX}") if not path.name.startswith("."))
        return sorted(stem for stem in stems if not _NO_TEXT.search(stem))

    def row(self, name: str) -> SessionRow:
        """Return what a list shows of a session."""
        path = self.path(name)
        state = _state_of(path)
        kept = self._rows.get(name)
        if kept is None or kept[0] != state or kept[1].recording:
            kept = (state, self._read_row(path, size=state[1]))
            self._rows[name] = kept
        return _with_edits(kept[1], path)

    def details(self, name: str) -> SessionDetails:
        """Return a session in detail."""
        path = self.path(name)
        index, edits, recording = self.index(name), Edits.load(path), self.is_recorded(path)
        session, steering, ranges = index.session, index.steering(edits), index.left_out(edits)
        info = session.info
        return SessionDetails(
            name=name,
            bytes=_state_of(path)[1],
            frames=index.frame_count,
            seconds=session.duration_s,
            laps=index.laps(),
            started=info.started,
            source=info.source,
            recording=recording,
            damage="" if recording else damage_words(session.damage),
            left_out_frames=sum(last - first + 1 for first, last in ranges),
            car=info.car,
            pilot=info.extra.get("pilot", ""),
            width=info.camera.width,
            height=info.camera.height,
            rate_hz=info.rate_hz,
            ranges=ranges,
            cuts=len(edits.cuts),
            histogram=steering.histogram,
            balance=steering.balance,
            events=index.happenings(),
        )

    def path(self, name: str) -> Path:
        """Return the file of a session."""
        path = self.folder / f"{name}{SUFFIX}"
        is_plain = bool(name) and path.name == f"{name}{SUFFIX}" and path.parent == self.folder and name[0] != "."
        with contextlib.suppress(OSError, ValueError):
            if is_plain and path.is_file() and not path.is_symlink():
                return path
        raise NoSuchSession(f"There is no session {name!r}. Reload the list of sessions.")

    def index(self, name: str) -> SessionIndex:
        """Return a session to look around in, with all that is recorded of it by now."""
        path = self.path(name)
        state = _state_of(path)
        with self._turn:
            kept = self._indexes.pop(name, None)
            if kept is None or (kept[0] != state and not self.is_recorded(path)):
                kept = (state, self._open(path))
            elif kept[0] != state:
                kept[1].catch_up()
                kept = (state, kept[1])
            self._indexes[name] = kept
            while len(self._indexes) > OPEN_SESSIONS:
                # Not closed by hand: somebody may be reading from it.
                self._indexes.popitem(last=False)
        return kept[1]

    def thumbnail(self, name: str) -> EncodedFrame:
        """Return a frame from the middle of a session."""
        frame = middle_frame(self.path(name))
        if frame is None:
            session = self.index(name).session
            if session.frame_count == 0:
                raise NoSuchSession(f"There is no frame in {name}. Delete the session.")
            frame = session.frame_at(session.frame_count // 2)
        return frame

    def edits(self, name: str) -> Edits:
        """Return what is left out of a session."""
        return Edits.load(self.path(name))

    def cut(self, name: str, first: int, last: int) -> Edits:
        """Leave the frames at the indices ``first`` … ``last`` out of a session; return all that is left out now."""
        cut = self.index(name).cut(first, last)
        return change_edits(self.path(name), lambda edits: edits.without(cut))

    def undo(self, name: str) -> Edits:
        """Take the last cut back; return what is left out now."""
        return change_edits(self.path(name), Edits.undone)

    def take_cuts(self, name: str, cuts: list[FrameRange]) -> Edits:
        """Leave out of a session what ``cuts`` leave out of a copy of it; return all that is left out now.

        Raises SessionBusy where something else is left out here, SessionError where they are no ranges.
        """

        def change(edits: Edits) -> Edits:
            try:
                wanted = Edits.of(cuts)
            except ValueError as error:
                raise SessionError(str(error)) from error
            if edits.ranges and edits != wanted:
                raise SessionBusy(f"{name} is cut otherwise on the car. Undo the cuts on one side.")
            return wanted

        return change_edits(self.closed_path(name), change)

    def closed_path(self, name: str) -> Path:
        """Return the file of a session that is whole; raises SessionBusy while it is being recorded."""
        path = self.path(name)
        if self.is_recorded(path):
            raise SessionBusy(f"{name} is being recorded. Stop the recording first.")
        return path

    def delete(self, name: str) -> Deletion:
        """Move a session to the trash, and drop what is old there; raises SessionBusy while it is being recorded."""
        trashed = self.trash.put(self.closed_path(name))
        with self._turn:
            self._indexes.pop(name, None)
        return Deletion(trashed, self.trash.drop_old())

    def is_recorded(self, path: Path) -> bool:
        """Tell whether a session is being recorded, here or by another program."""
        return path.stem == self._recorded() or is_recorded(path)

    def _open(self, path: Path) -> SessionIndex:
        try:
            return SessionIndex(path)
        except SessionError as error:
            if self.is_recorded(path):
                raise SessionBusy(f"{path.stem} has only just begun. Look again in a second.") from error
            raise

    def _read_row(self, path: Path, size: int) -> SessionRow:
        recording = self.is_recorded(path)
        row = SessionRow(path.stem, size, recording=recording)
        try:
            glance = None if recording else overview(path)
            if glance is not None and glance.closed:
                info, frames, seconds, laps, damage = (
                    glance.info,
                    glance.frames,
                    glance.duration_s,
                    glance.laps,
                    NO_DAMAGE,
                )
            else:
                index = self.index(path.stem)
                session = index.session
                info, frames, seconds, laps = session.info, session.frame_count, session.duration_s, index.laps()
                damage = NO_DAMAGE if recording else session.damage
        except SessionError as error:
            # Of one that has just begun, nothing is on the disk yet.
            return row if recording else replace(row, damage=str(error))
        return replace(
            row,
            frames=frames,
            seconds=seconds,
            laps=laps,
            started=info.started,
            source=info.source,
            damage=damage_words(damage),
        )


def damage_words(damage: Damage) -> str:
    """Return in words what is wrong with a session's file, empty if nothing is."""
    words = []
    if damage.holes:
        words.append(f"{damage.holes} holes, {damage.bytes_skipped} bytes lost")
    if damage.info_lost:
        words.append("description lost")
    if damage.unclosed:
        words.append(NOT_CLOSED)
    return ", ".join(words)


def _state_of(path: Path) -> _State:
    try:
        status = path.stat()
    except OSError as error:
        raise NoSuchSession(f"{path.stem} is not there any more. Reload the list of sessions.") from error
    return status.st_mtime_ns, status.st_size


def _with_edits(row: SessionRow, path: Path) -> SessionRow:
    try:
        edits = Edits.load(path)
    except SessionError as error:
        return replace(row, damage=f"{row.damage}, {error}" if row.damage else str(error))
    return replace(row, left_out_frames=sum(cut.last - cut.first + 1 for cut in edits.ranges))
