"""The tracks of a car's own: files in its folder ``tracks``, which a page draws and a simulated car enters."""

from __future__ import annotations

import contextlib
import json
import re
import secrets
import threading
from collections.abc import Iterable
from pathlib import Path
from typing import Any

from car.files import publish, publish_new
from hardware.errors import TrackError
from simulator.track import Track
from simulator.track_file import SUFFIX, read_track, track_of

FOLDER_NAME = "tracks"
MAX_TRACKS = 40
"""So many names fit into what the desk tells the controls."""
NAME = re.compile(r"[A-Za-z0-9][A-Za-z0-9._-]{0,39}")
NAME_RULE = "letters, digits, dots, dashes and underscores, at most 40, a letter or digit first"


class NoSuchTrack(TrackError, LookupError):
    """The car has no track of that name."""


class TrackNameTaken(TrackError):
    """The car has another track of that name."""


class TrackLibrary:
    """The tracks in the folder of the car in ``car_dir``; for any thread.

    >>> library = TrackLibrary(folder)
    >>> library.save("mine", {"centre_line_m": [[0, 0], [4, 0], [4, 3], [0, 3]]}).style
    'robocars'
    >>> library.names
    ('mine',)

    A name is that of a file in it without its ending; nothing else can be reached by one. ``names`` are those that were
    there at the last ``look``, and are there without asking the disk.
    """

    def __init__(self, car_dir: Path) -> None:
        self._folder = car_dir / FOLDER_NAME
        self._turn = threading.Lock()
        self.names: tuple[str, ...] = ()
        self.look()

    def look(self) -> tuple[str, ...]:
        """Look which tracks there are, and return their names; those of a folder that cannot be read are none."""
        found: list[str] = []
        with contextlib.suppress(OSError):
            found = sorted(path.name.removesuffix(SUFFIX) for path in self._folder.glob(f"*{SUFFIX}"))
        self.names = tuple(name for name in found if NAME.fullmatch(name))[:MAX_TRACKS]
        return self.names

    def track(self, name: str) -> Track:
        """Return a track; raises NoSuchTrack, and TrackError for a file that is none."""
        if name not in self.look():
            raise NoSuchTrack(f"There is no track {name!r}. Choose one of: {', '.join(self.names)}.")
        return read_track(self._path(name))

    def content(self, name: str) -> dict[str, Any]:
        """Return a track as its file has it, once it is certain that it can be driven; raises as ``track``."""
        self.track(name)
        content: dict[str, Any] = json.loads(self._path(name).read_bytes())
        return content

    def check(self, content: dict[str, Any]) -> Track:
        """Return the track that ``content`` describes; raises TrackError where it cannot be driven."""
        return track_of(content, "What is drawn")

    def save(self, name: str, content: dict[str, Any], *, replace: bool = False) -> Track:
        """Write the track that ``content`` describes, all of it or nothing, and return it.

        Raises TrackError when that is no name or no track, TrackNameTaken when the car has one of that name and it is
        not to be replaced, OSError when the disk refuses.
        """
        if not NAME.fullmatch(name) or name.lower().endswith(SUFFIX):
            raise TrackError(f"A track cannot be called {name!r}. Use {NAME_RULE}, and leave out {SUFFIX}.")
        track = track_of(content, name)
        with self._turn:
            self._write(name, content, replace=replace)
            self.look()
        return track

    def _write(self, name: str, content: dict[str, Any], *, replace: bool) -> None:
        if name not in self.look() and len(self.names) >= MAX_TRACKS:
            raise TrackError(f"The car has {MAX_TRACKS} tracks. Delete some of the files in {self._folder}.")
        self._folder.mkdir(exist_ok=True)
        incoming = self._folder / f".{name}.{secrets.token_hex(4)}.part"
        try:
            incoming.write_text(json.dumps(content) + "\n", encoding="utf-8")
            if replace:
                publish(incoming, self._path(name))
            else:
                publish_new(incoming, self._path(name))
        except FileExistsError as error:
            raise TrackNameTaken(f"There is a track {name!r} already. Choose another name, or replace it.") from error
        finally:
            incoming.unlink(missing_ok=True)

    def _path(self, name: str) -> Path:
        return self._folder / f"{name}{SUFFIX}"


def track_files(car_dir: Path, names: Iterable[str]) -> tuple[str, ...]:
    """Return by which names a simulated car enters the tracks of its own that a library calls ``names``."""
    folder = car_dir.resolve() / FOLDER_NAME
    return tuple(str(folder / f"{name}{SUFFIX}") for name in names)
