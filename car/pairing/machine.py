"""What this machine is called, and where it is in the network."""

from __future__ import annotations

import socket
from collections.abc import Iterable

SOMEWHERE = ("192.0.2.1", 9)
"""An address of a network that does not exist (RFC 5737); what leads there shows our own. Nothing is sent."""


def machine_names() -> frozenset[str]:
    """Return the names by which this machine may be called."""
    host = socket.gethostname().lower()
    names: Iterable[str] = (host, host.partition(".")[0])
    return frozenset({"localhost", *names, *(f"{name}.local" for name in names)})


def own_hosts() -> list[str]:
    """Return how other machines may call this one: its address where there is a network, then its name."""
    name = socket.gethostname().partition(".")[0]
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as probe:
        try:
            probe.connect(SOMEWHERE)
            return [probe.getsockname()[0], f"{name}.local"]
        except OSError:
            return [f"{name}.local"]
