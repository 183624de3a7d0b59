"""The web server in a thread of the desk process: where it listens, and that it never takes the desk along."""

from __future__ import annotations

import asyncio
import contextlib
import socket
import threading

import uvicorn

from car.errors import CarError
from car.web.access import Access
from car.web.access_store import AccessStore, ServerAddress
from car.web.app import create_app
from car.web.context import WebContext

LOOPBACK, EVERYWHERE = "127.0.0.1", "0.0.0.0"  # noqa: S104 - opened by pairing only
PORTS_TRIED = 20
END_TIMEOUT_S = 3
LOOK_PERIOD_S = 0.5
MAX_MESSAGE_BYTES = 1024
PING_S = 5.0


class WebServer:
    """Serves the pages on loopback, and to the network from when a browser is being paired until all are forgotten.

    ``where`` says where a browser finds them. Raises CarError when there is no port for it.
    """

    def __init__(self, context: WebContext) -> None:
        self._store = AccessStore(context.folder.path, context.clock)
        self._socket = _first_free(context.config.web.port)
        self.port: int = self._socket.getsockname()[1]
        access = Access(self._store, tls=False)
        self.where = f"Drive it from http://{LOOPBACK}:{self.port}/"
        config = uvicorn.Config(
            create_app(context, access),
            log_config=None,
            access_log=False,
            lifespan="off",
            server_header=False,
            proxy_headers=False,
            http="h11",
            ws="websockets-sansio",
            ws_max_size=MAX_MESSAGE_BYTES,
            ws_per_message_deflate=False,
            ws_ping_interval=PING_S,
            ws_ping_timeout=PING_S,
            timeout_graceful_shutdown=1,
        )
        self._server = uvicorn.Server(config)
        self._thread = threading.Thread(target=self._run, name="web", daemon=True)

    def start(self) -> None:
        """Begin to serve."""
        self._thread.start()

    def close(self) -> None:
        """Close every connection, and end."""
        self._server.should_exit = True
        self._thread.join(END_TIMEOUT_S)

    def _run(self) -> None:
        asyncio.run(self._serve())

    async def _serve(self) -> None:
        with contextlib.suppress(CarError):
            self._store.announce(ServerAddress(self.port, tls=False))
        await self._server.serve(sockets=[self._socket])


def _first_free(port: int) -> socket.socket:
    """Return a socket on ``port``, or on the first free one after it."""
    for candidate in range(port, port + PORTS_TRIED):
        listener = socket.socket(socket.AF_INET, socket.SOCK_STREAM)
        listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            listener.bind((LOOPBACK, candidate))
        except OSError:
            listener.close()
            continue
        return listener
    raise CarError(f"No port from {port} to {port + PORTS_TRIED - 1} is free for the page. Set `port` under [web].")
