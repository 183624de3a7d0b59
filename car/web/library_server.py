"""The library's server in a thread of the desk process, on loopback, for the controls alone."""

from __future__ import annotations

import asyncio
import socket
import threading

import uvicorn

from car.web.app import create_library_app
from car.web.context import LibraryContext
from car.web.discreet import LOOPBACK, discreet

END_TIMEOUT_S = 3.0
LOOK_PERIOD_S = 0.05


class LibraryServer:
    """Serves the library on a free port, to whoever knows ``secret``."""

    def __init__(self, context: LibraryContext, secret: str) -> None:
        self._app = create_library_app(context, secret)
        self._listener = socket.create_server((LOOPBACK, 0))
        self.port: int = self._listener.getsockname()[1]
        self._ended = threading.Event()
        self._thread = threading.Thread(target=lambda: asyncio.run(self._serve()), name="library", daemon=True)

    def start(self) -> None:
        """Begin to serve."""
        self._thread.start()

    def close(self) -> None:
        """Close every connection, and end; a training that goes on ends too."""
        self._app.state.trainer.stop()
        self._app.state.pilot_pictures.close()
        self._ended.set()
        self._thread.join(END_TIMEOUT_S)

    async def _serve(self) -> None:
        server = uvicorn.Server(discreet(self._app, http="h11", ws="none"))
        serving = asyncio.create_task(server.serve(sockets=[self._listener]))
        while not self._ended.is_set() and not serving.done():
            await asyncio.sleep(LOOK_PERIOD_S)
        server.should_exit = True
        await serving
