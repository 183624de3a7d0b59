"""By which names the car may be called, and which of them were made up.

Any page in a browser may have its own name lead to the car (DNS rebinding), and is then of the same origin as the car's
pages. So a request's ``Host`` decides how far it is trusted:

- An address cannot be led elsewhere, and this machine's own name is its own.
- A router gives names too: this machine's under the network's suffix, with ``-2`` behind it where two are called alike.
  A stranger could own such a name somewhere. It is let in, but it needs the cookie of a browser that was paired under
  this very name, on the machine itself as well. The same goes for names that ``car.toml`` lists.
- Any other name is refused.
"""

from __future__ import annotations

import ipaddress
import re
import socket
from collections.abc import Iterable
from enum import Enum, auto
from pathlib import Path

from car.pairing.machine import machine_names

RESOLVER = Path("/etc/resolv.conf")
HOME_SUFFIXES = frozenset({"", "local", "lan", "home", "home.arpa", "internal", "localdomain", "fritz.box"})
"""What networks at home are called when nobody chooses; the resolver knows others, to whom the router has told them."""
HOST = re.compile(r"(?:\[([0-9A-Fa-f:.]+)\]|([^\s\[\]:/@]+))(?::[0-9]{1,5})?")


class HostKind(Enum):
    """Whose name a request was sent to: the car's own, one given to it that needs pairing, or a stranger's."""

    OWN = auto()
    GIVEN = auto()
    STRANGE = auto()


class HostNames:
    """Tells names apart; ``listed`` are those of ``car.toml``."""

    def __init__(self, listed: Iterable[str] = ()) -> None:
        self._own = machine_names()
        self._listed = frozenset(listed)
        self._label = re.compile(re.escape(socket.gethostname().lower().partition(".")[0]) + r"(?:-[0-9]{1,3})?")

    def kind(self, host: str) -> HostKind:
        """Return whose name is in the header ``host``."""
        name = host_name(host)
        if name in self._own or _is_address(name):
            return HostKind.OWN
        return HostKind.GIVEN if name in self._listed or self._is_given(name) else HostKind.STRANGE

    def _is_given(self, name: str) -> bool:
        label, _, suffix = name.partition(".")
        return self._label.fullmatch(label) is not None and (suffix in HOME_SUFFIXES or suffix in _searched())


def host_name(host: str) -> str:
    """Return the name or address in a Host header, in lower case and without port and final dot; empty for junk."""
    found = HOST.fullmatch(host)
    if found is None:
        return ""
    address, name = found.groups()
    return (address or name).lower().removesuffix(".")


def _is_address(name: str) -> bool:
    try:
        ipaddress.ip_address(name)
    except ValueError:
        return False
    return True


def _searched() -> set[str]:
    """Return the suffixes that this machine's resolver tries, empty where there is no such file."""
    try:
        lines = RESOLVER.read_text(encoding="utf-8", errors="replace").lower().splitlines()
    except OSError:
        return set()
    rows = (line.split() for line in lines)
    return {suffix.strip(".") for row in rows if row[:1] in (["search"], ["domain"]) for suffix in row[1:]}
