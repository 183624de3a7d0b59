"""Requests with more to say than they may, or that never end: strangers send them too, and memory is scarce."""

from __future__ import annotations

import anyio
from fastapi import HTTPException
from starlette.datastructures import Headers
from starlette.types import ASGIApp, Message, Receive, Scope, Send

MAX_BODY_BYTES = 64 * 1024
PATIENCE_S = 10.0
FILES = {("POST", "/api/models"), ("POST", "/api/models/versions"), ("POST", "/api/sessions/import")}
"""Requests whose bodies are files, with limits of their own (``uploads.receive``); only the paired get so far."""


class BodyLimit:
    """A layer of the application that ends the reading of a body that is too large or does not come.

    It does so by HTTPException 413 and 408, where the application reads.
    """

    def __init__(self, app: ASGIApp) -> None:
        self._app = app

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Pass on one request or socket."""
        if scope["type"] == "http" and (scope["method"], scope["path"]) not in FILES:
            receive = _bounded(receive, Headers(scope=scope).get("content-length", ""))
        await self._app(scope, receive, send)


def _bounded(receive: Receive, announced: str) -> Receive:
    size = int(announced) if announced.isdecimal() else 0
    received, is_whole = 0, False
    deadline_s = anyio.current_time() + PATIENCE_S

    async def receive_bounded() -> Message:
        nonlocal received, is_whole
        if is_whole:  # What comes now is that the browser has gone, whenever that may be.
            return await receive()
        if max(size, received) > MAX_BODY_BYTES:
            raise HTTPException(413, "The request is too large. Send less.")
        try:
            with anyio.fail_after(deadline_s - anyio.current_time()):
                message = await receive()
        except TimeoutError:
            raise HTTPException(408, "The request ended too early. Send it again.") from None
        received += len(message.get("body", b""))
        is_whole = not message.get("more_body", False)
        return message

    return receive_bounded
