"""Who gets in: every request and every socket passes the guard before anything else sees it.

On the machine itself (loopback) no pairing is asked; but a page of somebody else's may run in a browser there, so:

- ``Host`` must be a name of the car's (``hosts``): another that leads here was made up (DNS rebinding).
- ``Origin`` must be this very server; sockets must have one, because browsers let any page open a socket anywhere.
- What changes anything needs the header ``X-Pocketpilot: 1``, which no other origin's page can send.

From the network, in addition, nothing but the pairing page answers a browser without a paired browser's cookie, and a
paired one gets what its role allows (``roles``). This machine itself is the owner.
"""

from __future__ import annotations

import ipaddress
from collections.abc import Iterable, Mapping
from html import escape
from http.cookies import CookieError, SimpleCookie
from typing import Any, Protocol, cast

from starlette.datastructures import Headers, MutableHeaders
from starlette.requests import HTTPConnection
from starlette.responses import HTMLResponse, JSONResponse, RedirectResponse, Response
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from car.config.sections import HOST_NAME
from car.pairing.roles import Role
from car.pairing.store import AccessStore, PairedBrowser
from car.web.hosts import HostKind, HostNames, host_name
from car.web.roles import SOCKETS, TOO_LITTLE, role_for_request

COOKIE = "pocketpilot"
SAFE_METHODS = {"GET", "HEAD", "OPTIONS"}
PUBLIC = {
    ("GET", "/pair"),
    ("POST", "/api/pair"),
    *(("GET", f"/static/{name}") for name in ("pair.js", "pair.css", "style.css", "api.js", "dom.js", "icon.svg")),
    ("GET", "/static/app.webmanifest"),
}
"""All that a browser from the network sees before it is paired."""
SECURITY_HEADERS = {
    "Content-Security-Policy": (
        "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self' blob: data:; connect-src 'self'; "
        "manifest-src 'self'; base-uri 'none'; form-action 'self'; frame-ancestors 'none'"
    ),
    "X-Content-Type-Options": "nosniff",
    "X-Frame-Options": "DENY",
    "Referrer-Policy": "no-referrer",
    "Cross-Origin-Opener-Policy": "same-origin",
    "Cross-Origin-Resource-Policy": "same-origin",
    "Permissions-Policy": "gamepad=(self), accelerometer=(self), gyroscope=(self), camera=(), microphone=()",
}
STRANGE_NAME = """\
<!doctype html>
<html lang="en">
<meta charset="utf-8">
<meta name="viewport" content="width=device-width, initial-scale=1">
<title>Another name · Pocketpilot</title>
<h1>The car does not go by this name</h1>
<p>Open it at <a href="{url}pair?known">{url}</a></p>
{advice}"""
LIST_IT = '<p>To call it {name}, write <code>names = ["{name}"]</code> under <code>[web]</code> in its car.toml.</p>\n'
REFUSED_SOCKET = 1008
PAIR_ADVICE = "This browser is not paired with the car. Run `car pair` on the car and open the address it prints."


class Know(Protocol):
    """Hears of the guest at an address whether it may come in."""

    def __call__(self, address: tuple[str, int], *, may_come_in: bool) -> None:
        """Take note of it."""


def _forget(address: tuple[str, int], *, may_come_in: bool) -> None:
    """Take no note."""


class Access:
    """Decides by a request's head whether it gets in; ``know`` hears whether who sent it may do more than pair."""

    def __init__(
        self,
        store: AccessStore,
        *,
        tls: bool,
        names: Iterable[str] = (),
        know: Know = _forget,
    ) -> None:
        self.store = store
        self.tls = tls
        self._names = HostNames(names)
        self._know = know

    def who(self, scope: Scope) -> PairedBrowser | None:
        """Return who is at the other end: a paired browser, this machine by a name of its own, or None for a stranger.

        This machine has no number.
        """
        if is_loopback(scope) and self._names.kind(Headers(scope=scope).get("host", "")) is HostKind.OWN:
            return PairedBrowser("", "", Role.OWN)
        return self.store.browser(token_of(scope))

    def refusal(self, scope: Scope) -> Response | None:
        """Return the answer that keeps a request or a socket out, None if it may come in."""
        headers = Headers(scope=scope)
        if self._names.kind(headers.get("host", "")) is HostKind.STRANGE:
            return self._refuse_name(scope, headers.get("host", ""))
        if not self._is_own_origin(scope, headers):
            return refuse(403, "Another page may not use the car. Open the car's own page.")
        is_act = scope["type"] == "http" and scope["method"] not in SAFE_METHODS
        if is_act and headers.get("x-pocketpilot") != "1":
            return refuse(403, "The header X-Pocketpilot is missing. Use the car's own page.")
        who = self.who(scope)
        if scope.get("client"):
            self._know(tuple(scope["client"]), may_come_in=who is not None)
        needed = _needed(scope)
        if (scope.get("method", ""), scope["path"]) in PUBLIC or (who is not None and who.role.may(needed)):
            return None
        if _asks_for_page(scope):
            return RedirectResponse("/pair" if who is None else "/", status_code=303)
        return refuse(401, PAIR_ADVICE) if who is None else refuse(403, TOO_LITTLE.format(needed=needed, role=who.role))

    def _refuse_name(self, scope: Scope, host: str) -> Response:
        """Name the address at which the browser has found the car just now, by whatever name."""
        url = f"{'https' if self.tls else 'http'}://{':'.join(map(str, scope.get('server') or ('127.0.0.1',)))}/"
        if not _asks_for_page(scope):
            return refuse(421, f"This name is not the car's. Open {url} instead.")
        name = host_name(host)
        advice = LIST_IT.format(name=escape(name)) if HOST_NAME.fullmatch(name) else ""
        return HTMLResponse(STRANGE_NAME.format(url=escape(url), advice=advice), 421)

    def _is_own_origin(self, scope: Scope, headers: Headers) -> bool:
        origin = headers.get("origin")
        if origin is None:
            return scope["type"] == "http" and headers.get("sec-fetch-site", "none") in {"none", "same-origin"}
        return origin == f"{'https' if self.tls else 'http'}://{headers.get('host', '')}"


def access_of(connection: HTTPConnection) -> Access:
    """Return who decides on a request or a socket; for ``Depends``."""
    return cast(Access, connection.app.state.access)


class AccessGuard:
    """The outermost layer of the application: keeps out who may not come in, and puts security headers on answers."""

    def __init__(self, app: ASGIApp, access: Access) -> None:
        self._app = app
        self._access = access

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Answer one request or socket."""
        if scope["type"] not in {"http", "websocket"}:
            await self._app(scope, receive, send)
            return

        async def send_safely(message: Message) -> None:
            if message["type"] in {"http.response.start", "websocket.http.response.start"}:
                headers = MutableHeaders(scope=message)
                for name, value in SECURITY_HEADERS.items():
                    headers.setdefault(name, value)
                # After an update of the car, a browser must not put old parts of a page together with new ones.
                is_file = scope["path"].startswith("/static/")
                headers.setdefault("Cache-Control", "no-cache" if is_file else "no-store")
            await send(message)

        answer = self._access.refusal(scope)
        if answer is None:
            await self._app(scope, receive, send_safely)
        elif scope["type"] == "http":
            await answer(scope, receive, send_safely)
        else:
            await receive()
            await send({"type": "websocket.close", "code": REFUSED_SOCKET})


def refuse(status: int, sentence: str, headers: Mapping[str, str] | None = None) -> Response:
    """Return an error as every part of the API answers it."""
    return JSONResponse({"error": sentence}, status_code=status, headers=headers)


def _needed(scope: Scope) -> Role:
    """Return the least role that may send a request or open a socket."""
    if scope["type"] == "http":
        return role_for_request(scope["method"], scope["path"])
    return SOCKETS.get(scope["path"], Role.OWN)


def _asks_for_page(scope: Scope) -> bool:
    return scope["type"] == "http" and scope["method"] == "GET" and not scope["path"].startswith(("/api", "/static"))


def token_of(scope: Scope) -> str:
    """Return the paired browser's token that came with a request, empty when none did."""
    try:
        cookie = SimpleCookie(Headers(scope=scope).get("cookie", "")).get(COOKIE)
    except CookieError:
        return ""
    return cookie.value if cookie is not None else ""


def is_loopback(scope: Scope) -> bool:
    """Tell whether the one at the other end is on this machine."""
    client: tuple[str, Any] | None = scope.get("client")
    try:
        return client is not None and ipaddress.ip_address(client[0]).is_loopback
    except ValueError:
        return False
