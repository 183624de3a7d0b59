"""The track that a simulated car has entered, for those who draw it without moving it."""

from __future__ import annotations

from collections.abc import Callable

from car.config.sections import CarConfig
from hardware.errors import HardwareError
from simulator.track import Track
from simulator.track_file import open_track


class EnteredTrack:
    """Follows where the car is carried; to be used from one thread at a time.

    >>> entered = EnteredTrack(CarConfig(), lambda: "oval")
    >>> entered.has_changed(), entered.track.name, entered.has_changed()
    (True, 'oval', False)

    ``name`` tells the track that the car is on, ``entries`` the number of times that it has been carried to one.
    ``track`` is None where there is none of that name that can be driven.
    """

    def __init__(self, config: CarConfig, name: Callable[[], str], entries: Callable[[], int] = int) -> None:
        # Read now, as the drive process reads it: the file may be changed later.
        self._own = _track_called(config.simulator.track)
        self._name, self._entries = name, entries
        self._entry = ("", 0)
        self.track: Track | None = None

    def has_changed(self) -> bool:
        """Tell whether the car has been carried since this was asked last, and read the track if so."""
        entry = (self._name(), self._entries())
        if entry == self._entry:
            return False
        # A file may have been changed between two times that the car is carried to it.
        self._entry = entry
        own, name = self._own, entry[0]
        self.track = own if own is not None and name == own.name else _track_called(name)
        return True


def _track_called(name: str) -> Track | None:
    try:
        return open_track(name)
    except HardwareError:
        return None
