"""Whether there is a pilot to drive with, for the gate."""

from __future__ import annotations

from collections.abc import Iterator

from car.gate import Event, PilotChanged
from car.pilots.active import ActivePilot


class PilotWatch:
    """Tells the gate whether there is a pilot, whenever that changes; before the driver among a loop's sources."""

    def __init__(self, pilot: ActivePilot) -> None:
        self._pilot = pilot
        self._told = True

    def events(self, now_ns: int) -> Iterator[Event]:
        """Yield what has changed since the last call."""
        if self._pilot.is_there != self._told:
            self._told = self._pilot.is_there
            yield PilotChanged(self._told)
