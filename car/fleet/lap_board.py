"""The best laps that were seen: on which track, of which car, and who drove."""

from __future__ import annotations

from dataclasses import dataclass

from car.fleet.standing import Standing

BY_HAND = "by hand"
DRIVEN_BY_A_PILOT = {"auto", "assist"}


@dataclass(frozen=True, slots=True, order=True)
class Lap:
    """The best lap of somebody on a track, in seconds."""

    track: str
    lap_s: float
    car: str
    driven: str


class LapBoard:
    """Keeps the best lap of each car and pilot on each track, from what cars say of themselves.

    >>> board = LapBoard()
    >>> said = {"car": "car-1", "gate": "armed", "track": "oval", "odometry": {"last_lap_s": 7.5}}
    >>> board.note("192.0.2.1:8887", Standing.model_validate(said))
    >>> board.laps()
    [Lap(track='oval', lap_s=7.5, car='car-1', driven='by hand')]
    """

    def __init__(self) -> None:
        self._best: dict[tuple[str, str, str], Lap] = {}
        self._last: dict[str, float | None] = {}

    def note(self, place: str, state: Standing) -> None:
        """Take note of how the car at ``place`` stands."""
        last_s = None if state.odometry is None else state.odometry.last_lap_s
        before_s, self._last[place] = self._last.get(place), last_s
        if last_s is None or last_s == before_s:
            return
        driven = state.pilot_name if state.mode in DRIVEN_BY_A_PILOT else state.driver_name or BY_HAND
        lap = Lap(state.track, last_s, state.car, driven)
        key = (place, lap.track, driven)
        if key not in self._best or lap < self._best[key]:
            self._best[key] = lap

    def laps(self) -> list[Lap]:
        """Return the laps, by track and the fastest first."""
        return sorted(self._best.values())
