"""The track that a simulated car enters: its file read anew, and followed by those who draw it without moving it."""

from __future__ import annotations

import contextlib
from collections.abc import Callable

from car.config.sections import CarConfig
from hardware.errors import TrackError
from simulator.track import Track
from simulator.track_file import open_track


class TrackReader:
    """Reads the track that the car is carried to.

    >>> TrackReader(None).read("oval").name
    'oval'

    A file may have been changed since it was read last. ``own`` is the track that the car began on: where its file is
    gone, or cannot be driven any more, the car stays on it as it was read last.
    """

    def __init__(self, own: Track | None) -> None:
        self._own = own

    def read(self, name: str) -> Track:
        """Return the track of that name; raises TrackError where there is none, and it is not the car's own."""
        if self._own is None or name != self._own.name:
            return open_track(name)
        with contextlib.suppress(TrackError):
            self._own = open_track(name)
        return self._own


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
        self._own = _read(open_track, config.simulator.track)
        self._reader = TrackReader(self._own)
        self._name, self._entries = name, entries
        self._entry = ("", 0)
        self.track: Track | None = None

    def has_changed(self) -> bool:
        """Tell whether the car has been carried since this was asked last, and read the track if so."""
        entry = (self._name(), self._entries())
        if entry == self._entry:
            return False
        self._entry = entry
        name, number = entry
        began_there = number == 0 and self._own is not None and name == self._own.name
        self.track = self._own if began_there else _read(self._reader.read, name)
        return True


def _read(read: Callable[[str], Track], name: str) -> Track | None:
    try:
        return read(name)
    except TrackError:
        return None
