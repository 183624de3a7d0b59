"""The fleet's page, served on this laptop until Ctrl-C."""

from __future__ import annotations

import contextlib
import socket

import uvicorn
from fastapi import FastAPI

from car.errors import RemoteError
from car.web.discreet import LOOPBACK, discreet
from car.web.server import PORTS_TRIED


class FleetServer:
    """Serves ``app`` at ``port`` of this laptop, or at the next free one after it; raises RemoteError."""

    def __init__(self, app: FastAPI, port: int) -> None:
        self._listener = _first_free(port)
        config = discreet(app, ws="none")
        config.lifespan = "on"
        self._server = uvicorn.Server(config)

    @property
    def url(self) -> str:
        """Where the page is."""
        return f"http://{LOOPBACK}:{self._listener.getsockname()[1]}/"

    def run(self) -> None:
        """Serve until Ctrl-C, or until it is to end."""
        self._server.run(sockets=[self._listener])

    def end(self) -> None:
        """Have ``run`` return; from any thread."""
        self._server.should_exit = True


def _first_free(port: int) -> socket.socket:
    for candidate in range(port, port + PORTS_TRIED):
        with contextlib.suppress(OSError):
            return socket.create_server((LOOPBACK, candidate))
    raise RemoteError(f"No port from {port} to {port + PORTS_TRIED - 1} is free. Give another one with --port.")
