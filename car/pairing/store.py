"""Which browsers are paired with the car: secrets of which the disk keeps hashes alone.

In the car's folder, ``access/`` (readable by its owner only) has up to three files: ``code.json`` is the one-time code
that ``car pair`` has printed, ``browsers.json`` the browsers that were let in, ``server.json`` where the running
server is. ``car pair`` and the desk process share them: they change them one at a time, and replace each as a whole.
"""

from __future__ import annotations

import contextlib
import hashlib
import hmac
import json
import os
import secrets
import socket
import threading
from collections.abc import Iterator, Mapping
from dataclasses import asdict, dataclass
from pathlib import Path
from types import MappingProxyType
from typing import Any

from car.errors import AccessError
from car.files import publish, reason, taking_turns
from car.pairing.printable import printable
from hardware.clock import NS_PER_S, Clock

CODE_LETTERS = "ABCDEFGHJKMNPQRSTVWXYZ23456789"
"""None that looks like another."""
CODE_GROUPS, GROUP_LETTERS = 4, 4
"""16 letters are 78 bits: too many to be guessed, or found from their hash, while the code is valid."""
CODE_VALID_NS = 10 * 60 * NS_PER_S
BOOT_ID = Path("/proc/sys/kernel/random/boot_id")
TOKEN_BYTES = 32
MAX_BROWSERS = 50
NUMBER_LETTERS = 8
"""Of a token's hash: enough to tell fifty browsers apart, and nobody gets in by it."""
MAX_NAME = 64


@dataclass(frozen=True, slots=True)
class PairedBrowser:
    """A browser or a laptop that was let in: what to revoke it by, and what it calls itself, empty if it does not."""

    number: str
    name: str


@dataclass(frozen=True, slots=True)
class ServerAddress:
    """Where the running server listens."""

    port: int
    tls: bool
    fingerprint: str = ""


class AccessStore:
    """The paired browsers of the car in ``car_dir``; every method raises AccessError when the disk refuses.

    ``boot`` is which start of the machine this is: ``clock`` begins anew with each, and an old code must not.

    >>> store = AccessStore(folder, clock)
    >>> code = store.new_code()
    >>> token = store.redeem(code)   # once; None for any other code, and after ten minutes
    >>> store.is_paired(token), store.redeem(code)
    (True, None)
    """

    def __init__(self, car_dir: Path, clock: Clock, boot: str | None = None) -> None:
        self._folder = car_dir / "access"
        self._clock = clock
        self._boot = this_boot() if boot is None else boot
        self._turn = threading.Lock()
        self._seen: tuple[int, int] | None = None
        self._hashes: tuple[str, ...] = ()

    @property
    def folder(self) -> Path:
        """The folder of secrets, made if it is not there."""
        try:
            self._folder.mkdir(mode=0o700, parents=True, exist_ok=True)
        except OSError as error:
            raise AccessError(
                f"{self._folder} cannot be made ({reason(error)}). Check the folder's permissions."
            ) from error
        return self._folder

    def opens_network(self) -> bool:
        """Tell whether the network may reach the car: while a browser is paired, or one is about to be."""
        # In this order: a code is spent only when its browser is there.
        return self._code() is not None or bool(self._browsers())

    def new_code(self) -> str:
        """Return a fresh one-time code, which replaces the one before; it is valid for ten minutes."""
        groups = ("".join(secrets.choice(CODE_LETTERS) for _ in range(GROUP_LETTERS)) for _ in range(CODE_GROUPS))
        code = "-".join(groups)
        with self._alone():
            made = {"made_ns": self._clock.now_ns(), "boot": self._boot}
            self._write("code.json", {"sha256": _hash(_normal(code)), **made})
        return code

    def redeem(self, code: str, name: str = "") -> str | None:
        """Return a new browser's token for the right ``code``, which is then spent; None for any other.

        ``name`` is what it calls itself.
        """
        with self._alone():
            expected = self._code()
            if expected is None or not hmac.compare_digest(expected, _hash(_normal(code))):
                return None
            token, before = secrets.token_urlsafe(TOKEN_BYTES), self._browsers()
            # In this order, so that the network is not closed in between.
            self._keep([*before, _hash(token)][-MAX_BROWSERS:], {_hash(token): printable(name)[:MAX_NAME]})
            try:
                (self._folder / "code.json").unlink()
            except OSError as error:
                # Spent or replaced meanwhile, or never to be spent: nobody gets in by it.
                self._keep([*before])
                if isinstance(error, FileNotFoundError):
                    return None
                raise self._refusal("code.json", error) from error
            return token

    def is_paired(self, token: str) -> bool:
        """Tell whether ``token`` is a paired browser's."""
        candidate = _hash(token)
        return any(hmac.compare_digest(candidate, known) for known in self._browsers())

    def forget(self, token: str) -> None:
        """Revoke the browser's ``token``."""
        with self._alone():
            self._keep([known for known in self._browsers() if known != _hash(token)])

    def browsers(self) -> list[PairedBrowser]:
        """Return those that are paired, the first that was let in first."""
        names = self._names()
        return [PairedBrowser(known[:NUMBER_LETTERS], names.get(known, "")) for known in self._browsers()]

    def revoke(self, number: str) -> bool:
        """Revoke the browser of that ``number``; False where there is none."""
        with self._alone():
            before = self._browsers()
            left = [known for known in before if known[:NUMBER_LETTERS] != number]
            self._keep(left)
            return len(left) < len(before)

    def forget_all(self) -> None:
        """Let nobody in who was paired before, and close the network."""
        with self._alone():
            for name in ("code.json", "browsers.json"):
                try:
                    (self._folder / name).unlink(missing_ok=True)
                except OSError as error:
                    raise self._refusal(name, error) from error

    def announce(self, address: ServerAddress) -> None:
        """Say where the server is, for ``car pair`` to print."""
        self._write("server.json", {**asdict(address), "process": os.getpid()})

    def running_server(self) -> ServerAddress | None:
        """Return where the server is, or None when the last one is gone, or nothing answers where it was."""
        content = self._read("server.json")
        try:
            process = int(content.pop("process"))
            if os.name == "posix":  # Its port may be another car's by now. (Windows would end the process.)
                os.kill(process, 0)
            address = ServerAddress(**content)
            with socket.create_connection(("127.0.0.1", address.port), timeout=1.0):
                return address
        except (KeyError, TypeError, ValueError, OSError, OverflowError):
            return None

    @contextlib.contextmanager
    def _alone(self) -> Iterator[None]:
        """Change files in the block, with nobody else changing them: who was forgotten must not be written back."""
        with self._turn, taking_turns(self.folder):
            yield

    def _code(self) -> str | None:
        """Return the hash of the code that may still be used."""
        content = self._read("code.json")
        made_ns, digest = content.get("made_ns"), content.get("sha256")
        if not (isinstance(made_ns, int) and isinstance(digest, str)) or content.get("boot") != self._boot:
            return None
        # Where starts cannot be told apart, a time yet to come is one of before this one.
        return digest if 0 <= self._clock.now_ns() - made_ns <= CODE_VALID_NS else None

    def _browsers(self) -> tuple[str, ...]:
        path = self._folder / "browsers.json"
        try:
            status = path.stat()
        except OSError:
            self._seen, self._hashes = None, ()
            return ()
        seen = (status.st_mtime_ns, status.st_ino)
        if seen != self._seen:
            digests = self._read("browsers.json").get("sha256")
            known = digests if isinstance(digests, list) else []
            self._hashes = tuple(digest for digest in known if isinstance(digest, str))
            self._seen = seen
        return self._hashes

    def _names(self) -> dict[str, str]:
        names = self._read("browsers.json").get("names")
        known = names.items() if isinstance(names, dict) else ()
        return {digest: name for digest, name in known if isinstance(name, str)}

    def _keep(self, digests: list[str], new: Mapping[str, str] = MappingProxyType({})) -> None:
        names = {digest: name for digest, name in {**self._names(), **new}.items() if name and digest in digests}
        self._write("browsers.json", {"sha256": digests, "names": names})

    def _read(self, name: str) -> dict[str, Any]:
        """Return a file's content, nothing when it is missing or broken: then nobody gets in by it."""
        try:
            content = json.loads((self._folder / name).read_text(encoding="utf-8"))
        except (OSError, ValueError):
            return {}
        return content if isinstance(content, dict) else {}

    def _write(self, name: str, content: dict[str, Any]) -> None:
        write_private(self.folder / name, json.dumps(content).encode())

    def _refusal(self, name: str, error: OSError) -> AccessError:
        return AccessError(
            f"{self._folder / name} cannot be removed ({reason(error)}). Check the folder's permissions."
        )


def this_boot() -> str:
    """Return what names this start of the machine, empty where the system does not tell."""
    try:
        return BOOT_ID.read_text(encoding="ascii").strip()
    except OSError:
        return ""


def write_private(path: Path, content: bytes) -> None:
    """Replace ``path`` as a whole, readable by its owner only; raises AccessError."""
    temporary = path.with_name(f".{path.name}.{secrets.token_hex(4)}.tmp")
    try:
        descriptor = os.open(temporary, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
        with os.fdopen(descriptor, "wb") as file:
            file.write(content)
        publish(temporary, path)
    except OSError as error:
        with contextlib.suppress(OSError):
            temporary.unlink(missing_ok=True)
        raise AccessError(f"{path} cannot be written ({reason(error)}). Check the folder's permissions.") from error


def _hash(secret: str) -> str:
    return hashlib.sha256(secret.encode("utf-8", "surrogatepass")).hexdigest()


def _normal(code: str) -> str:
    """Return a code as it was made, however it was typed."""
    return "".join(code.upper().replace("-", " ").split())
