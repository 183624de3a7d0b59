"""What may stand between a laptop and its car: a network that dies, freezes or flips a byte, and a forger."""

from __future__ import annotations

import contextlib
import socket
import ssl
import threading
from collections.abc import Callable, Iterator
from http.client import HTTPSConnection
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

from car.remote.client import unpinned_context
from car.remote.keys import Place

PIECE_BYTES = 16_384
LOOPBACK = "127.0.0.1"


class Wire:
    """A network to the car at ``upstream`` that does something to each connection after some bytes of it.

    ``dies_after``, which may change, and ``freezes_after`` count the bytes that came from the car, or went to it where
    ``up``; ``flips`` is the place of a byte from the car that arrives as another one. A context manager.
    """

    def __init__(
        self,
        upstream: Place,
        *,
        dies_after: int | None = None,
        freezes_after: int | None = None,
        flips: int | None = None,
        up: bool = False,
    ) -> None:
        self._upstream = upstream
        self.dies_after = dies_after
        self._freezes_after = freezes_after
        self._flips = flips
        self._up = up
        self._listener = socket.create_server((LOOPBACK, 0))
        self.place = Place(LOOPBACK, self._listener.getsockname()[1])
        self._open: list[socket.socket] = []
        self._thawed = threading.Event()
        self._flows = threading.Event()
        self._flows.set()
        self._threads = [threading.Thread(target=self._listen)]
        self._threads[0].start()

    def __enter__(self) -> Wire:
        return self

    def __exit__(self, *_: object) -> None:
        self.vanish()
        self._thawed.set()
        self._flows.set()
        for thread in self._threads:
            thread.join()

    @property
    def connections(self) -> int:
        """How many there were."""
        return len(self._open) // 2

    def freeze(self) -> None:
        """Let nothing through, and leave every connection open."""
        self._flows.clear()

    def thaw(self) -> None:
        """Let everything through again, also what was held up."""
        self._flows.set()

    def drop(self) -> None:
        """End every connection, and what was on its way in it."""
        self._end(self._open)

    def vanish(self) -> None:
        """End every connection, and take no other."""
        self._end([self._listener, *self._open])

    def _end(self, ends: list[socket.socket]) -> None:
        for one in ends:
            with contextlib.suppress(OSError):
                one.shutdown(socket.SHUT_RDWR)
            one.close()

    def _listen(self) -> None:
        with contextlib.suppress(OSError):
            while True:
                laptop, _ = self._listener.accept()
                car = socket.create_connection((self._upstream.host, self._upstream.port))
                self._open += [laptop, car]
                for source, target, is_meddled in ((laptop, car, self._up), (car, laptop, not self._up)):
                    thread = threading.Thread(target=self._carry, args=(source, target, is_meddled))
                    self._threads.append(thread)
                    thread.start()

    def _carry(self, source: socket.socket, target: socket.socket, is_meddled: bool) -> None:
        carried = 0
        with contextlib.suppress(OSError):
            while piece := source.recv(PIECE_BYTES):
                self._flows.wait()
                if is_meddled:
                    piece, goes_on = self._meddle(piece, carried)
                    target.sendall(piece)
                    if not goes_on:
                        break
                else:
                    target.sendall(piece)
                carried += len(piece)
        for one in (source, target):
            with contextlib.suppress(OSError):
                one.shutdown(socket.SHUT_RDWR)

    def _meddle(self, piece: bytes, carried: int) -> tuple[bytes, bool]:
        """Return what arrives of a piece, and whether anything comes after it."""
        for limit, freezes in ((self.dies_after, False), (self._freezes_after, True)):
            if limit is not None and carried + len(piece) > limit:
                if freezes:
                    self._thawed.wait()
                return piece[: max(limit - carried, 0)], False
        if self._flips is not None and carried <= self._flips < carried + len(piece):
            place = self._flips - carried
            piece = piece[:place] + bytes([piece[place] ^ 1]) + piece[place + 1 :]
        return piece, True


Forge = Callable[[str, bytes], bytes]
"""Makes of an answer's path and content what arrives of it."""


@contextlib.contextmanager
def forger(upstream: Place, certificate: Path, key: Path, forge: Forge) -> Iterator[tuple[Place, list[str]]]:
    """Serve what the car does, with ``certificate``, as ``forge`` has it; yields the place, and the paths asked for."""
    asked: list[str] = []

    class Handler(BaseHTTPRequestHandler):
        protocol_version = "HTTP/1.1"

        def do_GET(self) -> None:
            asked.append(self.path)
            upstream_tls = unpinned_context()
            with contextlib.closing(HTTPSConnection(upstream.host, upstream.port, context=upstream_tls)) as car:
                car.request("GET", self.path, headers=dict(self.headers.items()))
                response = car.getresponse()
                content = forge(self.path, response.read())
            self.send_response(response.status)
            for name, value in response.getheaders():
                if name.lower() in {"content-digest", "content-type"}:
                    self.send_header(name, value)
            self.send_header("Content-Length", str(len(content)))
            self.end_headers()
            self.wfile.write(content)

        def log_message(self, format: str, *args: object) -> None:  # noqa: A002
            """Say nothing."""

    class Server(ThreadingHTTPServer):
        def handle_error(self, request: object, client_address: object) -> None:
            """Say nothing of laptops that hang up."""

    server = Server((LOOPBACK, 0), Handler)
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(certificate, key)
    server.socket = context.wrap_socket(server.socket, server_side=True)
    thread = threading.Thread(target=server.serve_forever, args=(0.02,))
    thread.start()
    try:
        yield Place(LOOPBACK, server.server_address[1]), asked
    finally:
        server.shutdown()
        thread.join()
        server.server_close()
