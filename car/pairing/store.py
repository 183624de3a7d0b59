"""Which browsers are paired with the car: secrets of which the disk keeps hashes alone.

In the car's folder, ``access/`` (readable by its owner only) has ``code.json``, the one-time code that ``car pair`` has
printed, a ``code-….json`` like it for everyone who was named, ``browsers.json`` with the browsers that were let in, and
``server.json`` with where the running server is. ``car pair`` and the controls share them: they change them one at a
time, and replace each as a whole. A code is a file of its own so that it can be spent on a disk that is full.
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
import unicodedata
from collections.abc import Callable, Iterator, Sequence
from dataclasses import asdict, dataclass, replace
from pathlib import Path
from typing import Any

from car.errors import AccessError
from car.files import publish, reason, taking_turns
from car.pairing.printable import printable
from car.pairing.roles import Role
from hardware.clock import NS_PER_S, Clock

CODE_LETTERS = "ABCDEFGHJKMNPQRSTVWXYZ23456789"
"""None that looks like another."""
CODE_GROUPS, GROUP_LETTERS = 4, 4
"""16 letters are 78 bits: too many to be guessed, or found from their hash, while the code is valid."""
CODE_VALID_NS = 10 * 60 * NS_PER_S
BOOT_ID = Path("/proc/sys/kernel/random/boot_id")
TOKEN_BYTES = 32
MAX_BROWSERS = 50
MAX_CODES = 50
"""As many as could be let in by them."""
NUMBER_LETTERS = 8
"""Of a token's hash: enough to tell fifty browsers apart, and nobody gets in by it."""
MAX_NAME = 64


@dataclass(frozen=True, slots=True)
class PairedBrowser:
    """A browser or a laptop that was let in: what to revoke it by, its name, empty if it has none, and its role.

    The name is the one that its code was made for, or what it calls itself if that had none.
    """

    number: str
    name: str
    role: Role = Role.OWN


@dataclass(frozen=True, slots=True)
class Guest:
    """For whom a code is made: whoever comes with it has this name, if it is not empty, and this role."""

    name: str = ""
    role: Role = Role.OWN


@dataclass(frozen=True, slots=True)
class ServerAddress:
    """Where the running server listens."""

    port: int
    tls: bool
    fingerprint: str = ""

    def invitation(self, host: str, code: str) -> str:
        """Return the address that pairs whoever opens it; no server ever sees what is behind the #."""
        return f"{'https' if self.tls else 'http'}://{host}:{self.port}/pair#{code}"


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
        self._seen: dict[str, tuple[tuple[int, int], dict[str, Any]]] = {}
        self._parsed: tuple[dict[str, Any], list[PairedBrowser]] = ({}, [])

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
        return any(self._codes()) or bool(self._browsers())

    def new_code(self, guest: Guest | None = None, valid_ns: int = CODE_VALID_NS) -> str:
        """Return a fresh one-time code, which replaces the one before of the same name; raises AccessError."""
        return self.new_codes([guest or Guest()], valid_ns)[0]

    def new_codes(self, guests: Sequence[Guest], valid_ns: int = CODE_VALID_NS) -> list[str]:
        """Return a fresh one-time code for each guest, all of them valid for ``valid_ns``, or none at all.

        Raises AccessError for a name that is none or comes twice, for too many codes, and when the disk refuses.
        """
        names = [_same(_checked(guest.name)) for guest in guests]
        if twice := next(
            (guest.name for guest, name in zip(guests, names, strict=True) if names.count(name) > 1), None
        ):
            raise AccessError(f"The name {twice} comes twice. Add a letter to tell the two apart.")
        codes = [_fresh_code() for _ in guests]
        with self._alone():
            self._drop_old_codes()
            files = {_file_of(guest.name) for guest in guests}
            if len(files | {file for file, _ in self._codes()}) > MAX_CODES:
                raise AccessError(
                    f"The car has {MAX_CODES} codes at most. Wait until those before are used or too old."
                )
            try:
                for guest, code in zip(guests, codes, strict=True):
                    made = {"made_ns": self._clock.now_ns(), "valid_ns": valid_ns, "boot": self._boot}
                    self._write(_file_of(guest.name), {"sha256": _hash(_normal(code)), **asdict(guest), **made})
            except AccessError:
                for file in files:
                    self._remove(file)
                raise
        return codes

    def withdraw(self, guests: Sequence[Guest]) -> None:
        """Take back the codes of ``guests`` that were not used yet."""
        with self._alone():
            for guest in guests:
                self._remove(_file_of(guest.name))

    def redeem(self, code: str, name: str = "") -> str | None:
        """Return a new browser's token for a right ``code``, which is then spent; None for any other.

        ``name`` is what it calls itself, which counts if the code was made for no name.
        """
        with self._alone():
            given = _hash(_normal(code))
            found = next(
                ((file, one) for file, one in self._codes() if hmac.compare_digest(one["sha256"], given)), None
            )
            if found is None:
                return None
            file, made = found
            token, before = secrets.token_urlsafe(TOKEN_BYTES), self._browsers()
            known_as = _text(made, "name") or printable(name)[:MAX_NAME]
            device = PairedBrowser(_hash(token), known_as, _role(made.get("role", Role.OWN)))
            # In this order, so that the network is not closed in between.
            self._keep(_with_room([*before, device]))
            try:
                (self._folder / file).unlink()
            except OSError as error:
                # Spent or replaced meanwhile, or never to be spent: nobody gets in by it.
                self._keep(before)
                if isinstance(error, FileNotFoundError):
                    return None
                raise self._refusal(file, error) from error
            return token

    def is_paired(self, token: str) -> bool:
        """Tell whether ``token`` is a paired browser's."""
        return self.browser(token) is not None

    def browser(self, token: str) -> PairedBrowser | None:
        """Return the paired browser whose ``token`` this is, None if it is nobody's."""
        candidate = _hash(token)
        known = next((one for one in self._browsers() if hmac.compare_digest(candidate, one.number)), None)
        return None if known is None else _shown(known)

    def forget(self, token: str) -> None:
        """Revoke the browser's ``token``."""
        with self._alone():
            self._keep([known for known in self._browsers() if known.number != _hash(token)])

    def browsers(self) -> list[PairedBrowser]:
        """Return those that are paired, the first that was let in first."""
        return [_shown(known) for known in self._browsers()]

    def waiting(self) -> list[Guest]:
        """Return for whom there is a code that may still be used, by name."""
        guests = [Guest(_text(made, "name"), _role(made.get("role", Role.OWN))) for _, made in self._codes()]
        return sorted(guests, key=lambda guest: _same(guest.name))

    def revoke(self, number: str) -> bool:
        """Revoke the browser of that ``number``; False where there is none."""
        with self._alone():
            return self._leave_out(lambda known: known.number[:NUMBER_LETTERS] == number)

    def revoke_name(self, name: str) -> bool:
        """Revoke every browser of that ``name``, and its code that was not used yet; False where there is neither."""
        if not _same(name):
            return False
        with self._alone():
            # The code first: a disk that is full lets it be removed.
            had_code = self._remove(_file_of(name))
            return self._leave_out(lambda known: _same(known.name) == _same(name)) or had_code

    def forget_all(self) -> None:
        """Let nobody in who was paired before, and close the network."""
        with self._alone():
            for name in (*self._code_files(), "browsers.json"):
                self._remove(name)

    def announce(self, address: ServerAddress) -> None:
        """Say where the server is, for ``car pair`` to print."""
        self._write("server.json", {**asdict(address), "process": os.getpid()})

    def running_server(self) -> ServerAddress | None:
        """Return where the server is, or None when the last one is gone, or nothing answers where it was."""
        content = dict(self._read("server.json"))
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

    def _code_files(self) -> list[str]:
        return sorted(path.name for path in self._folder.glob("code*.json"))

    def _codes(self) -> Iterator[tuple[str, dict[str, Any]]]:
        """Return the codes that may still be used, each with its file."""
        now_ns = self._clock.now_ns()
        for file in self._code_files():
            content = self._read(file)
            made_ns, valid_ns = content.get("made_ns"), content.get("valid_ns", CODE_VALID_NS)
            if not (isinstance(made_ns, int) and isinstance(valid_ns, int) and isinstance(content.get("sha256"), str)):
                continue
            # Where starts cannot be told apart, a time yet to come is one of before this one.
            if content.get("boot") == self._boot and 0 <= now_ns - made_ns <= valid_ns:
                yield file, content

    def _drop_old_codes(self) -> None:
        valid = {file for file, _ in self._codes()}
        for file in self._code_files():
            if file not in valid:
                self._remove(file)

    def _browsers(self) -> list[PairedBrowser]:
        """Return those that are paired, each with the whole hash of its token as its number."""
        content = self._read("browsers.json")
        if content is self._parsed[0]:
            return self._parsed[1]
        digests, names, roles = (content.get(key) for key in ("sha256", "names", "roles"))
        known = [digest for digest in digests if isinstance(digest, str)] if isinstance(digests, list) else []
        named = names if isinstance(names, dict) else {}
        # Those that were let in before there were roles could do everything.
        ranked = dict.fromkeys(known, Role.OWN) if "roles" not in content else roles if isinstance(roles, dict) else {}
        browsers = [PairedBrowser(digest, _text(named, digest), _role(ranked.get(digest))) for digest in known]
        self._parsed = (content, browsers)
        return browsers

    def _keep(self, browsers: list[PairedBrowser]) -> None:
        content = {
            "sha256": [one.number for one in browsers],
            "names": {one.number: one.name for one in browsers if one.name},
            "roles": {one.number: one.role for one in browsers},
        }
        self._write("browsers.json", content)

    def _leave_out(self, is_meant: Callable[[PairedBrowser], bool]) -> bool:
        """Revoke who is meant; tell whether there was somebody."""
        before = self._browsers()
        left = [known for known in before if not is_meant(known)]
        if len(left) < len(before):
            self._keep(left)
        return len(left) < len(before)

    def _read(self, name: str) -> dict[str, Any]:
        """Return a file's content, nothing when it is missing or broken: then nobody gets in by it."""
        path = self._folder / name
        try:
            status = path.stat()
            version = (status.st_mtime_ns, status.st_ino)
            if (seen := self._seen.get(name)) is not None and seen[0] == version:
                return seen[1]
            content = json.loads(path.read_text(encoding="utf-8"))
        except (OSError, ValueError, RecursionError):
            self._seen.pop(name, None)
            return {}
        content = content if isinstance(content, dict) else {}
        self._seen[name] = (version, content)
        return content

    def _remove(self, name: str) -> bool:
        """Remove a file; False where there is none; raises AccessError."""
        try:
            (self._folder / name).unlink()
        except FileNotFoundError:
            return False
        except OSError as error:
            raise self._refusal(name, error) from error
        return True

    def _write(self, name: str, content: dict[str, Any]) -> None:
        write_private(self.folder / name, json.dumps(content).encode())
        self._seen.pop(name, None)

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
        raise AccessError(
            f"{path} cannot be written ({reason(error)}). Check the folder's permissions and the free space."
        ) from error


def _hash(secret: str) -> str:
    return hashlib.sha256(secret.encode("utf-8", "surrogatepass")).hexdigest()


def _normal(code: str) -> str:
    """Return a code as it was made, however it was typed."""
    return "".join(code.upper().replace("-", " ").split())


def _fresh_code() -> str:
    groups = ("".join(secrets.choice(CODE_LETTERS) for _ in range(GROUP_LETTERS)) for _ in range(CODE_GROUPS))
    return "-".join(groups)


def _shown(known: PairedBrowser) -> PairedBrowser:
    return replace(known, number=known.number[:NUMBER_LETTERS])


def _with_room(browsers: list[PairedBrowser]) -> list[PairedBrowser]:
    """Return ``browsers`` with room for the last: the oldest goes, an owner only when all the others are owners."""
    while len(browsers) > MAX_BROWSERS:
        goes = next((one for one in browsers[:-1] if one.role is not Role.OWN), browsers[0])
        browsers = [one for one in browsers if one is not goes]
    return browsers


def _checked(name: str) -> str:
    if len(name) > MAX_NAME or name != printable(name).strip():
        raise AccessError(
            f"{printable(name)[:MAX_NAME]!r} is no name. Give one of {MAX_NAME} characters at most, all visible."
        )
    return name


def _same(name: str) -> str:
    """Return what is the same for names that people would take for one."""
    return unicodedata.normalize("NFKC", name).casefold().strip()


def _file_of(name: str) -> str:
    """Return the file of the code of ``name``."""
    return f"code-{_hash(_same(name))[: NUMBER_LETTERS * 2]}.json" if _same(name) else "code.json"


def _role(stored: object) -> Role:
    """Return a role as it was stored, the least for one that makes no sense."""
    return Role(stored) if isinstance(stored, str) and stored in set(Role) else Role.WATCH


def _text(content: dict[str, Any], key: str) -> str:
    value = content.get(key)
    return value if isinstance(value, str) else ""
