"""``car pair``: an address with a one-time code, as text and as a QR code."""

from __future__ import annotations

import io
import socket
from collections.abc import Iterator

from car.config.folder import CarFolder
from car.config.sections import WebSection
from car.pairing.store import AccessStore, ServerAddress
from hardware.clock import SystemClock

SOMEWHERE = ("192.0.2.1", 9)
"""An address of a network that does not exist (RFC 5737); what leads there shows our own. Nothing is sent."""


def pair(folder: CarFolder) -> Iterator[str]:
    """Yield what to print so that a browser can be paired; the network may reach the car from now on."""
    store = AccessStore(folder.path, SystemClock())
    server = store.running_server()
    code = store.new_code()
    address = server or _expected(folder.config.web)
    urls = [f"{'https' if address.tls else 'http'}://{host}:{address.port}/pair#{code}" for host in own_hosts()]
    yield "Open this in the browser that is to drive, within ten minutes. It works once."
    yield ""
    yield from (f"    {url}" for url in urls)
    yield ""
    yield qr_code(urls[0])
    if address.fingerprint:
        yield f"The browser will not know the car's certificate. Its SHA-256 must be {address.fingerprint}"
    if not address.tls:
        yield "Nothing is encrypted: on a network with others, start the car with `car drive --tls` before you pair."
    if server is None:
        yield "The car is not running: start it with `car drive`, then open the address."


def own_hosts() -> list[str]:
    """Return how other machines may call this one: its address where there is a network, then its name."""
    name = socket.gethostname().partition(".")[0]
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as probe:
        try:
            probe.connect(SOMEWHERE)
            return [probe.getsockname()[0], f"{name}.local"]
        except OSError:
            return [f"{name}.local"]


def qr_code(text: str) -> str:
    """Return a QR code of ``text`` to be shown in a terminal."""
    import segno

    drawn = io.StringIO()
    segno.make_qr(text, error="m").terminal(out=drawn, compact=True, border=2)
    return drawn.getvalue()


def _expected(web: WebSection) -> ServerAddress:
    return ServerAddress(web.port, web.tls)
