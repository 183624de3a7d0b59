"""A server of Donkey's protocol in a thread, and what it tells."""

from __future__ import annotations

import asyncio
import contextlib
import threading

from hardware.camera import CameraGeometry
from simulator.donkey.server import DonkeyServer
from tests.system.car_process import wait_for


class Running:
    """A server in a thread of its own, and what it tells."""

    def __init__(self, track: str | None = None, *, lock_step: bool = False) -> None:
        self.told: list[str] = []
        self.server = DonkeyServer(CameraGeometry(), 0, track, lock_step=lock_step, tell=self.told.append)
        self._thread = threading.Thread(target=self._run, daemon=True)
        self._thread.start()
        wait_for(lambda: self.server.port != 0, "the server")

    @property
    def port(self) -> int:
        return self.server.port

    def _run(self) -> None:
        with contextlib.suppress(asyncio.CancelledError):
            asyncio.run(self._serve())

    async def _serve(self) -> None:
        self._loop, self._task = asyncio.get_running_loop(), asyncio.current_task()
        await self.server.start()
        await self.server.serve()

    def close(self) -> None:
        assert self._task is not None
        self._loop.call_soon_threadsafe(self._task.cancel)
        self._thread.join(10)
        assert not self._thread.is_alive()
