"""``car pair``: an address with a one-time code, as text and as a QR code, or a sheet of them for a class."""

from __future__ import annotations

import io
from collections.abc import Iterator, Sequence
from pathlib import Path

from car.config.folder import CarFolder
from car.config.sections import WebSection
from car.errors import AccessError
from car.pairing.machine import own_hosts
from car.pairing.sheet import Slip, sheet_of
from car.pairing.store import CODE_VALID_NS, AccessStore, Guest, ServerAddress, write_private
from hardware.clock import NS_PER_S, SystemClock

MINUTE_NS = 60 * NS_PER_S


def pair(folder: CarFolder, guest: Guest | None = None, minutes: int = CODE_VALID_NS // MINUTE_NS) -> Iterator[str]:
    """Yield what to print so that a browser can be paired; the network may reach the car from now on."""
    store = AccessStore(folder.path, SystemClock())
    server = store.running_server()
    guest = guest or Guest()
    code = store.new_code(guest, minutes * MINUTE_NS)
    address = server or _expected(folder.config.web)
    urls = [address.invitation(host, code) for host in own_hosts()]
    whose = f" It is for {guest.name}, who may {guest.role}." if guest.name else ""
    yield f"Within {_in_words(minutes)}, open this in the browser that will drive. It works once.{whose}"
    yield ""
    yield from (f"    {url}" for url in urls)
    yield ""
    yield qr_code(urls[0])
    if address.fingerprint:
        yield f"The browser will not know the car's certificate. Its SHA-256 must be {address.fingerprint}"
        yield "On a laptop that is to fetch sessions or bring models, type this, and then the code behind the # above:"
        yield f"    car pair-with {own_hosts()[0]}:{address.port} --fingerprint {address.fingerprint}"
    yield from _warnings(address, is_running=server is not None)


def pair_class(folder: CarFolder, guests: Sequence[Guest], minutes: int, sheet: Path) -> Iterator[str]:
    """Write a sheet with a code for each guest, and yield what to print; raises AccessError, with no code made."""
    store = AccessStore(folder.path, SystemClock())
    server = store.running_server()
    address = server or _expected(folder.config.web)
    codes = store.new_codes(guests, minutes * MINUTE_NS)
    host = own_hosts()[0]
    slips = [Slip(guest, code, address.invitation(host, code)) for guest, code in zip(guests, codes, strict=True)]
    try:
        write_private(sheet, sheet_of(folder.config.car.name, slips, minutes).encode())
    except AccessError:
        store.withdraw(guests)
        raise
    yield f"{sheet} has {len(slips)} codes, each for one device within {_in_words(minutes)}."
    yield "Open it in a browser and print it."
    yield "Whoever has the file can use its codes: delete it when the class is in."
    if address.fingerprint:
        yield f"The browsers will not know the car's certificate. Its SHA-256 must be {address.fingerprint}"
    yield from _warnings(address, is_running=server is not None)


def _warnings(address: ServerAddress, *, is_running: bool) -> Iterator[str]:
    if not address.tls:
        yield "Nothing is encrypted: on a network with others, start the car with `car drive --tls` before you pair."
    if not is_running:
        yield "The car is not running: start it with `car drive`, then open the address."


def _in_words(minutes: int) -> str:
    return "ten minutes" if minutes == CODE_VALID_NS // MINUTE_NS else f"{minutes} minutes"


def qr_code(text: str) -> str:
    """Return a QR code of ``text`` to be shown in a terminal."""
    import segno

    drawn = io.StringIO()
    segno.make_qr(text, error="m").terminal(out=drawn, compact=True, border=2)
    return drawn.getvalue()


def _expected(web: WebSection) -> ServerAddress:
    return ServerAddress(web.port, web.tls)
