"""Hosts of their own on one machine, in Linux's network namespaces, and what lies between them.

The kernel's own means to delay and lose packets (tc netem) is not in every kernel. So every host has a TAP device, and
a thread carries the Ethernet frames from one to the other, as late and as faithfully as it is told to.
"""

from __future__ import annotations

import contextlib
import fcntl
import heapq
import os
import random
import select
import shutil
import struct
import subprocess
import threading
import time
from collections.abc import Mapping
from dataclasses import dataclass
from itertools import count
from pathlib import Path

TUN = Path("/dev/net/tun")
TUNSETIFF, IFF_TAP, IFF_NO_PI = 0x400454CA, 0x0002, 0x1000
MAX_FRAME_BYTES = 2048
MAC_BYTES = 6
FULL_FRAME_BYTES = 1000
"""A frame of this size carries a piece of a file, and no handshake."""
NETWORK = "192.0.2"
"""Addresses that no network has (RFC 5737)."""


def why_not() -> str:
    """Return in words why this machine cannot have hosts of its own, empty if it can."""
    if not TUN.exists() or shutil.which("ip") is None:
        return "Linux with iproute2 and /dev/net/tun"
    try:
        with Air("probe"):
            return ""
    except (OSError, subprocess.CalledProcessError) as error:
        return f"root, for network namespaces ({error})"


@dataclass(frozen=True, slots=True)
class Host:
    """A machine in the network: ``space`` is its namespace."""

    space: str
    address: str
    mac: bytes

    @property
    def prefix(self) -> list[str]:
        """What makes of a command one that runs on this host."""
        return ["ip", "netns", "exec", self.space]


class Air:
    """The network between the hosts ``names``; a context manager that leaves nothing of it.

    ``delay_s`` and ``loss`` are those of every frame on its way, ``left_bytes`` is what may still be carried to and
    from a host before it is out of reach, for those that vanish, and of the next ``swaps`` frames that carry a piece of
    a file two words change places, which TCP's checksum does not notice.
    """

    def __init__(self, *names: str, seed: int = 0) -> None:
        self.delay_s = 0.0
        self.loss = 0.0
        self.left_bytes: dict[str, int] = {}
        self.swaps = 0
        self._random = random.Random(seed)  # noqa: S311 - it only loses packets
        self._spaces = {name: f"pocketpilot-{os.getpid()}-{name}" for name in names}
        self.hosts: dict[str, Host] = {}
        self._taps: dict[str, int] = {}
        self._due: list[tuple[float, int, str, bytes]] = []
        self._number = count()
        self._ended = threading.Event()
        self._thread = threading.Thread(target=self._carry)

    def __enter__(self) -> Air:
        try:
            for number, (name, space) in enumerate(self._spaces.items(), start=1):
                self._add(name, space, f"{NETWORK}.{number}")
        except BaseException:
            self._remove()
            raise
        self._thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._ended.set()
        self._thread.join()
        self._remove()

    def _add(self, name: str, space: str, address: str) -> None:
        _ip("netns", "add", space)
        device = f"pp{os.getpid() % 10**6}.{len(self._taps)}"
        tap = os.open(TUN, os.O_RDWR | os.O_NONBLOCK)
        self._taps[name] = tap
        fcntl.ioctl(tap, TUNSETIFF, struct.pack("16sH", device.encode(), IFF_TAP | IFF_NO_PI))
        _ip("link", "set", device, "netns", space)
        inside = ("-n", space)
        _ip(*inside, "link", "set", device, "name", "wlan0")
        _ip(*inside, "addr", "add", f"{address}/24", "dev", "wlan0")
        _ip(*inside, "link", "set", "lo", "up")
        _ip(*inside, "link", "set", "wlan0", "up")
        _ip(*inside, "route", "add", "default", "dev", "wlan0")
        words = _ip(*inside, "-o", "link", "show", "wlan0").split()
        mac = bytes.fromhex(words[words.index("link/ether") + 1].replace(":", ""))
        self.hosts[name] = Host(space, address, mac)

    def _remove(self) -> None:
        for tap in self._taps.values():
            os.close(tap)
        for space in self._spaces.values():
            subprocess.run(["ip", "netns", "del", space], capture_output=True, check=False)

    def _carry(self) -> None:
        names: Mapping[int, str] = {tap: name for name, tap in self._taps.items()}
        while not self._ended.is_set():
            wait_s = max(self._due[0][0] - time.monotonic(), 0.0) if self._due else 0.05
            for tap in select.select(list(names), [], [], min(wait_s, 0.05))[0]:
                self._take(names[tap], os.read(tap, MAX_FRAME_BYTES))
            while self._due and self._due[0][0] <= time.monotonic():
                *_, target, frame = heapq.heappop(self._due)
                self._give(target, frame)

    def _take(self, source: str, frame: bytes) -> None:
        if not self._reaches(source, len(frame)) or self._random.random() < self.loss:
            return
        if self.swaps and len(frame) >= FULL_FRAME_BYTES:
            self.swaps -= 1
            frame = frame[:-4] + frame[-2:] + frame[-4:-2]
        for name, host in self.hosts.items():
            is_meant = frame[0] & 1 or frame[:MAC_BYTES] == host.mac
            if name != source and is_meant:
                heapq.heappush(self._due, (time.monotonic() + self.delay_s, next(self._number), name, frame))

    def _give(self, target: str, frame: bytes) -> None:
        # A device whose queue is full loses a frame, as in any network.
        if self._reaches(target, len(frame)):
            with contextlib.suppress(BlockingIOError):
                os.write(self._taps[target], frame)

    def _reaches(self, name: str, size: int) -> bool:
        left = self.left_bytes.get(name)
        if left is None:
            return True
        self.left_bytes[name] = left - size
        return left > size


def _ip(*words: str) -> str:
    return subprocess.run(["ip", *words], capture_output=True, text=True, check=True).stdout
