"""Pairing a laptop with a car: once, by the code that the car shows, after its certificate was compared."""

from __future__ import annotations

import json
import socket
from http.cookies import CookieError, SimpleCookie

from car.errors import Refusal, RemoteError
from car.pairing.store import MAX_NAME
from car.remote.client import COOKIE, PATIENCE_S, UNAUTHORIZED, CarClient, normal
from car.remote.keys import TOKEN, Key, KeyRing, Place


def fingerprint_of(place: Place, expected: str | None, *, patience_s: float = PATIENCE_S) -> str:
    """Return the fingerprint of the certificate at ``place``; raises RemoteError where it must be another one."""
    with CarClient(place, None, patience_s=patience_s) as client:
        seen = client.look()
    if expected is not None and normal(expected) != normal(seen):
        raise RemoteError(
            f"{place} has the certificate {seen}, and it must be another one: it is not that car, or somebody is in "
            "between. Nothing was sent. Compare it with what `car pair` shows."
        )
    return seen


def pair_with(ring: KeyRing, place: Place, fingerprint: str, code: str, *, patience_s: float = PATIENCE_S) -> None:
    """Have the car at ``place`` let this laptop in for its ``code``, and keep the key; raises RemoteError."""
    ring.make_folder()
    asked = {"code": code, "name": f"laptop {socket.gethostname()}"[:MAX_NAME]}
    with CarClient(place, fingerprint, patience_s=patience_s) as client:
        answer = client.post("pair", body=json.dumps(asked).encode())
    try:
        cookie = SimpleCookie(answer.headers.get("Set-Cookie", "")).get(COOKIE)
    except CookieError:
        cookie = None
    if cookie is None or not TOKEN.fullmatch(cookie.value):
        raise RemoteError(f"{place} has sent no key. Run `car pair` on the car again, and pair anew.")
    ring.keep(Key(place, cookie.value, fingerprint))


def unpair(ring: KeyRing, key: Key, *, patience_s: float = PATIENCE_S) -> None:
    """Have the car revoke this laptop's key, and throw the key away, whatever the car says.

    Raises RemoteError where the car may not have heard it.
    """
    ring.forget(key.place)
    try:
        with CarClient.of(key, patience_s=patience_s) as client:
            client.post("forget")
    except RemoteError as error:
        if not (isinstance(error, Refusal) and error.status == UNAUTHORIZED):
            raise RemoteError(
                f"{error} This laptop's key is thrown away; the car may know it still: `car pair --list` there."
            ) from error
