"""From the controls to the desk: whatever is the library's goes on to it, and its answer back, piece by piece.

The controls carry a stop, and must not wait for a disk, an index or an import; the desk may. Between them is HTTP on
loopback, with a secret that the drive process has given to both.
"""

from __future__ import annotations

import asyncio
import contextlib
import hmac
from collections.abc import AsyncIterator, Callable, Iterable, Mapping
from typing import Any

import h11
from starlette.datastructures import Headers
from starlette.exceptions import HTTPException
from starlette.responses import Response
from starlette.types import ASGIApp, Receive, Scope, Send

from car.web.access import refuse
from hardware.clock import NS_PER_S, Clock

DESK_HEADER = "x-pocketpilot-desk"
PIECE_BYTES = 65_536
SILENT_NS = 5 * NS_PER_S
"""A desk that has said nothing for so long is taken to be gone, whatever is asked of it."""
LOOK_PERIOD_S = 0.5
START_TIMEOUT_S = 10.0
"""How long a browser waits that was faster than the desk's own start."""
_ONE_HOP = {b"connection", b"keep-alive", b"upgrade", b"te", b"trailer", b"proxy-connection"}
"""What a header says of one connection alone is not passed on (RFC 9110, 7.6.1)."""


class NoLibrary(Exception):
    """The desk is not there, or does not answer."""


class BrowserGone(ConnectionAbortedError):
    """The browser is gone before the end of what it was sending."""


class Library:
    """Where the desk's library is, and whether the desk is alive; ``notice`` is what it has said last."""

    def __init__(self, notice: Callable[[], Mapping[str, Any]], clock: Clock, secret: str) -> None:
        self._notice = notice
        self._clock = clock
        self.secret = secret

    async def port(self) -> int:
        """Return the library's port, once a desk that has just been started has one; raises NoLibrary."""
        for _ in range(round(START_TIMEOUT_S / LOOK_PERIOD_S)):
            if self._notice().get("library_port", 0):
                break
            await asyncio.sleep(LOOK_PERIOD_S)
        port = int(self._notice().get("library_port", 0))
        if not port or not self.is_alive():
            raise NoLibrary
        return port

    def is_alive(self) -> bool:
        """Tell whether the desk has said something lately."""
        return self._clock.now_ns() - int(self._notice().get("time_ns", 0)) <= SILENT_NS


class Relay:
    """A layer of the controls' application that passes the library's requests on to the desk.

    ``paths`` are the library's: what is at one of them or below it.
    """

    def __init__(self, app: ASGIApp, library: Library, paths: Iterable[str]) -> None:
        self._app = app
        self._library = library
        self._paths = tuple(paths)

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Pass on one request, or leave it to the application."""
        if scope["type"] != "http" or not self._is_librarys(scope["path"]):
            await self._app(scope, receive, send)
            return
        exchange = _Exchange(self._library, scope, receive, send)
        try:
            await exchange.run()
        except (NoLibrary, OSError, h11.RemoteProtocolError, asyncio.IncompleteReadError):
            if not exchange.has_begun:
                await _no_answer()(scope, receive, send)
        except HTTPException as error:
            if not exchange.has_begun:
                await refuse(error.status_code, error.detail)(scope, receive, send)

    def _is_librarys(self, path: str) -> bool:
        return any(path == known or path.startswith(f"{known}/") for known in self._paths)


class SecretGuard:
    """The outermost layer of the library: whoever does not know the secret hears nothing."""

    def __init__(self, app: ASGIApp, secret: str) -> None:
        self._app = app
        self._secret = secret

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Answer one request."""
        given = Headers(scope=scope).get(DESK_HEADER, "") if scope["type"] == "http" else ""
        if hmac.compare_digest(given.encode(), self._secret.encode()):
            await self._app(scope, receive, send)
        elif scope["type"] == "http":
            await refuse(401, "This is not the car's page. Open the address that `car drive` prints.")(
                scope, receive, send
            )


class _Exchange:
    """One request on its way to the desk, and the answer on its way back."""

    def __init__(self, library: Library, scope: Scope, receive: Receive, send: Send) -> None:
        self._library = library
        self._scope = scope
        self._receive = receive
        self._send = send
        self._http = h11.Connection(h11.CLIENT)
        self.has_begun = False

    async def run(self) -> None:
        """Carry it out; raises NoLibrary and OSError when the desk is not there."""
        reader, writer = await asyncio.open_connection("127.0.0.1", await self._library.port())
        try:
            asking, answering = (asyncio.create_task(half) for half in (self._ask(writer), self._answer(reader)))
            try:
                await asyncio.wait({asking, answering}, return_when=asyncio.FIRST_COMPLETED)
                if asking.done() and isinstance(refused := asking.exception(), HTTPException | BrowserGone):
                    # The desk would wait for the rest of a body that is too large, or does not come.
                    raise refused
                await answering
            finally:
                for half in (asking, answering):
                    half.cancel()
                    with contextlib.suppress(asyncio.CancelledError, OSError, h11.LocalProtocolError, HTTPException):
                        await half
        finally:
            writer.close()

    async def _ask(self, writer: asyncio.StreamWriter) -> None:
        scope = self._scope
        query = scope["query_string"]
        target = scope["raw_path"] + (b"?" + query if query else b"")
        headers = [(name, value) for name, value in scope["headers"] if name not in _ONE_HOP]
        headers.append((DESK_HEADER.encode(), self._library.secret.encode()))
        writer.write(self._http.send(h11.Request(method=scope["method"], target=target, headers=headers)) or b"")
        async for piece in self._body():
            writer.write(self._http.send(h11.Data(data=piece)) or b"")
            await writer.drain()
        writer.write(self._http.send(h11.EndOfMessage()) or b"")
        await writer.drain()

    async def _body(self) -> AsyncIterator[bytes]:
        while True:
            message = await self._receive()
            if message["type"] == "http.disconnect":
                raise BrowserGone
            if piece := message.get("body", b""):
                yield piece
            if not message.get("more_body", False):
                return

    async def _answer(self, reader: asyncio.StreamReader) -> None:
        while True:
            event = self._http.next_event()
            if event is h11.NEED_DATA:
                self._http.receive_data(await self._read(reader))
            elif isinstance(event, h11.Response):
                self.has_begun = True
                headers = [(name, value) for name, value in event.headers if name not in _ONE_HOP]
                await self._send({"type": "http.response.start", "status": event.status_code, "headers": headers})
            elif isinstance(event, h11.Data):
                await self._send({"type": "http.response.body", "body": bytes(event.data), "more_body": True})
            elif isinstance(event, h11.EndOfMessage):
                await self._send({"type": "http.response.body", "body": b""})
                return
            elif event is h11.PAUSED or isinstance(event, h11.ConnectionClosed):
                raise NoLibrary

    async def _read(self, reader: asyncio.StreamReader) -> bytes:
        """Return what the desk has sent, as soon as there is something, for as long as it is alive."""
        reading = asyncio.ensure_future(reader.read(PIECE_BYTES))
        try:
            while not (await asyncio.wait([reading], timeout=LOOK_PERIOD_S))[0]:
                if not self._library.is_alive():
                    raise NoLibrary
            return await reading
        finally:
            reading.cancel()


def _no_answer() -> Response:
    return refuse(503, "The desk does not answer. If it died, the car starts it again: try again in a moment.")
