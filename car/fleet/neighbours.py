"""The cars in the network that announce themselves, for the page to say how to pair with those that are not."""

from __future__ import annotations

import threading
from collections.abc import Iterable

from car.pairing.announcement import FoundCar, Interfaces, find_cars
from car.pairing.machine import own_hosts
from car.remote.keys import Place
from car.web.discreet import LOOPBACK
from hardware.closing import Closing

LISTEN_S = 3.0
PAUSE_S = 5.0


class Neighbours(Closing):
    """Listens for cars from ``start`` to ``close``, in a thread of its own that nothing waits for.

    >>> neighbours = Neighbours()
    >>> neighbours.besides([])   # nobody was heard yet
    []
    """

    def __init__(self, interfaces: Interfaces = ()) -> None:
        self._interfaces = interfaces
        self._found: list[FoundCar] = []
        self._ended = threading.Event()
        self._thread = threading.Thread(target=self._run, name="neighbours", daemon=True)

    def start(self) -> None:
        """Begin to listen."""
        self._thread.start()

    def close(self) -> None:
        """Listen no more."""
        self._ended.set()

    def besides(self, known: Iterable[Place]) -> list[FoundCar]:
        """Return the cars that were heard last and are at none of the ``known`` places, by name."""
        places = set(known)
        # A car of this very machine is announced at the address that others have for it.
        here = {place.port for place in places if place.host in {LOOPBACK, "localhost"}}
        hosts = own_hosts() if here else []
        strangers = [
            found
            for found in self._found
            if (place := Place.of(found.url)) not in places and not (place.port in here and place.host in hosts)
        ]
        return sorted(strangers, key=lambda found: (found.name, found.url))

    def _run(self) -> None:
        while not self._ended.is_set():
            try:
                self._found = find_cars(LISTEN_S, self._interfaces)
            except OSError:
                self._found = []  # No network, or not yet.
            self._ended.wait(PAUSE_S)
