"""The fleet's page, served on this laptop until Ctrl-C."""

from __future__ import annotations

import contextlib
import socket
from dataclasses import dataclass

import uvicorn
from fastapi import FastAPI

from car.errors import RemoteError
from car.web.discreet import LOOPBACK, discreet

PORTS_TRIED = 20


@dataclass(frozen=True, slots=True)
class FleetServer:
    """A free port of this laptop, and what is served there."""

    app: FastAPI
    listener: socket.socket

    @classmethod
    def at(cls, port: int, app: FastAPI) -> FleetServer:
        """Take ``port``, or the next free one after it; raises RemoteError."""
        for candidate in range(port, port + PORTS_TRIED):
            with contextlib.suppress(OSError):
                return cls(app, socket.create_server((LOOPBACK, candidate)))
        raise RemoteError(f"No port from {port} to {port + PORTS_TRIED - 1} is free. Give another one with --port.")

    @property
    def url(self) -> str:
        """Where the page is."""
        return f"http://{LOOPBACK}:{self.listener.getsockname()[1]}/"

    def run(self) -> None:
        """Serve until Ctrl-C."""
        config = discreet(self.app, ws="none")
        config.lifespan = "on"
        uvicorn.Server(config).run(sockets=[self.listener])
