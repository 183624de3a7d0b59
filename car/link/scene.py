"""The controls' end of the scene: which track a simulated car is on, and which it is to be carried to."""

from __future__ import annotations

import threading
from collections.abc import Callable, Sequence
from pathlib import Path

from car.link.bulletin import Bulletin


class SceneChoice:
    """The tracks that a simulated car may be carried to, and the one it is on; for any thread.

    ``tracks`` are those that there always are, none for a car that is real; ``own`` returns more of them, which people
    add while the car drives. People see a file's name, not where it lies on this machine, and choose a track by it.
    """

    def __init__(self, scene: Bulletin, tracks: Sequence[str], own: Callable[[], Sequence[str]] = tuple) -> None:
        self._tracks = tuple(tracks)
        self._by_file_name = {Path(track).name: track for track in tracks}
        self._own = own
        self._scene = scene
        self._turn = threading.Lock()

    @property
    def is_simulated(self) -> bool:
        """Tell whether the car is on a track at all."""
        return bool(self._tracks)

    @property
    def tracks(self) -> tuple[str, ...]:
        """The names of the tracks that there are now."""
        return tuple(self._by_name())

    @property
    def track(self) -> str:
        """The name of the track that was asked for last, at first the car's own; empty for a car that is real."""
        return self.name_of(str(self._scene.read().get("track", self._tracks[0] if self._tracks else "")))

    def name_of(self, track: str) -> str:
        """Return by which name people know ``track``, as the drive process calls it; nothing is asked of the disk.

        That is its file's name, with its folder's before it where the car's own track is another of that name.
        """
        path = Path(track)
        is_taken = self._by_file_name.get(path.name, track) != track
        return f"{path.parent.name}/{path.name}" if is_taken else path.name

    def enter(self, name: str) -> bool:
        """Ask for the start of the track of that name; tell whether there is one."""
        track = self._by_name().get(name)
        if track is None:
            return False
        with self._turn:
            number = int(self._scene.read().get("number", 0)) + 1
            self._scene.post({"number": number, "track": track})
        return True

    def _by_name(self) -> dict[str, str]:
        return {self.name_of(track): track for track in (*self._tracks, *self._own())} if self._tracks else {}
