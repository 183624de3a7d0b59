"""One car's API over HTTPS: nothing is said to a car before its certificate has turned out to be the one it must be."""

from __future__ import annotations

import contextlib
import hashlib
import json
import socket
import ssl
import threading
import time
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from email.message import Message
from http.client import HTTPException, HTTPResponse, HTTPSConnection
from typing import Any, BinaryIO, Self
from urllib.parse import quote, urlencode

from car.errors import Refusal, RemoteError
from car.pairing.printable import printable
from car.remote.keys import Key, Place
from hardware.closing import Closing

PATIENCE_S = 15.0
"""How long a car may be silent."""
MAX_ANSWER_S = 120.0
"""How long one answer may take in all, however steadily it drips."""
MAX_ANSWER_BYTES = 16 * 1024 * 1024
READ_BYTES = 64 * 1024
COOKIE = "pocketpilot"
JSON = "application/json"
UNAUTHORIZED, REFUSED = 401, 400


@dataclass(frozen=True, slots=True)
class Answer:
    """What a car answered to a request that it did not refuse."""

    content: bytes
    headers: Message

    def json(self) -> Any:
        """Return the content as JSON; raises ValueError."""
        return json.loads(self.content)


class CarClient(Closing):
    """Asks the car at ``place`` over one connection that is opened anew when it is gone; for one thread.

    Every method raises RemoteError; ``patience_s`` is how long the car may be silent. Without a ``fingerprint`` it is
    there to ``look`` alone.
    """

    def __init__(
        self, place: Place, fingerprint: str | None, token: str = "", *, patience_s: float = PATIENCE_S
    ) -> None:
        self.place = place
        self._token = token
        self._patience_s = patience_s
        self._connection = _Pinned(place, fingerprint, patience_s)

    @classmethod
    def of(cls, key: Key, *, patience_s: float = PATIENCE_S) -> Self:
        """Return a client that comes in by ``key``."""
        return cls(key.place, key.fingerprint, key.token, patience_s=patience_s)

    def get(self, *path: str, **query: str) -> Answer:
        """Ask for what is at a path of the API; once more where the connection breaks off."""
        try:
            return self._ask("GET", path, query)
        except _BrokenOff:
            return self._ask("GET", path, query)

    def post(self, *path: str, body: Upload | bytes = b"", patience_s: float = 0.0, **query: str) -> Answer:
        """Send ``body``, JSON or a file; before it answers, the car may be silent for ``patience_s``."""
        # What changes something is never asked twice, so not on a connection that the car may have closed meanwhile.
        self._connection.close()
        return self._ask("POST", path, query, body, patience_s)

    def close(self) -> None:
        """Close the connection."""
        self._connection.close()

    def look(self) -> str:
        """Connect, send nothing, and return the SHA-256 of the certificate, as ``car pair`` shows it."""
        try:
            self._connection.connect()
        except (OSError, HTTPException) as error:
            raise explained(self.place, error, self._patience_s) from error
        digest = self._connection.seen
        return ":".join(digest[place : place + 2] for place in range(0, len(digest), 2))

    def _ask(
        self,
        method: str,
        path: tuple[str, ...],
        query: Mapping[str, str],
        body: Upload | bytes = b"",
        patience_s: float = 0.0,
    ) -> Answer:
        target = "/api/" + "/".join(quote(part, safe="") for part in path) + (f"?{urlencode(query)}" if query else "")
        waited_s = self._patience_s
        try:
            self._send(method, target, body)
            waited_s = max(patience_s, self._patience_s)
            self._connection.be_patient(waited_s)
            with self._connection.cut_after(waited_s + MAX_ANSWER_S):
                response = self._connection.getresponse()
                content = _read(response)
        except RemoteError:
            raise  # It is another car.
        except (OSError, HTTPException) as error:
            self._connection.close()
            raise explained(self.place, error, waited_s) from error
        if response.status >= REFUSED:
            raise self._refusal(response.status, content)
        return Answer(content, response.headers)

    def _send(self, method: str, target: str, body: Upload | bytes) -> None:
        is_file = isinstance(body, Upload)
        headers = {"X-Pocketpilot": "1", "Content-Type": "application/octet-stream" if is_file else JSON}
        if self._token:
            headers["Cookie"] = f"{COOKIE}={self._token}"
        if method != "GET":
            headers["Content-Length"] = str(len(body))
        self._connection.be_patient(self._patience_s)
        try:
            self._connection.request(method, target, body=body or None, headers=headers)
        except (BrokenPipeError, ConnectionResetError, ssl.SSLEOFError):
            # A car that has refused a file before its end has said why.
            if self._connection.sock is None or not is_file:
                raise

    def _refusal(self, status: int, content: bytes) -> RemoteError:
        if status == UNAUTHORIZED:
            return not_let_in(self.place)
        try:
            sentence = str(json.loads(content)["error"])
        except (ValueError, KeyError, TypeError, RecursionError):
            return RemoteError(f"{self.place} answers with status {status}, and no sentence. Is it a Pocketpilot car?")
        return Refusal(printable(sentence), status)


class Upload:
    """A file to be sent, and whom to tell how many of its bytes are."""

    def __init__(self, file: BinaryIO, size: int, progress: Callable[[float], None]) -> None:
        self._file = file
        self._size = size
        self._sent = 0
        self._progress = progress

    def __len__(self) -> int:
        """Return how many bytes it has."""
        return self._size

    def __iter__(self) -> Iterator[bytes]:
        """Yield it piece by piece."""
        while piece := self._file.read(READ_BYTES):
            yield piece
            self._sent += len(piece)
            self._progress(self._sent / self._size)


class _BrokenOff(RemoteError):
    """The connection is gone in the middle: another one may do better."""


class _Pinned(HTTPSConnection):
    """A connection that ends before anything was sent, unless the car has the certificate that it must have.

    ``seen`` is the certificate that it has; where nothing is to be sent, ``fingerprint`` may be None.
    """

    def __init__(self, place: Place, fingerprint: str | None, patience_s: float) -> None:
        super().__init__(place.host, place.port, timeout=patience_s, context=unpinned_context())
        self.seen = ""
        self._place = place
        self._fingerprint = fingerprint

    def connect(self) -> None:
        """Connect, and look at the certificate."""
        super().connect()
        self.seen = hashlib.sha256(self.sock.getpeercert(binary_form=True) or b"").hexdigest().upper()
        if self._fingerprint is not None and self.seen != normal(self._fingerprint):
            self.close()
            raise another_certificate(self._place)

    @contextlib.contextmanager
    def cut_after(self, limit_s: float) -> Iterator[None]:
        """Break the connection off when the block takes longer: a car may drip lines that never are an answer."""
        timer = threading.Timer(limit_s, self._cut)
        timer.daemon = True
        timer.start()
        try:
            yield
        finally:
            timer.cancel()

    def _cut(self) -> None:
        with contextlib.suppress(OSError):
            # Not the TLS socket's own, which another thread may not call while this one reads.
            socket.socket.shutdown(self.sock, socket.SHUT_RDWR)

    def be_patient(self, patience_s: float) -> None:
        """Wait so long for whatever comes next, where there is a connection."""
        if self.sock is not None:
            self.sock.settimeout(patience_s)


def unpinned_context() -> ssl.SSLContext:
    """Return what encrypts and believes any certificate: whoever uses it compares the hash before anything is sent.

    No authority vouches for a car's certificate, and its names change with its network: it is known by its hash.
    """
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
    context.check_hostname = False
    context.verify_mode = ssl.CERT_NONE
    return context


def another_certificate(place: Place) -> RemoteError:
    """Return what is said of a car that has not the certificate it must have."""
    return RemoteError(
        f"{place} has another certificate than the one it must have: either it is another car, or somebody is in "
        f"between. If the car was set up anew, pair again: car pair-with {place}"
    )


def not_let_in(place: Place) -> Refusal:
    """Return what is said of a car that does not know this laptop."""
    return Refusal(
        f"{place} does not let this laptop in any more. Run `car pair` on the car, and `car pair-with {place}` here.",
        UNAUTHORIZED,
    )


def explained(place: Place, error: OSError | HTTPException, patience_s: float) -> RemoteError:
    """Return in a sentence why a car cannot be asked; ``patience_s`` is how long it was waited for."""
    if isinstance(error, TimeoutError):
        return RemoteError(f"{place} has said nothing for {patience_s:g} s. Is it on, and in this network?")
    if isinstance(error, socket.gaierror):
        return RemoteError(f"No machine is called {place.host} here. Try `car find`, or its address.")
    if isinstance(error, ConnectionRefusedError):
        return RemoteError(
            f"Nothing listens at {place}. Start the car there with `car drive --tls`; where nobody is paired "
            "any more, run `car pair` there too."
        )
    if isinstance(error, ssl.SSLError) and error.reason in {"WRONG_VERSION_NUMBER", "RECORD_LAYER_FAILURE"}:
        return RemoteError(f"{place} speaks no HTTPS. Start the car there with `car drive --tls`.")
    return _BrokenOff(f"The connection to {place} broke off ({_why(error)}). Run the command again.")


def normal(fingerprint: str) -> str:
    """Return a fingerprint as it is compared, however it was written."""
    return fingerprint.replace(":", "").replace(" ", "").upper()


def _read(response: HTTPResponse) -> bytes:
    """Return an answer's content; raises OSError when it ends early, has no end, or is too large."""
    content, until_s = bytearray(), time.monotonic() + MAX_ANSWER_S
    while piece := response.read1(READ_BYTES):
        content += piece
        if len(content) > MAX_ANSWER_BYTES or time.monotonic() > until_s:
            raise ConnectionAbortedError("the answer has no end")
    if response.length:
        raise ConnectionAbortedError(f"{response.length} bytes were missing")
    # Read piece by piece, an answer does not notice its own end, and its connection could not be used again.
    response.close()
    return bytes(content)


def _why(error: OSError | HTTPException) -> str:
    if isinstance(error, OSError):
        return error.strerror or str(error) or type(error).__name__
    return "the answer was no HTTP" if str(error) else type(error).__name__
