"""A browser's first visit, played through before anybody comes: what it imports and builds holds up every sign of life.

The framework puts a route together when it is first asked for, and imports as it goes: 0.13 to 0.21 s on a laptop, in
which no stop would be heard, and after which the gate holds the controls for lost.
"""

from __future__ import annotations

import contextlib
from collections.abc import Iterable
from typing import Any

from starlette.types import ASGIApp, Message, Scope

HOST = "127.0.0.1"


async def rehearse(app: ASGIApp, pages: Iterable[str], sockets: Iterable[str], *, tls: bool) -> None:
    """Ask ``app`` for every path of ``pages``, and come to ``sockets`` only to leave again.

    Whatever fails is left to the first real visitor to hear of.
    """
    for path in pages:
        await _visit(app, {"type": "http", "method": "GET", "scheme": "https" if tls else "http"}, path, tls)
    for path in sockets:
        await _visit(app, {"type": "websocket", "scheme": "wss" if tls else "ws", "subprotocols": []}, path, tls)


async def _visit(app: ASGIApp, kind: dict[str, Any], path: str, tls: bool) -> None:
    """Be one visitor, who leaves as soon as everything is said."""
    origin = f"{'https' if tls else 'http'}://{HOST}"
    scope: Scope = {
        **kind,
        "asgi": {"version": "3.0", "spec_version": "2.3"},
        "http_version": "1.1",
        "path": path,
        "raw_path": path.encode(),
        "root_path": "",
        "query_string": b"",
        "headers": [(b"host", HOST.encode()), (b"origin", origin.encode())],
        "client": (HOST, 0),
        "server": (HOST, 0),
    }
    messages: list[Message] = (
        [{"type": "http.request", "body": b"", "more_body": False}, {"type": "http.disconnect"}]
        if kind["type"] == "http"
        else [{"type": "websocket.connect"}, {"type": "websocket.disconnect", "code": 1001}]
    )

    async def receive() -> Message:
        return messages.pop(0) if len(messages) > 1 else messages[0]

    async def send(_: Message) -> None:
        return

    with contextlib.suppress(Exception):
        await app(scope, receive, send)
