"""The real server on a real port, over a desk whose drive process is a thread that activates pilots, no more."""

from __future__ import annotations

import contextlib
import multiprocessing
import threading
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import Any

import httpx

from car.assembly.track_map import TrackMaps
from car.config.folder import CarFolder, init_car
from car.config.sections import CarConfig, RecordingSection, WebSection
from car.controls.hub import DriverHub
from car.link.bulletin import Bulletin
from car.link.driver_slot import DriverSlot, SlotReader, SlotWriter
from car.link.pilot_switch import PilotLink, PilotSwitch, activating
from car.link.ring import CycleRing
from car.link.scene import SceneChoice
from car.pilots.active import ActivePilot
from car.pilots.choosing import open_chosen
from car.pilots.loading import load_pilot
from car.recording.control import RecorderControl
from car.tracks import TrackLibrary, track_files
from car.web.context import LibraryContext, WebContext
from car.web.library_server import LibraryServer
from car.web.server import WebServer
from hardware.clock import SystemClock
from tests.frames import SMALL

OURS = {"X-Pocketpilot": "1"}
PORT = 8950
TRACKS = ("oval", "bean")
SECRET = "a secret of this test"  # noqa: S105


@dataclass(frozen=True, slots=True)
class Served:
    """A car whose pages are served, a client that may use them, and what the drive loop would hear of its drivers.

    What a test puts into ``said`` takes the place of what the desk would say of itself; ``crossed`` has when a hand
    said that the car crossed the line.
    """

    folder: CarFolder
    context: WebContext
    recorder: RecorderControl
    library: LibraryServer
    said: dict[str, Any]
    client: httpx.Client
    port: int
    slot: SlotReader
    pilot: ActivePilot
    crossed: list[int]

    def refused(self, method: str, path: str, status: int, *words: str, **options: object) -> None:
        """Check that a request is refused with ``status`` and a sentence that has all of ``words``."""
        answer = self.client.request(method, path, **options)  # type: ignore[arg-type]
        assert answer.status_code == status, (answer.status_code, answer.text)
        assert list(answer.json()) == ["error"]
        sentence = answer.json()["error"]
        assert sentence.endswith("."), sentence
        for word in words:
            assert word in sentence


@contextlib.contextmanager
def serving(
    car_dir: Path, config: CarConfig | None = None, *, beat: Callable[[], None] = lambda: None
) -> Iterator[Served]:
    """Serve the pages of a car in ``car_dir``, which is made, until the ``with`` block ends."""
    init_car(car_dir)
    config = config or CarConfig(web=WebSection(port=PORT, announce=False), recording=RecordingSection(min_free_mb=0))
    folder = CarFolder(car_dir, config)
    spawn, clock = multiprocessing.get_context("spawn"), SystemClock()
    ring = CycleRing(spawn, SMALL, 20.0)
    recorder = RecorderControl(ring, folder.sessions_dir, config, "first", clock)
    slot, link = DriverSlot(spawn), PilotLink(spawn)
    opened = open_chosen(config.pilot, config.camera.geometry, car_dir)
    pilot = ActivePilot(opened)
    pilots = PilotSwitch(link, pilot.name, told=recorder.note_pilot)
    tracks = TrackLibrary(folder.path)
    library = LibraryServer(LibraryContext(folder, ring, pilots, recorder, tracks), SECRET)

    said: dict[str, Any] = {}
    crossed: list[int] = []

    def notice() -> dict[str, Any]:
        return {"time_ns": clock.now_ns(), "pilot": pilots.name, "library_port": library.port, **said}

    wish = Bulletin(spawn)
    hub, scene = (
        DriverHub(SlotWriter(slot), clock),
        SceneChoice(wish, TRACKS, lambda: track_files(folder.path, tracks.names)),
    )

    def entered() -> str:
        return str(wish.read().get("track", TRACKS[0]))

    context = WebContext(
        folder,
        ring,
        hub,
        recorder,
        clock,
        notice=notice,
        scene=scene,
        track=entered,
        track_map=TrackMaps(config, entered),
        cross_line=crossed.append,
    )
    is_alive = threading.Event()

    def give_a_sign() -> None:
        is_alive.set()
        beat()

    server = WebServer(context, relay_secret=SECRET, beat=give_a_sign)
    library.start()
    server.start()
    # The framework keeps its own warnings quiet while it builds its routes, in one thread of a process at a time.
    assert is_alive.wait(60.0), "the server does not come up"
    try:
        with (
            activating(link, pilot, partial(load_pilot, config.camera.geometry)),
            httpx.Client(base_url=f"http://127.0.0.1:{server.port}/api/", headers=OURS, timeout=60.0) as client,
        ):
            yield Served(
                folder, context, recorder, library, said, client, server.port, SlotReader(slot), pilot, crossed
            )
    finally:
        recorder.close()
        server.close()
        library.close()
