"""The car says where it is, and ``car find`` hears it: DNS-SD over multicast, on the network that the car is open to.

What is said is the car's name, its port and whether it speaks TLS, and no secret: who opens the address still has to be
paired.
"""

from __future__ import annotations

import contextlib
import ipaddress
import secrets
import threading
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from car.pairing.machine import own_hosts
from car.pairing.printable import printable

if TYPE_CHECKING:
    from zeroconf import ServiceInfo, Zeroconf

SERVICE = "_pocketpilot._tcp.local."
LOOK_PERIOD_S = 1.0
END_TIMEOUT_S = 3.0
ANSWER_TIMEOUT_MS = 1000
MAX_LABEL_BYTES = 63
"""What DNS allows for the name of one thing."""
UNIQUE_BYTES = 4
Interfaces = Sequence[str]
"""The addresses to speak and listen on; none means all."""


@dataclass(frozen=True, slots=True)
class FoundCar:
    """A car that has answered: its name and where its page is."""

    name: str
    url: str


class Announcer:
    """Announces a car for as long as ``is_open`` says that the network may reach it, and anew at a new address.

    It has a thread of its own, so that no network ever holds up a driver; where it cannot announce, it tries again.
    """

    def __init__(
        self, car: str, port: int, is_open: Callable[[], bool], *, tls: bool, interfaces: Interfaces = ()
    ) -> None:
        self._car = car
        self._port = port
        self._tls = tls
        self._is_open = is_open
        self._interfaces = interfaces
        self._address = ""
        self._zeroconf: Zeroconf | None = None
        self._ended = threading.Event()
        self._thread = threading.Thread(target=self._run, name="announcer", daemon=True)

    def start(self) -> None:
        """Begin to look whether there is something to be announced."""
        self._thread.start()

    def close(self) -> None:
        """Say that the car is gone, and end."""
        self._ended.set()
        if self._thread.is_alive():
            self._thread.join(END_TIMEOUT_S)

    def look(self) -> None:
        """Announce the car, or take that back, if something has changed since the last look."""
        address = self._own_address() if self._is_open() else ""
        if address == self._address:
            return
        self._withdraw()
        if address:
            self._announce(address)

    def _run(self) -> None:
        while not self._ended.wait(LOOK_PERIOD_S):
            self.look()
        self._withdraw()

    def _own_address(self) -> str:
        host = self._interfaces[0] if self._interfaces else own_hosts()[0]
        with contextlib.suppress(ValueError):
            return str(ipaddress.ip_address(host))
        return ""  # No network yet.

    def _announce(self, address: str) -> None:
        import zeroconf

        # Most cars are called "mycar": neither their announcements nor their addresses must get mixed up.
        unique = secrets.token_hex(UNIQUE_BYTES)
        info = zeroconf.ServiceInfo(
            SERVICE,
            f"{_label(self._car)}-{unique}.{SERVICE}",
            port=self._port,
            properties={"car": _shortened(self._car), "tls": str(int(self._tls))},
            parsed_addresses=[address],
            server=f"pocketpilot-{unique}.local.",
        )
        try:
            self._zeroconf = _open(self._interfaces)
            self._zeroconf.register_service(info)
            self._address = address
        except (OSError, zeroconf.Error):
            self._withdraw()

    def _withdraw(self) -> None:
        self._address = ""
        if self._zeroconf is not None:
            with contextlib.suppress(OSError):
                self._zeroconf.unregister_all_services()
                self._zeroconf.close()
            self._zeroconf = None


def find_cars(seconds: float, interfaces: Interfaces = ()) -> list[FoundCar]:
    """Return the cars that answer within ``seconds``; raises OSError where there is no network."""
    from zeroconf import ServiceBrowser, ServiceStateChange

    names: set[str] = set()

    def hear(**heard: Any) -> None:
        (names.discard if heard["state_change"] is ServiceStateChange.Removed else names.add)(heard["name"])

    with contextlib.closing(_open(interfaces)) as network:
        ServiceBrowser(network, SERVICE, handlers=[hear])
        time.sleep(seconds)
        infos = [network.get_service_info(SERVICE, name, ANSWER_TIMEOUT_MS) for name in sorted(names)]
    return [_found(info) for info in infos if info is not None and info.parsed_addresses()]


def _open(interfaces: Interfaces) -> Zeroconf:
    from zeroconf import InterfaceChoice, IPVersion, Zeroconf

    return Zeroconf(list(interfaces) or InterfaceChoice.All, ip_version=IPVersion.V4Only)


def _found(info: ServiceInfo) -> FoundCar:
    properties = info.decoded_properties
    scheme = "https" if properties.get("tls") == "1" else "http"
    # Whoever announces chooses the words.
    name = printable(properties.get("car") or "?")[:MAX_LABEL_BYTES]
    return FoundCar(name, f"{scheme}://{info.parsed_addresses()[0]}:{info.port}/")


def _label(name: str) -> str:
    return _shortened("".join(letter if letter.isprintable() and letter != "." else "_" for letter in name)) or "car"


def _shortened(name: str) -> str:
    return name.encode()[: MAX_LABEL_BYTES - 1 - 2 * UNIQUE_BYTES].decode(errors="ignore")
