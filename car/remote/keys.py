"""The keys that this laptop has for its cars: one file for each, which only their user can read."""

from __future__ import annotations

import contextlib
import json
import re
from dataclasses import asdict, dataclass
from pathlib import Path
from urllib.parse import urlsplit

from car.config.sections import WebSection
from car.errors import RemoteError
from car.files import reason
from car.pairing.store import write_private

_LABEL = r"[a-z0-9]([a-z0-9-]{0,61}[a-z0-9])?"
HOST = re.compile(rf"{_LABEL}(\.{_LABEL}){{0,30}}")
TOKEN = re.compile(r"[A-Za-z0-9_-]{1,200}")
FINGERPRINT = re.compile(r"(?:[0-9A-F]{2}:){31}[0-9A-F]{2}")
SUFFIX = ".json"
ALL = "all"
"""What means every car that this laptop is paired with."""


@dataclass(frozen=True, slots=True, order=True)
class Place:
    """Where a car is: a name or an address, and the port of its pages.

    >>> str(Place.of("https://mycar.local:8890/")), str(Place.of("192.0.2.7"))
    ('mycar.local:8890', '192.0.2.7:8887')
    """

    host: str
    port: int

    @classmethod
    def of(cls, text: str) -> Place:
        """Read a host, a host and port, or the address of a page; raises RemoteError."""
        if "#" in text:
            raise RemoteError("A pairing code is in the address, and others may see what you type. Leave it out.")
        try:
            parts = urlsplit(text if "//" in text else f"//{text}")
            host, port = parts.hostname or "", parts.port or WebSection().port
        except ValueError:
            host, port = "", 0
        if not HOST.fullmatch(host):
            raise RemoteError(f"{text!r} is no host. Give a name or an address, such as 192.168.1.20 or mycar.local.")
        return cls(host, port)

    def __str__(self) -> str:
        """Return it as ``Place.of`` reads it."""
        return f"{self.host}:{self.port}"


@dataclass(frozen=True, slots=True)
class Key:
    """What lets this laptop into a car: a token of its own, and the SHA-256 of the certificate that the car has."""

    place: Place
    token: str
    fingerprint: str

    def __repr__(self) -> str:
        """Leave the token out."""
        return f"Key({self.place})"


class KeyRing:
    """The keys in ``folder``; every method raises RemoteError where the disk refuses.

    >>> ring = KeyRing(folder / "cars")
    >>> ring.keep(Key(Place("mycar.local", 8887), "secret", ":".join(["0A"] * 32)))
    >>> [str(key.place) for key in ring.find("mycar.local")]
    ['mycar.local:8887']
    """

    def __init__(self, folder: Path) -> None:
        self._folder = folder

    def keys(self) -> list[Key]:
        """Return all keys, by host."""
        return [_read(path) for path in sorted(self._folder.glob(f"*{SUFFIX}")) if not path.name.startswith(".")]

    def find(self, host: str | None) -> list[Key]:
        """Return the key of the car at ``host``, those of ``all``, or the only one if None; raises RemoteError."""
        keys = self.keys()
        known = ", ".join(str(key.place) for key in keys)
        if not keys:
            raise RemoteError("This laptop is paired with no car. Run `car pair` on it, and `car pair-with HOST` here.")
        if host == ALL or (host is None and len(keys) == 1):
            return keys
        if host is None:
            raise RemoteError(f"This laptop is paired with several cars: {known}. Name one of them, or {ALL}.")
        place = Place.of(host)
        found = [key for key in keys if key.place == place] or _alone_at(keys, host, place)
        if not found:
            raise RemoteError(f"This laptop is not paired with {place}, but with {known}. Run `car pair-with {host}`.")
        return found

    def make_folder(self) -> None:
        """Make the folder, before a code is spent for what could not be kept."""
        try:
            self._folder.mkdir(mode=0o700, parents=True, exist_ok=True)
            write_private(self._folder / ".try", b"")
            (self._folder / ".try").unlink()
        except OSError as error:
            raise RemoteError(f"{self._folder} cannot be written ({reason(error)}). Check its permissions.") from error

    def keep(self, key: Key) -> None:
        """Keep a key, in place of an earlier one of the same car."""
        self.make_folder()
        write_private(self._path(key.place), json.dumps(asdict(key)).encode())

    def forget(self, place: Place) -> None:
        """Remove the key of a car."""
        with contextlib.suppress(FileNotFoundError):
            self._path(place).unlink()

    def _path(self, place: Place) -> Path:
        return self._folder / f"{place.host}-{place.port}{SUFFIX}"


def _alone_at(keys: list[Key], host: str, place: Place) -> list[Key]:
    """Return the key of the only car at a host that was named without its port."""
    there = [key for key in keys if key.place.host == place.host]
    return there if len(there) == 1 and str(place.port) not in host else []


def _read(path: Path) -> Key:
    try:
        content = json.loads(path.read_text(encoding="utf-8"))
        place = Place(str(content["place"]["host"]), int(content["place"]["port"]))
        fingerprint = FINGERPRINT.fullmatch(content["fingerprint"])
        token = TOKEN.fullmatch(content["token"])
        if fingerprint is None or token is None:
            raise ValueError("the fingerprint or the token is none")
        return Key(place, token[0], fingerprint[0])
    except OSError as error:
        raise RemoteError(f"{path} cannot be read ({reason(error)}). Check its permissions.") from error
    except (KeyError, TypeError, ValueError) as error:
        raise RemoteError(f"{path} is no key of a car. Delete it, and pair with that car again.") from error
