"""``car pair``: an address with a one-time code, as text and as a QR code."""

from __future__ import annotations

import io
from collections.abc import Iterator

from car.config.folder import CarFolder
from car.config.sections import WebSection
from car.pairing.machine import own_hosts
from car.pairing.store import AccessStore, ServerAddress
from hardware.clock import SystemClock


def pair(folder: CarFolder) -> Iterator[str]:
    """Yield what to print so that a browser can be paired; the network may reach the car from now on."""
    store = AccessStore(folder.path, SystemClock())
    server = store.running_server()
    code = store.new_code()
    address = server or _expected(folder.config.web)
    urls = [f"{'https' if address.tls else 'http'}://{host}:{address.port}/pair#{code}" for host in own_hosts()]
    yield "Within ten minutes, open this in the browser that will drive. It works once."
    yield ""
    yield from (f"    {url}" for url in urls)
    yield ""
    yield qr_code(urls[0])
    if address.fingerprint:
        yield f"The browser will not know the car's certificate. Its SHA-256 must be {address.fingerprint}"
        yield "On a laptop that is to fetch sessions or bring models, type this, and then the code behind the # above:"
        yield f"    car pair-with {own_hosts()[0]}:{address.port} --fingerprint {address.fingerprint}"
    if not address.tls:
        yield "Nothing is encrypted: on a network with others, start the car with `car drive --tls` before you pair."
    if server is None:
        yield "The car is not running: start it with `car drive`, then open the address."


def qr_code(text: str) -> str:
    """Return a QR code of ``text`` to be shown in a terminal."""
    import segno

    drawn = io.StringIO()
    segno.make_qr(text, error="m").terminal(out=drawn, compact=True, border=2)
    return drawn.getvalue()


def _expected(web: WebSection) -> ServerAddress:
    return ServerAddress(web.port, web.tls)
