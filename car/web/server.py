"""The web server in a thread of the controls: where it listens, and that it never takes the controls along."""

from __future__ import annotations

import asyncio
import contextlib
import socket
import threading
from collections.abc import Callable

import uvicorn
from fastapi import FastAPI

from car.errors import AccessError, CarError
from car.pairing.announcement import Announcer
from car.pairing.certificate import Certificate, own_certificate
from car.pairing.store import AccessStore, ServerAddress
from car.web.access import Access
from car.web.app import PAGES, create_app
from car.web.connection import GuardedListener, Guests, HastyConnection
from car.web.context import WebContext
from car.web.discreet import LOOPBACK, discreet
from car.web.rehearsal import rehearse
from car.web.sockets import MAX_MESSAGE_BYTES

EVERYWHERE = "0.0.0.0"  # noqa: S104 - pairing alone opens it
REHEARSED = (*PAGES, "/static/drive.js", "/api/status", "/api/track", "/api/nothing")
SOCKETS = ("/api/drive", "/api/video")
PORTS_TRIED = 20
BEAT_PERIOD_S = 0.02
LOOK_PERIOD_S = 0.5
END_TIMEOUT_S = 3.0
PING_S = 5.0
"""Until a browser is given up that does not answer any more."""


class WebServer:
    """Serves the pages on loopback, and to the network from when a browser is being paired until all are forgotten.

    ``where`` says where a browser finds them. ``relay_secret`` is what the desk's library wants to hear; ``beat`` is
    called for as long as the server's loop comes round and takes connections. Raises CarError when there is no port, or
    no certificate, for it.
    """

    def __init__(self, context: WebContext, *, relay_secret: str = "", beat: Callable[[], None] = lambda: None) -> None:
        self._beat = beat
        self._store = AccessStore(context.folder.path, context.clock)
        self._certificate = own_certificate(self._store.folder) if context.config.web.tls else None
        self._guests = Guests()
        self._listener = _first_free(context.config.web.port, self._guests)
        self.port: int = self._listener.getsockname()[1]
        tls, names = self._certificate is not None, context.config.web.names
        access = Access(self._store, tls=tls, names=names, know=self._guests.know)
        self._app = create_app(context, access, relay_secret)
        self._announcer = self._make_announcer(context)
        self._ended = threading.Event()
        self._thread = threading.Thread(target=self._run, name="web", daemon=True)

    @property
    def where(self) -> str:
        """Where the page is, in words."""
        if self._certificate is None:
            return f"Drive it from http://{LOOPBACK}:{self.port}/"
        return f"Drive it from https://{LOOPBACK}:{self.port}/ (certificate's SHA-256 {self._certificate.fingerprint})"

    def start(self) -> None:
        """Begin to serve."""
        self._thread.start()
        if self._announcer is not None:
            self._announcer.start()

    def close(self) -> None:
        """Close every connection, and end."""
        if self._announcer is not None:
            self._announcer.close()
        self._ended.set()
        self._thread.join(END_TIMEOUT_S)

    def _make_announcer(self, context: WebContext) -> Announcer | None:
        config = context.config
        # Not the server's own store, which belongs to the server's thread.
        is_open = AccessStore(context.folder.path, context.clock).opens_network
        tls = self._certificate is not None
        return Announcer(config.car.name, self.port, is_open, tls=tls) if config.web.announce else None

    def _run(self) -> None:
        asyncio.run(self._serve())

    async def _serve(self) -> None:
        """Serve until ended, and the network for as long as the store says so."""
        servers = {LOOPBACK: _Serving(self._app, self._listener, self._certificate)}
        fingerprint = self._certificate.fingerprint if self._certificate else ""
        with contextlib.suppress(AccessError):
            self._store.announce(ServerAddress(self.port, self._certificate is not None, fingerprint))
        await rehearse(self._app, REHEARSED, SOCKETS, tls=self._certificate is not None)
        beating = asyncio.create_task(self._give_signs_of_life(servers[LOOPBACK]))
        while not self._ended.is_set():
            opens = self._store.opens_network()
            if opens and EVERYWHERE not in servers:
                with contextlib.suppress(OSError):
                    _let_share(self._listener)
                    listener = _bound(EVERYWHERE, self.port, self._guests, shares=True)
                    servers[EVERYWHERE] = _Serving(self._app, listener, self._certificate)
            elif not opens and EVERYWHERE in servers:
                await servers.pop(EVERYWHERE).end()
            await asyncio.sleep(LOOK_PERIOD_S / 5)
        await asyncio.gather(*(server.end() for server in servers.values()))
        beating.cancel()

    async def _give_signs_of_life(self, serving: _Serving) -> None:
        """Beat from when a stop would be heard: what is imported until then holds everything up."""
        while True:
            if serving.is_up:
                self._beat()
            await asyncio.sleep(BEAT_PERIOD_S)


class _Serving:
    """One listener and all its connections, which end with it."""

    def __init__(self, app: FastAPI, listener: socket.socket, certificate: Certificate | None) -> None:
        self._server = uvicorn.Server(_config(app, certificate))
        self._task = asyncio.create_task(self._server.serve(sockets=[listener]))

    @property
    def is_up(self) -> bool:
        """Whether it takes connections."""
        return self._server.started

    async def end(self) -> None:
        self._server.should_exit = True
        await self._task


def _config(app: FastAPI, certificate: Certificate | None) -> uvicorn.Config:
    return discreet(
        app,
        http=HastyConnection,
        ws="websockets-sansio",
        ws_max_size=MAX_MESSAGE_BYTES,
        ws_per_message_deflate=False,
        ws_ping_interval=PING_S,
        ws_ping_timeout=PING_S,
        ssl_certfile=certificate.certificate if certificate else None,
        ssl_keyfile=certificate.key if certificate else None,
    )


def _first_free(port: int, guests: Guests) -> socket.socket:
    """Return a socket on ``port``, or on the first free one after it."""
    for candidate in range(port, port + PORTS_TRIED):
        with contextlib.suppress(OSError):
            listener = _bound(LOOPBACK, candidate, guests)
            # From here on whoever comes waits for the server, instead of being turned away.
            listener.listen()
            return listener
    raise CarError(f"No port from {port} to {port + PORTS_TRIED - 1} is free for the page. Set `port` under [web].")


def _bound(host: str, port: int, guests: Guests, *, shares: bool = False) -> socket.socket:
    listener = GuardedListener(guests)
    try:
        if hasattr(socket, "SO_REUSEPORT"):  # Elsewhere "reuse" means that anyone may have the port as well.
            listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        if shares:
            _let_share(listener)
        listener.bind((host, port))
    except OSError:
        listener.close()
        raise
    return listener


def _let_share(listener: socket.socket) -> None:
    """Let one's own loopback listener and the one for all addresses have the same port.

    Loopback connections go to the former. It was bound before it could be shared, so that a port that is taken is seen.
    """
    if hasattr(socket, "SO_REUSEPORT"):
        listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEPORT, 1)
