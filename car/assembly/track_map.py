"""What a map of a simulated car's track is drawn from."""

from __future__ import annotations

import threading
from collections.abc import Callable
from typing import Any

from car.assembly.entered_track import EnteredTrack
from car.config.sections import CarConfig
from simulator import curves
from simulator.track import Track

POINT_EVERY_M = 0.1
MAX_POINTS = 400


class TrackMaps:
    """Tells the map of the track that a simulated car is on; from any thread.

    >>> maps = TrackMaps(CarConfig(), lambda: "oval")
    >>> maps()["style"], len(maps()["centre_line_m"])
    ('robocars', 151)

    ``name`` tells which track that is, ``entries`` the number of times that the car has been carried to one. A map is
    made once an entry: a file may have been changed between two.
    """

    def __init__(self, config: CarConfig, name: Callable[[], str], entries: Callable[[], int] = int) -> None:
        self._entered = EnteredTrack(config, name, entries)
        self._turn = threading.Lock()
        self._map: dict[str, Any] | None = None

    def __call__(self) -> dict[str, Any] | None:
        """Return name, style, half width and centre line, as JSON has them; None where there is no such track."""
        with self._turn:
            if self._entered.has_changed():
                track = self._entered.track
                self._map = None if track is None else as_map(track)
            return self._map


def as_map(track: Track) -> dict[str, Any]:
    """Return ``track`` with a point of its centre line every 10 cm or so, to the millimetre; ``MAX_POINTS`` at most."""
    points_m = curves.resample(track.points_m, min(round(track.length_m / POINT_EVERY_M), MAX_POINTS))
    return {
        "name": track.name,
        "style": track.style,
        "half_width_m": track.half_width_m,
        "centre_line_m": points_m.round(3).tolist(),
    }
