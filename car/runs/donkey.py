"""Other people's programs drive in our simulator: Donkey's protocol, served until Ctrl-C."""

from __future__ import annotations

import asyncio
import contextlib
import os

from car.errors import CarError
from car.terminal.console import console
from hardware.camera import CameraGeometry
from simulator.donkey.scenes import scene_names
from simulator.donkey.server import LOOPBACK, DonkeyServer
from simulator.track_file import open_track

DONKEY_PORT = 9091
"""Where Donkey's simulator listens, and its clients look for it."""


def serve_donkey(camera: CameraGeometry, port: int, track: str | None, *, lock_step: bool) -> None:
    """Serve until interrupted, and print who comes and goes.

    Raises TrackError when there is no such track, CarError when the port is taken.
    """
    if track is not None:
        open_track(track)
    asyncio.run(_serve(DonkeyServer(camera, port, track, lock_step=lock_step, tell=_tell), track))


async def _serve(server: DonkeyServer, track: str | None) -> None:
    try:
        await server.start()
    except OSError as error:
        why = os.strerror(error.errno or 0)
        raise CarError(f"Port {server.port} cannot be had ({why}). Choose another with --port.") from error
    scenes = f"on {track}" if track else f"on {', '.join(scene_names())} or random-<seed>"
    _tell(f"Donkey's clients drive at {LOOPBACK}:{server.port}, {scenes}. Ctrl-C ends it.")
    await server.serve()


def _tell(sentence: str) -> None:
    # Whoever read this may be gone; those who drive are not.
    with contextlib.suppress(OSError, SystemExit):
        console.print(sentence, highlight=False, soft_wrap=True)
