"""The controls' end of the scene: which track a simulated car is on, and which it is to be carried to."""

from __future__ import annotations

import threading
from collections.abc import Callable, Sequence

from car.link.bulletin import Bulletin


class SceneChoice:
    """The tracks that a simulated car may be carried to, and the one it is on; for any thread.

    ``tracks`` are those that there always are, none for a car that is real; ``own`` returns more of them, which people
    add while the car drives.
    """

    def __init__(self, scene: Bulletin, tracks: Sequence[str], own: Callable[[], Sequence[str]] = tuple) -> None:
        self._tracks = tuple(tracks)
        self._own = own
        self._scene = scene
        self._turn = threading.Lock()

    @property
    def is_simulated(self) -> bool:
        """Tell whether the car is on a track at all."""
        return bool(self._tracks)

    @property
    def tracks(self) -> tuple[str, ...]:
        """The tracks that there are now."""
        return tuple(dict.fromkeys((*self._tracks, *self._own()))) if self._tracks else ()

    @property
    def track(self) -> str:
        """The track that was asked for last, at first the car's own; empty for a car that is real."""
        return str(self._scene.read().get("track", self._tracks[0] if self._tracks else ""))

    def enter(self, track: str) -> bool:
        """Ask for the start of ``track``; tell whether there is such a track."""
        if track not in self.tracks:
            return False
        with self._turn:
            number = int(self._scene.read().get("number", 0)) + 1
            self._scene.post({"number": number, "track": track})
        return True
