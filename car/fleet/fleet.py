"""All cars that a laptop is paired with: watched, stopped together, and served with models."""

from __future__ import annotations

import asyncio
from collections.abc import Sequence

from car.errors import RemoteError
from car.fleet.errands import Errand, Round
from car.fleet.lap_board import LapBoard
from car.fleet.neighbours import Neighbours
from car.fleet.watch import CarView, CarWatch, Stopped
from car.pairing.announcement import FoundCar
from car.remote.keys import Key, KeyRing
from hardware.clock import Clock

LOOK_PERIOD_S = 1.0
NOTE_PERIOD_S = 0.1
STOP_PATIENCE_S = 2.0
"""How long STOP ALL waits for a car to say that it has stopped."""


class Fleet:
    """The cars of the laptop's ``ring``; ``run`` it in the event loop in which everything else is called.

    Those that ``neighbours`` hears besides can be paired with.
    """

    def __init__(self, ring: KeyRing, clock: Clock, neighbours: Neighbours | None = None) -> None:
        self.laps = LapBoard()
        self.round: Round | None = None
        self.trouble = ""
        self._ring = ring
        self._neighbours = neighbours
        self.clock = clock
        self._watches: dict[Key, CarWatch] = {}
        self._tasks: dict[Key, asyncio.Task[None]] = {}

    async def run(self) -> None:
        """Watch every car that the laptop is paired with, also one that it is paired with later."""
        looking = asyncio.create_task(self._look_for_keys())
        try:
            while True:
                for watch in self._watches.values():
                    if (state := watch.state) is not None:
                        self.laps.note(watch.place, state)
                await asyncio.sleep(NOTE_PERIOD_S)
        finally:
            looking.cancel()
            for task in self._tasks.values():
                task.cancel()
            await asyncio.gather(looking, *self._tasks.values(), return_exceptions=True)

    def views(self) -> list[CarView]:
        """Return how each car stands, by name."""
        return sorted((watch.view() for watch in self._watches.values()), key=lambda view: (view.name, view.place))

    def strangers(self) -> list[FoundCar]:
        """Return the cars in the network that the laptop is not paired with, by name."""
        if self._neighbours is None:
            return []
        watches = self._watches.values()
        return self._neighbours.besides(place for watch in watches for place in (watch.key.place, watch.address))

    def picture(self, place: str) -> bytes:
        """Return what the car at ``place`` sees, as a JPEG; raises LookupError where there is no picture."""
        found = next((watch for watch in self._watches.values() if watch.place == place), None)
        if found is None or found.state is None or not found.picture:
            raise LookupError(f"There is no picture of {place} now.")
        return found.picture

    async def stop_all(self) -> list[Stopped]:
        """Stop every car at once; return when each has said that it has, or has been waited for."""
        stops = [watch.stop(STOP_PATIENCE_S) for watch in self._watches.values()]
        return sorted(await asyncio.gather(*stops), key=lambda stopped: (stopped.name, stopped.place))

    def send_round(self, what: str, places: Sequence[str], errand: Errand) -> None:
        """Do an errand at the cars at ``places``, at all of them where it names none; raises RemoteError."""
        if self.round is not None and not self.round.is_over:
            raise RemoteError(f"The last errand ({self.round.what}) is still under way. Wait until it has ended.")
        # The cars that are there do not wait for those that may not answer.
        order = sorted(self._watches.items(), key=lambda item: item[1].state is None)
        known = {watch.place: key for key, watch in order}
        unknown = set(places) - set(known)
        if unknown:
            raise RemoteError(f"This laptop is not paired with {min(unknown)}. Reload the page.")
        self.round = Round(what, [key for place, key in known.items() if not places or place in places], errand)
        self.round.start()

    async def _look_for_keys(self) -> None:
        while True:
            try:
                keys = self._ring.keys()
                self.trouble = ""
            except RemoteError as error:
                keys, self.trouble = list(self._watches), str(error)
            for key in set(self._watches) - set(keys):
                self._tasks.pop(key).cancel()
                del self._watches[key]
            for key in keys:
                if key not in self._watches:
                    watch = self._watches[key] = CarWatch(key, self.clock)
                    self._tasks[key] = asyncio.create_task(watch.run())
            await asyncio.sleep(LOOK_PERIOD_S)
