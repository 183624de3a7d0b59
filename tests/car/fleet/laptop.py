"""A laptop whose fleet is served by the real server on a real port."""

from __future__ import annotations

import contextlib
import threading
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import httpx

from car.config.folder import CarFolder, init_car, open_car
from car.fleet.app import FleetContext, create_app
from car.fleet.fleet import Fleet
from car.fleet.server import FleetServer
from car.remote.keys import KeyRing, Place
from hardware.clock import SystemClock
from tests.system.car_process import wait_for

PORT = 8850
OURS = {"X-Pocketpilot": "1"}


@dataclass(frozen=True, slots=True)
class Laptop:
    """A laptop whose fleet is served: its keys, its folder, and a browser on it."""

    ring: KeyRing
    folder: CarFolder
    client: httpx.Client

    def view(self) -> dict[str, Any]:
        answer = self.client.get("/api/fleet")
        assert answer.status_code == 200, answer.text
        return dict(answer.json())

    def car(self, place: Place) -> dict[str, Any]:
        """Return what is shown of the car at ``place``, empty where nothing is."""
        return next((car for car in self.view()["cars"] if car["place"] == str(place)), {})

    def wait_for_errand(self) -> list[dict[str, Any]]:
        wait_for(lambda: self.view()["errand"]["is_over"], "the errand's end")
        return list(self.view()["errand"]["visits"])


@contextlib.contextmanager
def laptop_in(path: Path) -> Iterator[Laptop]:
    """Serve the fleet of a laptop whose folder and keys are in ``path``."""
    init_car(path / "laptop")
    ring, folder = KeyRing(path / "keys"), open_car(path / "laptop")
    server = FleetServer(create_app(FleetContext(Fleet(ring, SystemClock()), folder)), PORT)
    thread = threading.Thread(target=server.run)
    thread.start()
    try:
        with httpx.Client(base_url=server.url, headers=OURS, timeout=60) as client:
            wait_for(lambda: client.get("/").status_code == 200, "the page")
            yield Laptop(ring, folder, client)
    finally:
        server.end()
        thread.join()
