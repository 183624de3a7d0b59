"""A simulated car on its way to the start of a track, when its driver asks for it."""

from __future__ import annotations

import contextlib
import threading
from collections.abc import Callable, Iterator

from car.gate import Disarm, Event
from car.link.bulletin import Bulletin
from hardware.errors import HardwareError


class SceneWatch:
    """Carries the car to a track, disarmed, whenever a new one is on the bulletin; after the driver among the sources.

    ``enter_track`` may take its time to draw, and has a thread for it. Of wishes that come meanwhile the last one
    counts. ``entered`` is told the track once the car is on it.
    """

    def __init__(self, scene: Bulletin, entered: Bulletin, enter_track: Callable[[str], None]) -> None:
        self._scene = scene
        self._entered = entered
        self._entering = threading.Lock()
        self._enter_track = enter_track
        self._done = int(scene.read().get("number", 0))

    def events(self, now_ns: int) -> Iterator[Event]:
        """Yield the disarming for each new wish."""
        scene = self._scene.read()
        number = int(scene.get("number", 0))
        if number != self._done:
            self._done = number
            yield Disarm()
            wish = (number, str(scene["track"]))
            threading.Thread(target=self._enter, args=wish, name="scene", daemon=True).start()

    def _enter(self, number: int, track: str) -> None:
        # A track that is not there leaves the car where it is.
        with self._entering, contextlib.suppress(HardwareError):
            if number == self._done:
                self._enter_track(track)
                self._entered.post({"track": track, "number": number})
